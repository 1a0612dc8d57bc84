"""Which parts of a text are verbatim copies of the corpus, and what share of it they are.

`find_copies` finds maximal spans with the index: a span that can be extended neither to the left
nor to the right; two spans may overlap. Special tokens and unknown words end a span, as they may
stand for different text.

`CopyRate` measures only the share, by scanning the training part: it needs no index and little
memory. A token counts as copied if it is one of four consecutive tokens that occur in the training
part, which are exactly the tokens in spans of at least four. Most positions of the corpus are ruled
out by their first two tokens, so the scan takes a few nanoseconds per token.
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

BASIC_IDS = range(len(SPECIAL))
MIN_COPIED_TOKENS = 4
# Tokens scanned at once: intermediate arrays stay in the processor's cache.
SCAN_CHUNK_TOKENS = 1 << 18
PAIR_BITS = 20
EXACT_VOCAB_SIZE = 1 << 16  # four smaller ids fit into 64 bits; others are hashed
HASH_MULTIPLIER = 0x9E3779B97F4A7C15  # odd, with well spread bits (Fibonacci hashing)

Keys = NDArray[np.uint64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class CopiedSpan:
    """The tokens begin … end of a text, with where they occur in the corpus."""

    begin: int
    end: int
    occurrences: Occurrences


@dataclass(frozen=True)
class CopiedSpans:
    """What of a text was copied.

    Attributes:
        tokens: number of tokens of the text, special ones excluded.
        spans: maximal spans of at least the minimum length, in order.
        copied: number of tokens inside them.
        longest: length of the longest sequence that occurs, even below the minimum.
        bigrams, new_bigrams: number of bigrams, and of those that never occur.
    """

    tokens: int
    spans: list[CopiedSpan]
    copied: int
    longest: int
    bigrams: int
    new_bigrams: int

    @property
    def share(self) -> float:
        """The share of tokens that were copied."""
        return self.copied / self.tokens if self.tokens else 0.0


def find_copies(
    ngrams: NgramIndex,
    ids: Sequence[int],
    min_tokens: int = MIN_COPIED_TOKENS,
    unknown_id: int | None = None,
    check: Callable[[], None] = lambda: None,
    is_special: Callable[[int], bool] = BASIC_IDS.__contains__,
) -> CopiedSpans:
    """Find the parts of a text that occur in the corpus.

    Args:
        min_tokens: length of the shortest span to report.
        unknown_id: the id of unknown words.
        check: called between searches; may raise to cancel.
        is_special: whether an id is a special token.
    """
    spans: list[CopiedSpan] = []
    longest = known_bigrams = 0
    for begin, end in _split_at_special(ids, is_special, unknown_id):
        maximal = list(_find_maximal(ngrams, ids, begin, end, check))
        longest = max([longest, *(span.end - span.begin for span in maximal)])
        spans += [span for span in maximal if span.end - span.begin >= min_tokens]
        known_bigrams += len({n for span in maximal for n in range(span.begin, span.end - 1)})
    covered = {number for span in spans for number in range(span.begin, span.end)}
    is_word = [not is_special(id) for id in ids]
    bigrams = sum(first and second for first, second in pairwise(is_word))
    return CopiedSpans(
        tokens=sum(is_word),
        spans=spans,
        copied=len(covered),
        longest=longest,
        bigrams=bigrams,
        new_bigrams=bigrams - known_bigrams,
    )


def _split_at_special(
    ids: Sequence[int], is_special: Callable[[int], bool], unknown_id: int | None
) -> Iterator[tuple[int, int]]:
    """Yield the ranges between special tokens and unknown words."""
    begin = 0
    for number, id in enumerate([*ids, 0]):
        if is_special(id) or id == unknown_id:
            if number > begin:
                yield begin, number
            begin = number + 1


def _find_maximal(
    ngrams: NgramIndex, ids: Sequence[int], begin: int, end: int, check: Callable[[], None]
) -> Iterator[CopiedSpan]:
    """Yield the maximal spans of ids[begin:end], including single tokens."""
    reached = begin
    for first in range(begin, end):
        check()
        previous, longest = reached, None
        # A span without its first token occurs too: the end never moves back.
        reached = max(reached, first)
        while reached < end:
            occurrences = ngrams.find(ids[first : reached + 1])
            if not occurrences.count:
                break
            longest, reached = occurrences, reached + 1
        if longest is not None and reached > previous:
            yield CopiedSpan(first, reached, longest)


@dataclass(frozen=True)
class CopyRate:
    """Measures how much of texts was copied from the training part.

    Attributes:
        tokens: of the corpus.
        unknown_id: the id of unknown words, which never count as copied.
    """

    tokens: TokenFile
    unknown_id: int | None

    def measure(self, replies: Sequence[Sequence[int]]) -> float | None:
        """Return the mean share of copied tokens over replies; None without any word in them."""
        arrays = [np.array(ids, np.uint64) for ids in replies]
        keys = [self._make_keys(array) for array in arrays]
        plain = [self._is_plain(array) for array in arrays]
        plain_keys = [key[is_plain] for key, is_plain in zip(keys, plain, strict=True)]
        wanted = np.unique(np.concatenate([np.empty(0, np.uint64), *plain_keys]))
        known = wanted[self._scan(wanted, arrays)]
        shares = []
        for array, key, is_plain in zip(arrays, keys, plain, strict=True):
            tokens = int((array >= len(SPECIAL)).sum())
            is_copied = np.zeros(len(array), np.bool_)
            for begin in np.flatnonzero(np.isin(key, known) & is_plain):
                is_copied[begin : begin + MIN_COPIED_TOKENS] = True
            if tokens:
                shares.append(is_copied.sum() / tokens)
        return float(np.mean(shares)) if shares else None

    def _scan(self, wanted: Keys, arrays: Sequence[Keys]) -> Flags:
        """Return which of the sorted 4-gram keys occur in the training part."""
        is_known = np.zeros(len(wanted), np.bool_)
        is_candidate = np.zeros(1 << PAIR_BITS, np.bool_)
        for ids in arrays:
            is_candidate[_hash_pairs(ids)] = True
        tokens, window = self.tokens, MIN_COPIED_TOKENS
        end = tokens.train_span[1] if tokens.reading == "text" else len(tokens.ids)
        for begin in range(0, end, SCAN_CHUNK_TOKENS):
            if is_known.all():
                break
            part = tokens.ids[begin : min(end, begin + SCAN_CHUNK_TOKENS + window - 1)]
            starts = np.flatnonzero(is_candidate[_hash_pairs(part)][: 2 - window])
            fours = part[starts[:, None] + np.arange(window)].astype(np.uint64)  # (starts, 4)
            keys = self._combine(list(fours.T))
            nearest = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
            is_match = wanted[nearest] == keys
            is_known[nearest[is_match][self._is_training(starts[is_match] + begin)]] = True
        return is_known

    def _is_training(self, positions: NDArray[np.int64]) -> Flags:
        """Whether positions are in the training part; for "text" they always are."""
        if self.tokens.reading == "text":
            return np.ones(len(positions), np.bool_)
        lines = np.searchsorted(self.tokens.starts, positions, side="right") - 1
        return np.isin(lines, self.tokens.train_samples)

    def _make_keys(self, ids: Keys) -> Keys:
        """Return a key of the four tokens from each position on."""
        size = max(0, len(ids) - MIN_COPIED_TOKENS + 1)
        return self._combine([ids[first : first + size] for first in range(MIN_COPIED_TOKENS)])

    def _combine(self, columns: Sequence[Keys]) -> Keys:
        size = self.tokens.vocab_size
        factor = np.uint64(size if size <= EXACT_VOCAB_SIZE else HASH_MULTIPLIER)
        keys = np.zeros_like(columns[0])
        for ids in columns:
            keys = keys * factor + ids
        return keys

    def _is_plain(self, ids: Keys) -> Flags:
        """Whether the four tokens from each position on are all known words."""
        is_word = ids >= len(SPECIAL)
        if self.unknown_id is not None:
            is_word &= ids != self.unknown_id
        size = max(0, len(ids) - MIN_COPIED_TOKENS + 1)
        windows = [is_word[first : first + size] for first in range(MIN_COPIED_TOKENS)]
        is_plain: Flags = np.all(windows, axis=0)
        return is_plain


def _hash_pairs(ids: NDArray[np.integer[Any]]) -> NDArray[np.uint32]:
    """Return a hash of `PAIR_BITS` bits for each two neighbours."""
    narrow = ids.astype(np.uint32)
    hashes = narrow[:-1] * np.uint32(HASH_MULTIPLIER & 0xFFFFFFFF) + narrow[1:]
    return hashes >> np.uint32(32 - PAIR_BITS)
