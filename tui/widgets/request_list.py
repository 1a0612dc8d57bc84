"""The list of requests to the local server, the newest first."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import set_cell_size
from textual.content import Content

from tui.common.sanitize import one_line
from tui.runs.serve_state import RequestRow
from tui.widgets.row_list import RowList

NUMBER_CELLS, CLIENT_CELLS, KIND_CELLS = 5, 16, 10
MIN_CLIENT_WIDTH = 72  # narrower lists do not say who asks
EMPTY_TEXT = "No request yet."


class RequestList(RowList):
    """One row per request."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Sequence[RequestRow] = ()

    @property
    def row_count(self) -> int:
        return len(self._rows)

    def show(self, rows: Sequence[RequestRow]) -> None:
        """Show these requests; the cursor stays on its request, or follows at the top."""
        selected = self._rows[self.cursor].id if self.cursor and self._rows else None
        self._rows = tuple(rows)
        self.rows_changed(next((at for at, row in enumerate(rows) if row.id == selected), 0))

    def draw_heading(self, width: int) -> Content:
        """The titles of the columns, or that there is no request."""
        if not self._rows:
            return Content.styled(f"  {EMPTY_TEXT}", "$muted").truncate(width)
        client = f"  {'client':<{CLIENT_CELLS}}" if width >= MIN_CLIENT_WIDTH else ""
        words = f"  {'no.':>{NUMBER_CELLS}}{client}  {'for':<{KIND_CELLS}}  result"
        return Content.styled(words, "$muted").truncate(width)

    def draw_row(self, index: int, width: int) -> Content:
        """The cells of a request."""
        row = self._rows[index]
        client = set_cell_size(one_line(row.client), CLIENT_CELLS)
        style = "$error" if row.is_failed else "$ink" if row.reply else "$muted"
        parts = [
            (f"  {row.id:>{NUMBER_CELLS}}", "$muted"),
            (f"  {client}" if width >= MIN_CLIENT_WIDTH else "", "$ink"),
            (f"  {'chat' if row.is_chat else 'completion':<{KIND_CELLS}}", "$muted"),
            (f"  {one_line(row.outcome)}", style),
        ]
        return Content.assemble(*parts).truncate(width, ellipsis=True)
