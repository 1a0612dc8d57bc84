from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import models
from core.config import ModelConfig, SamplingConfig
from core.generate import END, LENGTH, STOP, generate
from core.session import Session
from core.stopping import StopFilter
from core.tokenizer import EOS, SOS, Tokenizer


class Script:
    """A session whose model says given ids, one after another."""

    def __init__(self, says: Sequence[int], vocab_size: int) -> None:
        self.says, self.vocab_size = list(says), vocab_size
        self.ids: list[int] = []
        self.window_start = 0
        self.read = 0

    def feed(self, ids: Sequence[int]) -> torch.Tensor:
        self.ids += ids
        self.read += len(ids)
        logits = torch.zeros(1, self.vocab_size)
        logits[0, self.says.pop(0) if self.says else EOS] = 8.0
        return logits


@pytest.fixture(scope="module")
def characters() -> Tokenizer:
    return Tokenizer.train("char", ["ab12 汉"])


def _run(tokenizer: Tokenizer, says: str, **settings: Any) -> tuple[str, str, Script]:
    session = Script([*tokenizer.encode(says), EOS], tokenizer.vocab_size)
    config = SamplingConfig(**settings)
    steps = list(generate(cast(Session, session), [SOS], tokenizer, config))
    return "".join(step.text for step in steps), steps[-1].ended, session


def test_it_ends_where_the_model_ends(characters: Tokenizer) -> None:
    assert _run(characters, "abba")[:2] == ("abba", END)


def test_it_ends_after_as_many_tokens_as_asked_for(characters: Tokenizer) -> None:
    text, ended, session = _run(characters, "abba", max_tokens=3)
    assert (text, ended) == ("abb", LENGTH)
    assert session.read == 3  # the last token is not read: nobody asks what follows it


@pytest.mark.parametrize(
    ("says", "stop", "shown"),
    [
        ("ab12ab", ("12",), "ab"),
        ("a112b", ("12",), "a1"),
        ("ab", ("b2",), "ab"),
        ("ab1", ("12",), "ab1"),
        ("aabb", ("ab", "aab"), ""),
        ("abab", ("",), "abab"),
    ],
)
def test_a_stop_text_ends_it_and_never_shows(
    characters: Tokenizer, says: str, stop: tuple[str, ...], shown: str
) -> None:
    text, ended, _ = _run(characters, says, stop=stop)
    assert text == shown
    assert ended == (STOP if any(s and s in says for s in stop) else END)


@given(st.text("ab1", max_size=12), st.lists(st.text("ab1", max_size=3), max_size=3))
def test_a_stop_filter_shows_exactly_what_stands_before_the_first_stop(
    text: str, stops: list[str]
) -> None:
    found, shown = StopFilter(stops), ""
    for character in text:
        shown += found.push(character)
        if found.hit:
            break
    shown += found.flush()
    ends = [text.find(stop) + len(stop) for stop in stops if stop and stop in text]
    if not ends:
        assert shown == text
        return
    read = text[: min(ends)]
    starts = [read.find(stop) for stop in stops if stop and stop in read]
    assert shown == read[: min(starts)]


def test_closing_it_stops_the_model(characters: Tokenizer) -> None:
    session = Script(characters.encode("ababab"), characters.vocab_size)
    steps = generate(cast(Session, session), [SOS], characters, SamplingConfig())
    list(islice(steps, 2))
    steps.close()  # type: ignore[attr-defined]
    assert session.read == 2


def test_half_a_character_is_never_shown() -> None:
    tokenizer = Tokenizer.train("bpe", ["plain text only"], vocab_size=260)
    text, _, _ = _run(tokenizer, "a汉b🎉")
    assert text == "a汉b🎉"
    session = Script(tokenizer.encode("汉"), tokenizer.vocab_size)
    pieces = [
        step.text for step in generate(cast(Session, session), [SOS], tokenizer, SamplingConfig())
    ]
    assert pieces[:3] == ["", "", "汉"]


def test_alternatives_are_the_likeliest_with_both_probabilities(characters: Tokenizer) -> None:
    session = Script(characters.encode("ab"), characters.vocab_size)
    config = SamplingConfig(temperature=1.0, top_k=1)
    step = next(generate(cast(Session, session), [SOS], characters, config, top=3))
    assert len(step.top) == 3
    assert step.top[0].id == step.id
    assert step.top[0].probability == step.probability
    assert step.top[0].chance == 1.0
    assert step.top[1].chance == 0.0


def _model() -> Session:
    config = ModelConfig(
        vocab_size=9, context=8, layers=1, heads=2, kv_heads=2, d_model=16, head_dim=8, d_ff=24
    )
    return Session(models.build(config, seed=1).eval(), keep_first=1)


def test_a_seed_gives_the_same_reply_and_windows_slide(characters: Tokenizer) -> None:
    config = SamplingConfig(temperature=1.5, seed=3, max_tokens=30)
    replies = [list(generate(_model(), [SOS, 4], characters, config)) for _ in range(2)]
    assert replies[0] == replies[1]
    starts = [step.window_start for step in replies[0]]
    assert starts == sorted(starts)
    assert all(step.probability <= 1.0 for step in replies[0])
