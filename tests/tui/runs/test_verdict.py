"""The verdict on made-up histories: which sentence, with which numbers."""

from __future__ import annotations

from typing import Any

import pytest

from core.run import events, status
from core.run.events import Event
from core.run.history import History, Series
from tui.runs import facts
from tui.runs.facts import loss_at, recent, verdict

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
    said = {"reference": REFERENCE | {"on": on}, "val_tokens": val_tokens, "steps": 10_000}
    made.apply(Event("prepared", 0.0, 0, {**said, "steps_per_epoch": 50.0, **prepared}))
    for number, loss in enumerate(losses, 1):
        step = number * every
        made.apply(Event("step", float(step), step, {"train_loss": loss, "elapsed": float(step)}))
        if val and step in val:
            made.apply(Event("eval", float(step), step, {"val_loss": val[step]}))
    return made


FLAT = [4.99] * 20
LEARNT = [5.0, 4.5, 4.0, 3.5, 3.0, 2.5, 2.0, 1.5, 1.2, 1.0]
TABLE = [
    ("nothing yet", history([]), facts.WAITING, ""),
    ("before anybody can say", history([5.0, 4.99]), facts.FALLING, "4.99"),
    ("a flat loss", history(FLAT), facts.NOT_LEARNING, "loss 4.99, a random guess has 5"),
    (
        "warming up",
        history(FLAT, train={"warmup_steps": 100_000}),
        facts.FALLING,
        "training loss 4.99, a random guess has 5",
    ),
    ("an explosion", history([*LEARNT, *[4.5] * 5]), facts.RISING, "it was 1 at step 100"),
    ("falling to the counts", history([4.5] * 10, {100: 4.4}), facts.FALLING, "4.4"),
    ("at the counts", history([3.9] * 10, {100: 4.02}), facts.WORDS_ONLY, "loss 4.02, word"),
    ("below them", history([3.0] * 10, {100: 3.1}), facts.CONTEXT, "alone 4"),
    ("below the pairs", history(LEARNT, {100: 1.5}), facts.MORE_CONTEXT, "1.5, that alone"),
    (
        "references of the training part",
        history([3.0] * 10, {100: 4.9}, on="train"),
        facts.CONTEXT,
        "context: loss 3,",
    ),
    (
        "validation rising while training falls",
        history(LEARNT, {30: 3.4, 50: 3.0, 70: 3.3, 100: 3.6}),
        facts.MEMORISING,
        "since epoch 1: validation 3 → 3.6, training 3 → 1",
    ),
    (
        "one bad evaluation is not memorising",
        history(LEARNT, {30: 3.4, 50: 3.0, 70: 3.01, 100: 3.6}),
        facts.CONTEXT,
        "3.6",
    ),
    (
        "both rising is not memorising",
        history([2.0] * 5 + [2.5] * 5, {30: 3.4, 50: 3.0, 70: 3.3, 100: 3.6}),
        facts.CONTEXT,
        "3.6",
    ),
    (
        "a validation loss of a few tokens says nothing",
        history(LEARNT, {30: 3.4, 50: 3.0, 70: 3.3, 100: 1.6}, val_tokens=40),
        facts.MORE_CONTEXT,
        "1.6",
    ),
]


@pytest.mark.parametrize(
    ("made", "kind", "numbers"), [r[1:] for r in TABLE], ids=[r[0] for r in TABLE]
)
def test_the_sentence_fits_the_losses(made: History, kind: str, numbers: str) -> None:
    found = verdict(made, status.RUNNING)
    assert found.kind == kind
    assert numbers in found.text


def test_a_run_without_references_still_gets_a_sentence() -> None:
    """A foreign or older file of events must not end the screen."""
    made = history(LEARNT, reference={"on": 3, "random": "x"})
    assert "training loss 1" in verdict(made, status.RUNNING).text


def test_a_finished_run_is_done() -> None:
    found = verdict(history(LEARNT, {100: 1.5}), events.FINISHED)
    assert found.text.startswith("Done: uses more than the previous token")
    assert not found.alarm


def test_a_text_too_small_is_said_beside_the_sentence() -> None:
    for tokens in (0, 40):
        found = verdict(history(LEARNT, val_tokens=tokens, on="train"), status.RUNNING)
        assert found.aside.startswith("Text too small")
    assert not verdict(history(LEARNT), status.RUNNING).aside


def test_only_a_run_that_goes_on_or_has_ended_so_is_alarming() -> None:
    assert verdict(history(FLAT), status.RUNNING).alarm
    assert verdict(history(FLAT), events.FINISHED).alarm
    assert not verdict(history(FLAT), status.PAUSED).alarm


def test_the_recent_loss_is_a_mean_of_a_bounded_number_of_points() -> None:
    """A single lucky report must not decide, nor the whole past of a long run."""
    assert recent(Series([1, 2], [4.0, 2.0])) == 2.0
    long = Series(list(range(1000)), [9.0] * 980 + [1.0] * 20)
    assert recent(long) == 1.0
    assert loss_at(long, 979) == 9.0
    assert loss_at(long, -1) is None
