"""A long text that grows at its end: wrapped as it comes, kept in view unless one scrolls up.

Adding costs what is added, however much there is. Every text is data: control codes become
visible, nothing is markup.

The transcript of a talk: what was typed, what the model went on with, what made it.
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
from tui.talk import reply
from tui.talk.record import Turn

STYLES = ("muted", "accent", "prompt")
TAB = "    "
KEPT_STRIPS = 1000
# Joiners and variation selectors of emoji: terminals do not agree how wide what they make is.
_UNSTEADY = {0x200D: None, 0xFE0E: None, 0xFE0F: None}


class Transcript(ScrollView, can_focus=True):
    """Pieces of text, each in a style: "", "muted", "accent" or "prompt"."""

    FOLLOWS: ClassVar[bool] = True
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
        self._strips: LRUCache[int, Strip] = LRUCache(KEPT_STRIPS)
        self._base: Style | None = None  # costs more than a line to find out

    @property
    def text(self) -> str:
        """All of it, as it is shown but for the wrapping."""
        return "".join(text for text, _ in self._pieces)

    def on_mount(self) -> None:
        """Follows its end from the beginning, where that is what it is for."""
        if self.FOLLOWS:
            self.anchor()

    def append(self, pieces: Iterable[Piece]) -> None:
        """Adds pieces at the end; call it with all that came, a few times a second."""
        new = [(shown(text), style) for text, style in pieces if text]
        if not new:
            return
        self._pieces += new
        first = len(self._wrapper.lines) - 1
        for piece in new:
            self._wrapper.append(piece)
        self._changed(first)

    def clear(self) -> None:
        """Forgets all of it."""
        self._pieces.clear()
        self._rewrap()

    def _changed(self, first: int) -> None:
        """Lines from `first` on are new."""
        count = len(self._wrapper.lines)
        self._strips.discard(first)
        at_end = self.scroll_offset.y >= self.max_scroll_y
        # Assigned, it would have the screen laid out, and painted once more for the scrolling.
        self.set_reactive(Widget.virtual_size, Size(self._wrapper.width, count))
        self.vertical_scrollbar.window_virtual_size = count
        self.refresh_lines(first, count - first)
        if at_end:
            self.scroll_y = self.scroll_target_y = self.max_scroll_y

    def on_resize(self) -> None:
        """Wraps all anew if the width is another; what one reads stays in view."""
        width = max(1, self.scrollable_content_region.width)
        if width == self._wrapper.width:
            return
        top = self._wrapper.lines[min(self.scroll_offset.y, len(self._wrapper.lines) - 1)]
        self._wrapper = Wrapper(width)
        self._rewrap()
        number = bisect_right(self._wrapper.lines, _place(top), key=_place) - 1
        # Unlike `scroll_to` this does not end the following of the end.
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
        self.virtual_size = Size(self._wrapper.width, len(self._wrapper.lines))
        self.refresh()

    def notify_style_update(self) -> None:
        """Another theme: all lines are made anew."""
        self._strips.clear()
        self._base = None
        super().notify_style_update()

    def selection_updated(self, selection: Selection | None) -> None:
        """Shows what is selected."""
        self._strips.clear()
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        """The selected text without the breaks of the wrapping, for copying."""
        start, end = selection
        lines = self.text.split("\n")
        if end is not None:
            lines = lines[: end.y + 1]
            lines[end.y :] = [line[: end.x] for line in lines[end.y :]]
        if start is not None:
            lines = lines[start.y :]
            lines[:1] = [line[start.x :] for line in lines[:1]]
        return "\n".join(lines), "\n"

    def render_line(self, y: int) -> Strip:
        """A line of the window."""
        number, width = y + self.scroll_offset.y, self.size.width
        if number >= len(self._wrapper.lines):
            return Strip.blank(width, self._style(""))
        strip = self._strips.get(number)
        if strip is None:
            strip = self._strips[number] = self._strip(self._wrapper.lines[number])
        return strip.crop_extend(0, width, self._style(""))

    def _strip(self, line: WrappedLine) -> Strip:
        """A line whose cells know their place in the text: paragraphs down, characters across."""
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


def shown(text: str) -> str:
    """A text as cells can show it."""
    return clean(text).replace("\t", TAB).translate(_UNSTEADY)


def _place(line: WrappedLine) -> tuple[int, int]:
    """Where in the text a line begins."""
    return line.paragraph, line.start


def _highlighted(segments: list[Segment], start: int, end: int, style: Style) -> list[Segment]:
    """The segments, with a style over the characters from `start` to `end`."""
    found: list[Segment] = []
    at = 0
    for text, own, _ in segments:
        first, last = (min(max(edge - at, 0), len(text)) for edge in (start, end))
        parts = (
            (text[:first], own),
            (text[first:last], (own or Style()) + style),
            (text[last:], own),
        )
        found += [Segment(part, kind) for part, kind in parts if part]
        at += len(text)
    return found


def mark(charset: str) -> str:
    """The sign before what was typed."""
    return ">" if charset == "ascii" else "›"


class TalkView(Transcript):
    """Prompt and continuation are one paragraph; below it stands, muted, what made it.

    Args:
        mark: the sign before what was typed.
    """

    def __init__(self, mark: str) -> None:
        super().__init__()
        self._mark = mark
        self._prompt = ""
        self._begun = False
        self._used = False

    def _apart(self) -> None:
        """An empty line between what is there and what comes."""
        if self._used:
            self.append([("\n\n", "")])
        self._used = True

    def note(self, text: str) -> None:
        """A muted line."""
        self._apart()
        self.append([(text, "muted")])

    def problem(self, text: str) -> None:
        """Why nothing came, right below the prompt."""
        self.append([(f"\n{text}", "muted")])

    def turn(self, turn: Turn, run: str = "") -> None:
        """A whole turn."""
        self.begin(turn.prompt)
        self.more(turn.text)
        self.end(turn, run)

    def begin(self, prompt: str) -> None:
        """A prompt; what follows it comes by `more`."""
        self._apart()
        self._prompt, self._begun = prompt, False
        self.append([(f"{self._mark} ", "accent"), (prompt, "prompt")])

    def more(self, text: str) -> None:
        """A piece of the continuation."""
        if not self._begun and text:
            text, self._begun = reply.joined(self._prompt, text), True
        self.append([(text, "")])

    def end(self, turn: Turn, run: str = "", parted: str = "") -> None:
        """What made it, the run's name if it is not the usual one; where it parts from another."""
        self.append([(f"\n{reply.facts(turn, run)}", "muted")])
        if parted:
            self.append([(f"\n{parted}", "muted")])
