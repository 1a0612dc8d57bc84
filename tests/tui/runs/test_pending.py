"""Pending requests: nothing counts as done before the trainer acknowledges it."""

from __future__ import annotations

from typing import Any

from core.run.events import Event
from core.run.history import History
from tui.runs.pending import LEARNING_RATE, STOP, PendingCommand, PendingCommands


def history(*events: tuple[str, int, dict[str, Any]]) -> History:
    history = History()
    history.apply_all(Event(type, float(step), step, fields) for type, step, fields in events)
    return history


def rate(id: str, value: float) -> PendingCommand:
    text = f"learning rate {value}"
    return PendingCommand(LEARNING_RATE, f"{text} requested…", f"{text} from", value, id)


def test_a_command_waits_for_its_answer() -> None:
    commands = PendingCommands()
    commands.add(rate("a", 0.5))
    commands.settle(history(("step", 3, {})), is_alive=True)
    assert commands.note == "learning rate 0.5 requested…"
    changed = {"id": "a", "changes": {"learning_rate": [1.0, 0.5]}}
    commands.settle(history(("changed", 1234, changed)), is_alive=True)
    assert commands.note == "learning rate 0.5 from step 1,234"
    assert commands.newest(LEARNING_RATE) is None


def test_a_command_builds_on_the_newest_of_its_kind() -> None:
    """Halving twice, quickly, must quarter."""
    commands = PendingCommands()
    commands.add(rate("a", 0.5))
    commands.add(rate("b", 0.25))
    commands.add(PendingCommand("save", "saving…", "saved at", id="c"))
    newest = commands.newest(LEARNING_RATE)
    assert newest is not None
    assert newest.value == 0.25


def test_a_refusal_shows_the_reason_as_plain_text() -> None:
    commands = PendingCommands()
    commands.add(rate("a", 50.0))
    problems = {"learning_rate": "must be at most 10\x1b[2J"}
    commands.settle(history(("changed", 7, {"id": "a", "problems": problems})), is_alive=True)
    assert commands.note == "refused: learning_rate must be at most 10␛[2J"


def test_a_command_unanswered_by_a_dead_trainer_was_not_done() -> None:
    commands = PendingCommands()
    commands.add(rate("a", 0.5))
    commands.settle(history(("finished", 9, {})), is_alive=False)
    assert commands.note == "learning rate: not done, the trainer has ended"


def test_the_status_shows_an_answered_stop() -> None:
    commands = PendingCommands()
    commands.add(PendingCommand(STOP, "stopping…", "stopped at", id="s"))
    assert commands.newest(STOP)
    commands.settle(history(("stopped", 9, {"id": "s"})), is_alive=False)
    assert commands.note == ""
    assert not commands.newest(STOP)
