"""Sort the token positions of a corpus by the tokens that follow them, in bounded memory.

A suffix array (Manber and Myers, 1993) to a limited depth: suffixes equal to that depth are in no
particular order. A suffix ends with its first <eos>. Positions are distributed on disk into buckets
by their first tokens until a bucket fits into memory. There, several tokens are packed into one
number and compared at once; only positions that are still equal are compared deeper.

A position is the index of a token in the token file. Shapes: N tokens, P positions, K tokens per
packed number.
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
POSITIONS_IN_MEMORY = 1 << 23  # about half a gigabyte while sorting
POSITIONS_PER_BLOCK = 1 << 21
POSITIONS_PER_GATHER = 1 << 18
SAMPLED_POSITIONS = 1 << 18
PACKED_BITS = 63  # the top bit stays free, so that every number has a successor
SORTING_PHASE = "sorting the text"


class PackedTokens:
    """The K tokens from each position on, packed into numbers that sort like the tokens.

    Args:
        ids: (N,) tokens; pages of a memory map are released after use.
        vocab_size: upper bound of the ids.
    """

    def __init__(self, ids: Ids, vocab_size: int) -> None:
        self._bits = max(1, (vocab_size - 1).bit_length())
        self.tokens = PACKED_BITS // self._bits  # K
        self._map = getattr(ids, "_mmap", None)
        plain = np.asarray(ids)
        self._size = len(plain)
        # Fewer than K tokens follow the last positions: those are read from a padded copy.
        self._tail = max(0, self._size - self.tokens)
        end = np.concatenate((plain[self._tail :], np.full(self.tokens, PAD, plain.dtype)))
        self._tail_rows = np.lib.stride_tricks.sliding_window_view(end, self.tokens)
        whole = plain if self._size > self.tokens else end
        self._rows = np.lib.stride_tricks.sliding_window_view(whole, self.tokens)

    def pack(self, positions: Positions, depth: int) -> tuple[PackedArray, NDArray[np.bool_]]:
        """Pack the tokens from `depth` after each position on.

        Returns:
            (P,) numbers, and (P,) whether the suffix ends within its number.
        """
        packed = np.empty(len(positions), np.uint64)
        has_ended = np.empty(len(positions), np.bool_)
        for first in range(0, len(positions), POSITIONS_PER_GATHER):
            part = slice(first, first + POSITIONS_PER_GATHER)
            packed[part], has_ended[part] = self._pack(positions[part].astype(np.int64) + depth)
        if self._map is not None and hasattr(self._map, "madvise"):
            # The pages stay in the page cache but no longer count as memory of this process.
            self._map.madvise(mmap.MADV_DONTNEED)
        return packed, has_ended

    def _pack(self, positions: NDArray[np.int64]) -> tuple[PackedArray, NDArray[np.bool_]]:
        in_tail = positions >= self._tail
        rows = self._rows[np.where(in_tail, 0, positions)]  # (P, K)
        if in_tail.any():
            tail_numbers = np.minimum(positions[in_tail], self._size) - self._tail
            rows[in_tail] = self._tail_rows[tail_numbers]
        is_end = (rows == EOS) | (rows == PAD)
        has_ended: NDArray[np.bool_] = is_end.any(axis=1)
        if has_ended.any():
            # Tokens after the first end do not belong to the suffix.
            ended_rows = rows[has_ended]
            is_beyond = np.logical_or.accumulate(is_end[has_ended], axis=1)
            ended_rows[:, 1:][is_beyond[:, :-1]] = PAD
            rows[has_ended] = ended_rows
        packed = np.zeros(len(rows), np.uint64)
        for column in rows.T:
            packed = (packed << np.uint64(self._bits)) | column.astype(np.uint64)
        return packed, has_ended


def sort_in_memory(
    positions: Positions, tokens: PackedTokens, depth: int, max_depth: int
) -> Positions:
    """Sort positions by the tokens from `depth` after each on."""
    packed, has_ended = tokens.pack(positions, depth)
    order = np.argsort(packed)
    group, is_tied = _group_equal(packed[order])
    is_tied &= ~has_ended[order]
    while (depth := depth + tokens.tokens) < max_depth:
        slots = np.flatnonzero(is_tied)
        if not len(slots):
            break
        members = order[slots]
        packed, has_ended = _pack_in_file_order(positions, members, tokens, depth)
        # By the group of equals so far, then by the next tokens.
        _, rank = np.unique(packed, return_inverse=True)
        key = (group[slots].astype(np.uint64) << np.uint64(32)) | rank.astype(np.uint64)
        within = np.argsort(key)
        order[slots] = members[within]
        starts, is_equal = _group_equal(key[within])
        group[slots] = slots[starts]
        is_tied[slots] = is_equal & ~has_ended[within]
    return positions[order]


def _pack_in_file_order(
    positions: Positions, members: NDArray[np.int64], tokens: PackedTokens, depth: int
) -> tuple[PackedArray, NDArray[np.bool_]]:
    """Pack the tokens of some of the positions, reading the file from beginning to end."""
    is_member = np.zeros(len(positions), np.bool_)
    is_member[members] = True
    chosen = np.flatnonzero(is_member)
    packed, has_ended = np.empty(len(positions), np.uint64), is_member
    packed[chosen], has_ended[chosen] = tokens.pack(positions[chosen], depth)
    return packed[members], has_ended[members]


def _group_equal(ordered: PackedArray) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return for each number of a sorted array where its equals start, and whether it has any."""
    is_first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    starts = np.maximum.accumulate(np.where(is_first, np.arange(len(ordered)), 0))
    is_single = is_first.copy()
    is_single[:-1] &= is_first[1:]
    return starts, ~is_single


