from __future__ import annotations

from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core import models
from core.config import ModelConfig
from core.decoder import Decoder
from core.session import Session, window_start

CONTEXT = 8


@cache
def _model(architecture: str) -> Decoder:
    fields = {"activation": "relu", "tie_embeddings": False} if architecture == "tutorial" else {}
    config = ModelConfig(
        architecture=architecture,
        vocab_size=20,
        context=CONTEXT,
        layers=2,
        heads=2,
        kv_heads=2,
        d_model=16,
        head_dim=8,
        d_ff=24,
        **fields,  # type: ignore[arg-type]
    )
    return models.build(config, seed=3).eval()


def _plain(model: Decoder, ids: list[int], keep_first: int) -> torch.Tensor:
    """The logits after the ids without any cache, from the definition of the window."""
    start = window_start(len(ids), CONTEXT, keep_first)
    with torch.inference_mode():
        hidden = model(torch.tensor([ids[:keep_first] + ids[start:]]))
        logits: torch.Tensor = model.head(hidden[:, -1])
    return logits


architectures = pytest.mark.parametrize("architecture", ["qwen3", "tutorial"])
both = pytest.mark.parametrize("keep_first", [0, 1])


@pytest.mark.parametrize(
    ("length", "keep_first", "start"),
    [
        *[(1, 0, 0), (8, 0, 0), (9, 0, 4), (12, 0, 4), (13, 0, 8)],
        *[(1, 1, 1), (8, 1, 1), (9, 1, 4), (11, 1, 4), (12, 1, 7)],
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
    start = window_start(length, context, keep_first)
    assert keep_first + max(0, length - start) <= context
    assert start <= window_start(length + 1, context, keep_first)
    assert length <= keep_first or start < length


@architectures
@both
def test_cached_is_uncached_across_two_slides(architecture: str, keep_first: int) -> None:
    model = _model(architecture)
    session, ids, starts = Session(model, keep_first=keep_first), [], set()
    for id in torch.randint(3, 20, (2 * CONTEXT,), generator=torch.manual_seed(0)).tolist():
        ids.append(id)
        logits = session.feed([id])
        starts.add(session.window_start)
        assert torch.allclose(logits, _plain(model, ids, keep_first), atol=1e-5)
    assert len(starts) >= 3


@architectures
@both
def test_a_prompt_longer_than_the_context_is_read_like_single_ids(
    architecture: str, keep_first: int
) -> None:
    model, ids = _model(architecture), [*list(range(3, 20)), 5, 6, 7]
    whole, single = (Session(model, keep_first=keep_first) for _ in range(2))
    logits = whole.feed(ids)
    for id in ids:
        last = single.feed([id])
    assert torch.allclose(logits, last, atol=1e-5)
    assert whole.window() == single.window()


@settings(max_examples=40)
@given(
    st.sampled_from(["qwen3", "tutorial"]),
    st.integers(0, 1),
    st.lists(st.one_of(st.lists(st.integers(3, 19), min_size=1, max_size=6), st.floats(0, 1))),
)
def test_any_walk_of_feeding_and_cutting_ends_as_a_fresh_session(
    architecture: str, keep_first: int, walk: list[list[int] | float]
) -> None:
    model = _model(architecture)
    session, ids = Session(model, keep_first=keep_first), [4]
    session.feed(ids)
    for move in walk:
        if isinstance(move, list):
            ids = ids + move
            session.feed(move)
        else:
            ids = ids[: max(1, round(move * len(ids)))]
            session.cut(len(ids))
        assert session.ids == ids
        assert torch.allclose(session.logits, _plain(model, ids, keep_first), atol=1e-5)


@architectures
def test_forked_rows_go_on_like_separate_sessions(architecture: str) -> None:
    model, start = _model(architecture), [1, 5, 6, 7]
    session = Session(model, keep_first=1)
    session.feed(start)
    twin = session.fork(3)
    tails = torch.randint(3, 20, (3, CONTEXT), generator=torch.manual_seed(1)).tolist()
    for column in zip(*tails, strict=True):
        logits = twin.feed_rows([[id] for id in column])
    for row, tail in zip(logits, tails, strict=True):
        assert torch.allclose(row, _plain(model, start + tail, 1)[0], atol=1e-5)
    assert session.ids == start


def test_undoing_a_step_needs_no_forward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(_model("qwen3"))
    before = session.feed([4, 5])
    session.feed([6])
    monkeypatch.setattr(session, "_read", lambda: pytest.fail("read again"))
    assert torch.equal(session.cut(2), before)


def test_a_silenced_head_changes_what_is_said() -> None:
    model = _model("qwen3")
    mask = torch.ones(2, 2)
    mask[1, 0] = 0.0
    whole, masked = Session(model), Session(model, head_mask=mask)
    assert not torch.allclose(whole.feed([4, 5, 6]), masked.feed([4, 5, 6]), atol=1e-6)


def test_inspecting_shows_every_layer_over_the_window() -> None:
    session = Session(_model("qwen3"))
    session.feed(list(range(3, 14)))
    record = session.inspect()
    seen = len(session.window())
    assert [tuple(a.shape) for a in record.attention] == [(1, 2, seen, seen)] * 2
    assert len(record.hidden) == 3


def test_scores_are_the_log_probabilities_of_the_ids() -> None:
    model, ids = _model("qwen3"), [4, 9, 12, 3]
    expected = [_plain(model, ids[:i], 0)[0].log_softmax(-1)[ids[i]] for i in (1, 2, 3)]
    assert torch.allclose(Session(model).score(ids), torch.stack(expected), atol=1e-5)
