"""A random number generator that uses every word of a vocabulary about equally often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Protocol, TypeVar


class Entry(Protocol):
    """An entry of a vocabulary, named by its English base form."""

    @property
    def en(self) -> str:
        """Return the English base form."""
        ...


EntryT = TypeVar("EntryT", bound=Entry)
CANDIDATES = 4


class WordChooser(Random):
    """Chooses, of several candidates, the word used least."""

    def __init__(self, seed: int) -> None:
        """Seed the generator; no word has been used."""
        super().__init__(seed)
        self._uses: Counter[str] = Counter()

    def choose_word(self, entries: Sequence[EntryT]) -> EntryT:
        """Choose an entry."""
        entry = min(self.choices(entries, k=CANDIDATES), key=lambda each: self._uses[each.en])
        self._uses[entry.en] += 1
        return entry