@dataclass
class SuffixSorter:
    """Sorts positions into a file, within a limit on memory.

    Attributes:
        ids: (N,) tokens.
        vocab_size: upper bound of the ids.
        output: receives the sorted positions in their dtype.
        folder: for temporary files, together as large as the output.
        positions_in_memory: the most positions sorted in memory.
        max_depth: number of tokens compared.
    """

    ids: Ids
    vocab_size: int
    output: BinaryIO
    folder: Path
    positions_in_memory: int = POSITIONS_IN_MEMORY
    max_depth: int = SORT_DEPTH_TOKENS
    progress: ProgressCallback = no_progress
    cancelled: CancelCheck = never_cancelled
    _tokens: PackedTokens = field(init=False)
    _done: int = 0
    _total: int = 0

    def sort(self, source: PositionBlocks, count: int) -> None:
        """Sort positions and write them to the output.

        Args:
            source: yields the positions in ascending blocks, each time it is called.
            count: the number of positions.

        Raises:
            OSError: the disk is full.
            Cancelled: `cancelled` returned true.
        """
        self._tokens = PackedTokens(self.ids, self.vocab_size)
        self._done, self._total = 0, 2 * count
        self._sort(source, count, 0)

    def _advance(self, count: int) -> None:
        if self.cancelled():
            raise Cancelled
        self._done += count
        self.progress(min(self._done, self._total), self._total, SORTING_PHASE)

    def _sort(self, source: PositionBlocks, count: int, depth: int) -> None:
        if count <= self.positions_in_memory:
            positions = np.concatenate(list(source())) if count else np.empty(0, np.uint32)
            self._write(sort_in_memory(positions, self._tokens, depth, self.max_depth))
            self._advance(count)
            return
        with tempfile.TemporaryFile(dir=self.folder) as scratch:
            for bucket in self._scatter(source, count, depth, scratch):
                self._sort_bucket(bucket, depth)

    def _sort_bucket(self, bucket: SuffixBucket, depth: int) -> None:
        if bucket.is_uniform:
            depth += self._tokens.tokens
            if bucket.has_ended or depth >= self.max_depth:
                for positions in bucket.read():
                    self._write(positions)
                    self._advance(len(positions))
                return
        if bucket.count:
            self._sort(bucket.read, bucket.count, depth)

    def _write(self, positions: Positions) -> None:
        self.output.flush()
        write_all(self.output.fileno(), positions.tobytes())

    def _scatter(
        self, source: PositionBlocks, count: int, depth: int, scratch: BinaryIO
    ) -> list[SuffixBucket]:
        """Write each block of positions sorted by bucket, so that a bucket is a list of pieces."""
        bounds = self._choose_bounds(source, count, depth)
        buckets = [SuffixBucket(scratch.fileno()) for _ in range(len(bounds) + 1)]
        for number in np.flatnonzero(bounds[1:] == bounds[:-1] + np.uint64(1)):
            buckets[number + 1].is_uniform = True
        offset = 0
        for positions in source():
            packed, has_ended = self._tokens.pack(positions, depth)
            bucket_numbers = np.searchsorted(bounds, packed, side="right").astype(np.uint16)
            order = np.argsort(bucket_numbers, kind="stable")
            counts = np.bincount(bucket_numbers, minlength=len(buckets))
            write_all(scratch.fileno(), positions[order].tobytes())
            for number in np.flatnonzero(counts):
                bucket = buckets[number]
                bucket.add(offset, int(counts[number]), positions.dtype)
                offset += int(counts[number]) * positions.itemsize
                # Suffixes of a uniform bucket all end within the number, or none does.
                if bucket.is_uniform and not bucket.has_ended:
                    bucket.has_ended = bool(has_ended[np.argmax(bucket_numbers == number)])
            self._advance(len(positions))
        return buckets

    def _choose_bounds(self, source: PositionBlocks, count: int, depth: int) -> PackedArray:
        """Return ascending numbers that divide the positions into buckets that fit into memory.

        A very frequent number gets a bucket of its own: between itself and its successor.
        """
        stride = max(1, count // SAMPLED_POSITIONS)
        sampled = np.concatenate([positions[::stride] for positions in source()])
        packed = np.sort(self._tokens.pack(sampled, depth)[0])
        parts = min(2 * -(-count // self.positions_in_memory), np.iinfo(np.uint16).max // 2)
        quantiles = packed[np.arange(1, parts) * len(packed) // parts]
        bounds, repeats = np.unique(quantiles, return_counts=True)
        return np.union1d(bounds, bounds[repeats > 1] + np.uint64(1))


@dataclass
class SuffixBucket:
    """Positions of one range of packed numbers, stored in pieces of a file.

    Attributes:
        descriptor: of the file.
        is_uniform: whether all positions have the same packed number.
        has_ended: whether all suffixes end within that number.
    """

    descriptor: int
    is_uniform: bool = False
    has_ended: bool = False
    count: int = 0
    _pieces: list[tuple[int, int]] = field(default_factory=list)
    _dtype: np.dtype[np.unsignedinteger] = field(default_factory=lambda: np.dtype(np.uint32))

    def add(self, offset: int, count: int, dtype: np.dtype[np.unsignedinteger]) -> None:
        """Add a piece: its byte offset in the file and its number of positions."""
        self._pieces.append((offset, count))
        self._dtype = dtype
        self.count += count

    def read(self) -> Iterator[Positions]:
        """Yield the pieces in the order in which they were added."""
        for offset, count in self._pieces:
            raw = os.pread(self.descriptor, count * self._dtype.itemsize, offset)
            yield np.frombuffer(raw, self._dtype)
