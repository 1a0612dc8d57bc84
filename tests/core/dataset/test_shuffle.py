"""The order of samples, drawn or computed, and its memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset import shuffle
from core.dataset.shuffle import EpochShuffle, feistel_permutation
from core.train.batches import Batches, WindowSamples

KEYS = st.lists(st.integers(0, 2**63), min_size=6, max_size=6)


@given(st.integers(1, 3000), KEYS)
def test_a_computed_order_contains_every_sample_once(size: int, keys: list[int]) -> None:
    """No text may be skipped or repeated."""
    permutation = feistel_permutation(np.arange(size), size, np.array(keys, np.uint64))
    assert sorted(permutation.tolist()) == list(range(size))


def test_a_computed_order_is_random() -> None:
    """If neighbours stayed neighbours, a batch would come from one chapter."""
    size = 100_003
    positions = np.arange(size)
    order = EpochShuffle(size, seed=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffle, "MAX_DRAWN_SAMPLES", 10)
        one, two = order.samples(0, positions), order.samples(1, positions)
    assert abs(np.corrcoef(positions, one)[0, 1]) < 0.02
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.02
    near = np.abs(np.diff(one)) < 100
    assert near.mean() < 0.01


def test_each_position_can_be_computed_alone() -> None:
    large = EpochShuffle(shuffle.MAX_DRAWN_SAMPLES * 5, seed=1)
    together = large.samples(2, np.arange(1000, 1010))
    alone = [int(large.samples(2, np.array([position]))[0]) for position in range(1000, 1010)]
    assert together.tolist() == alone


def measure_peak(folder: Path, tokens: int, context: int = 64) -> int:
    """Return the peak memory of the first batches of a text of `tokens` tokens."""
    path = folder / f"{tokens}"
    with path.open("wb") as file:
        file.truncate(2 * tokens)  # sparse: takes no disk space
    ids = np.memmap(path, np.uint16, "r")
    tracemalloc.start()
    batches = Batches(ids, WindowSamples(0, tokens, context), 16, seed=0)
    for step in range(20):
        batches.batch(step * 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    """Neither a permutation as long as the text nor a copy of all of it may be made."""
    small = measure_peak(tmp_path, 20_000_000)
    large = measure_peak(tmp_path, 20_000_000_000)
    assert large <= small
    assert large < 1_000_000
