"""Replies to many prompts at once are those of one prompt after another."""

from __future__ import annotations

import math

import pytest

from core.config.configs import SamplingConfig
from core.errors import Cancelled
from core.inference import reply_batches
from core.inference.generate import generate
from core.inference.load import LoadedModel, load_model
from core.inference.reply_batches import PromptedReply, decode_replies, score_replies
from core.inference.session import Session
from core.paths import Home
from core.tokenizer.special_tokens import EOS
from tests.support.task_runs import sums, task_run

CONTEXT = 48


@pytest.fixture(scope="module", params=["qwen3", "tutorial"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("home")
    home = Home(root=folder, cache=folder / "cache")
    run = task_run(
        home, "sums", sums(), kind="char", context=CONTEXT, architecture=request.param, seed=3
    )
    return load_model(run)


def prompts_of(loaded: LoadedModel) -> list[list[int]]:
    """Prompts of many lengths, the longest as long as the context."""
    texts = ["W", "What is 3+4 ?", "It is 7 . What is 1+1 ?", "i" * 41, "s" * 44]
    return [loaded.encode(text) for text in (*texts, *(f"What is 2+{n} ?" for n in range(18)))]


def one_by_one(loaded: LoadedModel, prompt: list[int], max_tokens: int) -> tuple[list[int], float]:
    session = Session(loaded.model, keep_first=1)
    count = min(max_tokens, CONTEXT - len(prompt) + 1)
    tokens = list(generate(session, prompt, loaded.tokenizer, SamplingConfig(max_tokens=count)))
    return [token.id for token in tokens], math.prod(token.probability for token in tokens)


@pytest.mark.parametrize("max_tokens", [1, 12, 100])
def test_decoding_in_one_batch_gives_the_replies_of_generate(
    loaded: LoadedModel, max_tokens: int
) -> None:
    prompts = prompts_of(loaded)
    never = loaded.tokenizer.never_generated
    replies = decode_replies(loaded.model, prompts, max_tokens, never)
    expected = [one_by_one(loaded, prompt, max_tokens) for prompt in prompts]
    assert [reply.ids for reply in replies] == [ids for ids, _ in expected]
    for reply, (_, probability) in zip(replies, expected, strict=True):
        assert math.exp(reply.log_probability) == pytest.approx(probability, rel=1e-3)
    if max_tokens == 100:
        ended = [reply.ids[-1] == EOS for reply in replies]
        assert any(ended), "a reply that ends"
        assert not all(ended), "and one that fills the context"


def test_small_batches_give_the_same_replies(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = loaded.tokenizer.never_generated
    whole = decode_replies(loaded.model, prompts_of(loaded), 8, never)
    monkeypatch.setattr(reply_batches, "TOKENS_PER_PASS", 60)
    parts = decode_replies(loaded.model, prompts_of(loaded), 8, never)
    assert [reply.ids for reply in parts] == [reply.ids for reply in whole]


def test_a_score_is_the_probability_of_the_tokens_one_after_another(loaded: LoadedModel) -> None:
    replies = ["It is 7 .", "It", "It is 7 . It is 8 ."]
    rows = [
        PromptedReply(loaded.encode(f"What is {n}+4 ?"), [*loaded.tokenizer.encode(reply), EOS])
        for n in range(3)
        for reply in replies
    ]
    scores = score_replies(loaded.model, rows, loaded.tokenizer.never_generated)
    for row, score in zip(rows, scores, strict=True):
        session = Session(loaded.model, keep_first=1)
        session.extend(row.prompt)
        expected = float(session.score(row.reply).sum())
        assert score.log_probability == pytest.approx(expected, rel=1e-3)


def test_exactly_the_reply_of_greedy_decoding_is_greedy(loaded: LoadedModel) -> None:
    prompts, never = prompts_of(loaded)[:6], loaded.tokenizer.never_generated
    decoded = decode_replies(loaded.model, prompts, 6, never)
    rows = [PromptedReply(p, reply.ids) for p, reply in zip(prompts, decoded, strict=True)]
    other = loaded.tokenizer.encode("W")[0]
    rows += [
        PromptedReply(p, [*reply.ids[:-1], other])
        for p, reply in zip(prompts, decoded, strict=True)
    ]
    scores = score_replies(loaded.model, rows, never)
    assert [score.is_greedy for score in scores[:6]] == [True] * 6
    changed = [reply.ids[-1] != other for reply in decoded]
    assert [not score.is_greedy for score in scores[6:]] == changed
    assert any(changed)
    for score, reply in zip(scores, decoded, strict=False):
        assert score.log_probability == pytest.approx(reply.log_probability, rel=1e-3)


def test_work_stops_when_it_is_cancelled(loaded: LoadedModel) -> None:
    never = loaded.tokenizer.never_generated
    looks = iter([False, False, True])
    with pytest.raises(Cancelled):
        decode_replies(loaded.model, prompts_of(loaded), 50, never, lambda: next(looks))
    with pytest.raises(Cancelled):
        score_replies(loaded.model, [PromptedReply([1], [EOS])], never, lambda: True)
