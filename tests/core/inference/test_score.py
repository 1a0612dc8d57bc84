"""How well a model foresees a text, and a text taken apart token by token."""

from __future__ import annotations

import math
from collections.abc import Iterator

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
from core.tokenizer.special_tokens import EOS, SOS
from core.tokenizer.unknown_words import UnknownWordError
from tests.support.askers import Asker, tiny_home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return tiny_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def ask(home: Home) -> Asker:
    return Asker(Dispatcher(home))


def _lines(*texts: str) -> Iterator[CorpusSample]:
    return (CorpusSample(text, 0, 0, ends_document=True) for text in texts)


def _direct(loaded: LoadedModel, ids: list[int]) -> torch.Tensor:
    """The log-probability of each id but the first, in one pass of the model."""
    with torch.no_grad():
        logits = loaded.model.head(loaded.model(torch.tensor([ids])))[0].log_softmax(-1)
    return logits[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]


def test_lines_are_scored_each_by_itself_with_their_ends(home: Home) -> None:
    """A line that sees the one before it; an end or a beginning that is counted wrongly."""
    loaded, total = load_model(Run(home.runs / "words")), ScoreTotals()
    texts = ["the cat sat", "a bird"]
    found = list(score_samples(loaded, _lines(*texts), total))
    due = [_direct(loaded, [SOS, *loaded.tokenizer.encode(text), EOS]) for text in texts]
    assert [one.score for one in found] == pytest.approx(torch.cat(due).tolist(), rel=1e-4)
    assert [one.text for one in found] == ["the", "cat", "sat", "<eos>", "a", "bird", "<eos>"]
    nats = -float(torch.cat(due).sum())
    assert (total.tokens, total.size) == (7, 19)
    assert total.loss == pytest.approx(nats / 7, rel=1e-4)
    assert total.perplexity == pytest.approx(math.exp(nats / 7), rel=1e-4)
    assert total.bits_per_byte == pytest.approx(nats / math.log(2) / 19, rel=1e-4)


def test_a_text_is_one_stream_however_it_comes_in_parts(home: Home) -> None:
    """A part that begins anew; a window that slides otherwise than in the model's own use."""
    loaded, total, text = (
        load_model(Run(home.runs / "chars")),
        ScoreTotals(),
        "the cat sat on the mat " * 40,
    )
    parts = [text[:500], text[500:]]
    samples = (CorpusSample(part, 0, 0, part is parts[1]) for part in parts)
    found = [one.score for one in score_samples(loaded, samples, total)]
    session = Session(loaded.model, keep_first=0)
    due = session.score([EOS, *loaded.tokenizer.encode(text)]).tolist()
    assert found == pytest.approx(due, abs=1e-3)
    assert total.size == total.tokens == len(text)


def test_words_that_were_never_seen_are_named(home: Home) -> None:
    loaded = load_model(Run(home.runs / "words"))
    with pytest.raises(UnknownWordError, match="zebra"):
        list(score_samples(loaded, _lines("the zebra"), ScoreTotals()))


def test_nothing_at_all_has_no_loss() -> None:
    assert (ScoreTotals().loss, ScoreTotals().perplexity, ScoreTotals().bits_per_byte) == (
        None,
        None,
        None,
    )


def test_a_trace_is_what_stepping_and_looking_inside_say(ask: Asker) -> None:
    """Ranks and layers that belong to the token before or after."""
    found = ask("trace", run="words", text="the cat sat")
    view = ask("step", run="words", prompt="", top=18)
    for token in (*found["tokens"], found["next"]):
        inside = ask("inside", session=view["session"])
        assert token["entropy"] == pytest.approx(view["entropy"], rel=1e-4)
        assert [one[:2] for one in token["lens"]] == [one[:2] for one in inside["lens"][0]]
        if "id" not in token:
            break
        (same,) = [one for one in view["top"] if one["id"] == token["id"]]
        assert (token["text"], token["rank"]) == (same["text"], same["rank"])
        assert token["probability"] == pytest.approx(same["probability"], rel=1e-4)
        view = ask("step", session=view["session"], pick=token["id"], top=18)
    assert "id" not in found["next"]
    assert [token["text"] for token in found["tokens"]] == ["the", "cat", "sat"]


def test_a_trace_goes_on_over_slides_of_the_context(ask: Asker, home: Home) -> None:
    """What is traced with a window that the model would not have had."""
    text = "the cat sat on the mat a bird"
    found = ask("trace", run="chars", text=text)["tokens"]
    loaded = load_model(Run(home.runs / "chars"))
    session = Session(loaded.model, keep_first=0)
    session.extend([EOS])
    for id, token in zip(loaded.tokenizer.encode(text), found, strict=True):
        chances = session.next_logits()[0].softmax(-1)
        assert token["probability"] == pytest.approx(float(chances[id]), rel=1e-3)
        assert token["rank"] == 1 + int((chances > chances[id]).sum())
        assert token["lens"][-1][2] == pytest.approx(float(chances.max()), rel=1e-3)
        session.extend([id])
    with pytest.raises(InputError):
        ask("trace", run="chars", text="a" * 5000)
