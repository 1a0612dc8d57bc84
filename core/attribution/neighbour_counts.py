"""How often each token is between two others in the training part of a corpus."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.attribution.ngram_index import NgramIndex
from core.dataset.spans import Int64Array
from core.dataset.token_store import TokenFile
from core.text.corpus import TEXT

MAX_INDEXED_POSITIONS = 1 << 20
MAX_SCANNED_TOKENS = 1 << 27
TOKENS_PER_BLOCK = 1 << 20


@dataclass(frozen=True)
class NeighbourCounts:
    """The tokens between two others.

    Attributes:
        counts: how often each token is there.
        at_least: whether only a part of the corpus was searched.
    """

    counts: Counter[int]
    at_least: bool = False


def count_between(
    tokens: TokenFile, left: int, right: int, ngrams: NgramIndex | None = None
) -> NeighbourCounts:
    """Count the tokens between `left` and `right` in the training part.

    Args:
        ngrams: the index of the tokens if there is one; otherwise the first 2^27 tokens are read.
    """
    if ngrams is not None:
        begin, end = ngrams.find_range([left])
        if end - begin <= MAX_INDEXED_POSITIONS:
            positions = ngrams.positions[begin:end].astype(np.int64)
            return NeighbourCounts(_count_at(ngrams.ids, positions, right))
    counts: Counter[int] = Counter()
    end = tokens.train_span[1] if tokens.reading == TEXT else len(tokens.ids)
    stop = min(end, MAX_SCANNED_TOKENS)
    for start in range(0, stop, TOKENS_PER_BLOCK):
        block = np.asarray(tokens.ids[start : min(start + TOKENS_PER_BLOCK, stop)])
        positions = start + np.flatnonzero(block == left)
        counts += _count_at(tokens.ids[:end], _in_training(tokens, positions), right)
    return NeighbourCounts(counts, at_least=stop < end)


def _count_at(ids: NDArray[np.unsignedinteger], positions: Int64Array, right: int) -> Counter[int]:
    """Count the tokens after these positions that `right` follows."""
    positions = positions[positions + 2 < len(ids)]
    positions = positions[ids[positions + 2] == right]
    return Counter(ids[positions + 1].tolist())


def _in_training(tokens: TokenFile, positions: Int64Array) -> Int64Array:
    """The positions that are in samples of the training part."""
    if tokens.reading == TEXT or not len(tokens.val_samples):
        return positions
    samples = np.searchsorted(tokens.starts, positions, side="right") - 1
    numbers = np.searchsorted(tokens.val_samples, samples).clip(max=len(tokens.val_samples) - 1)
    kept: Int64Array = positions[tokens.val_samples[numbers] != samples]
    return kept
