"""The corpus around a copied passage."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.attribution.passages import PassageLine, read_lines_around
from core.errors import MiniGPTError
from core.server.replies import OriginPlace
from core.text.encoding import Encoding
from tui.chat.origin import MARKS, PLAIN_MARKS
from tui.common.format import CHOSEN
from tui.common.keys import hidden_key
from tui.common.messages import CopyRequested
from tui.common.sanitize import clean, one_line
from tui.common.wrapping import Piece
from tui.screens.base import BaseScreen
from tui.widgets.panel import Panel
from tui.widgets.source_text import SourceText


class PassageScreen(BaseScreen):
    """Lines of a corpus file around a place; more are read while scrolling.

    Args:
        place: what is marked.
        encoding: of the file.
    """

    HEADING = "Corpus"
    HELP = "The corpus around the passage; scrolling reads more."
    CSS_PATH = "../styles/origin.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "Line", key_display="↑↓", tooltip="A line down"),
        hidden_key("up", "move(-1)", "Up", "A line up"),
        Binding("pagedown", "page(1)", "Page", key_display="PgUp PgDn", tooltip="A page down"),
        hidden_key("pageup", "page(-1)", "Page up", "A page up"),
        Binding("enter", "passage", "Passage", tooltip="Back to the passage"),
        Binding("y", "copy", "Copy", tooltip="Copy the passage"),
    ]

    def __init__(self, place: OriginPlace, encoding: Encoding) -> None:
        super().__init__()
        self._place, self._encoding = place, encoding
        self._file = Path(place.file)
        self._lines: list[PassageLine] = []

    def body(self) -> ComposeResult:
        """The lines."""
        with Panel(title=one_line(self._file.name), hint="scrolling reads more"):
            yield SourceText(id="lines")

    def on_mount(self) -> None:
        """Read the lines around the place."""
        self.query_one(SourceText).focus()
        self.action_passage()

    @work(group="passage", exclusive=True, exit_on_error=False)
    async def _read(self, offset: int, number: int) -> None:
        try:
            lines = await asyncio.to_thread(
                read_lines_around, self._file, self._encoding, offset, number
            )
        except MiniGPTError as error:
            self.show_error(error)
            return
        self._lines = lines
        self.set_header(self._file.name, state=f"line {self._place.line:,}")
        self.query_one(SourceText).show(*self._pieces(number))

    def _pieces(self, number: int) -> tuple[list[Piece], int | None]:
        """Return the lines with their numbers, and the index of the piece of line `number`."""
        width = max((len(f"{line.number:,}") for line in self._lines), default=1)
        pieces: list[Piece] = []
        view = None
        for line in self._lines:
            if line.number == number:
                view = len(pieces)
            here = line.number == self._place.line
            pieces.append((f"{line.number:>{width},} ", "accent" if here else "muted"))
            pieces += self._marked_line(line.text) if here else [(line.text, "")]
            pieces.append(("\n", ""))
        return pieces, view

    def _marked_line(self, text: str) -> list[Piece]:
        """Return the line of the place, with the passage between marks as far as it is on it."""
        left, right = PLAIN_MARKS if self.services.terminal.is_ascii else MARKS
        passage = self._place.text.split("\n")[0]
        before = self._place.before.rpartition("\n")[2]
        begin = text.find(before + passage)
        if begin < 0 or not passage:
            return [(f"{left}{text}{right}", CHOSEN)]
        begin += len(before)
        end = begin + len(passage)
        return [(text[:begin], ""), (f"{left}{passage}{right}", CHOSEN), (text[end:], "")]

    def action_passage(self) -> None:
        """Show the lines around the place."""
        self._read(self._place.offset, self._place.line)

    def action_copy(self) -> None:
        """Copy the passage as the corpus has it."""
        self.post_message(CopyRequested(clean(self._place.text.strip(" ")), "passage"))

    def on_mouse_scroll_up(self) -> None:
        """Read more above: the text itself scrolls until its edge."""
        self._scroll(-1)

    def on_mouse_scroll_down(self) -> None:
        """Read more below."""
        self._scroll(1)

    def action_move(self, by: int) -> None:
        """Scroll by lines."""
        self._scroll(by)

    def action_page(self, by: int) -> None:
        """Scroll by pages."""
        self._scroll(by * max(1, self.query_one(SourceText).size.height - 1))

    def _scroll(self, by: int) -> None:
        """Scroll within the lines read; at their edge read more."""
        text = self.query_one(SourceText)
        edge = text.max_scroll_y if by > 0 else 0
        if text.scroll_offset.y != edge or not self._lines:
            text.scroll_relative(y=by, animate=False)
            return
        line = self._lines[-1 if by > 0 else 0]
        self._read(line.offset, line.number)
