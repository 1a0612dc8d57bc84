"""The chart of a run: its losses, baselines, and what happened to it, from its history. Pure."""

from __future__ import annotations

import numpy as np

from core.run.history import History
from tui.plot.axis import EPOCHS, STEPS
from tui.plot.chart import RATE_SIGN, RESUME_SIGN, AxisMark, Chart, Curve, Reading
from tui.runs.facts import baseline_data, list_baselines


def run_chart(history: History, *, by_epoch: bool = False) -> Chart:
    """The chart of one run.

    Args:
        by_epoch: epochs on the x axis instead of steps, if the length of an epoch is known.
    """
    per_epoch = history.steps_per_epoch if by_epoch else None
    unit = per_epoch or 1.0
    train, val, rate = history.train_loss, history.val_loss, history.learning_rate
    accuracy, best = history.task_accuracy, history.best_step
    curves = (
        Curve(
            "train",
            np.asarray(train.steps, float) / unit,
            np.asarray(train.values, float),
            colour="primary",
            is_noisy=True,
        ),
        Curve(
            "validation",
            np.asarray(val.steps, float) / unit,
            np.asarray(val.values, float),
            colour="accent",
            marker="●",
            has_best=not len(accuracy),
        ),
    )
    shares = (
        Curve(
            "accuracy",
            np.asarray(accuracy.steps, float) / unit,
            np.asarray(accuracy.values, float),
            colour="secondary",
            marker="▲",
            has_best=True,
            best_x=None if best is None else best / unit,
        ),
    )
    return Chart(
        curves=curves,
        baselines=tuple(list_baselines(history)),
        marks=tuple(mark._replace(x=mark.x / unit) for mark in list_marks(history)),
        readings=(Reading("rate", rate.steps, rate.values),) if len(rate) else (),
        unit=EPOCHS if per_epoch else STEPS,
        steps_per_unit=unit,
        planned=history.steps / unit if history.steps else None,
        about=baseline_data(history),
        shares=shares if len(accuracy) else (),
    )


def list_marks(history: History) -> list[AxisMark]:
    """Changes of the learning rate by hand, and resumes, by step."""
    rates = [
        AxisMark(change.step, RATE_SIGN, "rate changes", f"rate {new:.2g}")
        for change in history.changes
        if isinstance(new := change.values.get("learning_rate", (None, None))[1], int | float)
    ]
    resumes = [AxisMark(step, RESUME_SIGN, "resumed", "resumed") for step in history.resumes]
    return sorted([*rates, *resumes], key=lambda mark: mark.x)
