"""Control requests sent from the Train screen that wait for the trainer's answer.

A request has taken effect when an event repeats its id, not when it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.run.history import History
from tui.common.sanitize import one_line

STOP = "stop"
LEARNING_RATE = "learning rate"


@dataclass(frozen=True)
class PendingCommand:
    """One request.

    Attributes:
        kind: what it is about; of each kind only the newest counts.
        waiting_text: shown until the answer arrives, for instance "pausing…".
        done_text: shown before the step of the answer, for instance "paused at".
        value: the requested value, if the next command of this kind builds on it.
        id: of the request, which the answer repeats.
    """

    kind: str
    waiting_text: str
    done_text: str
    value: float | None = None
    id: str = ""


@dataclass
class PendingCommands:
    """The unanswered requests, and a note about the last one.

    Attributes:
        note: a few words for the title line.
    """

    note: str = ""
    _pending: dict[str, PendingCommand] = field(default_factory=dict)

    def add(self, command: PendingCommand) -> None:
        """Add a request that has been sent."""
        self._pending[command.id] = command
        self.note = command.waiting_text

    def newest(self, kind: str) -> PendingCommand | None:
        """The newest unanswered request of a kind."""
        commands = [command for command in self._pending.values() if command.kind == kind]
        return commands[-1] if commands else None

    @property
    def is_waiting(self) -> bool:
        """Whether a request is unanswered."""
        return bool(self._pending)

    def settle(self, history: History, *, is_alive: bool) -> None:
        """Remove answered requests and note the outcome; a dead trainer answers no more."""
        for command in list(self._pending.values()):
            step = history.answers.get(command.id)
            if step is None and is_alive:
                continue
            del self._pending[command.id]
            if refusal := _refusal(history, command.id):
                self.note = f"refused: {refusal}"
            elif command.kind == STOP:
                self.note = ""  # the status shows it
            elif step is None:
                self.note = f"{command.kind}: not done, the trainer has ended"
            else:
                self.note = f"{command.done_text} step {step:,}"


def _refusal(history: History, id: str) -> str:
    problems = next((change.problems for change in history.changes if change.id == id), {})
    return one_line(", ".join(f"{name} {text}" for name, text in problems.items()))
