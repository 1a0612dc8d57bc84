"""How much of a reply was copied, for corpora that are small enough to be held in memory.

A token counts as copied if four neighbours, it among them, stand in the training part one after
another: the same tokens as those in spans of at least four of `core.copies`, without an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.corpusindex import training_places
from core.tokenizer import SPECIAL
from core.tokens import TokenFile

TOGETHER = 4
MOST_TOKENS = 1 << 22
EXACT = 1 << 16  # four ids below it make one number of 64 bits
MIX = 0x9E3779B97F4A7C15  # an odd number of well spread bits, for larger vocabularies

Keys = NDArray[np.uint64]


@dataclass(frozen=True)
class FourGrams:
    """All sequences of four tokens of a training part.

    Attributes:
        keys: sorted, each once.
        factor: what makes four ids one number.
        unknown: the id of what the vocabulary does not hold; it is never copied.
    """

    keys: Keys
    factor: int
    unknown: int | None

    def share(self, ids: Sequence[int]) -> float | None:
        """The share of the tokens that was copied; None for nothing but special tokens."""
        array = np.array(ids, np.uint64)
        plain = array >= len(SPECIAL)
        if not plain.any():
            return None
        copied = np.zeros(len(array), np.bool_)
        for begin in np.flatnonzero(self._known(array)):
            copied[begin : begin + TOGETHER] = True
        return float(copied.sum() / plain.sum())

    def _known(self, ids: Keys) -> NDArray[np.bool_]:
        """Whether the four tokens from each place on stand in the training part."""
        keys, plain = _keys(ids, self.factor, self.unknown)
        if not len(self.keys) or not len(keys):
            return np.zeros(len(keys), np.bool_)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        known: NDArray[np.bool_] = (self.keys[places] == keys) & plain
        return known


def four_grams(stored: TokenFile, unknown: int | None) -> FourGrams | None:
    """Those of the training part; None where it is too large for that."""
    source, count = training_places(stored)
    if count > MOST_TOKENS:
        return None
    end = stored.train_span[1] if stored.reading == "text" else len(stored.ids)
    factor = stored.vocab_size if stored.vocab_size <= EXACT else MIX
    ids = np.asarray(stored.ids[:end]).astype(np.uint64)
    keys, plain = _keys(ids, factor, unknown)
    found = [np.empty(0, np.uint64)]
    for places in source():
        begins = places[places < len(keys)]
        found.append(keys[begins[plain[begins]]])
    return FourGrams(np.unique(np.concatenate(found)), factor, unknown)


def _keys(ids: Keys, factor: int, unknown: int | None) -> tuple[Keys, NDArray[np.bool_]]:
    """A number for the four tokens from each place on, and whether all are words of the text."""
    size = max(0, len(ids) - TOGETHER + 1)
    keys, plain = np.zeros(size, np.uint64), np.ones(size, np.bool_)
    for place in range(TOGETHER):
        part = ids[place : place + size]
        keys = keys * np.uint64(factor) + part
        plain &= part >= len(SPECIAL)
        if unknown is not None:
            plain &= part != unknown
    return keys, plain
