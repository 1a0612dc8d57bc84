"""Losses of models without parameters, which every trained model is compared with.

All losses are means in nats per token; counts come from the training part. A decoder is compared
with counts after the token before, an encoder with counts between both neighbours.

Shapes: N masked tokens, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.dataset.spans import Int64Array
from core.tokenizer.special_tokens import PAD
from core.train.batches import LineSamples, iter_spans_in_order
from core.train.labelling import Labelling
from core.train.masking import Masking

MAX_BASELINE_TARGETS = 5_000_000
MAX_MASKED_TOKENS = 4_096  # that an encoder's baselines are measured on
CHUNK_NUMBERS = 1 << 22  # of an array of distributions (N, V)


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
    for body in _first_pieces(pieces):
        part = np.asarray(ids[body], dtype=np.int64)
        wanted = slice(None)
        if pieces.is_target is not None:
            wanted = pieces.is_target[body][1:] == 1
        previous.append(part[:-1][wanted])
        target.append(part[1:][wanted])
    targets = np.concatenate(target)
    assert (targets != PAD).all(), "padding is never a token of a corpus"
    return np.concatenate(previous), targets


def masked_baselines(
    ids: NDArray[np.unsignedinteger],
    train: LineSamples,
    judged: LineSamples,
    masking: Masking,
    vocab_size: int,
) -> dict[str, float]:
    """Losses and accuracies of models without parameters that restore masked tokens.

    Returns `random` (ln V), `unigram` and `trigram` (a token between its two neighbours), and
    `unigram_accuracy` and `trigram_accuracy`. As in `baseline_losses`, counts come from the first
    5 million tokens; at most 4,096 masked tokens of `judged` are restored. Neighbours are as the
    encoder sees them: those that are masked too are not known.
    """
    counts = TwoSidedCounts.of(ids, train, vocab_size)
    left, right, expected = _masked_places(ids, judged, masking)
    losses, hits = [], 0
    step = max(1, CHUNK_NUMBERS // vocab_size)
    for first in range(0, len(expected), step):
        part = slice(first, first + step)
        probabilities = counts.distribution(left[part], right[part])  # (N, V)
        target = expected[part]
        losses.append(-np.log(probabilities[np.arange(len(target)), target]))
        hits += int((probabilities.argmax(axis=1) == target).sum())
    count = max(1, len(expected))
    likeliest = counts.unigram.argmax()
    return {
        "random": math.log(vocab_size),
        "unigram": float(-np.log(counts.unigram[expected]).sum() / count),
        "trigram": float(np.concatenate([*losses, np.zeros(0)]).sum() / count),
        "unigram_accuracy": float((expected == likeliest).sum() / count),
        "trigram_accuracy": hits / count,
    }


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


@dataclass(frozen=True)
class TwoSidedCounts:
    """Counts of tokens after, before and between others.

    Attributes:
        unigram: (V,) probabilities, smoothed by adding one.
        after, before, between: of each context (the token before; the one after; both) the tokens
            counted there.
    """

    unigram: NDArray[np.float64]
    after: ContextCounts
    before: ContextCounts
    between: ContextCounts

    @classmethod
    def of(
        cls, ids: NDArray[np.unsignedinteger], train: LineSamples, vocab_size: int
    ) -> TwoSidedCounts:
        """Count the first 5 million tokens of the training part."""
        parts = [np.asarray(ids[body], np.int64) for body in _first_pieces(train)]
        none = np.zeros(0, np.int64)
        left, token, right = (
            np.concatenate(
                [none, *(part[i : len(part) - 2 + i] for part in parts if len(part) > 2)]
            )
            for i in range(3)
        )
        counts = np.bincount(token, minlength=vocab_size) + 1.0
        return cls(
            counts / counts.sum(),
            ContextCounts.of(left, token, vocab_size),
            ContextCounts.of(right, token, vocab_size),
            ContextCounts.of(left * vocab_size + right, token, vocab_size),
        )

    def distribution(self, left: Int64Array, right: Int64Array) -> NDArray[np.float64]:
        """Probabilities (N, V) of each token between two neighbours (N,).

        Counts between both are interpolated after Witten and Bell (1991) with the product of the
        two one-sided distributions over the unigrams, as if the sides were independent given the
        token; those with the unigrams.
        """
        unigrams = np.broadcast_to(self.unigram, (len(left), len(self.unigram)))
        sides = self.after.interpolate(left, unigrams) * self.before.interpolate(right, unigrams)
        sides /= self.unigram
        sides /= sides.sum(axis=1, keepdims=True)
        return self.between.interpolate(left * len(self.unigram) + right, sides)


@dataclass(frozen=True)
class ContextCounts:
    """How often each token was seen in each context, sorted by context.

    Attributes:
        contexts, tokens, counts: (pairs,) one for each distinct pair.
    """

    contexts: Int64Array
    tokens: Int64Array
    counts: Int64Array

    @classmethod
    def of(cls, contexts: Int64Array, tokens: Int64Array, vocab_size: int) -> ContextCounts:
        """Count pairs of a context and a token."""
        assert vocab_size <= 1 << 20, "three ids would not fit into 64 bits"
        pairs, counts = np.unique(contexts * vocab_size + tokens, return_counts=True)
        return cls(pairs // vocab_size, pairs % vocab_size, counts.astype(np.int64))

    def interpolate(
        self, contexts: Int64Array, backoff: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Probabilities (N, V) in some contexts (N,).

        The more distinct tokens a context has, the more weight `backoff` (N, V) gets; all of it in
        an unseen one.
        """
        begins = np.searchsorted(self.contexts, contexts)
        distinct = np.searchsorted(self.contexts, contexts, side="right") - begins  # (N,)
        rows = np.repeat(np.arange(len(contexts)), distinct)
        pairs = np.repeat(begins - np.cumsum(distinct) + distinct, distinct) + np.arange(len(rows))
        weight = np.maximum(distinct, 1).astype(np.float64)[:, None]  # (N, 1)
        probabilities = weight * backoff
        totals = np.bincount(rows, self.counts[pairs], len(contexts))[:, None]  # (N, 1)
        probabilities[rows, self.tokens[pairs]] += self.counts[pairs]
        mixed: NDArray[np.float64] = probabilities / (totals + weight)
        return mixed


def _masked_places(
    ids: NDArray[np.unsignedinteger], judged: LineSamples, masking: Masking
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Neighbours and token, (N,) each, of the first masked tokens; PAD for a missing neighbour."""
    found: list[tuple[Int64Array, Int64Array, Int64Array]] = []
    count = 0
    for spans in iter_spans_in_order(judged, 64):
        inputs, targets = (
            tensor.numpy() for tensor in masking.batch(ids, spans, np.zeros(len(spans), np.int64))
        )
        padded = np.pad(inputs, ((0, 0), (1, 1)), constant_values=PAD)
        rows, columns = (targets != PAD).nonzero()
        found.append((padded[rows, columns], padded[rows, columns + 2], targets[rows, columns]))
        count += len(rows)
        if count >= MAX_MASKED_TOKENS:
            break
    left, right, token = (
        np.concatenate([np.zeros(0, np.int64), *parts])[:MAX_MASKED_TOKENS]
        for parts in zip(*found, strict=True)
    )
    return left, right, token


def _first_pieces(samples: LineSamples) -> Iterator[slice]:
    """The token ranges of the first pieces, up to the limit of tokens; at least one."""
    counts = np.cumsum(samples.pieces.lengths)
    count = max(1, int(np.searchsorted(counts, MAX_BASELINE_TARGETS, side="right")))
    return (body for _, body in samples.pieces[:count])
