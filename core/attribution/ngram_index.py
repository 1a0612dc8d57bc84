"""Look up token sequences in a corpus: how often, where, and what followed. Reads from disk.

Binary search over the sorted positions of the training part (`core.attribution.suffix_array`, in
the manner of infini-gram: Liu et al., 2024): a count is exact and takes microseconds however often
the sequence occurs. A sequence may begin with <sos> and end with <eos>; with those elsewhere it
never occurs, as nothing extends beyond a line or document. Sequences longer than the sorting depth
are compared with the tokens themselves.
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

LISTED_POSITIONS = 256  # of a sequence up to the sorting depth
COMPARED_POSITIONS = 1 << 18  # of a longer sequence
COUNTED_POSITIONS = 1 << 12  # up to this many next tokens are counted at once, else searched

PositionRange = tuple[int, int]


@dataclass(frozen=True)
class Occurrences:
    """Where a sequence occurs.

    Attributes:
        count: how often.
        at_least: whether `count` is a lower bound, as too many long candidates were not compared.
        positions: tokens at which it begins, all or some of them, unordered.
    """

    count: int
    at_least: bool
    positions: NDArray[np.int64]


@dataclass(frozen=True)
class MatchedContext:
    """The last tokens of a text as a sequence of the corpus.

    Attributes:
        length: number of tokens.
        count: how often they occur.
        begin, end: their range among the sorted positions.
    """

    length: int
    count: int
    begin: int
    end: int


@dataclass(frozen=True)
class NgramIndex:
    """The tokens of a corpus with their sorted positions.

    Attributes:
        ids: (N,) tokens, cut off after the training part.
        positions: (P,) sorted positions.
        depth: number of tokens to which they are sorted.
    """

    ids: NDArray[np.unsignedinteger]
    positions: NDArray[np.unsignedinteger]
    depth: int

    @cached_property
    def _ids(self) -> NDArray[np.unsignedinteger]:
        return np.asarray(self.ids)  # without the overhead of a memory map per access

    @cached_property
    def _positions(self) -> NDArray[np.unsignedinteger]:
        return np.asarray(self.positions)

    def find_range(self, sequence: Sequence[int]) -> PositionRange:
        """Return the range of sorted positions of a sequence of at most `depth` tokens."""
        target, size = list(sequence), len(sequence)
        assert size <= self.depth
        positions = self._positions

        def tokens(number: int) -> list[int]:
            return self.read_suffix(int(positions[number]), size)

        numbers = range(len(positions))
        begin = bisect_left(numbers, target, key=tokens)
        return begin, bisect_right(numbers, target, lo=begin, key=tokens)

    def read_suffix(self, position: int, limit: int) -> list[int]:
        """Return at most `limit` tokens from a position to the end of its line or document."""
        suffix: list[int] = self._ids[position : position + limit].tolist()
        if EOS in suffix:
            del suffix[suffix.index(EOS) + 1 :]
        return suffix

    def find(self, sequence: Sequence[int]) -> Occurrences:
        """Find a sequence of any length."""
        begin, end = self.find_range(sequence[: self.depth])
        if len(sequence) <= self.depth:
            positions = self._read_positions(begin, end, LISTED_POSITIONS)
            return Occurrences(end - begin, False, positions)
        positions = self._read_positions(begin, end, COMPARED_POSITIONS)
        for depth in range(self.depth, len(sequence)):
            if not len(positions):
                break
            if len(positions) == 1:
                first = int(positions[0])
                rest = self._ids[first + depth : first + len(sequence)].tolist()
                positions = positions if rest == list(sequence[depth:]) else positions[:0]
                break
            positions = positions[positions + depth < len(self._ids)]
            positions = positions[self._ids[positions + depth] == sequence[depth]]
        return Occurrences(len(positions), end - begin > COMPARED_POSITIONS, positions)

    def _read_positions(self, begin: int, end: int, limit: int) -> NDArray[np.int64]:
        return self._positions[begin : min(end, begin + limit)].astype(np.int64)

    def match_context(self, ids: Sequence[int]) -> MatchedContext:
        """Look up fewer than `depth` tokens as a context."""
        begin, end = self.find_range(ids)
        return MatchedContext(len(ids), end - begin, begin, end)

    def tokens_after(self, context: MatchedContext) -> NDArray[np.unsignedinteger]:
        """Return the token after each occurrence of a context, if there is one."""
        after = self._positions[context.begin : context.end].astype(np.int64) + context.length
        return self._ids[after[after < len(self._ids)]]

    def token_after(self, number: int, length: int) -> int:
        """Return the token `length` after a sorted position; -1 beyond the end."""
        position = int(self._positions[number]) + length
        return int(self._ids[position]) if position < len(self._ids) else -1


class FollowerCounts:
    """How often each token followed a context."""

    def __init__(self, ngrams: NgramIndex, context: MatchedContext) -> None:
        self._ngrams, self._context = ngrams, context
        self._counts: Counter[int] | None = None
        if context.count <= COUNTED_POSITIONS:
            self._counts = Counter(ngrams.tokens_after(context).tolist())

    def count(self, id: int) -> int:
        """Return how often this token followed."""
        if self._counts is not None:
            return self._counts[id]
        context = self._context

        def next_token(number: int) -> int:
            return self._ngrams.token_after(number, context.length)

        numbers = range(context.begin, context.end)
        begin = bisect_left(numbers, id, key=next_token)
        return bisect_right(numbers, id, lo=begin, key=next_token) - begin


class NextTokenCounts:
    """Counts of the corpus for the token after some tokens, with back-off to shorter contexts.

    Only the last tokens count: fewer than the sorting depth, and none before an <eos>.

    Attributes:
        longest_context: the longest suffix of the tokens that occurs in the corpus.
    """

    def __init__(self, ngrams: NgramIndex, ids: Sequence[int]) -> None:
        self._ngrams = ngrams
        self._ids = list(ids[-(ngrams.depth - 1) :])
        if EOS in self._ids:
            # After an end comes a beginning.
            del self._ids[: len(self._ids) - self._ids[::-1].index(EOS)]
        self._contexts: dict[int, MatchedContext] = {}
        self._followers: dict[int, FollowerCounts] = {}
        self.longest_context = self._find_longest()

    def count(self, id: int) -> tuple[int, int, int]:
        """Count a token after the longest context that it ever followed.

        Returns:
            How often it followed, how often the context occurs, the context's length. For a token
            that never occurs the context is empty.
        """
        # What followed a longer context followed the shorter ones too.
        length = _last_true(self.longest_context.length, lambda n: self._count_after(n, id) > 0)
        return self._count_after(length, id), self._context(length).count, length

    def _find_longest(self) -> MatchedContext:
        upper = 1
        while upper < len(self._ids) and self._context(upper).count:
            upper *= 2
        upper = min(upper, len(self._ids))
        return self._context(_last_true(upper, lambda n: self._context(n).count > 0))

    def _context(self, length: int) -> MatchedContext:
        if length not in self._contexts:
            ids = self._ids[len(self._ids) - length :]
            self._contexts[length] = self._ngrams.match_context(ids)
        return self._contexts[length]

    def _count_after(self, length: int, id: int) -> int:
        if length not in self._followers:
            self._followers[length] = FollowerCounts(self._ngrams, self._context(length))
        return self._followers[length].count(id)


def _last_true(upper: int, is_true: Callable[[int], bool]) -> int:
    """Return the largest number up to `upper` for which a monotone predicate holds; or 0."""
    lower = 0
    while lower < upper:
        middle = (lower + upper + 1) // 2
        if is_true(middle):
            lower = middle
        else:
            upper = middle - 1
    return lower
