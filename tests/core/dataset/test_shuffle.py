"""The order of samples, drawn or computed, and what it costs."""

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
def test_a_computed_order_has_every_sample_once(size: int, keys: list[int]) -> None:
    """Text that is never learnt, or twice as often as the rest."""
    found = feistel_permutation(np.arange(size), size, np.array(keys, np.uint64))
    assert sorted(found.tolist()) == list(range(size))


def test_a_computed_order_is_no_order() -> None:
    """Neighbours stay neighbours, and batches are all of one chapter."""
    size = 100_003
    places = np.arange(size)
    found = EpochShuffle(size, seed=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffle, "MAX_DRAWN_SAMPLES", 10)
        one, two = found.samples(0, places), found.samples(1, places)
    assert abs(np.corrcoef(places, one)[0, 1]) < 0.02
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.02
    near = np.abs(np.diff(one)) < 100
    assert near.mean() < 0.01


def test_each_place_can_be_asked_for_alone() -> None:
    large = EpochShuffle(shuffle.MAX_DRAWN_SAMPLES * 5, seed=1)
    together = large.samples(2, np.arange(1000, 1010))
    alone = [int(large.samples(2, np.array([place]))[0]) for place in range(1000, 1010)]
    assert together.tolist() == alone


def peak(folder: Path, tokens: int, context: int = 64) -> int:
    """The most memory that the first batches of a text of so many tokens take."""
    path = folder / f"{tokens}"
    with path.open("wb") as file:
        file.truncate(2 * tokens)  # a file of holes: no disk is needed for it
    ids = np.memmap(path, np.uint16, "r")
    tracemalloc.start()
    batches = Batches(ids, WindowSamples(0, tokens, context), 16, seed=0)
    for step in range(20):
        batches.batch(step * 1000)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_a_text_of_any_size_costs_the_same_memory(tmp_path: Path) -> None:
    """A permutation as long as the text; windows read by way of a copy of all of it."""
    small = peak(tmp_path, 20_000_000)
    large = peak(tmp_path, 20_000_000_000)
    assert large <= small
    assert large < 1_000_000
