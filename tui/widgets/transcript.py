"""A long text that grows at its end: wrapped as it comes, kept in view unless one scrolls up.

Adding costs what is added, however much there is. Every text is data: control codes become
visible, nothing is markup.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from core.display import clean
from tui.wrapping import Piece, Wrapper

STYLES = ("muted", "accent", "prompt")
TAB = "    "


class Transcript(ScrollView, can_focus=True):
    """Pieces of text, each in a style: "", "muted", "accent" or "prompt"."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"transcript--{name}" for name in STYLES}
    DEFAULT_CSS = """
    Transcript {
        height: 1fr; padding: 0 1;
        overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1;
    }
    Transcript > .transcript--muted { color: $text-muted; }
    Transcript > .transcript--accent { color: $primary; text-style: bold; }
    Transcript > .transcript--prompt { text-style: bold; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[Piece] = []
        self._wrapper = Wrapper(80)
        self._strips: dict[int, Strip] = {}

    @property
    def text(self) -> str:
        """All of it, as it is shown but for the wrapping."""
        return "".join(text for text, _ in self._pieces)

    def on_mount(self) -> None:
        """Follows its end from the beginning."""
        self.anchor()

    def append(self, pieces: Iterable[Piece]) -> None:
        """Adds pieces at the end; call it with all that came, a few times a second."""
        new = [(clean(text).replace("\t", TAB), style) for text, style in pieces if text]
        if not new:
            return
        self._pieces += new
        first = len(self._wrapper.lines) - 1
        for piece in new:
            self._wrapper.add(piece)
        self._changed(first)

    def clear(self) -> None:
        """Forgets all of it."""
        self._pieces.clear()
        self._rewrap()

    def _changed(self, first: int) -> None:
        """Lines from `first` on are new."""
        count = len(self._wrapper.lines)
        for line in range(first, count):
            self._strips.pop(line, None)
        if count != self.virtual_size.height:
            self.virtual_size = Size(self._wrapper.width, count)
        self.refresh_lines(first, count - first)

    def on_resize(self) -> None:
        """Wraps all anew if the width is another."""
        width = max(1, self.scrollable_content_region.width)
        if width != self._wrapper.width:
            self._wrapper = Wrapper(width)
            self._rewrap()

    def _rewrap(self) -> None:
        self._wrapper = Wrapper(self._wrapper.width)
        for piece in self._pieces:
            self._wrapper.add(piece)
        self._strips.clear()
        self.virtual_size = Size(self._wrapper.width, len(self._wrapper.lines))
        self.refresh()

    def notify_style_update(self) -> None:
        """Another theme: all lines are made anew."""
        self._strips.clear()
        super().notify_style_update()

    def selection_updated(self, selection: Selection | None) -> None:
        """Shows what is selected."""
        self._strips.clear()
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        """The selected text, for copying."""
        lines = ("".join(text for text, _ in line) for line in self._wrapper.lines)
        return selection.extract("\n".join(lines)), "\n"

    def render_line(self, y: int) -> Strip:
        """A line of the window."""
        number, width = y + self.scroll_offset.y, self.size.width
        if number >= len(self._wrapper.lines):
            return Strip.blank(width, self.rich_style)
        if number not in self._strips:
            self._strips[number] = self._strip(number, width)
        return self._strips[number].crop_extend(0, width, self.rich_style)

    def _strip(self, number: int, width: int) -> Strip:
        base = self.rich_style
        segments = [
            Segment(text, self._style(style)) for text, style in self._wrapper.lines[number]
        ]
        strip = Strip(segments).adjust_cell_length(width, base).apply_offsets(0, number)
        span = self.text_selection.get_span(number) if self.text_selection else None
        if span is None:
            return strip
        start, end = span[0], strip.cell_length if span[1] == -1 else span[1]
        chosen = self.screen.get_component_rich_style("screen--selection")
        parts = [
            strip.crop(0, start),
            strip.crop(start, end).apply_style(chosen),
            strip.crop(end, strip.cell_length),
        ]
        return Strip.join(parts)

    def _style(self, name: str) -> Style:
        base = self.rich_style
        return base + self.get_component_rich_style(f"transcript--{name}") if name else base
