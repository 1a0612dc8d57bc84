"""Masked language modelling: which tokens are chosen, what replaces them, and that it is exact."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.dataset.spans import Spans
from core.tokenizer.special_tokens import EOS, PAD, SOS
from core.train.batches import Batches, LineSamples
from core.train.masking import Masking

UNITS, UNK, MASK_ID = range(3, 50), 50, 51
ROWS, LENGTH = 400, 22
IDS = np.concatenate(
    [[SOS, *np.random.default_rng(row).integers(3, 50, LENGTH - 2), EOS] for row in range(ROWS)]
).astype(np.uint16)
LINES = Spans(np.arange(0, ROWS * LENGTH, LENGTH), np.arange(LENGTH, (ROWS + 1) * LENGTH, LENGTH))
ZEROS = np.zeros(ROWS, np.int64)
MASKING = Masking(MASK_ID, UNITS, 0.15, seed=7)


def test_so_many_tokens_of_each_sample_are_chosen_and_no_special_ones() -> None:
    inputs, targets = MASKING.batch(IDS, LINES, ZEROS)
    chosen = targets.ne(PAD)
    assert chosen.sum(1).tolist() == [3] * ROWS  # 15 % of 20
    assert not chosen[:, 0].any()
    assert not chosen[:, -1].any()
    original = torch.from_numpy(IDS.astype(np.int64)).view(ROWS, LENGTH)
    assert torch.equal(targets[chosen], original[chosen])
    assert torch.equal(inputs[~chosen], original[~chosen])


def test_of_the_chosen_four_fifths_are_masked_a_tenth_random_and_a_tenth_kept() -> None:
    inputs, targets = MASKING.batch(IDS, LINES, ZEROS)
    chosen = targets.ne(PAD)
    seen, expected = inputs[chosen], targets[chosen]
    masked, kept = seen.eq(MASK_ID), seen.eq(expected)
    count = len(seen)
    assert masked.sum() / count == pytest.approx(0.8, abs=0.04)
    assert kept.sum() / count == pytest.approx(0.1 + 0.1 / len(UNITS), abs=0.03)
    replaced = seen[~masked & ~kept]
    assert set(replaced.tolist()) <= set(UNITS)
    assert len(set(replaced.tolist())) > len(UNITS) // 2


def test_every_place_is_chosen_equally_often_over_the_passes() -> None:
    counts = torch.zeros(LENGTH)
    for number in range(20):
        counts += MASKING.batch(IDS, LINES, ZEROS + number)[1].ne(PAD).sum(0)
    inner = counts[1:-1] / counts.sum() * (LENGTH - 2)
    assert inner.min() > 0.9
    assert inner.max() < 1.1


def test_the_masking_is_a_function_of_seed_place_and_pass() -> None:
    """Not of the batch: a resumed run, and each of several ranks, masks as one process does."""
    inputs, targets = MASKING.batch(IDS, LINES, ZEROS)
    some = np.array([5, 310])
    again = MASKING.batch(IDS, LINES.take(some), ZEROS[:2])
    assert torch.equal(again[0], inputs[some])
    assert torch.equal(again[1], targets[some])
    for other in (
        MASKING.batch(IDS, LINES, ZEROS + 1)[1],
        Masking(MASK_ID, UNITS, 0.15, seed=8).batch(IDS, LINES, ZEROS)[1],
    ):
        assert (other.ne(PAD) & targets.ne(PAD)).sum() < 0.3 * targets.ne(PAD).sum()


@given(
    rows=st.lists(st.lists(st.sampled_from([EOS, UNK, 3, 20, 49]), max_size=9), max_size=5),
    share=st.floats(0.01, 0.9),
)
def test_the_targets_of_any_batch_are_counted_without_making_it(
    rows: list[list[int]], share: float
) -> None:
    lengths = np.array([len(row) + 1 for row in rows], np.int64)
    ids = np.array([id for row in rows for id in [SOS, *row]], np.uint16)
    ends = np.cumsum(lengths)
    spans = Spans(ends - lengths, ends)
    masking = Masking(MASK_ID, UNITS, share)
    inputs, targets = masking.batch(ids, spans, np.zeros(len(rows), np.int64))
    assert inputs.shape == targets.shape
    assert masking.count_targets(ids, spans) == int(targets.ne(PAD).sum())
    assert set(targets[targets.ne(PAD)].tolist()) <= set(UNITS)
    for row, expected in zip(rows, targets, strict=False):
        assert expected.ne(PAD).any() == any(id in UNITS for id in row)


def test_batches_mask_anew_in_every_epoch() -> None:
    batches = Batches(IDS, LineSamples(LINES), ROWS, seed=0, objective=MASKING)
    first, second = batches.batch(0), batches.batch(1)
    slots = [batches.batch(1, slot, 3) for slot in range(3)]
    assert torch.equal(torch.cat([targets for _, targets in slots]), second[1])
    assert batches.count_targets(1) == sum(batches.count_targets(1, slot, 3) for slot in range(3))
    by_line = [
        {tuple(row.tolist()) for row in targets.ne(PAD).nonzero()} for _, targets in (first, second)
    ]
    assert by_line[0] != by_line[1]


def test_it_survives_the_way_to_another_rank() -> None:
    assert Masking.from_json(MASKING.to_json()) == MASKING
