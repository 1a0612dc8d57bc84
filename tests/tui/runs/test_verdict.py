"""The verdict on invented histories: which sentence, with which numbers."""

from __future__ import annotations

from typing import Any

import pytest

from core.run import events, status
from core.run.events import Event
from core.run.history import History, Series
from tui.runs.verdict import VerdictKind, judge_run, loss_at, recent_loss

REFERENCE = {"on": "validation", "random": 5.0, "unigram": 4.0, "bigram": 2.0}


def history(
    losses: list[float],
    val: dict[int, float] | None = None,
    *,
    every: int = 10,
    on: str = "validation",
    val_tokens: int = 10_000,
    **prepared: Any,
) -> History:
    """A run that reported `losses` every so many steps and evaluated at some."""
    made = History()
    fields = {"reference": REFERENCE | {"on": on}, "val_tokens": val_tokens, "steps": 10_000}
    made.apply(Event("prepared", 0.0, 0, {**fields, "steps_per_epoch": 50.0, **prepared}))
    for number, loss in enumerate(losses, 1):
        step = number * every
        made.apply(Event("step", float(step), step, {"train_loss": loss, "elapsed": float(step)}))
        if val and step in val:
            made.apply(Event("eval", float(step), step, {"val_loss": val[step]}))
    return made


FLAT = [4.99] * 20
LEARNT = [5.0, 4.5, 4.0, 3.5, 3.0, 2.5, 2.0, 1.5, 1.2, 1.0]
TABLE = [
    ("nothing yet", history([]), VerdictKind.WAITING, ""),
    ("too early to judge", history([5.0, 4.99]), VerdictKind.FALLING, "4.99"),
    ("a flat loss", history(FLAT), VerdictKind.NOT_LEARNING, "loss 4.99, uniform baseline 5.00"),
    (
        "warming up",
        history(FLAT, train={"warmup_steps": 100_000}),
        VerdictKind.FALLING,
        "training 4.99, uniform baseline 5.00",
    ),
    ("an explosion", history([*LEARNT, *[4.5] * 5]), VerdictKind.RISING, "was 1.00 at step 100"),
    (
        "falling to the unigram baseline",
        history([4.5] * 10, {100: 4.4}),
        VerdictKind.FALLING,
        "4.40",
    ),
    (
        "at the unigram baseline",
        history([3.9] * 10, {100: 4.02}),
        VerdictKind.AT_UNIGRAM,
        "validation 4.02 against 4.00",
    ),
    (
        "below the unigram baseline",
        history([3.0] * 10, {100: 3.1}),
        VerdictKind.BELOW_UNIGRAM,
        "validation 3.10 against 4.00",
    ),
    (
        "below the bigram baseline",
        history(LEARNT, {100: 1.5}),
        VerdictKind.BELOW_COUNTS,
        "1.50 against 2.00",
    ),
    (
        "baselines on the training data",
        history([3.0] * 10, {100: 4.9}, on="train"),
        VerdictKind.BELOW_UNIGRAM,
        "training 3.00 against",
    ),
    (
        "validation rising while training falls",
        history(LEARNT, {30: 3.4, 50: 3.0, 70: 3.3, 100: 3.6}),
        VerdictKind.MEMORISING,
        "since epoch 1: validation 3.00 → 3.60, training 3.00 → 1.00",
    ),
    (
        "one bad evaluation is not memorising",
        history(LEARNT, {30: 3.4, 50: 3.0, 70: 3.01, 100: 3.6}),
        VerdictKind.BELOW_UNIGRAM,
        "3.6",
    ),
    (
        "both rising is not memorising",
        history([2.0] * 5 + [2.5] * 5, {30: 3.4, 50: 3.0, 70: 3.3, 100: 3.6}),
        VerdictKind.BELOW_UNIGRAM,
        "3.6",
    ),
    (
        "a validation loss of a few tokens is ignored",
        history(LEARNT, {30: 3.4, 50: 3.0, 70: 3.3, 100: 1.6}, val_tokens=40),
        VerdictKind.BELOW_COUNTS,
        "1.6",
    ),
]


@pytest.mark.parametrize(
    ("made", "kind", "numbers"), [r[1:] for r in TABLE], ids=[r[0] for r in TABLE]
)
def test_the_sentence_fits_the_losses(made: History, kind: VerdictKind, numbers: str) -> None:
    verdict = judge_run(made, status.RUNNING)
    assert verdict.kind == kind
    assert numbers in verdict.text


