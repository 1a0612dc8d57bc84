"""All places of a token sequence in the order of what begins there, sorted in bounded memory.

A suffix array (Manber and Myers, 1993) that looks only so many tokens deep: what is equal further
than that stands in no particular order. A suffix ends with its first <eos>. Places are parted into
buckets by their first tokens, on the disk, until a bucket fits into memory; there several tokens at
a time are compared as one number, and only places that are still equal are looked at deeper.

Shapes: N tokens, P places, K tokens of a number.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress
from core.system.line_files import write_all
from core.tokenizer.special_tokens import EOS, PAD

Ids = NDArray[np.unsignedinteger]
Positions = NDArray[np.unsignedinteger]
PackedArray = NDArray[np.uint64]
PositionBlocks = Callable[[], Iterator[Positions]]

SORT_DEPTH_TOKENS = 64
POSITIONS_IN_MEMORY = 1 << 23  # places sorted at a time: about half a gigabyte
POSITIONS_PER_BLOCK = 1 << 21
POSITIONS_PER_GATHER = 1 << 18
SAMPLED_POSITIONS = 1 << 18
PACKED_BITS = 63  # of a number; one is left, so that there is always one more
PHASE = "sorting the text"


class PackedTokens:
    """The tokens from a place on as numbers, K tokens each, in the order of the tokens.

    Args:
        ids: (N,) what is sorted; a memory map is let go of again and again.
        vocab_size: ids are below it.
    """

    def __init__(self, ids: Ids, vocab_size: int) -> None:
        self._bits = max(1, (vocab_size - 1).bit_length())
        self.tokens = PACKED_BITS // self._bits  # K
        self._map = getattr(ids, "_mmap", None)
        plain = np.asarray(ids)
        self._size = len(plain)
        # The last places have less than K tokens after them: they are read from a padded copy.
        self._tail = max(0, self._size - self.tokens)
        end = np.concatenate((plain[self._tail :], np.full(self.tokens, PAD, plain.dtype)))
        self._last = np.lib.stride_tricks.sliding_window_view(end, self.tokens)
        whole = plain if self._size > self.tokens else end
        self._rows = np.lib.stride_tricks.sliding_window_view(whole, self.tokens)

    def at(self, places: Positions, depth: int) -> tuple[PackedArray, NDArray[np.bool_]]:
        """(P,) the number at each place, so many tokens on, and whether the suffix ends in it."""
        words = np.empty(len(places), np.uint64)
        ended = np.empty(len(places), np.bool_)
        for first in range(0, len(places), POSITIONS_PER_GATHER):
            part = slice(first, first + POSITIONS_PER_GATHER)
            words[part], ended[part] = self._at(places[part].astype(np.int64) + depth)
        if self._map is not None and hasattr(self._map, "madvise"):
            # The pages stay in the system's cache; they only stop being counted as ours.
            self._map.madvise(mmap.MADV_DONTNEED)
        return words, ended

    def _at(self, places: NDArray[np.int64]) -> tuple[PackedArray, NDArray[np.bool_]]:
        late = places >= self._tail
        rows = self._rows[np.where(late, 0, places)]  # (P, K)
        if late.any():
            rows[late] = self._last[np.minimum(places[late], self._size) - self._tail]
        over = (rows == EOS) | (rows == PAD)
        ended: NDArray[np.bool_] = over.any(axis=1)
        if ended.any():
            some, beyond = rows[ended], np.logical_or.accumulate(over[ended], axis=1)
            some[:, 1:][beyond[:, :-1]] = PAD
            rows[ended] = some
        words = np.zeros(len(rows), np.uint64)
        for column in rows.T:
            words = (words << np.uint64(self._bits)) | column.astype(np.uint64)
        return words, ended


def sort_in_memory(places: Positions, words: PackedTokens, depth: int, deepest: int) -> Positions:
    """The places in the order of what begins `depth` tokens after each."""
    numbers, ended = words.at(places, depth)
    order = np.argsort(numbers)
    group, tied = _groups(numbers[order])
    tied &= ~ended[order]
    while (depth := depth + words.tokens) < deepest:
        slots = np.flatnonzero(tied)
        if not len(slots):
            break
        members = order[slots]
        numbers, ended = _in_file_order(places, members, words, depth)
        # First by what was equal so far, then by what comes now.
        _, rank = np.unique(numbers, return_inverse=True)
        both = (group[slots].astype(np.uint64) << np.uint64(32)) | rank.astype(np.uint64)
        within = np.argsort(both)
        order[slots] = members[within]
        begins, equal = _groups(both[within])
        group[slots] = slots[begins]
        tied[slots] = equal & ~ended[within]
    return places[order]


def _in_file_order(
    places: Positions, members: NDArray[np.int64], words: PackedTokens, depth: int
) -> tuple[PackedArray, NDArray[np.bool_]]:
    """The numbers of some of the places, read from the beginning of the file to its end."""
    wanted = np.zeros(len(places), np.bool_)
    wanted[members] = True
    chosen = np.flatnonzero(wanted)
    numbers, ended = np.empty(len(places), np.uint64), wanted
    numbers[chosen], ended[chosen] = words.at(places[chosen], depth)
    return numbers[members], ended[members]


def _groups(ordered: PackedArray) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each place in an order: where its equals begin, and whether it has any."""
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    begins = np.maximum.accumulate(np.where(first, np.arange(len(ordered)), 0))
    alone = first.copy()
    alone[:-1] &= first[1:]
    return begins, ~alone


