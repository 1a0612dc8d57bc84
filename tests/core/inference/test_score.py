"""Scores of a text and its trace."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from core.errors import InputError
from core.inference.load import LoadedModel, load_model
from core.inference.score import ScoreTotals, score_samples
from core.inference.session import Session
from core.paths import Home
from core.run.directory import Run
from core.server.dispatch import Dispatcher
from core.text.corpus import CorpusSample
from core.text.messages import Message
from core.tokenizer.special_tokens import EOS, SOS
from core.tokenizer.unknown_words import UnknownWordError
from tests.support.direct_client import DirectClient, tiny_home
from tests.support.runs import tiny_run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return tiny_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def client(home: Home) -> DirectClient:
    return DirectClient(Dispatcher(home))


def _lines(*texts: str) -> Iterator[CorpusSample]:
    return (CorpusSample(text, 0, 0, ends_document=True) for text in texts)


def _direct(loaded: LoadedModel, ids: list[int]) -> torch.Tensor:
    """The log-probability of each id but the first, in one pass of the model."""
    with torch.no_grad():
        logits = loaded.model.head(loaded.model(torch.tensor([ids])))[0].log_softmax(-1)
    return logits[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]


def test_each_line_is_scored_by_itself_with_its_end(home: Home) -> None:
    loaded, total = load_model(Run(home.runs / "words")), ScoreTotals()
    texts = ["the cat sat", "a bird"]
    result = list(score_samples(loaded, _lines(*texts), total))
    due = [_direct(loaded, [SOS, *loaded.tokenizer.encode(text), EOS]) for text in texts]
    assert [one.score for one in result] == pytest.approx(torch.cat(due).tolist(), rel=1e-4)
    assert [one.text for one in result] == ["the", "cat", "sat", "<eos>", "a", "bird", "<eos>"]
    nats = -float(torch.cat(due).sum())
    assert (total.tokens, total.size) == (7, 19)
    assert total.loss == pytest.approx(nats / 7, rel=1e-4)
    assert total.perplexity == pytest.approx(math.exp(nats / 7), rel=1e-4)
    assert total.bits_per_byte == pytest.approx(nats / math.log(2) / 19, rel=1e-4)


def test_running_text_is_scored_as_one_stream(home: Home) -> None:
    """Over the parts it is read in, and slides of the context."""
    loaded, total, text = (
        load_model(Run(home.runs / "chars")),
        ScoreTotals(),
        "the cat sat on the mat " * 40,
    )
    parts = [text[:500], text[500:]]
    samples = (CorpusSample(part, 0, 0, part is parts[1]) for part in parts)
    result = [one.score for one in score_samples(loaded, samples, total)]
    session = Session(loaded.model, keep_first=0)
    due = session.score([EOS, *loaded.tokenizer.encode(text)]).tolist()
    assert result == pytest.approx(due, abs=1e-3)
    assert total.size == total.tokens == len(text)


def test_of_a_conversation_the_replies_are_scored(tmp_path: Path) -> None:
    run = tiny_run(Home(root=tmp_path, cache=tmp_path), "talk", reading="conversations")
    loaded, total = load_model(run), ScoreTotals()
    turns = [("user", "the cat"), ("assistant", "sat on"), ("user", "a bird"), ("assistant", "ran")]
    messages = tuple(Message(role, text) for role, text in turns)
    sample = CorpusSample("", 0, 0, ends_document=True, messages=messages)
    result = list(score_samples(loaded, iter([sample]), total))
    roles, encode = loaded.tokenizer.roles, loaded.tokenizer.encode
    assert roles
    ids = [SOS]
    for role, text in turns:
        ids += [getattr(roles, role), *encode(text), EOS]
    due = _direct(loaded, ids).tolist()
    assert [one.text for one in result] == ["sat", "on", "<|end|>", "ran", "<|end|>"]
    assert [one.score for one in result] == pytest.approx([*due[5:8], *due[13:15]], rel=1e-4)
    assert (total.tokens, total.size) == (5, 11)
    long = sample._replace(messages=messages * 20)
    with pytest.raises(InputError, match="model reads at most 32"):
        list(score_samples(loaded, iter([long]), total))


def test_unknown_words_are_named(home: Home) -> None:
    loaded = load_model(Run(home.runs / "words"))
    with pytest.raises(UnknownWordError, match="zebra"):
        list(score_samples(loaded, _lines("the zebra"), ScoreTotals()))


def test_an_empty_text_has_no_loss() -> None:
    assert (ScoreTotals().loss, ScoreTotals().perplexity, ScoreTotals().bits_per_byte) == (
        None,
        None,
        None,
    )


def test_a_trace_agrees_with_step_and_inside(client: DirectClient) -> None:
    result = client("trace", run="words", text="the cat sat")
    view = client("step", run="words", prompt="", top=18)
    for token in (*result["tokens"], result["next"]):
        inside = client("inside", session=view["session"])
        assert token["entropy"] == pytest.approx(view["entropy"], rel=1e-4)
        assert [one[:2] for one in token["lens"]] == [one[:2] for one in inside["lens"][-1]]
        if "id" not in token:
            break
        (same,) = [one for one in view["top"] if one["id"] == token["id"]]
        assert (token["text"], token["rank"]) == (same["text"], same["rank"])
        assert token["probability"] == pytest.approx(same["probability"], rel=1e-4)
        view = client("step", session=view["session"], pick=token["id"], top=18)
    assert "id" not in result["next"]
    assert [token["text"] for token in result["tokens"]] == ["the", "cat", "sat"]


def test_a_trace_continues_over_slides_of_the_context(client: DirectClient, home: Home) -> None:
    text = "the cat sat on the mat a bird"
    result = client("trace", run="chars", text=text)["tokens"]
    loaded = load_model(Run(home.runs / "chars"))
    session = Session(loaded.model, keep_first=0)
    session.extend([EOS])
    for id, token in zip(loaded.tokenizer.encode(text), result, strict=True):
        chances = session.next_logits()[0].softmax(-1)
        assert token["probability"] == pytest.approx(float(chances[id]), rel=1e-3)
        assert token["rank"] == 1 + int((chances > chances[id]).sum())
        assert token["lens"][-1][2] == pytest.approx(float(chances.max()), rel=1e-3)
        session.extend([id])
    with pytest.raises(InputError):
        client("trace", run="chars", text="a" * 5000)
