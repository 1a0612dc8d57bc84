"""Widgets that show the tokens of a text, or marked parts of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.content import Content
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.style import Style
from textual.widgets import Static

from tui.common.format import CHOSEN, COPIED, PLAIN_BAR, PLAIN_SPACE, mark_spaces
from tui.common.wrapping import Piece
from tui.explore.token_rows import (
    BLANK,
    CURSOR,
    FORK,
    TYPED,
    Layout,
    TokenPiece,
    cursor_row,
    digit_row,
    layout_rows,
)
from tui.widgets.transcript import Transcript, displayable

STYLES = {TYPED: "bold", BLANK: "bold $primary", CURSOR: "bold reverse", FORK: "$faint"}
DOUBLE_CLICK, WHEEL_ROWS = 2, 3
INDEX = "index"  # in the meta data of a style: the index of a token
PROBABILITY_STYLES = (  # each below its probability
    (0.01, "bold $error"),
    (0.1, "$error"),
    (0.5, "$warning"),
    (0.9, ""),
    (2.0, "$success"),
)
ALTERNATE_STYLE = "bold on $shade1"  # of every other token
CURSOR_MARGIN_ROWS = 2
VIEW_MARGIN_ROWS = 3


class TokenText(Static):
    """A text by its tokens, with a cursor that is kept in view.

    With probabilities, each row has a row of digits below it, and colours.

    Attributes:
        needed_rows: how many rows the whole text would take.
    """

    DEFAULT_CSS = "TokenText { height: 1fr; text-wrap: nowrap; }"

    class Clicked(Message):
        """A token was clicked.

        Attributes:
            token: its index.
            twice: whether it was a double click.
        """

        def __init__(self, token: int, *, twice: bool) -> None:
            super().__init__()
            self.token, self.twice = token, twice

    def __init__(self) -> None:
        super().__init__(id="tokens", markup=False)
        self._layout: Layout | None = None
        self._probabilities: Sequence[float | None] | None = None
        self._top = 0
        self.needed_rows = 0

    def show(self, layout: Layout, probabilities: Sequence[float | None] | None = None) -> None:
        """Show these tokens."""
        if (layout, probabilities) != (self._layout, self._probabilities):
            self._layout, self._probabilities = layout, probabilities
            self._draw()

    def on_resize(self) -> None:
        """Refit the rows."""
        self._draw()

    def on_click(self, event: Click) -> None:
        """Post the token clicked on."""
        token = event.style.meta.get(INDEX)
        if isinstance(token, int):
            self.post_message(self.Clicked(token, twice=event.chain == DOUBLE_CLICK))

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Show earlier rows until the cursor moves."""
        event.stop()
        self._draw(-WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Show later rows until the cursor moves."""
        event.stop()
        self._draw(WHEEL_ROWS)

    def _draw(self, scrolled_by: int | None = None) -> None:
        """Draw the rows around the cursor, or others after scrolling."""
        width, height = self.content_size
        if self._layout is None or not width or not height:
            return
        rows = layout_rows(self._layout, width)
        row_height = 1 if self._probabilities is None else 2
        self.needed_rows = len(rows) * row_height
        visible_rows = max(1, height // row_height)
        if scrolled_by is None:
            self._scroll(cursor_row(rows, self._layout.cursor), len(rows), visible_rows)
        else:
            self._top = max(0, min(self._top + scrolled_by, len(rows) - visible_rows))
        lines: list[Content] = []
        labelled: set[int] = set()
        for row in rows[self._top : self._top + visible_rows]:
            lines.append(Content.assemble(*map(self._content, row)))
            if self._probabilities is not None:
                digits = digit_row(row, self._probabilities, labelled)
                lines.append(Content.styled(digits, "$faint"))
        self.update(Content("\n").join(lines), layout=False)

    def _scroll(self, row: int, count: int, visible_rows: int) -> None:
        """Bring the cursor's row and a margin into view."""
        margin = min(CURSOR_MARGIN_ROWS, (visible_rows - 1) // 2)
        top = max(min(self._top, row - margin), row - visible_rows + 1 + margin)
        self._top = max(0, min(top, count - visible_rows))

    def _content(self, piece: TokenPiece) -> Content:
        content = Content.styled(piece.text, self._style(piece))
        return content.stylize(Style.from_meta({INDEX: piece.token}))

    def _style(self, piece: TokenPiece) -> str:
        style = STYLES.get(piece.kind, "")
        if (
            self._probabilities is None
            or piece.kind == FORK
            or piece.token >= len(self._probabilities)
        ):
            return style
        probability = self._probabilities[piece.token]
        if probability is None:
            return style
        colour = next(name for limit, name in PROBABILITY_STYLES if probability < limit)
        return f"{style} {colour}".strip()


class TokenBoxes(Static):
    """Lines of tokens, every other one shaded and bold; in ASCII with a bar between them.

    Args:
        id: of the widget.
    """

    DEFAULT_CSS = "TokenBoxes { height: auto; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._lines: Sequence[Sequence[str]] = ()
        self._bar, self._space = "", " "

    def show(self, lines: Sequence[Sequence[str]]) -> None:
        """Show these lines, each the texts of its tokens."""
        charset = getattr(getattr(self.app, "terminal", None), "charset", "braille")
        plain = charset == "ascii"
        self._bar, self._space = (PLAIN_BAR, PLAIN_SPACE) if plain else ("", " ")
        self._lines = lines
        self._draw()

    def on_resize(self) -> None:
        """Refit the lines."""
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        lines = [part for line in self._lines for part in self._wrap(line, width)]
        self.update(Content("\n").join(lines))

    def _wrap(self, tokens: Sequence[str], width: int) -> Iterator[Content]:
        """Break a line between tokens; only a token longer than a line is broken itself."""
        line: list[tuple[str, str]] = []
        cells = 0
        for index, token in enumerate(tokens):
            text = mark_spaces(token, self._space)
            if line and cells + len(self._bar) + cell_len(text) > width > 0:
                yield Content.assemble(*line)
                line, cells = [], 0
            if index and self._bar:
                line.append((self._bar, "$faint"))
            line.append((text, ALTERNATE_STYLE if index % 2 else ""))
            cells += len(self._bar) + cell_len(text)
        yield Content.assemble(*line)


class MarkedText(Transcript, can_focus=False):
    """A read-only text whose pieces may also have the styles "copied" and "chosen".

    The screen scrolls it. Marks are characters of the pieces too: nothing depends on a style.
    """

    FOLLOWS = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"transcript--{name}" for name in (COPIED, CHOSEN)}
    DEFAULT_CSS = """
    MarkedText > .transcript--copied { text-style: bold underline; }
    MarkedText > .transcript--chosen { text-style: bold reverse; }
    """

    def show(self, pieces: Sequence[Piece], view: int | None = None) -> None:
        """Show other pieces.

        Args:
            view: the index of the piece that is brought into view; None is the top.
        """
        self.clear()
        self.append(pieces)
        before = "".join(displayable(text) for text, _ in pieces[:view]) if view is not None else ""
        paragraphs = before.split("\n")
        start = len(paragraphs) - 1, len(paragraphs[-1])
        lines = self._wrapper.lines
        number = bisect_right(lines, start, key=lambda line: (line.paragraph, line.start)) - 1
        self._bring_into_view(number if view is not None else 0)

    def _bring_into_view(self, number: int) -> None:
        height = max(1, self.scrollable_content_region.height)
        top = self.scroll_offset.y
        if number and top <= number < top + height:
            return
        self.scroll_to(y=max(0, number - VIEW_MARGIN_ROWS), animate=False, force=True)
