"""Sessions of both decoders: whatever was fed and cut, the logits are those of a fresh reading."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core import models
from core.attention import Record
from core.config import ModelConfig
from core.decoder import Decoder
from core.session import Session, window_start

CONTEXT = 8
VOCAB = 20
SHAPE: dict[str, Any] = {
    "layers": 2,
    "heads": 2,
    "kv_heads": 1,
    "d_model": 16,
    "head_dim": 8,
    "d_ff": 24,
}
TUTORIAL = SHAPE | {
    "architecture": "tutorial",
    "kv_heads": 2,
    "activation": "relu",
    "tie_embeddings": False,
    "norm_eps": 1e-5,
}

architectures = pytest.mark.parametrize("architecture", ["qwen3", "tutorial"])
both = pytest.mark.parametrize("keep_first", [0, 1])
Walk = list[tuple[str, Any]]


@cache
def _model(architecture: str, context: int = CONTEXT) -> Decoder:
    """A tiny decoder with weights far enough from zero that a mistake shows."""
    shape = TUTORIAL if architecture == "tutorial" else SHAPE
    config = ModelConfig(vocab_size=VOCAB, context=context, **shape)
    model = models.build(config, seed=3).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3, generator=torch.Generator().manual_seed(weight.numel()))
    return model


@torch.inference_mode()
def _plain(model: Decoder, ids: list[int], keep_first: int) -> Tensor:
    """The logits (V,) after the ids without any cache, from the definition of the window."""
    start = window_start(len(ids), model.config.context, keep_first)
    logits: Tensor = model.head(model(torch.tensor([ids[:keep_first] + ids[start:]])))[0, -1]
    return logits


def _ids(count: int, seed: int = 0) -> list[int]:
    found: list[int] = torch.randint(
        3, VOCAB, (count,), generator=torch.Generator().manual_seed(seed)
    ).tolist()
    return found


def _close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("length", "keep_first", "start"),
    [
        *[(0, 0, 0), (1, 0, 0), (8, 0, 0), (9, 0, 4), (12, 0, 4), (13, 0, 8)],
        *[(0, 1, 1), (1, 1, 1), (8, 1, 1), (9, 1, 4), (11, 1, 4), (12, 1, 7)],
    ],
)
def test_the_window_drops_its_older_half_when_it_is_full(
    length: int, keep_first: int, start: int
) -> None:
    assert window_start(length, CONTEXT, keep_first) == start


@given(st.integers(1, 500), st.integers(2, 60), st.integers(0, 1))
def test_the_window_always_fits_and_never_moves_back(
    length: int, context: int, keep_first: int
) -> None:
    """A token past the last position, or a slide at every token."""
    start, after = (window_start(n, context, keep_first) for n in (length, length + 1))
    assert keep_first + max(0, length - start) <= context
    assert start in (after, after - max(1, (context - keep_first) // 2))
    assert length <= keep_first or start < length


@architectures
@both
def test_cached_is_uncached_across_two_slides(architecture: str, keep_first: int) -> None:
    """Positions that do not begin anew after a slide, keys left over from the old window."""
    model, ids = _model(architecture), _ids(2 * CONTEXT)
    session, starts = Session(model, keep_first=keep_first), []
    for count, id in enumerate(ids, 1):
        logits = session.feed([id])[0]
        expected = _plain(model, ids[:count], keep_first)
        starts.append(session.window_start)
        assert _close(logits, expected)
        assert int(logits.argmax()) == int(expected.argmax())
    assert len(set(starts)) >= 3


@architectures
def test_a_context_of_two_still_slides(architecture: str) -> None:
    model, ids = _model(architecture, context=2), _ids(6)
    session = Session(model, keep_first=1)
    for count, id in enumerate(ids, 1):
        assert _close(session.feed([id])[0], _plain(model, ids[:count], 1))


@architectures
@both
@pytest.mark.parametrize("count", [CONTEXT, CONTEXT + 1, 5 * CONTEXT + 3])
def test_a_long_prompt_is_read_like_single_ids(
    architecture: str, keep_first: int, count: int
) -> None:
    model, ids = _model(architecture), _ids(count)
    whole, single = (Session(model, keep_first=keep_first) for _ in range(2))
    logits = whole.feed(ids)
    for id in ids:
        last = single.feed([id])
    assert _close(logits, last)
    assert whole.window() == single.window()


def test_only_the_window_of_a_long_prompt_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    session, read = Session(_model("qwen3"), keep_first=1), _count_tokens(monkeypatch)
    session.feed(_ids(1000))
    assert read == [len(session.window())]
    session.feed([5])
    assert read[1:] == [1]


def _count_tokens(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of all forward passes of the shared model from now on."""
    model, read = _model("qwen3"), []
    forward = model.forward

    def counting(tokens: Tensor, **options: Any) -> Tensor:
        read.append(tokens.shape[1])
        return forward(tokens, **options)

    monkeypatch.setattr(model, "forward", counting)
    return read


