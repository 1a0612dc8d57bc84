"""The prompt input: Enter sends, Ctrl+J inserts a newline, Up and Down recall earlier prompts."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Key, Paste
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Location

from tui.common.graphemes import grapheme_end, grapheme_start
from tui.common.sanitize import clean, pasted_text

MAX_REMEMBERED_PROMPTS = 200
KEY_CHARACTERS = {"slash": "/"}  # of keys whose names are not those of Unicode


class Prompt(TextArea):
    """A text input of one to five rows."""

    DEFAULT_CSS = """
    Prompt { height: auto; min-height: 1; max-height: 5; border: none; padding: 0 1; }
    Prompt:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send", tooltip="Send", id="chat.send"),
        Binding(
            "up",
            "cursor_up",
            "Last prompt",
            key_display="↑",
            tooltip="The last prompts",
            id="chat.recall",
        ),
        Binding(
            "ctrl+j",
            "newline",
            "New line",
            show=False,
            tooltip="Insert a newline",
            id="chat.newline",
        ),
    ]

    class Submitted(Message):
        """Enter was pressed.

        Attributes:
            text: as typed, without control codes.
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
        self._sent: list[str] = []
        self._recalled = 0  # index into `_sent`; beyond the last: the unsent text
        self._unsent = ""

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """Offer digits to the screen first, which may act on them; else they are typed."""
        character = KEY_CHARACTERS.get(key, character)
        return not key.isdecimal() and super().check_consume_key(key, character)

    def on_mount(self) -> None:
        """Let the cursor blink only where redrawing is cheap."""
        terminal = getattr(self.app, "terminal", None)
        self.cursor_blink = terminal is None or not terminal.remote

    def on_unmount(self) -> None:
        """Stop watching the theme, as Textual keeps the watchers of removed widgets."""
        watchers = getattr(self.app, "__watchers", {}).get("theme", [])  # textual.reactive._watch
        watchers[:] = [(node, callback) for node, callback in watchers if node is not self]

    def action_submit(self) -> None:
        """Send the text."""
        self._submit()

    def action_newline(self) -> None:
        """Insert a newline at the cursor."""
        self.insert("\n")

    def get_cursor_left_location(self) -> Location:
        """Return the start of the character or emoji before the cursor."""
        row, column = self.cursor_location
        if column == 0:
            return super().get_cursor_left_location()
        return row, grapheme_start(self.document.get_line(row), column)

    def get_cursor_right_location(self) -> Location:
        """Return the end of the character or emoji at the cursor."""
        (row, column), line = self.cursor_location, self.document.get_line(self.cursor_location[0])
        if column == len(line):
            return super().get_cursor_right_location()
        return row, grapheme_end(line, column)

    async def _on_key(self, event: Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self._submit()
        elif event.key == "up" and self._at_top and self._recalled > 0:
            event.stop()
            event.prevent_default()
            self._recall(-1)
        elif event.key == "down" and self._at_bottom and self._recalled < len(self._sent):
            event.stop()
            event.prevent_default()
            self._recall(1)
        else:
            await super()._on_key(event)

    async def _on_paste(self, event: Paste) -> None:
        """Insert pasted text with its control codes made visible."""
        event.stop()
        event.prevent_default()
        text = clean(pasted_text(event.text))
        self.move_cursor(self.replace(text, *self.selection).end_location)

    @property
    def _at_top(self) -> bool:
        """Whether the cursor is in the first row; a long line takes several rows."""
        return self.navigator.is_first_wrapped_line(self.cursor_location)

    @property
    def _at_bottom(self) -> bool:
        return self.navigator.is_last_wrapped_line(self.cursor_location)

    def _submit(self) -> None:
        text = clean(self.text)
        if text and text != (self._sent[-1] if self._sent else None):
            self._sent = [*self._sent, text][-MAX_REMEMBERED_PROMPTS:]
        self._recalled, self._unsent = len(self._sent), ""
        self.post_message(self.Submitted(text))

    def _recall(self, by: int) -> None:
        """Show an earlier prompt, or a later one; the unsent text comes after the last."""
        if self._recalled == len(self._sent):
            self._unsent = self.text
        self._recalled = max(0, min(len(self._sent), self._recalled + by))
        at_end = self._recalled == len(self._sent)
        self.text = self._unsent if at_end else self._sent[self._recalled]
        self.move_cursor(self.document.end)
