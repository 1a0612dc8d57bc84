"""A question with two answers, a line to type, and a text to type or paste.

Which run to talk to: those that have weights, the one that changed last first.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from core.paths import Home
from core.run.directory import Run
from tui.common.sanitize import clean
from tui.runs.library import Library, LibraryRow, age_of
from tui.widgets.prompt import Prompt


class ConfirmDialog(ModalScreen[bool]):
    """Asks before something goes for good; No is what Enter and Escape mean.

    Args:
        question: what will happen and what goes with it.
        yes: the word for doing it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", tooltip="Do it"),
        Binding("n,escape,enter", "answer(False)", "No", tooltip="Leave everything as it is"),
    ]

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question, self._yes = question, yes

    def compose(self) -> ComposeResult:
        """The question and the keys that answer it."""
        with Vertical(classes="dialog"):
            yield Static(clean(self._question), markup=False)
            yield Static(f"y  {self._yes}     n  leave it", classes="keys", markup=False)

    def action_answer(self, answer: bool) -> None:
        """Closes with the answer."""
        self.dismiss(answer)


class LineDialog(ModalScreen[str | None]):
    """Asks for one line; Escape gives none.

    Args:
        question: what to type.
        value: what stands there at first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", tooltip="Leave everything as it is"),
    ]

    def __init__(self, question: str, value: str = "") -> None:
        super().__init__()
        self._question, self._value = question, value

    def compose(self) -> ComposeResult:
        """The question and the line."""
        with Vertical(classes="dialog"):
            yield Static(clean(self._question), markup=False)
            yield Input(self._value, compact=True)
            yield Static("Enter  take it     Esc  leave it", classes="keys", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Takes the line."""
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Closes without one."""
        self.dismiss(None)


class TextDialog(ModalScreen[str | None]):
    """Asks for a text of any length; Escape gives none.

    Args:
        question: what to type.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", tooltip="Leave everything as it is"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question and some rows."""
        with Vertical(classes="dialog"):
            yield Static(clean(self._question), markup=False)
            yield Prompt()
            yield Static("Enter  take it     Esc  leave it", classes="keys", markup=False)

    def on_prompt_submitted(self, event: Prompt.Submitted) -> None:
        """Takes the text."""
        event.stop()
        self.dismiss(event.text)

    def action_leave(self) -> None:
        """Closes without one."""
        self.dismiss(None)


NAME, STATUS = 22, 9
NONE = "No other run has weights yet; they come with the first checkpoint."


class RunDialog(ModalScreen[str | None]):
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
        rows = await asyncio.to_thread(lambda: runs_with_weights(self._home))
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


def runs_with_weights(home: Home) -> list[LibraryRow]:
    """The runs that have weights."""
    rows = Library(home).rows()
    return [row for row in rows if Run(home.runs / row.summary.name).weights.is_file()]


def _line(row: LibraryRow) -> Content:
    found = row.summary
    return Content.assemble(
        f"{found.name[:NAME]:<{NAME}}",
        (f" {found.status:<{STATUS}} step {found.step:>8,}  {age_of(row):>4}", "dim"),
    )
