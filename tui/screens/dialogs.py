"""A question with two answers, a line to type, and a text to type or paste."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.common.sanitize import clean
from tui.widgets.prompt import Prompt


class Confirm(ModalScreen[bool]):
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


class AskLine(ModalScreen[str | None]):
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


class AskText(ModalScreen[str | None]):
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