def _answering(*evaluations: tuple[int, float, float]) -> History:
    """A run with step, validation loss and accuracy of each evaluation of 200 items."""
    made = history(LEARNT)
    for step, val_loss, accuracy in evaluations:
        fields = {"val_loss": val_loss, "task_accuracy": accuracy, "task_items": 200}
        made.apply(Event("eval", float(step), step, fields))
    return made


@pytest.mark.parametrize(
    ("evaluations", "kind", "text"),
    [
        (
            [(50, 1.0, 0.5), (100, 0.8, 0.9)],
            VerdictKind.ANSWERING,
            "Replies: 90.0 % right, best accuracy 90.0 % at epoch 2.",
        ),
        (
            [(50, 0.8, 0.9), (100, 1.2, 0.88), (150, 1.5, 0.87)],
            VerdictKind.ANSWERING,
            "Replies: 87.0 % right, best accuracy 90.0 % at epoch 1.",
        ),
        (
            [(50, 0.8, 0.9), (100, 0.7, 0.5)],
            VerdictKind.PAST_BEST,
            "Past its best: 50.0 % of replies right, best accuracy 90.0 % at epoch 1.",
        ),
        ([(50, 1.0, 0.0), (100, 0.9, 0.0)], VerdictKind.BELOW_COUNTS, "validation 0.900"),
    ],
)
def test_of_a_task_best_means_the_most_right_replies(
    evaluations: list[tuple[int, float, float]], kind: VerdictKind, text: str
) -> None:
    """A rising loss is no memorising while replies stay right."""
    verdict = judge_run(_answering(*evaluations), status.RUNNING)
    assert verdict.kind is kind
    assert text in verdict.text


def test_a_run_without_baselines_still_gets_a_sentence() -> None:
    """A foreign or older file of events must not end the screen."""
    made = history(LEARNT, reference={"on": 3, "random": "x"})
    assert "training 1.00" in judge_run(made, status.RUNNING).text


def test_the_verdict_on_a_finished_run_begins_with_done() -> None:
    verdict = judge_run(history(LEARNT, {100: 1.5}), events.FINISHED)
    assert verdict.text.startswith("Done: beats the bigram baseline")
    assert not verdict.is_alarming


def test_a_small_text_is_a_caveat() -> None:
    for tokens in (0, 40):
        verdict = judge_run(history(LEARNT, val_tokens=tokens, on="train"), status.RUNNING)
        assert verdict.caveat.startswith("Text too small")
    assert not judge_run(history(LEARNT), status.RUNNING).caveat


def test_only_running_and_finished_runs_are_alarming() -> None:
    assert judge_run(history(FLAT), status.RUNNING).is_alarming
    assert judge_run(history(FLAT), events.FINISHED).is_alarming
    assert not judge_run(history(FLAT), status.PAUSED).is_alarming


def test_the_recent_loss_is_a_mean_of_a_bounded_number_of_points() -> None:
    """A single lucky report must not decide, nor the whole past of a long run."""
    assert recent_loss(Series([1, 2], [4.0, 2.0])) == 2.0
    long = Series(list(range(1000)), [9.0] * 980 + [1.0] * 20)
    assert recent_loss(long) == 1.0
    assert loss_at(long, 979) == 9.0
    assert loss_at(long, -1) is None


ENCODER_REFERENCE = {
    "on": "validation",
    "random": 5.0,
    "unigram": 4.0,
    "trigram": 2.0,
    "unigram_accuracy": 0.06,
    "trigram_accuracy": 0.64,
}


def test_an_encoder_is_compared_with_counts_on_both_sides() -> None:
    made = history([1.5] * 10, {100: 1.4}, reference=ENCODER_REFERENCE)
    assert judge_run(made, status.RUNNING).kind == VerdictKind.BELOW_COUNTS
    assert "trigram baseline" in judge_run(made, status.RUNNING).text
    fields = {"val_loss": 1.3, "task_accuracy": 0.75, "task_items": 400, "best": True}
    made.apply(Event("eval", 110.0, 110, fields))
    verdict = judge_run(made, status.RUNNING)
    assert verdict.kind == VerdictKind.FILLING
    assert verdict.text.startswith("Blanks: 75.0 % right, 64.0 % by counting (trigram); best")


def test_an_encoder_past_its_best_is_told_so() -> None:
    made = history([1.5] * 10, {100: 1.4}, reference=ENCODER_REFERENCE)
    for step, accuracy in ((110, 0.9), (120, 0.5)):
        fields = {"val_loss": 1.3, "task_accuracy": accuracy, "task_items": 400}
        made.apply(Event("eval", float(step), step, fields | {"best": step == 110}))
    verdict = judge_run(made, status.RUNNING)
    assert verdict.kind == VerdictKind.PAST_BEST
    assert "of blanks right" in verdict.text
