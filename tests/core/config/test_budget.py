"""Budgets of memory and disk: micro-batches and snapshots."""

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
    snapshot_limit,
    snapshot_steps,
    training_bytes,
)
from core.config.configs import ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts
from core.errors import InputError

SHAPE = ModelConfig(layers=6, d_model=256, d_ff=700, heads=8, kv_heads=8, context=256)
GPU = DeviceFacts(device="cuda:0", name="a GPU", free_memory=0, threads=8)


def device_for(bytes: float) -> DeviceFacts:
    """A device on which training may take this many bytes."""
    return dataclasses.replace(GPU, free_memory=int(bytes / TRAINING_MEMORY_SHARE) + 1)


def bytes_of(rows: int, *, recompute: bool = False) -> int:
    return training_bytes(SHAPE, rows, SHAPE.context, recompute=recompute)


@given(st.integers(1, 300), st.integers(1, 16), st.floats(0.9, 50.0), st.booleans())
def test_training_never_takes_more_than_its_share_of_the_free_memory(
    rows: int, least: int, capacity: float, recompute: bool
) -> None:
    """Otherwise the machine swaps, or the kernel kills the run."""
    device = device_for(capacity * bytes_of(1, recompute=True))
    limit = device.free_memory * TRAINING_MEMORY_SHARE
    try:
        fit = fit_batch(SHAPE, rows, BatchFit(least, recompute), device)
    except InputError:
        assert bytes_of(1, recompute=True) > limit
        return
    assert bytes_of(-(-rows // fit.micro_batches), recompute=fit.recompute) <= limit
    assert min(least, rows) <= fit.micro_batches <= rows
    assert fit.recompute or not recompute


@pytest.mark.parametrize(
    ("capacity", "expected"),
    [
        (bytes_of(16), BatchFit(1, False)),
        (bytes_of(16) - 1, BatchFit(2, False)),
        (bytes_of(1), BatchFit(16, False)),
        (bytes_of(1) - 1, None),  # the memory of recomputing decides on the micro-batches
        (bytes_of(1, recompute=True), BatchFit(16, True)),
    ],
)
def test_splitting_a_batch_comes_before_recomputing(
    capacity: int, expected: BatchFit | None
) -> None:
    fit = fit_batch(SHAPE, 16, BatchFit(1, False), device_for(capacity))
    assert fit.recompute if expected is None else fit == expected


def test_a_model_that_does_not_fit_is_an_error_with_numbers() -> None:
    device = device_for(bytes_of(1, recompute=True) / 2)
    with pytest.raises(InputError, match=r"GiB to train; 70% of the .* GiB free"):
        fit_batch(SHAPE, 16, BatchFit(1, False), device)


def test_a_split_batch_has_reasons() -> None:
    assert BatchFit(1, False).reasons == []
    assert len(BatchFit(4, True).reasons) == 2


@pytest.mark.parametrize(
    ("devices", "micro_batches", "rows"),
    [(0, 1, 10), (1, 1, 10), (2, 1, 5), (4, 1, 3), (2, 2, 3)],
)
def test_a_batch_is_divided_among_devices_and_micro_batches(
    devices: int, micro_batches: int, rows: int
) -> None:
    config = TrainConfig(batch_size=10, devices=devices, accumulation=micro_batches)
    assert micro_batch_rows(config) == rows


@pytest.mark.parametrize(
    ("total", "limit", "steps"),
    [
        (0, 20, [0]),
        (1, 20, [0, 1]),
        (10, 20, [0, 1, 2, 4, 8]),
        (16, 20, [0, 1, 2, 4, 8, 16]),
        (16, 3, [0, 8, 16]),
        (16, 1, [0]),
        (16, 0, []),
        (500, 20, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256]),
    ],
)
def test_snapshots_are_kept_at_powers_of_two(total: int, limit: int, steps: list[int]) -> None:
    assert snapshot_steps(total, limit) == steps


@given(total=st.integers(0, 10**10), limit=st.integers(-1, 25))
def test_snapshots_never_exceed_their_limit(total: int, limit: int) -> None:
    """Snapshots of a long run must not fill the disk."""
    steps = snapshot_steps(total, limit)
    assert len(steps) <= max(0, limit)
    assert steps == sorted(set(steps))
    assert all(step <= total for step in steps)


@pytest.mark.parametrize(
    ("each", "free", "limit"),
    [(10, 10_000, 20), (100, 10_000, 5), (501, 10_000, 0), (0, 0, 0), (1, 0, 0)],
)
def test_snapshots_take_at_most_a_twentieth_of_the_free_disk(
    each: int, free: int, limit: int
) -> None:
    assert snapshot_limit(each, free) == limit
