"""How much of a reply was copied, by looking through the training part: no index, no memory.

A token counts as copied if four neighbours, it among them, stand in the training part one after
another: the same tokens as those in spans of at least four of `core.attribution.overlap`. Most places of a
text are ruled out by their first two tokens, so looking through it costs a few nanoseconds a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.tokenizer.tokenizer import SPECIAL
from core.dataset.token_store import TokenFile

TOGETHER = 4
CHUNK = 1 << 18  # tokens looked at together: what is made of them stays in the processor's cache
PAIR_BITS = 20
EXACT = 1 << 16  # four ids below it make one number of 64 bits
MIX = 0x9E3779B97F4A7C15  # an odd number of well spread bits, for larger vocabularies

Keys = NDArray[np.uint64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class CopyRate:
    """The training part of a text, to be compared with.

    Attributes:
        stored: the text's tokens.
        unknown: the id of what the vocabulary does not hold; it is never copied.
    """

    stored: TokenFile
    unknown: int | None

    def share(self, replies: Sequence[Sequence[int]]) -> float | None:
        """The mean over some replies of the share of their tokens that was copied.

        None for replies of nothing but special tokens.
        """
        arrays = [np.array(ids, np.uint64) for ids in replies]
        keys = [self._keys(array) for array in arrays]
        plain = [self._plain(array) for array in arrays]
        words = [key[may] for key, may in zip(keys, plain, strict=True)]
        wanted = np.unique(np.concatenate([np.empty(0, np.uint64), *words]))
        stand = wanted[self._standing(wanted, arrays)]
        shares = []
        for array, key, may in zip(arrays, keys, plain, strict=True):
            tokens = int((array >= len(SPECIAL)).sum())
            copied = np.zeros(len(array), np.bool_)
            for begin in np.flatnonzero(np.isin(key, stand) & may):
                copied[begin : begin + TOGETHER] = True
            if tokens:
                shares.append(copied.sum() / tokens)
        return float(np.mean(shares)) if shares else None

    def _standing(self, wanted: Keys, arrays: Sequence[Keys]) -> Flags:
        """Which of the fours stand in the training part."""
        found = np.zeros(len(wanted), np.bool_)
        likely = np.zeros(1 << PAIR_BITS, np.bool_)
        for ids in arrays:
            likely[_pairs(ids)] = True
        end = self.stored.train_span[1] if self.stored.reading == "text" else len(self.stored.ids)
        for begin in range(0, end, CHUNK):
            if found.all():
                break
            part = self.stored.ids[begin : min(end, begin + CHUNK + TOGETHER - 1)]
            at = np.flatnonzero(likely[_pairs(part)][: 2 - TOGETHER])
            fours = part[at[:, None] + np.arange(TOGETHER)].astype(np.uint64)  # (places, 4)
            keys = self._folded(list(fours.T))
            which = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
            same = wanted[which] == keys
            found[which[same][self._trained_on(at[same] + begin)]] = True
        return found

    def _trained_on(self, places: Places) -> Flags:
        """Whether the lines of these places are in the training part, where there are lines."""
        if self.stored.reading == "text":
            return np.ones(len(places), np.bool_)
        lines = np.searchsorted(self.stored.starts, places, side="right") - 1
        return np.isin(lines, self.stored.train_samples)

    def _keys(self, ids: Keys) -> Keys:
        """A number for the four tokens from each place on."""
        size = max(0, len(ids) - TOGETHER + 1)
        return self._folded([ids[place : place + size] for place in range(TOGETHER)])

    def _folded(self, four: Sequence[Keys]) -> Keys:
        size = self.stored.vocab_size
        factor, keys = np.uint64(size if size <= EXACT else MIX), np.zeros_like(four[0])
        for ids in four:
            keys = keys * factor + ids
        return keys

    def _plain(self, ids: Keys) -> Flags:
        """Whether all four tokens from each place on are words of the text."""
        word = ids >= len(SPECIAL)
        if self.unknown is not None:
            word &= ids != self.unknown
        size = max(0, len(ids) - TOGETHER + 1)
        plain: Flags = np.all([word[place : place + size] for place in range(TOGETHER)], axis=0)
        return plain


def _pairs(ids: NDArray[np.integer[Any]]) -> NDArray[np.uint32]:
    """A number for each two tokens; few pairs that differ have the same."""
    narrow = ids.astype(np.uint32)
    return (narrow[:-1] * np.uint32(MIX & 0xFFFFFFFF) + narrow[1:]) >> np.uint32(32 - PAIR_BITS)
