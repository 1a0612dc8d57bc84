"""Baselines and failures, for invented histories."""

from __future__ import annotations

from typing import Any

from core.errors import DamagedError
from core.run import events, status
from core.run.events import Event
from core.run.history import History
from tui.runs import facts


def history(*events: tuple[str, int, dict[str, Any]]) -> History:
    history = History()
    history.apply_all(Event(type, float(step), step, fields) for type, step, fields in events)
    return history


def test_an_empty_history_has_no_baselines() -> None:
    assert facts.list_baselines(History()) == []


def test_baselines_are_listed_from_the_highest() -> None:
    reference = {"on": "validation", "bigram": 2.0, "random": 5.0}
    made = history(("prepared", 0, {"reference": reference}))
    assert facts.list_baselines(made) == [("uniform", 5.0), ("bigram", 2.0)]
    assert facts.baseline_data(made) == "the validation data"


def test_the_hint_after_a_crash_names_the_step_to_resume_from() -> None:
    saved = history(("saved", 1200, {"kind": "checkpoint"}))
    assert "step 1,200" in (facts.describe_failure(saved, status.CRASHED, None) or ("", ""))[1]
    assert (
        "from the beginning"
        in (facts.describe_failure(History(), status.CRASHED, None) or ("", ""))[1]
    )


def test_a_failure_shows_the_message_of_the_trainer() -> None:
    failed = {"title": "The run failed", "message": "Loss is nan.", "hint": "Lower the rate."}
    made = history(("failed", 5, failed))
    assert facts.describe_failure(made, events.FAILED, None) == (
        "The run failed: Loss is nan.",
        "Lower the rate.",
    )
    assert facts.describe_failure(made, status.RUNNING, None) is None


def test_a_problem_with_the_files_takes_precedence() -> None:
    problem = DamagedError("It is gone.", "Look for it.")
    assert facts.describe_failure(History(), events.FAILED, problem) == (
        "It is gone.",
        "Look for it.",
    )
