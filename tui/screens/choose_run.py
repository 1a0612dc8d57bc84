"""Which run to talk to: those that have weights, the one that changed last first."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from core.paths import Home
from core.run.directory import Run
from tui.runs.library import Library, Row, age_of

NAME, STATUS = 22, 9
NONE = "No other run has weights yet; they come with the first checkpoint."


class ChooseRun(ModalScreen[str | None]):
    """A small list of runs; Escape changes nothing.

    Args:
        home: where the runs are.
        current: the one that is talked to now.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", tooltip="Talk on with the same run"),
    ]

    def __init__(self, home: Home, current: str) -> None:
        super().__init__()
        self._home, self._current = home, current

    def compose(self) -> ComposeResult:
        """The list and the keys."""
        with Vertical(classes="dialog"):
            yield Static("Talk to another run", classes="accent", markup=False)
            yield OptionList(id="runs", markup=False, compact=True)
            yield Static("Enter  talk to it     Esc  leave it", classes="keys", markup=False)

    def on_mount(self) -> None:
        """Reads the runs in a thread: there may be hundreds."""
        self._fill()

    @work(exit_on_error=False)
    async def _fill(self) -> None:
        rows = await asyncio.to_thread(lambda: talkable(self._home))
        runs = self.query_one(OptionList)
        runs.add_options([Option(_line(row), id=row.summary.name) for row in rows])
        if not rows:
            runs.add_option(Option(NONE, disabled=True))
        names = [row.summary.name for row in rows]
        runs.highlighted = names.index(self._current) if self._current in names else 0
        runs.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Takes the run."""
        self.dismiss(event.option.id)

    def action_leave(self) -> None:
        """Takes none."""
        self.dismiss(None)


def talkable(home: Home) -> list[Row]:
    """The runs that have weights."""
    rows = Library(home).rows()
    return [row for row in rows if Run(home.runs / row.summary.name).weights.is_file()]


def _line(row: Row) -> Content:
    found = row.summary
    return Content.assemble(
        f"{found.name[:NAME]:<{NAME}}",
        (f" {found.status:<{STATUS}} step {found.step:>8,}  {age_of(row):>4}", "dim"),
    )
