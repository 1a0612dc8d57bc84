"""Losses and accuracies of counts that restore masked tokens, which an encoder is compared with.

All losses are means in nats per masked token; counts come from the training part.

Shapes: N masked tokens, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.dataset.spans import Int64Array
from core.tokenizer.special_tokens import PAD
from core.train.baselines import first_pieces
from core.train.batches import LineSamples, iter_spans_in_order
from core.train.masking import Masking

MAX_MASKED_TOKENS = 4_096
# Distributions over large vocabularies are computed for a part of the masked tokens at a time.
MAX_ELEMENTS = 1 << 22  # of an array (N, V)
BATCH_SIZE = 64  # samples masked at a time


def masked_baselines(
    ids: NDArray[np.unsignedinteger],
    train: LineSamples,
    judged: LineSamples,
    masking: Masking,
    vocab_size: int,
) -> dict[str, float]:
    """Losses and accuracies of models without parameters that restore masked tokens.

    Returns `random` (ln V), `unigram` and `trigram` (a token between its two neighbours), and
    `unigram_accuracy` and `trigram_accuracy`. Counts come from the first 5 million
    tokens of `train`; at most 4,096 masked tokens of `judged` are restored. Neighbours are as the
    encoder sees them: those that are masked too are not known.
    """
    counts = TwoSidedCounts.of(ids, train, vocab_size)
    left, right, expected = _masked_places(ids, judged, masking)
    loss, hits = 0.0, 0
    step = max(1, MAX_ELEMENTS // vocab_size)
    for first in range(0, len(expected), step):
        part = slice(first, first + step)
        probabilities = counts.distribution(left[part], right[part])  # (N, V)
        target = expected[part]
        loss -= float(np.log(probabilities[np.arange(len(target)), target]).sum())
        hits += int((probabilities.argmax(axis=1) == target).sum())
    count = max(1, len(expected))
    likeliest = counts.unigram.argmax()
    return {
        "random": math.log(vocab_size),
        "unigram": float(-np.log(counts.unigram[expected]).sum() / count),
        "trigram": loss / count,
        "unigram_accuracy": float((expected == likeliest).sum() / count),
        "trigram_accuracy": hits / count,
    }


@dataclass(frozen=True)
class TwoSidedCounts:
    """A two-sided trigram model: counts of tokens after, before and between others.

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
        parts = [np.asarray(ids[body], np.int64) for body in first_pieces(train)]
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
        """Probabilities (N, V) in some contexts (N,), after Witten and Bell (1991).

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
    parts: list[tuple[Int64Array, Int64Array, Int64Array]] = []
    count = 0
    for spans in iter_spans_in_order(judged, BATCH_SIZE):
        inputs, targets = (
            tensor.numpy() for tensor in masking.batch(ids, spans, np.zeros(len(spans), np.int64))
        )
        padded = np.pad(inputs, ((0, 0), (1, 1)), constant_values=PAD)
        rows, columns = (targets != PAD).nonzero()
        parts.append((padded[rows, columns], padded[rows, columns + 2], targets[rows, columns]))
        count += len(rows)
        if count >= MAX_MASKED_TOKENS:
            break
    left, right, token = (
        np.concatenate(arrays)[:MAX_MASKED_TOKENS] for arrays in zip(*parts, strict=True)
    )
    return left, right, token
