"""Batches of lines and of windows, and the order of samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.config.configs import TrainConfig
from core.config.plan_inputs import DeviceFacts
from core.config.planner import plan_run
from core.dataset.spans import Spans
from core.dataset.token_store import TokenFile
from core.tokenizer.special_tokens import EOS, PAD, SOS
from core.train.batches import (
    Batches,
    LineSamples,
    WindowSamples,
    cut_evaluation_samples,
    cut_samples,
    gather_batch,
    iter_spans_in_order,
)
from core.train.prepare import measure_tokens

CPU = DeviceFacts(device="cpu", name="CPU", free_memory=8 * 2**30, threads=2)


def _lines(lengths: list[int]) -> TokenFile:
    """Lines with these numbers of words; every word has its own id."""
    ids: list[int] = []
    starts = [0]
    for length in lengths:
        first = 10 + len(ids)
        ids += [SOS, *range(first, first + length), EOS]
        starts.append(len(ids))
    return TokenFile(
        ids=np.array(ids, np.uint16),
        starts=np.array(starts, np.int64),
        reading="lines",
        vocab_size=10 + len(ids),
        train_samples=np.arange(len(lengths)),
    )


def _text(length: int, held: int = 0) -> TokenFile:
    return TokenFile(
        ids=np.arange(3, 3 + length, dtype=np.uint16),
        starts=np.array([0, length], np.int64),
        reading="text",
        vocab_size=length + 3,
        train_span=(0, length - held),
        val_span=(length - held, length),
    )


def _batches(tokens: TokenFile, batch_size: int, context: int, seed: int = 7) -> Batches:
    return Batches(tokens.ids, cut_samples(tokens, "train", context), batch_size, seed)


def test_lines_are_padded_and_targets_are_shifted_by_one() -> None:
    inputs, targets = _batches(_lines([2, 4]), 2, 32).batch(0)
    rows = sorted(inputs.tolist())
    assert rows == [[SOS, 10, 11, EOS, PAD], [SOS, 14, 15, 16, 17]]
    assert sorted(targets.tolist()) == [[10, 11, EOS, PAD, PAD], [14, 15, 16, 17, EOS]]


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=20),
    st.integers(1, 7),
    st.integers(2, 16),
)
def test_an_epoch_of_lines_has_every_target(
    lengths: list[int], batch_size: int, context: int
) -> None:
    tokens = _lines(lengths)
    batches = _batches(tokens, batch_size, context)
    first = [batches.batch(step) for step in range(-(-batches.samples.size // batch_size))]
    seen = np.concatenate([targets[targets != PAD].numpy() for _, targets in first])
    words = tokens.ids[tokens.ids > EOS]
    assert set(words.tolist()) <= set(seen.tolist())
    assert max(int(inputs.shape[1]) for inputs, _ in first) <= context


@given(st.integers(2, 300), st.integers(1, 40), st.integers(0, 2**31))
def test_an_epoch_of_windows_has_every_target(length: int, context: int, seed: int) -> None:
    tokens = _text(length)
    batches = _batches(tokens, 1, context, seed)
    seen: set[int] = set()
    for step in range(batches.samples.size):
        inputs, targets = batches.batch(step)
        assert torch.equal(inputs[:, 1:], targets[:, :-1])
        seen |= set(targets.flatten().tolist())
    assert seen == set(tokens.ids[1:].tolist())


@given(st.integers(1, 50), st.integers(1, 4), st.integers(0, 60))
def test_a_batch_depends_on_seed_and_number_alone(count: int, batch_size: int, step: int) -> None:
    """A resumed run starts within an epoch and must see the batches of the uninterrupted run."""
    tokens = _lines([3] * count)
    used = _batches(tokens, batch_size, 8)
    for earlier in range(step):
        used.batch(earlier)
    fresh = _batches(tokens, batch_size, 8)
    assert torch.equal(used.batch(step)[0], fresh.batch(step)[0])


def test_another_seed_gives_another_order() -> None:
    tokens = _lines([3] * 50)
    orders = [_batches(tokens, 50, 8, seed).batch(0)[0].tolist() for seed in (1, 2)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_the_slices_of_a_batch_are_the_batch(slots: int) -> None:
    batches = _batches(_text(500), 6, 16)
    whole = batches.batch(3)[0]
    slices = [batches.batch(3, slot, slots)[0] for slot in range(slots)]
    assert torch.equal(torch.cat(slices), whole)


def test_an_evaluation_sees_each_target_of_its_part_once_and_in_order() -> None:
    tokens = _text(120, held=41)
    pieces = cut_evaluation_samples(tokens, "validation", 7)
    seen = [
        t
        for spans in iter_spans_in_order(pieces, 3)
        for t in gather_batch(tokens.ids, spans)[1].flatten().tolist()
    ]
    assert [t for t in seen if t != PAD] == tokens.ids[80:].tolist()


def test_a_limited_evaluation_ends_at_the_limit() -> None:
    tokens = _text(120, held=41)
    pieces = cut_evaluation_samples(tokens, "validation", 7)
    limited = [
        t
        for spans in iter_spans_in_order(pieces, 2, max_targets=21)
        for t in gather_batch(tokens.ids, spans)[1]
    ]
    assert sum(int((t != PAD).sum()) for t in limited) == 21


def test_parts_do_not_overlap() -> None:
    tokens = _text(100, held=10)
    train, held = cut_samples(tokens, "train", 8), cut_samples(tokens, "validation", 8)
    assert isinstance(train, WindowSamples)
    assert isinstance(held, WindowSamples)
    assert train.end == held.begin


@given(
    st.one_of(
        st.lists(st.integers(0, 70), min_size=1, max_size=12).map(_lines),
        st.builds(_text, st.integers(2, 300)),
    ),
    st.integers(2, 80),
    st.integers(1, 9),
)
def test_the_plan_counts_the_samples_that_training_cuts(
    tokens: TokenFile, context: int, batch_size: int
) -> None:
    """A line longer than the context is several samples for both."""
    batches = _batches(tokens, batch_size, context)
    facts = measure_tokens(tokens)
    assert facts.samples(context) == batches.samples.size
    config = TrainConfig(epochs=3.0, batch_size=batch_size, preset="tiny")
    plan = plan_run(config, {"context": context}, facts, CPU)
    assert plan.train.steps == max(1, round(3.0 * batches.steps_per_epoch))


def test_samples_of_lines_are_cut_at_the_context() -> None:
    samples = cut_samples(_lines([9]), "train", 4)
    assert isinstance(samples, LineSamples)
    assert (samples.pieces.begins.tolist(), samples.pieces.ends.tolist()) == ([0, 4, 8], [5, 9, 11])


def test_batches_sorted_by_length_have_every_sample_once_and_less_padding() -> None:
    lengths = np.random.default_rng(0).integers(3, 60, 96)
    ends = np.cumsum(lengths)
    ids = np.arange(3, 3 + ends[-1]).astype(np.uint32)
    samples = LineSamples(Spans(ends - lengths, ends))
    plain = Batches(ids, samples, 6, seed=4)
    by_length = Batches(ids, samples, 6, seed=4, sorted_batches=8)
    for epoch in range(2):
        steps = range(16 * epoch, 16 * (epoch + 1))
        firsts = [int(row[0]) for step in steps for row in by_length.batch(step)[0]]
        assert sorted(firsts) == sorted((ends - lengths + 3).tolist())
    padding = [
        sum(int((batches.batch(step)[0] == PAD).sum()) for step in range(32))
        for batches in (by_length, plain)
    ]
    assert padding[0] < padding[1] / 3
    again = Batches(ids, samples, 6, seed=4, sorted_batches=8)
    assert torch.equal(again.batch(21)[0], by_length.batch(21)[0])
    parts = [by_length.batch(21, slot, 3)[0] for slot in range(3)]
    assert sum(len(part) for part in parts) == 6
    assert sum(by_length.count_targets(21, slot, 3) for slot in range(3)) == (
        by_length.count_targets(21)
    )
