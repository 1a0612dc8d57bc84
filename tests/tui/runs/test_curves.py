"""The chart of a run from its history."""

from __future__ import annotations

import numpy as np
import pytest

from core.run.events import Event
from core.run.history import History
from tui.plot.axis import EPOCHS, STEPS
from tui.runs.curves import list_marks, run_chart


def history_of(*events: tuple[str, int, dict[str, object]]) -> History:
    history = History()
    history.apply_all(Event(type, 0.0, step, fields) for type, step, fields in events)
    return history


RUN = history_of(
    ("started", 0, {}),
    (
        "prepared",
        0,
        {"steps": 40, "steps_per_epoch": 10.0, "reference": {"random": 4.9, "on": "validation"}},
    ),
    ("step", 1, {"train_loss": 4.0, "learning_rate": 0.01}),
    ("step", 2, {"train_loss": 3.0, "learning_rate": 0.02}),
    ("eval", 2, {"val_loss": 3.5}),
    ("changed", 2, {"id": "a", "changes": {"learning_rate": [0.02, 0.005]}}),
    ("started", 2, {"resumed_from": 2}),
    ("step", 4, {"train_loss": 2.0, "learning_rate": 0.005}),
)


def test_a_run_has_its_curves_baselines_and_rates() -> None:
    chart = run_chart(RUN)
    train, val = chart.curves
    assert (train.name, train.xs.tolist(), train.ys.tolist()) == ("train", [1, 2, 4], [4, 3, 2])
    assert train.is_noisy
    assert (val.name, val.xs.tolist(), val.ys.tolist()) == ("validation", [2], [3.5])
    assert (val.marker, val.colour, val.has_best) == ("●", "accent", True)
    assert chart.baselines == (("uniform", 4.9),)
    assert chart.about == "the validation data"
    assert chart.readings == (("rate", [1, 2, 4], [0.01, 0.02, 0.005]),)
    assert (chart.unit, chart.steps_per_unit, chart.planned) == (STEPS, 1.0, 40)


def test_the_star_of_a_task_is_on_its_accuracy() -> None:
    """The loss was lowest at step 20, most replies were right at step 10."""
    evaluations = ((10, 0.5, 0.9), (20, 0.4, 0.8))
    run = history_of(
        ("prepared", 0, {"steps": 40, "steps_per_epoch": 10.0}),
        *(
            ("eval", step, {"val_loss": loss, "task_accuracy": accuracy})
            for step, loss, accuracy in evaluations
        ),
    )
    chart = run_chart(run, by_epoch=True)
    (accuracy,) = chart.shares
    assert (accuracy.xs.tolist(), accuracy.ys.tolist()) == ([1.0, 2.0], [0.9, 0.8])
    assert (accuracy.has_best, accuracy.best_x) == (True, 1.0)
    assert not chart.curves[1].has_best
    assert run_chart(RUN).shares == ()


def test_epochs_on_the_x_axis() -> None:
    chart = run_chart(RUN, by_epoch=True)
    assert chart.curves[0].xs == pytest.approx(np.array([0.1, 0.2, 0.4]))
    assert (chart.unit, chart.steps_per_unit, chart.planned) == (EPOCHS, 10.0, 4.0)
    assert [mark.x for mark in chart.marks] == pytest.approx([0.2, 0.2])
    assert run_chart(History(), by_epoch=True).unit == STEPS, "its length is unknown"


def test_changed_rates_and_resumes_are_marked() -> None:
    assert [(mark.x, mark.text) for mark in list_marks(RUN)] == [
        (2, "rate 0.005"),
        (2, "resumed"),
    ]


def test_a_run_without_events_has_an_empty_chart() -> None:
    chart = run_chart(History())
    assert [len(curve.xs) for curve in chart.curves] == [0, 0]
    assert not chart.baselines
    assert not chart.readings
    assert chart.planned is None
