"""Where token sequences stand in a corpus: how often, where, and what followed. Read from the disk.

A binary search over all places of the training part, sorted (`core.attribution.suffix_array`): a
count is exact and
costs microseconds however often a sequence stands there. A sequence may begin with <sos> and end
with <eos>; one that has them elsewhere stands nowhere: nothing reaches beyond a line or document.
Sequences longer than the sorting went are compared with the tokens themselves.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.tokenizer.special_tokens import EOS

LISTED_POSITIONS = 256  # places of a sequence that are named
COMPARED_POSITIONS = 1 << 18  # places of a sequence deeper than the sorting that are looked at
COUNTED_POSITIONS = 1 << 12  # places whose next tokens are counted at once rather than searched

PositionRange = tuple[int, int]


@dataclass(frozen=True)
class Occurrences:
    """Where a sequence stands.

    Attributes:
        count: how often.
        at_least: whether there may be more, as not all of very many equal beginnings were compared.
        places: (count,) tokens at which it begins, or fewer; not in their order.
    """

    count: int
    at_least: bool
    positions: NDArray[np.int64]


@dataclass(frozen=True)
class MatchedContext:
    """The last tokens of a text, as far as they stand in the corpus.

    Attributes:
        length: how many.
        count: how often they stand there.
        begin, end: their range among the sorted places.
    """

    length: int
    count: int
    begin: int
    end: int


@dataclass(frozen=True)
class NgramIndex:
    """A corpus with all its sorted places.

    Attributes:
        ids: (N,) its tokens; those after the training part are cut off.
        places: (P,) the sorted places.
        depth: to how many tokens they are sorted.
    """

    ids: NDArray[np.unsignedinteger]
    positions: NDArray[np.unsignedinteger]
    depth: int

    @cached_property
    def _ids(self) -> NDArray[np.unsignedinteger]:
        return np.asarray(self.ids)  # without what a memory map adds to every access

    @cached_property
    def _places(self) -> NDArray[np.unsignedinteger]:
        return np.asarray(self.positions)

    def find_range(self, sequence: Sequence[int]) -> PositionRange:
        """The sorted places at which a sequence of at most `depth` tokens begins."""
        wanted, size = list(sequence), len(sequence)
        assert size <= self.depth
        places = self._places

        def tokens(number: int) -> list[int]:
            return self.read_suffix(int(places[number]), size)

        everything = range(len(places))
        begin = bisect_left(everything, wanted, key=tokens)
        return begin, bisect_right(everything, wanted, lo=begin, key=tokens)

    def read_suffix(self, place: int, most: int) -> list[int]:
        """The tokens from a place on, to the end of the line or document."""
        found: list[int] = self._ids[place : place + most].tolist()
        if EOS in found:
            del found[found.index(EOS) + 1 :]
        return found

    def find(self, sequence: Sequence[int]) -> Occurrences:
        """Where a sequence of any length stands."""
        begin, end = self.find_range(sequence[: self.depth])
        if len(sequence) <= self.depth:
            return Occurrences(end - begin, False, self._some(begin, end, LISTED_POSITIONS))
        places = self._some(begin, end, COMPARED_POSITIONS)
        for depth in range(self.depth, len(sequence)):
            if not len(places):
                break
            if len(places) == 1:
                places = self._compared(places, sequence, depth)
                break
            places = places[places + depth < len(self._ids)]
            places = places[self._ids[places + depth] == sequence[depth]]
        return Occurrences(len(places), end - begin > COMPARED_POSITIONS, places)

    def _some(self, begin: int, end: int, most: int) -> NDArray[np.int64]:
        return self._places[begin : min(end, begin + most)].astype(np.int64)

    def _compared(
        self, places: NDArray[np.int64], sequence: Sequence[int], depth: int
    ) -> NDArray[np.int64]:
        """The one place if the rest of the sequence stands there too."""
        begin = int(places[0])
        found = self._ids[begin + depth : begin + len(sequence)].tolist()
        return places if found == list(sequence[depth:]) else places[:0]

    def match_context(self, ids: Sequence[int]) -> MatchedContext:
        """How often some tokens, fewer than `depth`, stand there as the beginning of something."""
        begin, end = self.find_range(ids)
        return MatchedContext(len(ids), end - begin, begin, end)

    def count_followers(self, context: MatchedContext) -> FollowerCounts:
        """What followed a context."""
        return FollowerCounts(self, context)

    def tokens_after(self, context: MatchedContext) -> NDArray[np.unsignedinteger]:
        """The token after each occurrence of a context; none beyond the end."""
        places = self._places[context.begin : context.end].astype(np.int64) + context.length
        return self._ids[places[places < len(self._ids)]]

    def token_after(self, number: int, length: int) -> int:
        """The token `length` after a sorted place; -1 beyond the end."""
        place = int(self._places[number]) + length
        return int(self._ids[place]) if place < len(self._ids) else -1


class FollowerCounts:
    """How often each token followed a context."""

    def __init__(self, where: NgramIndex, context: MatchedContext) -> None:
        self._where, self._context = where, context
        self._counts: Counter[int] | None = None
        if context.count <= COUNTED_POSITIONS:
            self._counts = Counter(where.tokens_after(context).tolist())

    def count(self, id: int) -> int:
        """How often this one."""
        if self._counts is not None:
            return self._counts[id]
        context = self._context
        numbers = range(context.begin, context.end)
        begin = bisect_left(numbers, id, key=self._next)
        return bisect_right(numbers, id, lo=begin, key=self._next) - begin

    def _next(self, number: int) -> int:
        return self._where.token_after(number, self._context.length)


class NextTokenCounts:
    """What a corpus itself says after some tokens.

    Only the last ones matter: fewer than the sorting is deep, and none before an end.
    """

    def __init__(self, where: NgramIndex, ids: Sequence[int]) -> None:
        self._where = where
        self._ids = list(ids[-(where.depth - 1) :])
        if EOS in self._ids:
            # What follows an end is a beginning.
            del self._ids[: len(self._ids) - self._ids[::-1].index(EOS)]
        self._contexts: dict[int, MatchedContext] = {}
        self._following: dict[int, FollowerCounts] = {}
        self.longest_context = self._longest()

    def count(self, id: int) -> tuple[int, int, int]:
        """How often a token followed, of how many, after how many tokens.

        The longest context after which it ever followed; for a token that never stands there the
        empty one.
        """
        # What followed a longer context followed the shorter ones too.
        length = _last(self.longest_context.length, lambda length: self._count(length, id) > 0)
        return self._count(length, id), self._context(length).count, length

    def _longest(self) -> MatchedContext:
        """The longest end of the tokens that stands there."""
        known = 1
        while known < len(self._ids) and self._context(known).count:
            known *= 2
        most = min(known, len(self._ids))
        return self._context(_last(most, lambda length: self._context(length).count > 0))

    def _context(self, length: int) -> MatchedContext:
        if length not in self._contexts:
            self._contexts[length] = self._where.match_context(self._ids[len(self._ids) - length :])
        return self._contexts[length]

    def _count(self, length: int, id: int) -> int:
        if length not in self._following:
            self._following[length] = self._where.count_followers(self._context(length))
        return self._following[length].count(id)


def _last(most: int, true: Callable[[int], bool]) -> int:
    """The largest number up to `most` for which something holds that holds for all below; or 0."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if true(middle):
            least = middle
        else:
            most = middle - 1
    return least
