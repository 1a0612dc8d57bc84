"""A text by its tokens, with a cursor that is kept in view; only what is seen is drawn.

Text with its tokens told apart: bold in turns, with a bar between.

A text in which parts are marked, one of them chosen and kept in view; read only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.content import Content
from textual.widgets import Static

from tui.common.format import BAR, CHOSEN, COPIED, PLAIN_BAR, PLAIN_SPACE, SPACE, visible
from tui.common.wrapping import Piece
from tui.explore.token_rows import CURSOR, FORK, TYPED, Bit, Layout, Row, digits, row_of, rows
from tui.widgets.transcript import Transcript, shown

STYLES = {TYPED: "bold", CURSOR: "bold reverse", FORK: "dim"}
LEVELS = ((0.01, "bold $error"), (0.1, "$error"), (0.5, "$warning"), (0.9, ""), (2.0, "$success"))
MARGIN = 2  # rows kept in view beside that of the cursor


class TokenText(Static):
    """Rows of tokens.

    With chances, each row has a row of digits below it, and colours where there are any.

    Attributes:
        needs: rows of cells that all of it would take.
    """

    DEFAULT_CSS = "TokenText { height: 1fr; text-wrap: nowrap; }"

    def __init__(self) -> None:
        super().__init__(id="tokens", markup=False)
        self._layout: Layout | None = None
        self._chances: Sequence[float | None] | None = None
        self._top = 0
        self.needs = 0

    def show(self, layout: Layout, chances: Sequence[float | None] | None = None) -> None:
        """Shows these tokens; without chances all look the same."""
        if (layout, chances) != (self._layout, self._chances):
            self._layout, self._chances = layout, chances
            self._draw()

    def on_resize(self) -> None:
        """Other words fit on a row."""
        self._draw()

    def _draw(self) -> None:
        width, height = self.content_size
        if self._layout is None or not width or not height:
            return
        found = rows(self._layout, width)
        self.needs = len(found) * (1 if self._chances is None else 2)
        seen = max(1, height // (1 if self._chances is None else 2))
        self._scroll(row_of(found, self._layout.cursor), len(found), seen)
        lines: list[Content] = []
        begun: set[int] = set()
        for row in found[self._top : self._top + seen]:
            lines.append(Content.assemble(*((bit.text, self._style(bit)) for bit in row)))
            if self._chances is not None:
                lines.append(self._below(row, begun))
        self.update(Content("\n").join(lines), layout=False)

    def _scroll(self, row: int, count: int, seen: int) -> None:
        """The cursor's row into view, and a few beside it."""
        margin = min(MARGIN, (seen - 1) // 2)
        top = max(min(self._top, row - margin), row - seen + 1 + margin)
        self._top = max(0, min(top, count - seen))

    def _below(self, row: Row, begun: set[int]) -> Content:
        assert self._chances is not None
        return Content.styled(digits(row, self._chances, begun), "dim")

    def _style(self, bit: Bit) -> str:
        style = STYLES.get(bit.kind, "")
        if self._chances is None or bit.kind == FORK or bit.token >= len(self._chances):
            return style
        chance = self._chances[bit.token]
        level = next((name for most, name in LEVELS if chance is not None and chance < most), "")
        return f"{style} {level}".strip()


class TokenBoxes(Static):
    """Lines of tokens.

    Args:
        id: of the widget.
    """

    DEFAULT_CSS = "TokenBoxes { height: auto; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._lines: Sequence[Sequence[str]] = ()
        self._bar, self._space = BAR, SPACE

    def show(self, lines: Sequence[Sequence[str]]) -> None:
        """Shows these lines, each the texts of its tokens."""
        charset = getattr(getattr(self.app, "terminal", None), "charset", "braille")
        plain = charset == "ascii"
        self._bar, self._space = (PLAIN_BAR, PLAIN_SPACE) if plain else (BAR, SPACE)
        self._lines = lines
        self._draw()

    def on_resize(self) -> None:
        """Other tokens fit on a line."""
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        lines = [part for line in self._lines for part in self._wrapped(line, width)]
        self.update(Text("\n", overflow="fold").join(lines))

    def _wrapped(self, tokens: Sequence[str], width: int) -> Iterator[Text]:
        """The line broken between tokens; a token is broken only where it is longer than a line."""
        line = Text()
        for place, token in enumerate(tokens):
            text = visible(token, self._space)
            if line and line.cell_len + 1 + cell_len(text) > width > 0:
                yield line
                line = Text()
            if place:
                line.append(self._bar, style="dim")
            line.append(text, style="bold" if place % 2 else "")
        yield line


ABOVE = 3  # lines kept above what is brought into view


class MarkedText(Transcript, can_focus=False):
    """Pieces of text; beside the styles of a transcript there are "copied" and "chosen".

    The screen scrolls it. Marks stand as characters in the pieces too: nothing depends on a style.
    """

    FOLLOWS = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"transcript--{name}" for name in (COPIED, CHOSEN)}
    DEFAULT_CSS = """
    MarkedText > .transcript--copied { text-style: bold underline; }
    MarkedText > .transcript--chosen { text-style: bold reverse; }
    """

    def show(self, pieces: Sequence[Piece], view: int | None = None) -> None:
        """Shows other pieces.

        Args:
            view: the piece that is brought into view; None begins at the top.
        """
        self.clear()
        self.append(pieces)
        before = "".join(shown(text) for text, _ in pieces[:view]) if view is not None else ""
        paragraphs = before.split("\n")
        where = len(paragraphs) - 1, len(paragraphs[-1])
        lines = self._wrapper.lines
        number = bisect_right(lines, where, key=lambda line: (line.paragraph, line.start)) - 1
        self._bring(number if view is not None else 0)

    def _bring(self, number: int) -> None:
        """A line into view, if it is not: near the top."""
        height = max(1, self.scrollable_content_region.height)
        top = self.scroll_offset.y
        if number and top <= number < top + height:
            return
        self.scroll_to(y=max(0, number - ABOVE), animate=False, force=True)
