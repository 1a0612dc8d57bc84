"""Sorted positions, compared with plain sorting."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.attribution.suffix_array import Positions, SuffixSorter
from core.errors import Cancelled
from core.tokenizer.special_tokens import EOS


def sort_positions(
    ids: list[int], vocab_size: int, in_memory: int, max_depth: int = 64
) -> list[int]:
    array = np.array(ids, np.uint16)
    positions = np.arange(len(array), dtype=np.uint32)

    def source() -> list[Positions]:
        return [positions[begin : begin + 7] for begin in range(0, len(positions), 7)]

    with tempfile.TemporaryFile() as output:
        folder = Path(tempfile.gettempdir())
        sorter = SuffixSorter(
            array, vocab_size, output, folder, positions_in_memory=in_memory, max_depth=max_depth
        )
        sorter.sort(lambda: iter(source()), len(array))
        output.seek(0)
        result: list[int] = np.frombuffer(output.read(), np.uint32).tolist()
    return result


def suffix(ids: list[int], position: int, limit: int) -> list[int]:
    rest = ids[position : position + limit]
    return rest[: rest.index(EOS) + 1] if EOS in rest else rest


TEXTS = st.lists(st.sampled_from([1, 2, 3, 3, 4, 5, 6]), max_size=120)


@settings(max_examples=150, deadline=None)
@given(
    ids=TEXTS, vocab_size=st.sampled_from([7, 3000, 60_000]), in_memory=st.sampled_from([2, 9, 500])
)
def test_every_position_occurs_once_and_in_order(
    ids: list[int], vocab_size: int, in_memory: int
) -> None:
    """None may be lost between buckets, and buckets must be in order too."""
    result = sort_positions(ids, vocab_size, in_memory)
    assert sorted(result) == list(range(len(ids)))
    suffixes = [suffix(ids, position, 64) for position in result]
    assert suffixes == sorted(suffixes)


@pytest.mark.parametrize("in_memory", [4, 100])
@pytest.mark.parametrize("ids", [[3] * 300, [1, 3, 4, 2] * 60, [3, 4] * 100, []])
def test_sorting_a_repetitive_text_ends(ids: list[int], in_memory: int) -> None:
    """A bucket of equal suffixes must not be divided for ever."""
    result = sort_positions(ids, 10, in_memory, max_depth=40)
    assert sorted(result) == list(range(len(ids)))
    suffixes = [suffix(ids, position, 40) for position in result]
    assert suffixes == sorted(suffixes)


def test_sorting_can_be_cancelled() -> None:
    ids = np.full(100, 3, np.uint16)
    with tempfile.TemporaryFile() as output:
        sorter = SuffixSorter(ids, 10, output, Path(tempfile.gettempdir()), cancelled=lambda: True)
        with pytest.raises(Cancelled):
            sorter.sort(lambda: iter([np.arange(100, dtype=np.uint32)]), 100)
    assert isinstance(output, io.IOBase)
