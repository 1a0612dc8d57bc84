"""Losses of the uniform, unigram and bigram baselines."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from core.dataset.spans import Spans
from core.train.baselines import baseline_losses
from core.train.batches import LineSamples
from core.train.masked_baselines import TwoSidedCounts, masked_baselines
from core.train.masking import Masking

SENTENCE = np.array([1, 3, 4, 5, 2], np.uint16)
WHOLE = LineSamples(Spans(np.array([0]), np.array([5])))


def _repeated(times: int) -> tuple[np.ndarray, LineSamples]:
    starts = np.arange(0, 5 * times, 5)
    return np.tile(SENTENCE, times), LineSamples(Spans(starts, starts + 5))


def test_the_uniform_baseline_is_the_logarithm_of_the_vocabulary() -> None:
    assert baseline_losses(SENTENCE, WHOLE, WHOLE, 6)["random"] == pytest.approx(math.log(6))


def test_the_unigram_baseline_is_the_cross_entropy_with_smoothed_counts() -> None:
    counts = Counter([3, 4, 5, 2])
    total = 4 + 6
    expected = -sum(math.log((counts[id] + 1) / total) for id in [3, 4, 5, 2]) / 4
    assert baseline_losses(SENTENCE, WHOLE, WHOLE, 6)["unigram"] == pytest.approx(expected)


def test_the_bigram_baseline_is_near_zero_if_each_token_determines_the_next() -> None:
    ids, lines = _repeated(500)
    losses = baseline_losses(ids, lines, lines, 6)
    assert losses["bigram"] < 0.01 < 1.0 < losses["unigram"]


def test_the_bigram_baseline_is_finite_for_unseen_pairs() -> None:
    ids, lines = _repeated(20)
    strange = np.array([1, 5, 3, 0, 4, 2], np.uint16)[[0, 1, 2, 4, 5]]
    both = np.concatenate([ids, strange])
    judged = LineSamples(Spans(np.array([len(ids)]), np.array([len(both)])))
    assert math.isfinite(baseline_losses(both, lines, judged, 6)["bigram"])


def test_no_pair_crosses_the_end_of_a_line() -> None:
    """The token after <eos> begins another line; no model predicts it."""
    ids, lines = _repeated(50)
    whole = LineSamples(Spans(np.array([0]), np.array([len(ids)])))
    assert baseline_losses(ids, lines, lines, 6) != baseline_losses(ids, whole, whole, 6)


def test_counts_between_neighbours_are_interpolated_with_those_on_each_side() -> None:
    """Against the formula written out for one place."""
    ids = np.array([1, 3, 4, 5, 2, 1, 3, 4, 5, 2, 1, 3, 6, 5, 2, 1, 4, 6, 2], np.uint16)
    ends = np.array([5, 10, 15, 19])
    lines = LineSamples(Spans(np.array([0, 5, 10, 15]), ends))
    vocab_size = 8
    inner = [3, 4, 5, 3, 4, 5, 3, 6, 5, 4, 6]
    unigram = np.array([inner.count(id) + 1 for id in range(vocab_size)]) / (len(inner) + 8)

    def interpolate(counts: Counter[int], backoff: np.ndarray) -> np.ndarray:
        weight = max(1, len(counts))
        numbers = np.array([counts[id] for id in range(vocab_size)])
        return (numbers + weight * backoff) / (numbers.sum() + weight)

    sides = interpolate(Counter([4, 4, 6]), unigram) * interpolate(Counter([4, 4, 6]), unigram)
    sides = sides / unigram / (sides / unigram).sum()
    expected = interpolate(Counter([4, 4, 6]), sides)
    counts = TwoSidedCounts.of(ids, lines, vocab_size)
    (between,) = counts.distribution(np.array([3]), np.array([5]))
    assert between == pytest.approx(expected)
    (unseen,) = counts.distribution(np.array([0]), np.array([7]))
    assert unseen == pytest.approx(unigram)
    assert counts.distribution(np.array([4, 1]), np.array([2, 4])).sum(1) == pytest.approx(1.0)


def test_masked_tokens_that_follow_from_both_sides_are_restored_by_counting() -> None:
    ids, lines = _repeated(200)
    found = masked_baselines(ids, lines, lines, Masking(7, range(3, 6)), 8)
    assert found["trigram_accuracy"] == 1.0
    assert found["trigram"] < 0.1 < found["unigram"]
    assert found["unigram_accuracy"] == pytest.approx(1 / 3, abs=0.1)
    assert found["random"] == pytest.approx(math.log(8))


def test_without_tokens_to_mask_the_baselines_are_zero() -> None:
    ids, lines = (
        np.array([1, 2, 1, 2], np.uint16),
        LineSamples(Spans(np.array([0, 2]), np.array([2, 4]))),
    )
    found = masked_baselines(ids, lines, lines, Masking(7, range(3, 6)), 8)
    assert (found["trigram"], found["trigram_accuracy"]) == (0.0, 0.0)
