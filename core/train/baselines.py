"""Losses of models without parameters, which trained models are compared with.

All losses are means in nats per target; counts come from the training part. Those of an encoder
that restores masked tokens are in `core.train.masked_baselines`.

Shapes: L labels, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.dataset.spans import Int64Array
from core.train.batches import LineSamples
from core.train.labelling import Labelling

MAX_BASELINE_TARGETS = 5_000_000


def baseline_losses(
    ids: NDArray[np.unsignedinteger], train: LineSamples, judged: LineSamples, vocab_size: int
) -> dict[str, float]:
    """Losses of models without parameters: uniform, token counts, counts after one token.

    Returns `random` (ln V), `unigram` and `bigram`. Counts come from at most the first 5 million
    targets of `train`, the losses are on `judged`. Unigram counts are smoothed by adding one, and
    bigrams are interpolated with unigrams after Witten and Bell (1991): the more distinct tokens
    followed, the more weight the unigrams get.
    """
    previous, target = _token_pairs(ids, train)
    counts = np.bincount(target, minlength=vocab_size) + 1.0
    unigram = counts / counts.sum()  # (V,)
    judged_previous, judged_target = _token_pairs(ids, judged)
    bigram = _bigram_probabilities(previous, target, judged_previous, judged_target, unigram)
    return {
        "random": math.log(vocab_size),
        "unigram": float(-np.log(unigram[judged_target]).mean()),
        "bigram": float(-np.log(bigram).mean()),
    }


def _bigram_probabilities(
    previous: Int64Array,
    target: Int64Array,
    judged_previous: Int64Array,
    judged_target: Int64Array,
    unigram: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The probability of each evaluated target given its previous token."""
    vocab_size = len(unigram)
    pairs, pair_counts = np.unique(previous * vocab_size + target, return_counts=True)
    distinct = np.bincount(pairs // vocab_size, minlength=vocab_size)  # followers of a token, (V,)
    total = np.bincount(previous, minlength=vocab_size)  # (V,)
    judged_pairs = judged_previous * vocab_size + judged_target
    index = np.minimum(np.searchsorted(pairs, judged_pairs), len(pairs) - 1)
    count = np.where(pairs[index] == judged_pairs, pair_counts[index], 0)
    unigram_weight = np.maximum(distinct[judged_previous], 1)
    probabilities: NDArray[np.float64] = (count + unigram_weight * unigram[judged_target]) / (
        total[judged_previous] + unigram_weight
    )
    return probabilities


def _token_pairs(
    ids: NDArray[np.unsignedinteger], pieces: LineSamples
) -> tuple[Int64Array, Int64Array]:
    """Each target with the token before it, of the first pieces up to the limit."""
    previous, target = [], []
    for body in first_pieces(pieces):
        part = np.asarray(ids[body], dtype=np.int64)
        wanted = slice(None)
        if pieces.is_target is not None:
            wanted = pieces.is_target[body][1:] == 1
        previous.append(part[:-1][wanted])
        target.append(part[1:][wanted])
    return np.concatenate(previous), np.concatenate(target)


def label_baselines(
    ids: NDArray[np.unsignedinteger],
    train: LineSamples,
    judged: LineSamples,
    labelling: Labelling,
) -> dict[str, float]:
    """Losses and accuracy of models that label texts without reading them.

    Returns `random` (ln L), `unigram` (how often each label is in `train`, smoothed by adding one)
    and `unigram_accuracy` (always the most frequent label).
    """
    counts = labelling.count_labels(ids, train.pieces) + 1.0
    expected = labelling.count_labels(ids, judged.pieces)
    count = max(1, int(expected.sum()))
    return {
        "random": math.log(len(counts)),
        "unigram": float(-(expected * np.log(counts / counts.sum())).sum() / count),
        "unigram_accuracy": float(expected[counts.argmax()] / count),
    }


def first_pieces(samples: LineSamples) -> Iterator[slice]:
    """The token ranges of the first pieces, up to the limit of tokens; at least one."""
    counts = np.cumsum(samples.pieces.lengths)
    count = max(1, int(np.searchsorted(counts, MAX_BASELINE_TARGETS, side="right")))
    return (body for _, body in samples.pieces[:count])
