"""A long text to which more is appended.

The text is wrapped as it comes, and follows its end unless scrolled up; appending takes time in
proportion to what is appended. Control codes become visible, and nothing is markup.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import groupby
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from tui.common.sanitize import clean
from tui.common.wrapping import Piece, WrappedLine, Wrapper

STYLES = ("muted", "accent", "prompt")
TAB_SPACES = "    "
MAX_CACHED_STRIPS = 1000


class Transcript(ScrollView, can_focus=True):
    """Pieces of text, each in a style: "", "muted", "accent" or "prompt"."""

    FOLLOWS: ClassVar[bool] = True
    GUTTER_CELLS: ClassVar[int] = 0  # at the left, for marks of a subclass
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
        self._strips: LRUCache[int, Strip] = LRUCache(MAX_CACHED_STRIPS)
        self._base: Style | None = None  # cached: costs more than a line

    @property
    def text(self) -> str:
        """The text without the wrapping."""
        return "".join(text for text, _ in self._pieces)

    def on_mount(self) -> None:
        """Follow the end, unless the subclass does not."""
        if self.FOLLOWS:
            self.anchor()

    def append(self, pieces: Iterable[Piece]) -> None:
        """Append pieces; batch them into a few calls per second."""
        new = [(displayable(text), style) for text, style in pieces if text]
        if not new:
            return
        self._pieces += new
        first = len(self._wrapper.lines) - 1
        for piece in new:
            self._wrapper.append(piece)
        self._changed(first)

    def clear(self) -> None:
        """Remove all text."""
        self._pieces.clear()
        self._rewrap()

    def _changed(self, first: int) -> None:
        """Update size, view and scrolling for new lines from `first` on."""
        count = self.line_count
        self._strips.discard(first)
        at_end = self.scroll_offset.y >= self.max_scroll_y
        # Plain assignment would lay out the whole screen, and paint twice for the scrolling.
        width = self._wrapper.width + self.GUTTER_CELLS
        self.set_reactive(Widget.virtual_size, Size(width, count))
        self.vertical_scrollbar.window_virtual_size = count
        self.refresh_from(first)
        if at_end:
            self.scroll_y = self.scroll_target_y = self.max_scroll_y

    @property
    def line_count(self) -> int:
        """The number of lines."""
        return len(self._wrapper.lines)

    def refresh_from(self, first: int) -> None:
        """Draw the lines from `first` on anew."""
        self.refresh_lines(first, self.line_count - first)

    def on_resize(self) -> None:
        """Rewrap for another width; the first visible text stays in view."""
        width = max(1, self.scrollable_content_region.width - self.GUTTER_CELLS)
        if width == self._wrapper.width:
            return
        top = self._wrapper.lines[min(self.scroll_offset.y, len(self._wrapper.lines) - 1)]
        self._wrapper = Wrapper(width)
        self._rewrap()
        number = bisect_right(self._wrapper.lines, _line_start(top), key=_line_start) - 1
        # Unlike `scroll_to` this does not stop following the end.
        self.scroll_y = self.scroll_target_y = number

    def _rewrap(self) -> None:
        self._wrapper = Wrapper(self._wrapper.width)
        self._pieces = [
            ("".join(text for text, _ in group), style)
            for style, group in groupby(self._pieces, key=lambda piece: piece[1])
        ]
        for piece in self._pieces:
            self._wrapper.append(piece)
        self._strips.clear()
        self.virtual_size = Size(self._wrapper.width + self.GUTTER_CELLS, self.line_count)
        self.refresh()

    def notify_style_update(self) -> None:
        """Drop cached lines, as the theme has changed."""
        self._strips.clear()
        self._base = None
        super().notify_style_update()

    def selection_updated(self, selection: Selection | None) -> None:
        """Redraw with the selection."""
        self._strips.clear()
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        """Return the selected text without the line breaks of the wrapping."""
        return selected_part(self.text, selection), "\n"

    def render_line(self, y: int) -> Strip:
        """Render a visible line."""
        number, width = y + self.scroll_offset.y, self.size.width
        if number >= len(self._wrapper.lines):
            return Strip.blank(width, self._style(""))
        strip = self._strips.get(number)
        if strip is None:
            strip = self._strips[number] = self._strip(self._wrapper.lines[number])
        return strip.crop_extend(0, width, self._style(""))

    def _strip(self, line: WrappedLine) -> Strip:
        """Render a line whose cells carry their offset in the text, for selections."""
        segments = [Segment(text, self._style(style)) for text, style in line.pieces]
        span = self.text_selection.get_span(line.paragraph) if self.text_selection else None
        if span is not None:
            start = max(0, span[0] - line.start)
            end = line.length if span[1] == -1 else max(start, span[1] - line.start)
            chosen = self.screen.get_component_rich_style("screen--selection")
            segments = _highlighted(segments, start, end, chosen)
        return Strip(segments).apply_offsets(line.start, line.paragraph)

    def _style(self, name: str) -> Style:
        base = self._base = self._base or self.rich_style
        return base + self.get_component_rich_style(f"transcript--{name}") if name else base


def displayable(text: str) -> str:
    """Return the text without control codes and tabs."""
    return clean(text).replace("\t", TAB_SPACES)


def selected_part(text: str, selection: Selection) -> str:
    """Return the selected part of a text; offsets are those of its paragraphs."""
    start, end = selection
    lines = text.split("\n")
    if end is not None:
        lines = lines[: end.y + 1]
        lines[end.y :] = [line[: end.x] for line in lines[end.y :]]
    if start is not None:
        lines = lines[start.y :]
        lines[:1] = [line[start.x :] for line in lines[:1]]
    return "\n".join(lines)


def _line_start(line: WrappedLine) -> tuple[int, int]:
    return line.paragraph, line.start


def _highlighted(segments: list[Segment], start: int, end: int, style: Style) -> list[Segment]:
    """Return the segments with a style added to the characters from `start` to `end`."""
    result: list[Segment] = []
    at = 0
    for text, own, _ in segments:
        first, last = (min(max(edge - at, 0), len(text)) for edge in (start, end))
        parts = (
            (text[:first], own),
            (text[first:last], (own or Style()) + style),
            (text[last:], own),
        )
        result += [Segment(part, kind) for part, kind in parts if part]
        at += len(text)
    return result


def prompt_mark(charset: str) -> str:
    """Return the mark before a prompt."""
    return ">" if charset == "ascii" else "›"
