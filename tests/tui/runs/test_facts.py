"""The lines of the Train screen, for invented histories."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import DamagedError
from core.run import events, status
from core.run.events import Event
from core.run.history import History
from tui.runs import facts
from tui.runs.machine_usage import MachineUsage

PREPARED = {
    "steps": 300,
    "steps_per_epoch": 10.0,
    "train": {"device": "cpu"},
    "parameters": 809_088,
}
STEP = {"epoch": 6.2, "elapsed": 7.0, "memory": 376e6, "learning_rate": 3.1e-4}


def history(*events: tuple[str, int, dict[str, Any]]) -> History:
    history = History()
    history.apply_all(Event(type, float(step), step, fields) for type, step, fields in events)
    return history


RUNNING = history(
    ("prepared", 0, PREPARED),
    ("step", 60, {**STEP, "tokens_per_second": 4790.0}),
    ("step", 62, {**STEP, "tokens_per_second": 4790.0}),
)


@pytest.mark.parametrize("charset", ["braille", "block", "ascii"])
@pytest.mark.parametrize("share", [-1.0, 0.0, 0.3, 1.0, 7.0])
def test_a_bar_has_its_width_and_is_readable_without_colour(charset: str, share: float) -> None:
    bar = facts.progress_bar(share, 20, charset)
    assert bar.cell_length == 20
    if share == 0.3:
        assert len(set(bar.plain)) == 2
    if charset == "ascii":
        assert bar.plain.isascii()


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_the_progress_line_fits_the_width(width: int) -> None:
    line = facts.progress_line(RUNNING, status.RUNNING, width, "braille")
    assert line.cell_length <= max(width, 4 + 25)
    assert "21 %" in line.plain
    assert "0:04:" not in line.plain
    assert "left" in line.plain


def test_a_stopped_run_shows_its_training_time() -> None:
    line = facts.progress_line(RUNNING, events.STOPPED, 80, "braille").plain
    assert "0:07 trained" in line
    assert "left" not in line


def test_the_preparation_phase_is_plain_text() -> None:
    made = history(("prepare", 0, {"phase": "reading\x1b[2J [bold]", "done": 1, "total": 4}))
    line = facts.progress_line(made, status.PREPARING, 80, "braille").plain
    assert "25 %" in line
    assert "reading␛[2J [bold]" in line


@pytest.mark.parametrize("total", [None, 0, -1, "x", 10**30])
def test_an_invalid_total_does_not_break_the_screen(total: Any) -> None:
    made = history(("prepare", 0, {"phase": "", "done": 1, "total": total}))
    assert facts.progress_line(made, status.PREPARING, 80, "braille").plain


def test_facts_of_a_running_run() -> None:
    found = facts.list_facts(RUNNING, status.RUNNING, MachineUsage(98.4, 1))
    line = facts.facts_line(found, 200).plain
    assert line == (
        "step 62/300   epoch 6.2/30   4.79 k tokens/s   cpu 98 %   memory 376 MB"
        "   rate 0.00031   model 809 k"
    )


def test_the_last_facts_are_omitted_on_narrow_screens() -> None:
    found = facts.list_facts(RUNNING, status.RUNNING, None)
    assert facts.facts_line(found, 30).plain == "step 62/300   epoch 6.2/30"


def test_the_utilisation_is_of_the_training_device() -> None:
    made = history(("prepared", 0, {"train": {"device": "cuda:1"}}))
    found = facts.list_facts(made, status.RUNNING, MachineUsage(100.0, 5, 97.0, 6))
    assert ("", "cuda:1 97 %") in found


def test_an_empty_history_has_no_facts() -> None:
    assert facts.list_facts(History(), status.STARTING, None) == []
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
    assert facts.describe_failure(RUNNING, events.FAILED, problem) == (
        "It is gone.",
        "Look for it.",
    )


def test_the_copied_share_is_shown_as_a_curve() -> None:
    """A model may memorise its text."""
    shares = (0.0, None, 0.5, 1.0)
    samples = [("sample", step, {"copied": share}) for step, share in enumerate(shares)]
    made = history(("prepared", 0, PREPARED), *samples)
    found = {fact.label: fact.value for fact in facts.list_facts(made, status.RUNNING, None)}
    assert found["replies copied"] == "⡰⠁ 100%"
    plain = facts.list_facts(made, status.RUNNING, None, "ascii")
    assert {fact.label: fact.value for fact in plain}["replies copied"] == "_-^ 100%"
