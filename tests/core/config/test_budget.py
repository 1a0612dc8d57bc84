"""How much of a batch is in memory at once, by arithmetic."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.budget import (
    TRAINING_MEMORY_SHARE,
    BatchFit,
    fit_batch,
    micro_batch_rows,
    training_bytes,
)
from core.config.configs import ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts
from core.errors import InputError

SHAPE = ModelConfig(layers=6, d_model=256, d_ff=700, heads=8, kv_heads=8, context=256)
GPU = DeviceFacts(device="cuda:0", name="a GPU", free_memory=0, threads=8)


def with_room(bytes: float) -> DeviceFacts:
    return dataclasses.replace(GPU, free_memory=int(bytes / TRAINING_MEMORY_SHARE) + 1)


def needs(rows: int, *, recompute: bool = False) -> int:
    return training_bytes(SHAPE, rows, SHAPE.context, recompute=recompute)


@given(st.integers(1, 300), st.integers(1, 16), st.floats(0.9, 50.0), st.booleans())
def test_never_above_the_share_of_what_is_free(
    rows: int, pieces: int, room: float, recompute: bool
) -> None:
    """A machine that swaps, or a run the system kills."""
    device = with_room(room * needs(1, recompute=True))
    try:
        found = fit_batch(SHAPE, rows, BatchFit(pieces, recompute), device)
    except InputError:
        assert needs(1, recompute=True) > device.free_memory * TRAINING_MEMORY_SHARE
        return
    at_once = -(-rows // found.pieces)
    taken = needs(at_once, recompute=found.recompute)
    assert taken <= device.free_memory * TRAINING_MEMORY_SHARE
    assert min(pieces, rows) <= found.pieces <= rows
    assert found.recompute or not recompute


@pytest.mark.parametrize(
    ("room", "wanted"),
    [
        (needs(16), BatchFit(1, False)),
        (needs(16) - 1, BatchFit(2, False)),
        (needs(1), BatchFit(16, False)),
        (needs(1) - 1, None),  # what computing twice takes decides in how many pieces
        (needs(1, recompute=True), BatchFit(16, True)),
    ],
)
def test_smaller_pieces_come_first_then_computing_twice(room: int, wanted: BatchFit | None) -> None:
    found = fit_batch(SHAPE, 16, BatchFit(1, False), with_room(room))
    assert found.recompute if wanted is None else found == wanted


def test_what_does_not_fit_is_refused_with_numbers() -> None:
    with pytest.raises(InputError, match=r"GiB to train; of the .* 70% are for training"):
        fit_batch(SHAPE, 16, BatchFit(1, False), with_room(needs(1, recompute=True) / 2))


def test_it_is_said_why_a_batch_is_cut() -> None:
    assert BatchFit(1, False).reasons == []
    assert len(BatchFit(4, True).reasons) == 2


@pytest.mark.parametrize(
    ("devices", "pieces", "rows"), [(0, 1, 10), (1, 1, 10), (2, 1, 5), (4, 1, 3), (2, 2, 3)]
)
def test_rows_at_once(devices: int, pieces: int, rows: int) -> None:
    config = TrainConfig(batch_size=10, devices=devices, accumulation=pieces)
    assert micro_batch_rows(config) == rows
