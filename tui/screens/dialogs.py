"""Modal dialogs: confirm, type a line, type or paste a text, choose a run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import Worker, WorkerState

from core.errors import MiniGPTError
from core.paths import Home
from core.run.directory import Run
from core.text.messages import FILL
from tui.common.messages import ErrorRaised
from tui.common.sanitize import clean
from tui.runs.library import Library, LibraryRow, row_age
from tui.widgets.line_input import LineInput
from tui.widgets.prompt import Prompt

RUN_NAME_CELLS, RUN_STATUS_CELLS = 22, 9


class ConfirmDialog(ModalScreen[bool]):
    """Ask before something is deleted; Enter and Escape mean No.

    Args:
        question: what will be lost.
        yes: the verb for doing it, for example "delete".
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", tooltip="Yes"),
        Binding("n,escape,enter", "answer(False)", "No", tooltip="No, change nothing"),
    ]

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question, self._yes = question, yes

    def compose(self) -> ComposeResult:
        """The question and the keys that answer it."""
        with Vertical(classes="dialog"):
            yield Static(clean(self._question), markup=False)
            yield Static(f"y  {self._yes}     n  cancel", classes="keys", markup=False)

    def action_answer(self, answer: bool) -> None:
        """Close with the answer."""
        self.dismiss(answer)


class InputDialog(ModalScreen[str | None]):
    """The base of dialogs that return a string, or None when cancelled with Escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", tooltip="Cancel, change nothing"),
    ]

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show an unexpected exception; the dialog stays open."""
        if event.state is WorkerState.ERROR:
            what = f"{type(event.worker.error).__name__}: {event.worker.error}"
            error = MiniGPTError(f"Bug in this dialog: {what}", "Please report it.")
            self.post_message(ErrorRaised(error))


class CheckedDialog(InputDialog):
    """Ask for a text; what is refused stays in the input, with the reason below it.

    Args:
        question: what to type.
        check: raises MiniGPTError for a text that is refused. It may be a coroutine function, and
            also do what the text is for: the dialog closes once it has succeeded.
    """

    def __init__(
        self, question: str, check: Callable[[str], Awaitable[object] | object] | None = None
    ) -> None:
        super().__init__()
        self._question, self._check = question, check

    def compose(self) -> ComposeResult:
        """The question, the input, the reason for a refusal, the keys."""
        with Vertical(classes="dialog"):
            yield Static(clean(self._question), markup=False)
            yield self.input()
            problem = Static(id="problem", markup=False)
            problem.display = False
            yield problem
            yield Static("Enter  OK     Esc  cancel", classes="keys", markup=False)

    def input(self) -> LineInput | Prompt:
        """The widget that the text is typed into."""
        raise NotImplementedError

    @work(exclusive=True, exit_on_error=False)
    async def submit(self, text: str) -> None:
        """Close with the text, unless it is refused."""
        try:
            result = self._check(text) if self._check is not None else None
            if isawaitable(result):
                await result
        except MiniGPTError as error:
            problem = self.query_one("#problem", Static)
            problem.update(clean(str(error)))
            problem.display = True
        else:
            self.dismiss(text)


class LineDialog(CheckedDialog):
    """Ask for one line.

    Args:
        value: the initial text of the line.
    """

    def __init__(
        self,
        question: str,
        value: str = "",
        check: Callable[[str], Awaitable[object] | object] | None = None,
    ) -> None:
        super().__init__(question, check)
        self._value = value

    def input(self) -> LineInput:
        """One line."""
        return LineInput(self._value, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.submit(event.value)


class TextDialog(CheckedDialog):
    """Ask for a text of any length, typed or pasted.

    Args:
        value: the text at first.
    """

    def __init__(
        self,
        question: str,
        check: Callable[[str], Awaitable[object] | object] | None = None,
        value: str = "",
    ) -> None:
        super().__init__(question, check)
        self._value = value

    def input(self) -> Prompt:
        """Up to five rows."""
        prompt = Prompt()
        prompt.insert(self._value)
        return prompt

    def on_prompt_submitted(self, event: Prompt.Submitted) -> None:
        event.stop()
        self.submit(event.text)


class RunDialog(InputDialog):
    """Choose one of the runs that have weights; the most recently changed comes first.

    Args:
        home: the home directory of the program.
        current: the name of the run in use.
        title, verb: what for.
    """

    def __init__(
        self,
        home: Home,
        current: str,
        title: str = "Chat with another run",
        verb: str = "talk to it",
    ) -> None:
        super().__init__()
        self._home, self._current = home, current
        self._title, self._verb = title, verb

    def compose(self) -> ComposeResult:
        """The list and the keys."""
        with Vertical(classes="dialog"):
            yield Static(self._title, classes="accent", markup=False)
            yield OptionList(id="runs", markup=False, compact=True)
            keys = f"Enter  {self._verb}     Esc  cancel"
            yield Static(keys, classes="keys", markup=False)

    def on_mount(self) -> None:
        """Start reading the runs."""
        self._fill()

    @work(exit_on_error=False)
    async def _fill(self) -> None:
        rows = await asyncio.to_thread(runs_with_weights, self._home)  # there may be hundreds
        runs = self.query_one(OptionList)
        runs.add_options([Option(_option_text(row), id=row.summary.name) for row in rows])
        if not rows:
            text = "No run has weights yet; the first checkpoint creates them."
            runs.add_option(Option(text, disabled=True))
        names = [row.summary.name for row in rows]
        runs.highlighted = names.index(self._current) if self._current in names else 0
        runs.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Close with the name of the run."""
        self.dismiss(event.option.id)


def runs_with_weights(home: Home) -> list[LibraryRow]:
    """The runs that have weights and generate text."""
    rows = [row for row in Library(home).rows() if row.summary.task != FILL]
    return [row for row in rows if Run(home.runs / row.summary.name).weights.is_file()]


def _option_text(row: LibraryRow) -> Content:
    summary = row.summary
    details = f"{summary.status:<{RUN_STATUS_CELLS}} step {summary.step:>8,}  {row_age(row):>4}"
    return Content.assemble(
        f"{summary.name[:RUN_NAME_CELLS]:<{RUN_NAME_CELLS}}", (f" {details}", "dim")
    )
