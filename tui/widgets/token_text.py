"""A text by its tokens, with a cursor that is kept in view; only what is seen is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from tui.explore.token_rows import CURSOR, FORK, TYPED, Bit, Layout, Row, digits, row_of, rows

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
