"""A corpus at a line: what stands around it, read from the file as one goes on; nothing changes."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.text.encoding import Encoding
from core.errors import MiniGPTError
from core.attribution.passages import Line, lines_around
from tui.talk.origin import MARKS, PLAIN_MARKS, Place
from tui.common.terminal import ASCII
from tui.screens.base import BaseScreen
from tui.widgets.marked_text import CHOSEN, MarkedText
from tui.common.wrapping import Piece


class PassageScreen(BaseScreen):
    """Some lines of a file, beginning with those around a place.

    Args:
        place: what is marked.
        encoding: of the file.
    """

    HEADING = "Corpus"
    HELP = "The text the run was trained on, around the place; more is read as you go on."
    CSS_PATH = "../styles/origin.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", key_display="↑", tooltip="A line up"),
        Binding("down,j", "move(1)", "Down", key_display="↓", tooltip="A line down"),
        Binding("pageup", "page(-1)", "Page up", key_display="PgUp", tooltip="A page up"),
        Binding(
            "pagedown,space", "page(1)", "Page down", key_display="PgDn", tooltip="A page down"
        ),
        Binding("enter,home", "place", "Back to it", key_display="Enter", tooltip="To the place"),
    ]

    def __init__(self, place: Place, encoding: Encoding) -> None:
        super().__init__()
        self._place, self._encoding = place, encoding
        self._lines: list[Line] = []

    def body(self) -> ComposeResult:
        """The lines."""
        yield MarkedText()

    def on_mount(self) -> None:
        """Reads around the place."""
        self._read(self._place.offset, self._place.line)

    @work(group="passage", exclusive=True, exit_on_error=False)
    async def _read(self, offset: int, number: int) -> None:
        try:
            lines = await asyncio.to_thread(
                lines_around, self._place.file, self._encoding, offset, number
            )
        except MiniGPTError as error:
            self.trouble(error)
            return
        self._lines = lines
        self.set_title(f"line {self._place.line:,} of {self._place.file.name}")
        pieces, view = self._pieces(number)
        self.query_one(MarkedText).show(pieces, view)

    def _pieces(self, number: int) -> tuple[list[Piece], int | None]:
        """The lines with their numbers, and which piece stands at a line."""
        width = max((len(f"{line.number:,}") for line in self._lines), default=1)
        pieces: list[Piece] = []
        view = None
        for line in self._lines:
            if line.number == number:
                view = len(pieces)
            here = line.number == self._place.line
            pieces.append((f"{line.number:>{width},} ", "accent" if here else "muted"))
            pieces += self._marked(line) if here else [(line.text, "")]
            pieces.append(("\n", ""))
        return pieces, view

    def _marked(self, line: Line) -> list[Piece]:
        """The line of the place: what stands there between marks, as far as it is on this line."""
        left, right = PLAIN_MARKS if self.shell.look.charset == ASCII else MARKS
        wanted = self._place.text.split("\n")[0]
        before = self._place.before.rpartition("\n")[2]
        begin = line.text.find(before + wanted)
        if begin < 0 or not wanted:
            return [(f"{left}{line.text}{right}", CHOSEN)]
        begin += len(before)
        end = begin + len(wanted)
        marked = f"{left}{line.text[begin:end]}{right}"
        return [(line.text[:begin], ""), (marked, CHOSEN), (line.text[end:], "")]

    def action_place(self) -> None:
        """Back to where one began."""
        self._read(self._place.offset, self._place.line)

    def action_move(self, by: int) -> None:
        """A line."""
        self._scroll(by)

    def action_page(self, by: int) -> None:
        """A page."""
        self._scroll(by * max(1, self.query_one(MarkedText).size.height - 1))

    def _scroll(self, by: int) -> None:
        """Within what was read; at its edge more is read."""
        text = self.query_one(MarkedText)
        edge = text.max_scroll_y if by > 0 else 0
        if text.scroll_offset.y != edge or not self._lines:
            text.scroll_relative(y=by, animate=False)
            return
        line = self._lines[-1 if by > 0 else 0]
        self._read(line.offset, line.number)
