"""All keys of the screen one is on, from the bindings themselves, and what the screen is for."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui.common.keys import KeyRow, key_rows, merge_digit_rows

TOUR = (
    "A text, a model, a talk. Models lists your runs; n makes a new one: choose a text, look over "
    "what was chosen for you, Enter. Train shows it learn: the curve falls below what guessing by "
    "word counts reaches once it uses context. Talk lets it go on from what you type. The training "
    "is a process of its own: leave, close the terminal, come back tomorrow."
)


class HelpScreen(ModalScreen[None]):
    """Keys and purpose of a screen.

    Args:
        of: the screen.
        tour: whether to begin with the tour of the program.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,q,question_mark,f1", "app.pop_screen", "Close", tooltip="Back to the screen"
        ),
    ]

    def __init__(self, of: Screen[object], *, tour: bool = False) -> None:
        super().__init__()
        self._rows, self._about = merge_digit_rows(key_rows(of)), of.HELP or ""
        self._tour = tour

    def compose(self) -> ComposeResult:
        """Purpose, then a table."""
        with VerticalScroll(classes="dialog help"):
            if self._tour:
                yield Static(TOUR, markup=False, classes="about")
            yield Static(self._about, markup=False, classes="about")
            yield Static(key_table(self._rows))
            yield Static("Esc  close", classes="keys", markup=False)


def key_table(rows: list[KeyRow]) -> Content:
    """The keys in a column of their own."""
    width = max((len(row.key) for row in rows), default=0)
    lines = [
        Content.assemble((row.key.ljust(width + 2), "bold $primary"), row.description)
        for row in rows
    ]
    return Content("\n").join(lines)
