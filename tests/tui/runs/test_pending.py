"""What became of requests: nothing counts before the trainer said so."""

from __future__ import annotations

from typing import Any

from core.run.events import Event
from core.run.history import History
from tui.runs.pending import RATE, STOP, PendingCommand, PendingCommands


def history(*events: tuple[str, int, dict[str, Any]]) -> History:
    made = History()
    made.apply_all(Event(type, float(step), step, fields) for type, step, fields in events)
    return made


def rate(id: str, value: float) -> PendingCommand:
    said = f"learning rate {value}"
    return PendingCommand(RATE, f"{said}: asked…", f"{said} from", value, id)


def test_a_wish_waits_for_its_answer() -> None:
    wishes = PendingCommands()
    wishes.ask(rate("a", 0.5))
    wishes.settle(history(("step", 3, {})), alive=True)
    assert wishes.note == "learning rate 0.5: asked…"
    changed = {"id": "a", "changes": {"learning_rate": [1.0, 0.5]}}
    wishes.settle(history(("changed", 1234, changed)), alive=True)
    assert wishes.note == "learning rate 0.5 from step 1,234"
    assert wishes.waiting(RATE) is None


def test_the_newest_of_a_kind_is_what_the_next_builds_on() -> None:
    """Halving twice, quickly, must quarter."""
    wishes = PendingCommands()
    wishes.ask(rate("a", 0.5))
    wishes.ask(rate("b", 0.25))
    wishes.ask(PendingCommand("save", "saving…", "saved at", id="c"))
    found = wishes.waiting(RATE)
    assert found is not None
    assert found.value == 0.25


def test_a_refusal_says_why_as_plain_text() -> None:
    wishes = PendingCommands()
    wishes.ask(rate("a", 50.0))
    problems = {"learning_rate": "must be at most 10\x1b[2J"}
    wishes.settle(history(("changed", 7, {"id": "a", "problems": problems})), alive=True)
    assert wishes.note == "refused: learning_rate must be at most 10␛[2J"


def test_a_trainer_that_ends_first_did_not_do_it() -> None:
    wishes = PendingCommands()
    wishes.ask(rate("a", 0.5))
    wishes.settle(history(("finished", 9, {})), alive=False)
    assert wishes.note == "learning rate: not done, the trainer has ended"


def test_a_stop_is_said_by_the_status_once_it_is_done() -> None:
    wishes = PendingCommands()
    wishes.ask(PendingCommand(STOP, "stopping…", "stopped at", id="s"))
    assert wishes.waiting(STOP)
    wishes.settle(history(("stopped", 9, {"id": "s"})), alive=False)
    assert wishes.note == ""
    assert not wishes.waiting(STOP)
