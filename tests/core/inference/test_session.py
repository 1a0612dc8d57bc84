"""Sessions of both decoders: after any changes, the logits are those of a fresh session."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import ModelConfig
from core.inference.session import Session, window_start
from core.model import factory
from tests.support.sessions import (
    CONTEXT,
    VOCAB,
    architectures,
    both,
    close,
    count_tokens,
    feed,
    plain,
    some_ids,
    tiny,
)

Walk = list[tuple[str, Any]]

_moves = st.one_of(
    st.tuples(st.sampled_from(["feed", "extend"]), st.lists(st.integers(3, 19), max_size=6)),
    st.tuples(st.just("cut"), st.floats(0, 1)),
    st.tuples(st.just("score"), st.lists(st.integers(3, 19), max_size=12)),
)


@pytest.mark.parametrize(
    ("length", "keep_first", "start"),
    [
        *[(0, 0, 0), (1, 0, 0), (8, 0, 0), (9, 0, 4), (12, 0, 4), (13, 0, 8)],
        *[(0, 1, 1), (1, 1, 1), (8, 1, 1), (9, 1, 4), (11, 1, 4), (12, 1, 7)],
    ],
)
def test_a_full_window_drops_its_older_half(length: int, keep_first: int, start: int) -> None:
    assert window_start(length, CONTEXT, keep_first) == start


@given(st.integers(1, 500), st.integers(2, 60), st.integers(0, 1))
def test_the_window_always_fits_and_never_moves_back(
    length: int, context: int, keep_first: int
) -> None:
    start, after = (window_start(n, context, keep_first) for n in (length, length + 1))
    assert keep_first + max(0, length - start) <= context
    assert start in (after, after - max(1, (context - keep_first) // 2))
    assert length <= keep_first or start < length


@architectures
@both
def test_cached_logits_equal_uncached_ones_across_two_slides(
    architecture: str, keep_first: int
) -> None:
    model, ids = tiny(architecture), some_ids(2 * CONTEXT)
    session, starts = Session(model, keep_first=keep_first), []
    for count, id in enumerate(ids, 1):
        logits = feed(session, [id])[0]
        expected = plain(model, ids[:count], keep_first)
        starts.append(session.window_start)
        assert close(logits, expected)
        assert int(logits.argmax()) == int(expected.argmax())
    assert len(set(starts)) >= 3


@architectures
def test_a_context_of_two_slides(architecture: str) -> None:
    model, ids = tiny(architecture, context=2), some_ids(6)
    session = Session(model, keep_first=1)
    for count, id in enumerate(ids, 1):
        assert close(feed(session, [id])[0], plain(model, ids[:count], 1))


@architectures
@both
@pytest.mark.parametrize("count", [CONTEXT, CONTEXT + 1, 5 * CONTEXT + 3])
def test_a_long_prompt_gives_the_logits_of_single_ids(
    architecture: str, keep_first: int, count: int
) -> None:
    model, ids = tiny(architecture), some_ids(count)
    whole, single = (Session(model, keep_first=keep_first) for _ in range(2))
    logits = feed(whole, ids)
    for id in ids:
        last = feed(single, [id])
    assert close(logits, last)
    assert whole.window() == single.window()


def test_only_the_window_of_a_long_prompt_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    session, read = Session(tiny("qwen3"), keep_first=1), count_tokens(monkeypatch)
    feed(session, some_ids(1000))
    assert read == [len(session.window())]
    feed(session, [5])
    assert read[1:] == [1]


@given(st.sampled_from(["qwen3", "tutorial"]), st.integers(0, 1), st.lists(_moves, max_size=12))
def test_any_sequence_of_changes_equals_a_fresh_session(
    architecture: str, keep_first: int, walk: Walk
) -> None:
    model = tiny(architecture)
    session, ids = Session(model, keep_first=keep_first), [4]
    feed(session, ids)
    for move, value in walk:
        if move == "cut":
            ids = ids[: max(1, round(value * len(ids)))]
            session.truncate(len(ids))
        else:
            ids = ids + value
            (feed if move == "feed" else Session.extend)(session, value)
        assert session.ids == ids
        if move != "extend":
            assert close(session.next_logits()[0], plain(model, ids, keep_first))
    assert close(session.next_logits()[0], plain(model, ids, keep_first))


def test_truncating_before_a_slide_drops_its_keys() -> None:
    """Even if nothing is read before the window slides to the same place again."""
    session, ids = Session(tiny("qwen3")), some_ids(12)
    feed(session, ids)
    session.truncate(5)
    session.extend([3, 4, 5, 6])
    assert close(session.next_logits()[0], plain(tiny("qwen3"), [*ids[:5], 3, 4, 5, 6], 0))


def test_an_emptied_session_equals_a_new_one() -> None:
    session = Session(tiny("qwen3"), keep_first=1)
    feed(session, some_ids(20))
    session.truncate(0)
    assert (list(session.ids), session.window(), session.window_start) == ([], [], 1)
    assert close(feed(session, [1, 5])[0], plain(tiny("qwen3"), [1, 5], 1))


def test_truncating_to_a_cached_length_needs_no_forward_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session, before = Session(tiny("qwen3")), {}
    for id in some_ids(20):
        logits = feed(session, [id])
        before[session.length] = logits
    read = count_tokens(monkeypatch)
    for length in (19, 12, 8, 1):
        session.truncate(length)
        assert torch.equal(session.next_logits(), before[length])
    assert not read
    feed(session, [5])
    assert read == [2]  # the window of length 1 was not in the cache any more


def test_cached_logits_are_bounded_and_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.inference.session.MAX_LOGITS_BYTES", 3 * 4 * VOCAB)
    session, ids, read = Session(tiny("qwen3")), some_ids(7), count_tokens(monkeypatch)
    for id in ids:
        feed(session, [id])
    assert len(session._logits) == 3
    read.clear()
    session.truncate(3)
    assert close(session.next_logits()[0], plain(tiny("qwen3"), ids[:3], 0))
    assert read == [1, 3]  # the last id by the session, all three by the comparison


def test_nothing_is_read_before_logits_are_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    session, read = Session(tiny("qwen3")), count_tokens(monkeypatch)
    session.extend([4, 5])
    session.extend([6])
    assert not read
    assert session.next_logits() is session.next_logits()
    assert read == [3]


def test_a_model_in_training_mode_is_refused() -> None:
    model = factory.build_model(ModelConfig(vocab_size=VOCAB, context=CONTEXT))
    with pytest.raises(AssertionError, match="dropout"):
        feed(Session(model), [4])
