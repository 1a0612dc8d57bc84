"""The history folded from the events of a run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.run.events import FIELDS, Event
from core.run.history import Failure, History, PreparationProgress, SampleRow

PREPARED = {
    "parameters": 830_000,
    "steps": 100,
    "steps_per_epoch": 10,
    "model": {"layers": 2},
    "train": {"learning_rate": 1e-3, "steps": 100},
    "reference": {"on": "train", "random": 4.9, "unigram": 4.0, "bigram": None},
}


def event(type: str, step: int = 0, time: float = 0.0, **fields: Any) -> Event:
    return Event(type, time, step, fields)


def started_history() -> History:
    history = History()
    history.apply_all([event("started", host="box"), event("prepared", **PREPARED)])
    return history


def step(number: int, loss: float = 1.0) -> Event:
    return event(
        "step",
        number,
        float(number),
        train_loss=loss,
        learning_rate=0.1,
        tokens_per_second=50.0,
        epoch=number / 10,
        elapsed=float(number),
        memory=1000,
    )


def test_preparation_then_facts() -> None:
    history = History()
    assert history.status == "starting"
    history.apply(event("started", host="box", time_zone="unknown"))
    assert (history.status, history.started["host"]) == ("preparing", "box")
    history.apply(event("prepare", phase="reading", done=5, total=None))
    assert history.preparation == PreparationProgress("reading", 5, None)
    history.apply(event("prepared", **PREPARED))
    assert (history.status, history.preparation) == ("running", None)
    assert (history.steps, history.steps_per_epoch) == (100, 10)
    assert (history.model, history.prepared["parameters"]) == ({"layers": 2}, 830_000)
    assert history.reference_on == "train"
    assert history.reference == {"random": 4.9, "unigram": 4.0}


def test_steps_make_curves_progress_and_forecast() -> None:
    history = started_history()
    assert (history.progress, history.eta, history.tokens_per_second) == (0, None, None)
    history.apply_all(step(number, 5 - number / 10) for number in (1, 2, 4))
    assert history.train_loss.steps == [1, 2, 4]
    assert history.train_loss.values == [4.9, 4.8, 4.6]
    assert history.learning_rate.last == 0.1
    assert history.speed.last == history.tokens_per_second == 50.0
    assert (history.epoch, history.elapsed, history.memory) == (0.4, 4.0, 1000)
    assert history.progress == 0.04
    assert history.eta == pytest.approx(96)


def test_rows_and_validation() -> None:
    history = started_history()
    history.apply_all(
        [
            event("eval", 10, val_loss=2.0, tokens=5, best=True, whole=False),
            event("epoch", 10, epoch=1, train_loss=2.5, val_loss=2.0, text="a", elapsed=3.0),
            event("eval", 20, val_loss=1.5),
            event("epoch", 30, epoch=3, train_loss=1.0, val_loss=None, text=None),
            event("eval", 30, val_loss=1.75),
            event("sample", 30, prompt="Py", text="thon"),
        ]
    )
    assert (history.val_loss.steps, history.val_loss.values) == ([10, 20, 30], [2.0, 1.5, 1.75])
    assert history.best == (20, 1.5)
    assert [row.epoch for row in history.epochs] == [1, 3]
    assert [row.text for row in history.epochs] == ["a", None]
    assert history.samples == [SampleRow(30, "Py", "thon")]


def test_no_best_without_validation() -> None:
    assert started_history().best is None


def test_the_checkpoint_step_is_where_a_resume_starts() -> None:
    """A snapshot or the best weights cannot be resumed from."""
    history = started_history()
    assert history.checkpoint_step is None
    history.apply(event("saved", 5, kind="checkpoint", bytes=10, seconds=0.1, request="abc"))
    history.apply(event("saved", 8, kind="snapshot", bytes=10, seconds=0.1))
    history.apply(event("saved", 9, kind="best"))
    assert history.checkpoint_step == 5
    assert [saved.bytes for saved in history.saves] == [10, 10, None]
    assert history.answers == {"abc": 5}


def test_a_resume_drops_the_steps_that_are_repeated() -> None:
    """The curve of a resumed run must not go back."""
    history = started_history()
    for number in range(1, 9):
        history.apply(step(number))
    history.apply_all(
        [
            event("eval", 3, val_loss=3.0),
            event("eval", 7, val_loss=1.0),
            event("epoch", 3, epoch=1),
            event("epoch", 7, epoch=2),
            event("sample", 3, text="old"),
            event("sample", 7, text="new"),
            event("saved", 3, kind="checkpoint"),
            event("saved", 7, kind="checkpoint"),
            event("changed", 7, changes={"steps": [100, 200]}),
            event("failed", 8, message="full"),
            event("started", 5, resumed_from=5),
            event("prepared", 5, **PREPARED),
        ]
    )
    assert (history.status, history.step, history.failure) == ("running", 5, None)
    assert history.train_loss.steps == [1, 2, 3, 4, 5]
    assert history.learning_rate.steps == history.speed.steps == history.train_loss.steps
    assert history.val_loss.steps == [3]
    assert history.best == (3, 3.0)
    assert [row.epoch for row in history.epochs] == [1]
    assert history.samples == [SampleRow(3, "", "old")]
    assert history.checkpoint_step == 3
    assert (history.changes, history.steps) == ([], 100)
    assert history.resumes == [5]


def test_resumes_are_kept_until_a_step_before_them_is_repeated() -> None:
    history = started_history()
    assert history.resumes == []
    for resumed_from, resumes in ((3, [3]), (5, [3, 5]), (5, [3, 5]), (4, [3, 4]), (None, [])):
        history.apply(event("started", resumed_from or 0, resumed_from=resumed_from))
        assert history.resumes == resumes


def test_a_resume_keeps_the_reasons_for_the_settings() -> None:
    """They were chosen when the run began; a resume adds what it changed."""
    history = History()
    history.apply_all(
        [
            event("prepared", 0, reasons=["tiny model", "device cpu"]),
            event("started", 3, resumed_from=3),
            event("prepared", 3, reasons=["resumed after step 3", "device cpu"]),
            event("started", 5, resumed_from=5),
            event("prepared", 5, reasons=["resumed after step 5", "device cuda"]),
        ]
    )
    assert history.reasons == ["tiny model", "device cpu", "resumed after step 5", "device cuda"]


def test_a_start_without_a_checkpoint_drops_everything() -> None:
    history = started_history()
    history.apply_all([step(1), step(2), event("started", 0, resumed_from=None)])
    assert len(history.train_loss) == 0


def test_changes_update_totals_and_answer_requests() -> None:
    history = started_history()
    history.apply(step(10))
    changes = {"epochs": [None, 20], "learning_rate": [1e-3, 1e-4]}
    history.apply(event("changed", 10, id="a", changes=changes, steps=200))
    assert (history.steps, history.progress) == (200, 0.05)
    assert history.train["learning_rate"] == 1e-4
    assert history.changes[0].values == {"epochs": (None, 20), "learning_rate": (1e-3, 1e-4)}
    history.apply(event("changed", 11, id="b", changes={"steps": [200, 50]}))
    assert history.steps == 50
    assert history.answers == {"a": 10, "b": 11}


def test_refused_changes_are_recorded_and_change_nothing() -> None:
    history = started_history()
    history.apply(event("changed", 1, id="a", changes={}, problems={"seed": "cannot change"}))
    assert history.train == PREPARED["train"]
    assert history.changes[0].problems == {"seed": "cannot change"}


def test_a_pause_lasts_until_continued() -> None:
    history = started_history()
    history.apply_all([step(1), step(2), event("changed", 2, 2.0, action="pause", id="p")])
    assert (history.status, history.eta) == ("paused", None)
    # Events up to the pause may be written after it.
    history.apply_all([step(2), event("beat", 2, 30.0), event("saved", 2, kind="checkpoint")])
    assert history.status == "paused"
    history.apply(event("changed", 2, 5000.0, action="continue"))
    assert history.status == "running"
    late = event("step", 3, 5001.0, elapsed=3.0)
    history.apply(late)
    assert history.eta is not None
    assert history.eta < 200


def test_endings() -> None:
    history = started_history()
    history.apply(event("finished", 100, train_loss=0.5, val_loss=0.75, elapsed=9.0, reason="end"))
    assert (history.status, history.reason, history.elapsed) == ("finished", "end", 9.0)
    assert history.val_loss.last == 0.75
    assert (history.progress, history.eta) == (1.0, None)
    failed = started_history()
    failed.apply(event("failed", 7, title="T", message="M", hint="H", saved_step=5))
    assert (failed.status, failed.failure) == ("failed", Failure("T", "M", "H", 5))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@st.composite
def foreign_events(draw: st.DrawFn) -> Event:
    type = draw(st.sampled_from([*FIELDS, "dream"]))
    names = ["id", "request", *FIELDS.get(type, ())]
    fields = draw(st.dictionaries(st.sampled_from(names), anything))
    time = draw(st.floats(allow_nan=False, allow_infinity=False))
    return Event(type, time, draw(st.integers(0, 2**62)), fields)


@given(st.lists(foreign_events(), max_size=12))
def test_no_events_break_the_history(batch: list[Event]) -> None:
    """Runs of other versions are shown as far as they are understood."""
    history = History()
    for one in batch:
        history.apply(one)
        for read in ("eta", "tokens_per_second", "progress", "best", "checkpoint_step"):
            getattr(history, read)


def test_the_share_of_right_replies_is_kept_per_evaluation_and_epoch() -> None:
    history = started_history()
    history.apply(event("eval", 10, val_loss=2.0, task_accuracy=0.25, task_items=40, best=True))
    history.apply(event("epoch", 10, epoch=1, val_loss=2.0, task_accuracy=0.25))
    history.apply(event("eval", 20, val_loss=3.0, task_accuracy=0.75, task_items=40, best=True))
    history.apply(event("finished", 20, val_loss=3.0, task_accuracy=0.75))
    assert (history.task_accuracy.steps, history.task_accuracy.values) == ([10, 20], [0.25, 0.75])
    assert history.task_items == 40
    assert history.epochs[-1].task_accuracy == 0.25
    history.apply(event("started", 10, resumed_from=10))
    assert history.task_accuracy.steps == [10]


@pytest.mark.parametrize(
    ("evaluations", "best"),
    [
        ([], None),
        ([(10, 2.0, None), (20, 1.0, None), (30, 1.5, None)], 20),
        ([(10, 2.0, 0.5), (20, 1.0, 0.25)], 10),
        ([(10, 2.0, 0.5), (20, 1.0, 0.5), (30, 1.0, 0.5)], 20),
    ],
)
def test_the_best_step_has_most_right_replies_then_the_lowest_loss(
    evaluations: list[tuple[int, float, float | None]], best: int | None
) -> None:
    history = started_history()
    for at, loss, accuracy in evaluations:
        history.apply(event("eval", at, val_loss=loss, task_accuracy=accuracy))
    assert history.best_step == best
    accuracies = {at: accuracy for at, _, accuracy in evaluations}
    assert history.best_accuracy == (None if best is None else accuracies[best])
