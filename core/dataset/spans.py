"""Token ranges of a corpus that become the rows of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

Int64Array = NDArray[np.int64]


@dataclass(frozen=True)
class Spans:
    """Ranges of tokens; each may have a head, a second range that is put before it.

    Attributes:
        begins, ends: (size,) the ranges [begin, end).
        head_begins, head_ends: (size,) the heads; empty ranges by default.
    """

    begins: Int64Array
    ends: Int64Array
    head_begins: Int64Array = field(default_factory=lambda: np.empty(0, np.int64))
    head_ends: Int64Array = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        if len(self.head_begins) != len(self.begins):
            nothing = np.zeros(len(self.begins), np.int64)
            object.__setattr__(self, "head_begins", nothing)
            object.__setattr__(self, "head_ends", nothing)

    def __len__(self) -> int:
        return len(self.begins)

    def __iter__(self) -> Iterator[tuple[slice, slice]]:
        """Head and range of each, as slices."""
        columns = (self.head_begins, self.head_ends, self.begins, self.ends)
        for a, b, c, d in zip(*(column.tolist() for column in columns), strict=True):
            yield slice(a, b), slice(c, d)

    def __getitem__(self, part: slice) -> Self:
        return self.take(part)

    def take(self, numbers: Int64Array | slice) -> Self:
        """The ranges of these numbers, in their order."""
        return type(self)(
            self.begins[numbers],
            self.ends[numbers],
            self.head_begins[numbers],
            self.head_ends[numbers],
        )

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """One after another."""
        if len(parts) == 1:
            return parts[0]
        names = ("begins", "ends", "head_begins", "head_ends")
        empty = [np.empty(0, np.int64)]
        return cls(*(np.concatenate([getattr(p, name) for p in parts] or empty) for name in names))

    @property
    def lengths(self) -> Int64Array:
        """(size,) ids of each, with its head."""
        lengths: Int64Array = self.ends - self.begins + self.head_ends - self.head_begins
        return lengths

    def count_targets(self, is_target: NDArray[np.uint8] | None) -> Int64Array:
        """(size,) targets of each: all ids but the first, or those that are to be predicted.

        Args:
            is_target: (N,) for each token of the corpus 1 if it is to be predicted; none of a head.
                The first id of a row never is.
        """
        if is_target is None:
            return self.lengths - 1
        counts = []
        for head, body in self:
            first = body.start + (head.start == head.stop)
            counts.append(int(is_target[first : body.stop].sum()))
        return np.array(counts, np.int64)