@dataclass
class SuffixSorter:
    """Sorts places and writes them to a file, in whatever memory it is given.

    Attributes:
        ids: (N,) the tokens.
        vocab_size: they are below it.
        output: where the sorted places go, in the type of the places.
        folder: for temporary files that nobody else sees, as large as the output together.
        room: places sorted at a time.
        deepest: tokens compared.
    """

    ids: Ids
    vocab_size: int
    output: BinaryIO
    folder: Path
    room: int = POSITIONS_IN_MEMORY
    deepest: int = SORT_DEPTH_TOKENS
    progress: ProgressCallback = no_progress
    cancelled: CancelCheck = never_cancelled
    _words: PackedTokens = field(init=False)
    _done: int = 0
    _total: int = 0

    def sort(self, source: PositionBlocks, count: int) -> None:
        """Sorts the `count` places that `source` gives in ascending order, as often as it is asked.

        Raises:
            OSError: there is no room on the disk.
            Cancelled: where `cancelled` said so.
        """
        self._words = PackedTokens(self.ids, self.vocab_size)
        self._done, self._total = 0, 2 * count
        self._sort(source, count, 0)

    def _advance(self, count: int) -> None:
        if self.cancelled():
            raise Cancelled
        self._done += count
        self.progress(min(self._done, self._total), self._total, PHASE)

    def _sort(self, source: PositionBlocks, count: int, depth: int) -> None:
        if count <= self.room:
            places = np.concatenate(list(source())) if count else np.empty(0, np.uint32)
            self._write(sort_in_memory(places, self._words, depth, self.deepest))
            self._advance(count)
            return
        with tempfile.TemporaryFile(dir=self.folder) as scratch:
            for bucket in self._scatter(source, count, depth, scratch):
                self._sort_bucket(bucket, depth)

    def _sort_bucket(self, bucket: SuffixBucket, depth: int) -> None:
        if bucket.alike:
            depth += self._words.tokens
            if bucket.ended or depth >= self.deepest:
                for places in bucket.read():
                    self._write(places)
                    self._advance(len(places))
                return
        if bucket.count:
            self._sort(bucket.read, bucket.count, depth)

    def _write(self, places: Positions) -> None:
        self.output.flush()
        write_all(self.output.fileno(), places.tobytes())

    def _scatter(
        self, source: PositionBlocks, count: int, depth: int, scratch: BinaryIO
    ) -> list[SuffixBucket]:
        """Writes the places bucket by bucket in each piece, so that a bucket is read in pieces."""
        bounds = self._bounds(source, count, depth)
        buckets = [SuffixBucket(scratch.fileno()) for _ in range(len(bounds) + 1)]
        for number in np.flatnonzero(bounds[1:] == bounds[:-1] + np.uint64(1)):
            buckets[number + 1].alike = True
        at = 0
        for places in source():
            words, ended = self._words.at(places, depth)
            into = np.searchsorted(bounds, words, side="right").astype(np.uint16)
            order = np.argsort(into, kind="stable")
            counts = np.bincount(into, minlength=len(buckets))
            write_all(scratch.fileno(), places[order].tobytes())
            for number in np.flatnonzero(counts):
                bucket = buckets[number]
                bucket.add(at, int(counts[number]), places.dtype)
                at += int(counts[number]) * places.itemsize
                # Places of a bucket of equals end together or not at all.
                if bucket.alike and not bucket.ended:
                    bucket.ended = bool(ended[np.argmax(into == number)])
            self._advance(len(places))
        return buckets

    def _bounds(self, source: PositionBlocks, count: int, depth: int) -> PackedArray:
        """Numbers that part the places into buckets of about half the room.

        One that is very frequent has a bucket of its own: between itself and the next number.
        """
        stride = max(1, count // SAMPLED_POSITIONS)
        some = np.concatenate([places[::stride] for places in source()])
        words = np.sort(self._words.at(some, depth)[0])
        parts = min(2 * -(-count // self.room), np.iinfo(np.uint16).max // 2)
        picked = words[np.arange(1, parts) * len(words) // parts]
        chosen, often = np.unique(picked, return_counts=True)
        return np.union1d(chosen, chosen[often > 1] + np.uint64(1))


@dataclass
class SuffixBucket:
    """Places that belong together, in pieces of a file.

    Attributes:
        descriptor: of the file.
        alike: whether all begin with the same number.
        ended: whether all suffixes end in it.
    """

    descriptor: int
    alike: bool = False
    ended: bool = False
    count: int = 0
    _pieces: list[tuple[int, int]] = field(default_factory=list)
    _dtype: np.dtype[np.unsignedinteger] = field(default_factory=lambda: np.dtype(np.uint32))

    def add(self, offset: int, count: int, dtype: np.dtype[np.unsignedinteger]) -> None:
        """Notes a piece: the byte it begins at and how many places it has."""
        self._pieces.append((offset, count))
        self._dtype = dtype
        self.count += count

    def read(self) -> Iterator[Positions]:
        """The places, in the order in which they came."""
        for offset, count in self._pieces:
            raw = os.pread(self.descriptor, count * self._dtype.itemsize, offset)
            yield np.frombuffer(raw, self._dtype)