_moves = st.one_of(
    st.tuples(st.sampled_from(["feed", "extend"]), st.lists(st.integers(3, 19), max_size=6)),
    st.tuples(st.just("cut"), st.floats(0, 1)),
    st.tuples(st.just("score"), st.lists(st.integers(3, 19), max_size=12)),
)


@given(st.sampled_from(["qwen3", "tutorial"]), st.integers(0, 1), st.lists(_moves, max_size=12))
def test_any_walk_of_feeding_and_cutting_ends_as_a_fresh_session(
    architecture: str, keep_first: int, walk: Walk
) -> None:
    """A cache entry of an id that was cut away, found again in a window of the same start."""
    model = _model(architecture)
    session, ids = Session(model, keep_first=keep_first), [4]
    session.feed(ids)
    for move, value in walk:
        if move == "cut":
            ids = ids[: max(1, round(value * len(ids)))]
            session.cut(len(ids))
        else:
            ids = ids + value
            getattr(session, move)(value)
        assert session.ids == ids
        if move != "extend":
            assert _close(session.logits[0], _plain(model, ids, keep_first))
    assert _close(session.logits[0], _plain(model, ids, keep_first))


def test_a_cut_before_a_slide_forgets_keys_that_a_later_slide_would_find_again() -> None:
    """Cut over a slide and written anew without a reading in between."""
    session, ids = Session(_model("qwen3")), _ids(12)
    session.feed(ids)
    session.cut(5)
    session.extend([3, 4, 5, 6])
    assert _close(session.logits[0], _plain(_model("qwen3"), [*ids[:5], 3, 4, 5, 6], 0))


def test_an_emptied_session_is_a_new_one() -> None:
    session = Session(_model("qwen3"), keep_first=1)
    session.feed(_ids(20))
    session.cut(0)
    assert (list(session.ids), session.window(), session.window_start) == ([], [], 1)
    assert _close(session.feed([1, 5])[0], _plain(_model("qwen3"), [1, 5], 1))


def test_undoing_steps_needs_no_forward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    session, before = Session(_model("qwen3")), {}
    for id in _ids(20):
        logits = session.feed([id])
        before[session.length] = logits
    read = _count_tokens(monkeypatch)
    for length in (19, 12, 8, 1):
        session.cut(length)
        assert torch.equal(session.logits, before[length])
    assert not read
    session.feed([5])
    assert read == [2]  # the window of length 1 was not in the cache any more


