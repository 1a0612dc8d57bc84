"""The transcript of a talk: what was typed, what the model went on with, what made it."""

from __future__ import annotations

from tui.talk import turn_text
from tui.talk.record import Turn
from tui.widgets.transcript import Transcript


def mark(charset: str) -> str:
    """The sign before what was typed."""
    return ">" if charset == "ascii" else "›"


class TalkView(Transcript):
    """Prompt and continuation are one paragraph; below it stands, muted, what made it.

    Args:
        mark: the sign before what was typed.
    """

    def __init__(self, mark: str) -> None:
        super().__init__()
        self._mark = mark
        self._prompt = ""
        self._begun = False
        self._used = False

    def _apart(self) -> None:
        """An empty line between what is there and what comes."""
        if self._used:
            self.append([("\n\n", "")])
        self._used = True

    def note(self, text: str) -> None:
        """A muted line."""
        self._apart()
        self.append([(text, "muted")])

    def problem(self, text: str) -> None:
        """Why nothing came, right below the prompt."""
        self.append([(f"\n{text}", "muted")])

    def turn(self, turn: Turn, run: str = "") -> None:
        """A whole turn."""
        self.begin(turn.prompt)
        self.more(turn.text)
        self.end(turn, run)

    def begin(self, prompt: str) -> None:
        """A prompt; what follows it comes by `more`."""
        self._apart()
        self._prompt, self._begun = prompt, False
        self.append([(f"{self._mark} ", "accent"), (prompt, "prompt")])

    def more(self, text: str) -> None:
        """A piece of the continuation."""
        if not self._begun and text:
            text, self._begun = turn_text.joined(self._prompt, text), True
        self.append([(text, "")])

    def end(self, turn: Turn, run: str = "", parted: str = "") -> None:
        """What made it, the run's name if it is not the usual one; where it parts from another."""
        self.append([(f"\n{turn_text.facts(turn, run)}", "muted")])
        if parted:
            self.append([(f"\n{parted}", "muted")])
