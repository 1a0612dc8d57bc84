"""A text with marked passages that has the focus: keys and wheel scroll, a click is reported."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message

from tui.common.wrapping import Piece
from tui.widgets.token_text import DOUBLE_CLICK, MarkedText
from tui.widgets.transcript import displayable


class SourceText(MarkedText, can_focus=True, inherit_bindings=False):
    """Marked text in a panel; it leaves all keys to the screen."""

    DEFAULT_CSS = "SourceText { padding: 0; }"

    class Clicked(Message):
        """A piece of the text was clicked.

        Attributes:
            text: the widget.
            piece: the index of the piece.
            twice: whether it was a double click.
        """

        def __init__(self, text: SourceText, piece: int, *, twice: bool) -> None:
            super().__init__()
            self.text, self.piece, self.twice = text, piece, twice

        @property
        def control(self) -> SourceText:
            """The widget."""
            return self.text

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__()
        if id is not None:
            self.id = id
        self._ends: list[int] = []

    def show(self, pieces: Sequence[Piece], view: int | None = None) -> None:
        """Show other pieces, see `MarkedText`."""
        self._ends = list(accumulate(len(displayable(text)) for text, _ in pieces))
        super().show(pieces, view)

    def on_click(self, event: Click) -> None:
        """Report the piece under the pointer."""
        offset = event.get_content_offset(self)
        number = offset.y + self.scroll_offset.y if offset else self.line_count
        if offset is None or number >= self.line_count:
            return
        line = self._wrapper.lines[number]
        text = "".join(text for text, _ in line.pieces)
        ends = list(accumulate(cell_len(character) for character in text))
        column = bisect_right(ends, offset.x)
        if column >= len(text):
            return
        before = sum(len(part) + 1 for part in self.text.split("\n")[: line.paragraph])
        piece = bisect_right(self._ends, before + line.start + column)
        self.post_message(self.Clicked(self, piece, twice=event.chain == DOUBLE_CLICK))


class ReplyText(SourceText):
    """A reply, scrolled with the arrow keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", "Up", show=False),
        Binding("down", "scroll_down", "Down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("home", "scroll_home", "Begin", show=False),
        Binding("end", "scroll_end", "End", show=False),
    ]
