"""The line one types into: Enter sends, Ctrl+J begins a new line, Up and Down recall."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Key, Paste
from textual.message import Message
from textual.widgets import TextArea

from tui.common.sanitize import clean

MOST_REMEMBERED = 200


class Prompt(TextArea):
    """A prompt of one to five rows."""

    DEFAULT_CSS = """
    Prompt { height: auto; min-height: 1; max-height: 5; border: none; padding: 0 1; }
    Prompt:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+j", "newline", "New line", show=False, tooltip="Begin a new line"),
    ]

    class Submitted(Message):
        """Enter was pressed.

        Attributes:
            text: what was typed, without control codes.
        """

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, placeholder: str = "") -> None:
        super().__init__(
            compact=True,
            soft_wrap=True,
            show_line_numbers=False,
            tab_behavior="focus",
            placeholder=placeholder,
        )
        self._said: list[str] = []
        self._place = 0
        self._unsent = ""

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Digits are the screen's first: it may have a use for them, else they are typed."""
        return not key.isdecimal() and super().check_consume_key(key, character)

    def on_mount(self) -> None:
        """Blinks only where that costs nothing."""
        terminal = getattr(self.app, "terminal", None)
        self.cursor_blink = terminal is None or not terminal.remote

    def action_newline(self) -> None:
        """A new line at the cursor."""
        self.insert("\n")

    async def _on_key(self, event: Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self._submit()
        elif event.key == "up" and self._at_top and self._place > 0:
            event.stop()
            event.prevent_default()
            self._recall(-1)
        elif event.key == "down" and self._at_bottom and self._place < len(self._said):
            event.stop()
            event.prevent_default()
            self._recall(1)
        else:
            await super()._on_key(event)

    async def _on_paste(self, event: Paste) -> None:
        """What is pasted is text: control codes become visible."""
        event.stop()
        event.prevent_default()
        text = clean(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        self.move_cursor(self.replace(text, *self.selection).end_location)

    @property
    def _at_top(self) -> bool:
        """Whether the cursor is in the first row that is seen; a long line is several rows."""
        return self.navigator.is_first_wrapped_line(self.cursor_location)

    @property
    def _at_bottom(self) -> bool:
        return self.navigator.is_last_wrapped_line(self.cursor_location)

    def _submit(self) -> None:
        text = clean(self.text)
        if text and text != (self._said[-1] if self._said else None):
            self._said = [*self._said, text][-MOST_REMEMBERED:]
        self._place, self._unsent = len(self._said), ""
        self.post_message(self.Submitted(text))

    def _recall(self, by: int) -> None:
        """An earlier prompt, or a later one; what was being typed is behind the last."""
        if self._place == len(self._said):
            self._unsent = self.text
        self._place = max(0, min(len(self._said), self._place + by))
        at_end = self._place == len(self._said)
        self.text = self._unsent if at_end else self._said[self._place]
        self.move_cursor(self.document.end)
