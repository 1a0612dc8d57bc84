"""The lines of the Train screen, on made-up histories."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import DamagedError
from core.run import events, status
from core.run.events import Event
from core.run.history import History
from tui.runs import facts
from tui.runs.machine_use import Use

PREPARED = {
    "steps": 300,
    "steps_per_epoch": 10.0,
    "train": {"device": "cpu"},
    "parameters": 809_088,
}
STEP = {"epoch": 6.2, "elapsed": 7.0, "memory": 376e6, "learning_rate": 3.1e-4}


def history(*said: tuple[str, int, dict[str, Any]]) -> History:
    made = History()
    made.apply_all(Event(type, float(step), step, fields) for type, step, fields in said)
    return made


RUNNING = history(
    ("prepared", 0, PREPARED),
    ("step", 60, {**STEP, "tokens_per_second": 4790.0}),
    ("step", 62, {**STEP, "tokens_per_second": 4790.0}),
)


@pytest.mark.parametrize("charset", ["braille", "block", "ascii"])
@pytest.mark.parametrize("share", [-1.0, 0.0, 0.3, 1.0, 7.0])
def test_a_bar_is_as_wide_as_told_and_told_apart_without_colour(charset: str, share: float) -> None:
    bar = facts.bar(share, 20, charset)
    assert bar.cell_length == 20
    if share == 0.3:
        assert len(set(bar.plain)) == 2
    if charset == "ascii":
        assert bar.plain.isascii()


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_progress_fits(width: int) -> None:
    line = facts.progress_line(RUNNING, status.RUNNING, width, "braille")
    assert line.cell_length <= max(width, 4 + 25)
    assert "21 %" in line.plain
    assert "0:04:" not in line.plain
    assert "left" in line.plain


def test_a_stopped_run_says_how_long_it_was_trained() -> None:
    line = facts.progress_line(RUNNING, events.STOPPED, 80, "braille").plain
    assert "0:07 trained" in line
    assert "left" not in line


def test_preparing_shows_its_phase_as_plain_text() -> None:
    made = history(("prepare", 0, {"phase": "reading\x1b[2J [bold]", "done": 1, "total": 4}))
    line = facts.progress_line(made, status.PREPARING, 80, "braille").plain
    assert "25 %" in line
    assert "reading␛[2J [bold]" in line


@pytest.mark.parametrize("total", [None, 0, -1, "x", 10**30])
def test_a_total_that_makes_no_sense_does_not_end_the_screen(total: Any) -> None:
    made = history(("prepare", 0, {"phase": "", "done": 1, "total": total}))
    assert facts.progress_line(made, status.PREPARING, 80, "braille").plain


def test_facts_of_a_running_run() -> None:
    found = facts.facts(RUNNING, status.RUNNING, Use(98.4, 1))
    line = facts.facts_line(found, 200).plain
    assert line == (
        "step 62/300   epoch 6.2/30   4.79 k tokens/s   cpu 98 %   memory 376 MB"
        "   rate 0.00031   model 809 k"
    )


def test_where_there_is_no_room_the_last_facts_go() -> None:
    found = facts.facts(RUNNING, status.RUNNING, None)
    assert facts.facts_line(found, 30).plain == "step 62/300   epoch 6.2/30"


def test_the_busy_share_is_of_the_device_that_trains() -> None:
    made = history(("prepared", 0, {"train": {"device": "cuda:1"}}))
    found = facts.facts(made, status.RUNNING, Use(100.0, 5, 97.0, 6))
    assert ("", "cuda:1 97 %") in found


def test_a_file_without_anything_gives_no_facts() -> None:
    assert facts.facts(History(), status.STARTING, None) == []
    assert facts.references(History()) == []


def test_references_are_named_from_the_highest_down() -> None:
    reference = {"on": "validation", "bigram": 2.0, "random": 5.0}
    made = history(("prepared", 0, {"reference": reference}))
    assert facts.references(made) == [("random guess", 5.0), ("previous token only", 2.0)]
    assert facts.reference_text(made) == "the validation part"


def test_marks_stand_where_the_learning_rate_was_changed() -> None:
    made = history(
        ("changed", 40, {"id": "a", "changes": {"learning_rate": [0.001, 0.0005]}}),
        ("changed", 50, {"id": "b", "changes": {"dropout": [0.0, 0.1]}}),
        ("changed", 60, {"id": "c", "changes": {"learning_rate": ["x", "y"]}}),
    )
    assert facts.rate_marks(made) == [(40, "rate 0.0005")]


def test_what_to_do_after_a_crash_names_the_step_it_goes_on_from() -> None:
    saved = history(("saved", 1200, {"kind": "checkpoint"}))
    assert "step 1,200" in (facts.ending(saved, status.CRASHED, None) or ("", ""))[1]
    assert "anew" in (facts.ending(History(), status.CRASHED, None) or ("", ""))[1]


def test_a_failure_says_what_the_trainer_said() -> None:
    failed = {"title": "The run failed", "message": "Loss is nan.", "hint": "Lower the rate."}
    made = history(("failed", 5, failed))
    assert facts.ending(made, events.FAILED, None) == (
        "The run failed: Loss is nan.",
        "Lower the rate.",
    )
    assert facts.ending(made, status.RUNNING, None) is None


def test_a_problem_with_the_files_comes_first() -> None:
    problem = DamagedError("It is gone.", "Look for it.")
    assert facts.ending(RUNNING, events.FAILED, problem) == ("It is gone.", "Look for it.")


def test_the_share_that_was_copied_is_a_curve() -> None:
    """A model that learns its text by heart, and a screen that does not say so."""
    shares = (0.0, None, 0.5, 1.0)
    samples = [("sample", step, {"copied": share}) for step, share in enumerate(shares)]
    made = history(("prepared", 0, PREPARED), *samples)
    found = {fact.label: fact.value for fact in facts.facts(made, status.RUNNING, None)}
    assert found["copied"] == "▁▅█ 100%"
    plain = facts.facts(made, status.RUNNING, None, "ascii")
    assert {fact.label: fact.value for fact in plain}["copied"] == "_-^ 100%"
