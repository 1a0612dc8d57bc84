"""Which parts of a text stand verbatim in the corpus: maximal spans, and how much they are.

A span is maximal if neither the token before it nor the one after it can be added; two may overlap.
Special tokens and unknown words end a span: what they stand for is not known to be the same.

How much of a reply was copied, by looking through the training part: no index, no memory.

A token counts as copied if four neighbours, it among them, stand in the training part one after
another: the same tokens as those in spans of at least four of `core.attribution.overlap`. Most
places of a
text are ruled out by their first two tokens, so looking through it costs a few nanoseconds a token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.attribution.ngram_index import NgramIndex, Occurrences
from core.dataset.token_store import TokenFile
from core.tokenizer.special_tokens import SPECIAL

MIN_COPIED_TOKENS = 4


@dataclass(frozen=True)
class CopiedSpan:
    """A part that stands in the corpus.

    Attributes:
        begin, end: its tokens.
        occurrences: where.
    """

    begin: int
    end: int
    occurrences: Occurrences


@dataclass(frozen=True)
class CopiedSpans:
    """What of a text stands in the corpus.

    Attributes:
        tokens: of the text, special ones left out.
        spans: maximal ones of at least so many tokens, by their beginning.
        copied: tokens within them.
        longest: tokens of the longest sequence that stands there, however short.
        bigrams, new_bigrams: pairs of neighbours, and those that never stand there.
    """

    tokens: int
    spans: list[CopiedSpan]
    copied: int
    longest: int
    bigrams: int
    new_bigrams: int

    @property
    def share(self) -> float:
        """The share of the tokens that was copied."""
        return self.copied / self.tokens if self.tokens else 0.0

    @property
    def new_share(self) -> float:
        """The share of the pairs that are new."""
        return self.new_bigrams / self.bigrams if self.bigrams else 0.0


def find_copies(
    where: NgramIndex,
    ids: Sequence[int],
    least: int = MIN_COPIED_TOKENS,
    unknown: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> CopiedSpans:
    """Compares a text with the corpus.

    Args:
        least: tokens of the shortest span.
        unknown: the id of what the vocabulary does not hold.
        check: called again and again; may raise.
    """
    spans: list[CopiedSpan] = []
    longest = known_pairs = 0
    for begin, end in _plain_parts(ids, unknown):
        found = list(_maximal(where, ids, begin, end, check))
        longest = max([longest, *(span.end - span.begin for span in found)])
        spans += [span for span in found if span.end - span.begin >= least]
        known_pairs += len({n for span in found for n in range(span.begin, span.end - 1)})
    covered = {place for span in spans for place in range(span.begin, span.end)}
    said = [id >= len(SPECIAL) for id in ids]
    pairs = sum(one and other for one, other in pairwise(said))
    return CopiedSpans(sum(said), spans, len(covered), longest, pairs, pairs - known_pairs)


def _plain_parts(ids: Sequence[int], unknown: int | None) -> Iterator[tuple[int, int]]:
    """The ranges between special tokens and unknown words."""
    begin = 0
    for place, id in enumerate([*ids, 0]):
        if id < len(SPECIAL) or id == unknown:
            if place > begin:
                yield begin, place
            begin = place + 1


def _maximal(
    where: NgramIndex, ids: Sequence[int], begin: int, end: int, check: Callable[[], None]
) -> Iterator[CopiedSpan]:
    """The maximal spans of ids[begin:end], single tokens too."""
    reached = begin
    for first in range(begin, end):
        check()
        before, longest = reached, None
        reached = max(reached, first)
        # Without its first token a span stands there too: the end never comes back.
        while reached < end:
            found = where.find(ids[first : reached + 1])
            if not found.count:
                break
            longest, reached = found, reached + 1
        if longest is not None and reached > before:
            yield CopiedSpan(first, reached, longest)


COPY_WINDOW = 4
SCAN_CHUNK_TOKENS = (
    1 << 18
)  # tokens looked at together: what is made of them stays in the processor's cache
PAIR_BITS = 20
EXACT_VOCAB_SIZE = 1 << 16  # four ids below it make one number of 64 bits
HASH_MULTIPLIER = 0x9E3779B97F4A7C15  # an odd number of well spread bits, for larger vocabularies

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

    tokens: TokenFile
    unknown: int | None

    def measure(self, replies: Sequence[Sequence[int]]) -> float | None:
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
                copied[begin : begin + COPY_WINDOW] = True
            if tokens:
                shares.append(copied.sum() / tokens)
        return float(np.mean(shares)) if shares else None

    def _standing(self, wanted: Keys, arrays: Sequence[Keys]) -> Flags:
        """Which of the fours stand in the training part."""
        found = np.zeros(len(wanted), np.bool_)
        likely = np.zeros(1 << PAIR_BITS, np.bool_)
        for ids in arrays:
            likely[_pairs(ids)] = True
        end = self.tokens.train_span[1] if self.tokens.reading == "text" else len(self.tokens.ids)
        for begin in range(0, end, SCAN_CHUNK_TOKENS):
            if found.all():
                break
            part = self.tokens.ids[begin : min(end, begin + SCAN_CHUNK_TOKENS + COPY_WINDOW - 1)]
            at = np.flatnonzero(likely[_pairs(part)][: 2 - COPY_WINDOW])
            fours = part[at[:, None] + np.arange(COPY_WINDOW)].astype(np.uint64)  # (places, 4)
            keys = self._folded(list(fours.T))
            which = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
            same = wanted[which] == keys
            found[which[same][self._trained_on(at[same] + begin)]] = True
        return found

    def _trained_on(self, places: Places) -> Flags:
        """Whether the lines of these places are in the training part, where there are lines."""
        if self.tokens.reading == "text":
            return np.ones(len(places), np.bool_)
        lines = np.searchsorted(self.tokens.starts, places, side="right") - 1
        return np.isin(lines, self.tokens.train_samples)

    def _keys(self, ids: Keys) -> Keys:
        """A number for the four tokens from each place on."""
        size = max(0, len(ids) - COPY_WINDOW + 1)
        return self._folded([ids[place : place + size] for place in range(COPY_WINDOW)])

    def _folded(self, four: Sequence[Keys]) -> Keys:
        size = self.tokens.vocab_size
        factor, keys = (
            np.uint64(size if size <= EXACT_VOCAB_SIZE else HASH_MULTIPLIER),
            np.zeros_like(four[0]),
        )
        for ids in four:
            keys = keys * factor + ids
        return keys

    def _plain(self, ids: Keys) -> Flags:
        """Whether all four tokens from each place on are words of the text."""
        word = ids >= len(SPECIAL)
        if self.unknown is not None:
            word &= ids != self.unknown
        size = max(0, len(ids) - COPY_WINDOW + 1)
        plain: Flags = np.all([word[place : place + size] for place in range(COPY_WINDOW)], axis=0)
        return plain


def _pairs(ids: NDArray[np.integer[Any]]) -> NDArray[np.uint32]:
    """A number for each two tokens; few pairs that differ have the same."""
    narrow = ids.astype(np.uint32)
    return (narrow[:-1] * np.uint32(HASH_MULTIPLIER & 0xFFFFFFFF) + narrow[1:]) >> np.uint32(
        32 - PAIR_BITS
    )
