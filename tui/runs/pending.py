"""What was asked of a trainer from this screen, and what became of it. Pure.

A wish is fulfilled when an event repeats its id, not when it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.run.history import History
from tui.common.sanitize import one_line

STOP = "stop"
RATE = "learning rate"


@dataclass(frozen=True)
class PendingCommand:
    """One request.

    Attributes:
        kind: what it is about; of one kind the newest is what counts.
        asked: what is said until the answer comes, for instance "pausing…".
        done: what is said before the step of the answer, for instance "paused at".
        value: what was asked for, where the next wish builds on it.
        id: that the answer repeats; empty until it is sent.
    """

    kind: str
    asked: str
    done: str
    value: float | None = None
    id: str = ""


@dataclass
class PendingCommands:
    """Those that wait, and a note about the last.

    Attributes:
        note: a few words for the person; empty before the first wish.
    """

    note: str = ""
    _waiting: dict[str, PendingCommand] = field(default_factory=dict)

    def ask(self, wish: PendingCommand) -> None:
        """Remembers a request that was sent."""
        self._waiting[wish.id] = wish
        self.note = wish.asked

    def waiting(self, kind: str) -> PendingCommand | None:
        """The newest of a kind that has no answer yet."""
        found = [wish for wish in self._waiting.values() if wish.kind == kind]
        return found[-1] if found else None

    def settle(self, history: History, *, alive: bool) -> None:
        """Takes the answers in; what a trainer that is gone left unanswered was not done."""
        for wish in list(self._waiting.values()):
            step = history.answers.get(wish.id)
            if step is None and alive:
                continue
            del self._waiting[wish.id]
            refused = _refusal(history, wish.id)
            if refused:
                self.note = f"refused: {refused}"
            elif wish.kind == STOP:
                self.note = ""  # the status says it
            elif step is None:
                self.note = f"{wish.kind}: not done, the trainer has ended"
            else:
                self.note = f"{wish.done} step {step:,}"


def _refusal(history: History, id: str) -> str:
    problems: Mapping[str, Any] = next(
        (change.problems for change in history.changes if change.id == id), {}
    )
    return one_line(", ".join(f"{name} {text}" for name, text in problems.items()))
