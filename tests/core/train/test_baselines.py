"""Losses of the uniform, unigram and bigram baselines."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from core.dataset.spans import Spans
from core.train.baselines import baseline_losses
from core.train.batches import LineSamples

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
