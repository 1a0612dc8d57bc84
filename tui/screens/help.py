"""Help for a screen: what it is for and its keys, read from the bindings."""

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
    "Choose a text, train a model, talk to it. Models lists your runs; n creates one: choose a "
    "text, check the suggested settings, press Enter. Train shows the loss: it falls below the "
    "unigram and bigram baselines once the model uses more context than they do. Chat continues "
    "what you type. Training runs in a process of its own: quit, close the terminal, come back "
    "tomorrow."
)


class HelpScreen(ModalScreen[None]):
    """The purpose and the keys of a screen.

    Args:
        screen: the screen to explain.
        tour: whether to begin with the tour of the program.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "app.pop_screen", "Close", tooltip="Close the help"),
    ]

    def __init__(self, screen: Screen[object], *, tour: bool = False) -> None:
        super().__init__()
        self._rows, self._purpose = merge_digit_rows(key_rows(screen)), screen.HELP or ""
        self._tour = tour

    def compose(self) -> ComposeResult:
        """The purpose, then a table of keys."""
        with VerticalScroll(classes="dialog help"):
            if self._tour:
                yield Static(TOUR, markup=False, classes="about")
            yield Static(self._purpose, markup=False, classes="about")
            yield Static(_key_table(self._rows))
            yield Static("Esc  close", classes="keys", markup=False)


def _key_table(rows: list[KeyRow]) -> Content:
    width = max((len(row.key) for row in rows), default=0)
    lines = [
        Content.assemble((row.key.ljust(width + 2), "bold $primary"), row.description)
        for row in rows
    ]
    return Content("\n").join(lines)
