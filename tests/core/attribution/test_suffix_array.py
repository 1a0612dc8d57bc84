"""The sorted places of a corpus, compared with what slow and plain code finds."""

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


def sorted_places(ids: list[int], vocab_size: int, room: int, deepest: int = 64) -> list[int]:
    array = np.array(ids, np.uint16)
    places = np.arange(len(array), dtype=np.uint32)

    def source() -> list[Positions]:
        return [places[begin : begin + 7] for begin in range(0, len(places), 7)]

    with tempfile.TemporaryFile() as output:
        folder = Path(tempfile.gettempdir())
        sorter = SuffixSorter(array, vocab_size, output, folder, room=room, deepest=deepest)
        sorter.sort(lambda: iter(source()), len(array))
        output.seek(0)
        found: list[int] = np.frombuffer(output.read(), np.uint32).tolist()
    return found


def suffix(ids: list[int], place: int, most: int) -> list[int]:
    rest = ids[place : place + most]
    return rest[: rest.index(EOS) + 1] if EOS in rest else rest


TEXTS = st.lists(st.sampled_from([1, 2, 3, 3, 4, 5, 6]), max_size=120)


@settings(max_examples=150, deadline=None)
@given(ids=TEXTS, vocab_size=st.sampled_from([7, 3000, 60_000]), room=st.sampled_from([2, 9, 500]))
def test_every_place_stands_once_and_in_order(ids: list[int], vocab_size: int, room: int) -> None:
    """Places lost between buckets, or sorted only within them."""
    found = sorted_places(ids, vocab_size, room)
    assert sorted(found) == list(range(len(ids)))
    suffixes = [suffix(ids, place, 64) for place in found]
    assert suffixes == sorted(suffixes)


@pytest.mark.parametrize("room", [4, 100])
@pytest.mark.parametrize("ids", [[3] * 300, [1, 3, 4, 2] * 60, [3, 4] * 100, []])
def test_a_text_that_repeats_itself_ends(ids: list[int], room: int) -> None:
    """A bucket of equals that is parted for ever, or compared to its end."""
    found = sorted_places(ids, 10, room, deepest=40)
    assert sorted(found) == list(range(len(ids)))
    suffixes = [suffix(ids, place, 40) for place in found]
    assert suffixes == sorted(suffixes)


def test_it_can_be_stopped() -> None:
    ids = np.full(100, 3, np.uint16)
    with tempfile.TemporaryFile() as output:
        sorter = SuffixSorter(ids, 10, output, Path(tempfile.gettempdir()), cancelled=lambda: True)
        with pytest.raises(Cancelled):
            sorter.sort(lambda: iter([np.arange(100, dtype=np.uint32)]), 100)
    assert isinstance(output, io.IOBase)