def test_what_was_kept_is_bounded_and_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logits of a long talk that fill the memory."""
    monkeypatch.setattr("core.session.LOGITS_BYTES", 3 * 4 * VOCAB)
    session, ids = Session(_model("qwen3")), _ids(7)
    for id in ids:
        session.feed([id])
    assert len(session._kept) == 3
    read = _count_tokens(monkeypatch)
    session.cut(3)
    assert _close(session.logits[0], _plain(_model("qwen3"), ids[:3], 0))
    assert read == [1, 3]  # the last id by the session, all three by the comparison


def test_nothing_is_read_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    session, read = Session(_model("qwen3")), _count_tokens(monkeypatch)
    session.extend([4, 5])
    session.extend([6])
    assert not read
    assert session.logits is session.logits
    assert read == [3]


@architectures
@both
def test_forked_rows_go_on_like_separate_sessions(architecture: str, keep_first: int) -> None:
    """Rows that share a cache, or swap places; also across a slide and a cut."""
    model, start = _model(architecture), [1, 5, 6, 7]
    session = Session(model, keep_first=keep_first)
    session.feed(start)
    twin = session.fork(3)
    assert torch.equal(twin.logits, session.logits.expand(3, -1))
    tails = [_ids(2 * CONTEXT, seed) for seed in (1, 2, 3)]
    for column in zip(*tails, strict=True):
        logits = twin.feed_rows([[id] for id in column])
    for row, tail in zip(logits, tails, strict=True):
        assert _close(row, _plain(model, start + tail, keep_first))
    twin.cut(9)
    twin.extend_rows([[3], [4], [5]])
    for row, tail, id in zip(twin.logits, tails, (3, 4, 5), strict=True):
        assert _close(row, _plain(model, [*start, *tail[:5], id], keep_first))
    assert session.ids == start
    assert _close(session.feed([8])[0], _plain(model, [*start, 8], keep_first))


def test_a_fork_of_a_fork_keeps_rows_side_by_side() -> None:
    session = Session(_model("qwen3"))
    session.feed([4])
    twin = session.fork(2)
    twin.feed_rows([[5], [6]])
    assert [list(row) for row in twin.fork(2).rows] == [[4, 5], [4, 5], [4, 6], [4, 6]]
    assert torch.equal(twin.fork(2).logits, twin.logits.repeat_interleave(2, dim=0))


@architectures
def test_a_silenced_head_changes_what_is_said(architecture: str) -> None:
    """A mask that is taken and not handed on, in one of the ways of reading."""
    model, ids = _model(architecture), [4, 5, 6]
    mask = torch.ones(2, 2)
    mask[1, 0] = 0.0
    whole, masked = Session(model), Session(model, head_mask=mask)
    for session in (whole, masked):
        session.feed(ids)
    assert not _close(whole.logits, masked.logits)
    assert _close(masked.fork(2).feed_rows([[7], [7]])[1:], masked.feed([7]))
    whole.feed([7])
    assert _close(_last(model, whole.inspect(head_mask=mask)), masked.logits[0])
    assert _close(_last(model, masked.inspect()), masked.logits[0])


def _last(model: Decoder, record: Record) -> Tensor:
    with torch.inference_mode():
        logits: Tensor = model.head(record.hidden[-1])[0, -1]
    return logits


@architectures
def test_inspecting_shows_every_layer_over_the_window(architecture: str) -> None:
    session = Session(_model(architecture), keep_first=1)
    session.feed(_ids(11))
    before, record = session.logits, session.inspect()
    seen = len(session.window())
    assert session.window() == [0, 4, 5, 6, 7, 8, 9, 10]
    assert [tuple(a.shape) for a in record.attention] == [(1, 2, seen, seen)] * 2
    assert [tuple(h.shape) for h in record.hidden] == [(1, seen, 16)] * 3
    assert _close(_last(session.model, record), before[0])
    assert _close(session.feed([3])[0], _plain(session.model, [*_ids(11), 3], 1))


@architectures
@both
@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_scores_are_the_log_probabilities_of_the_ids(
    architecture: str, keep_first: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part that is scored in the window of another."""
    monkeypatch.setattr("core.session.LOGITS_BYTES", at_once * 4 * VOCAB)
    model, ids = _model(architecture), _ids(3 * CONTEXT)
    expected = [
        _plain(model, ids[:i], keep_first).log_softmax(-1)[ids[i]] for i in range(1, len(ids))
    ]
    session = Session(model, keep_first=keep_first)
    scores = session.score(ids[:5]), session.score(ids[5:]), session.score([])
    assert [len(part) for part in scores] == [4, 19, 0]
    assert _close(torch.cat(scores), torch.stack(expected))
    assert _close(session.logits[0], _plain(model, ids, keep_first))


def test_scoring_reads_as_much_as_fits_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forward pass for every id of a long text."""
    session, read = Session(_model("qwen3")), _count_tokens(monkeypatch)
    session.score(_ids(24))
    assert read == [1, 7, 8, 8, 8, 8]


def test_a_model_that_is_being_trained_is_refused() -> None:
    model = models.build(ModelConfig(vocab_size=VOCAB, context=CONTEXT))
    with pytest.raises(AssertionError, match="dropout"):
        Session(model).feed([4])
