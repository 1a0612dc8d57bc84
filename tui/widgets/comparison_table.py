"""The table of compared runs: a column for each, of which one is selected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tui.common.sanitize import one_line
from tui.runs.comparison import Comparison, RunMark
from tui.runs.comparison_table import (
    BEST,
    DIFFERENT,
    LOOK,
    SAME,
    Cell,
    Row,
    result_rows,
    setting_rows,
)

MIN_COLUMN_CELLS, MAX_COLUMN_CELLS = 10, 18
GAP_CELLS = 1
STYLES = {BEST: "bold $ink", LOOK: "bold $warning", DIFFERENT: "bold $ink", SAME: "$faint"}
LEGEND = "★ best of the row · ! worth a look"


class ComparisonTable(VerticalScroll, can_focus=True):
    """Settings that differ and results, a column for each run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "select(-1)", "Run", key_display="←→", tooltip="Choose a run"),
        Binding("right", "select(1)", "Run", show=False, key_display="←→", tooltip="Choose a run"),
    ]

    class Selected(Message):
        """A column was chosen.

        Attributes:
            index: of the run.
            is_opened: whether it was clicked twice.
        """

        def __init__(self, index: int, *, is_opened: bool = False) -> None:
            super().__init__()
            self.index, self.is_opened = index, is_opened

    def __init__(self) -> None:
        super().__init__(id="table")
        self._comparison: Comparison | None = None
        self._columns: list[tuple[int, int]] = []  # cells from and to, by run

    def compose(self) -> ComposeResult:
        """The text of the table."""
        yield Static("Reading the runs…", markup=False)

    def show(self, comparison: Comparison) -> None:
        """Show runs that have been read."""
        self._comparison = comparison
        self._draw()

    @property
    def wanted_width(self) -> int:
        """The cells at which no text is shortened, up to a limit; 0 before the runs are read."""
        comparison = self._comparison
        if comparison is None or not comparison.runs:
            return 0
        rows = [*setting_rows(comparison.runs), *result_rows(comparison.runs)]
        label, column = column_widths(rows, len(comparison.runs), 1 << 10)
        return label + GAP_CELLS + column * len(comparison.runs)

    def on_resize(self) -> None:
        """Fit the columns."""
        self._draw()

    def _draw(self) -> None:
        comparison = self._comparison
        if comparison is None or not comparison.runs:
            return
        width = self.scrollable_content_region.width or self.size.width
        settings, results = setting_rows(comparison.runs), result_rows(comparison.runs)
        label, column = column_widths([*settings, *results], len(comparison.runs), width)
        first = label + GAP_CELLS
        self._columns = [
            (first + number * column, first + (number + 1) * column)
            for number in range(len(comparison.runs))
        ]
        lines = [_head(comparison, label, column)]
        lines += [_line(row, label, column) for row in settings]
        lines.append(Content(""))
        lines += [_line(row, label, column) for row in results]
        if not self.screen.has_class("-wide"):
            lines.append(Content.styled(LEGEND, "$faint"))
        self.query_one(Static).update(Content("\n").join(lines))

    def action_select(self, by: int) -> None:
        """Choose the run before or after the selected one."""
        if self._comparison is not None:
            index = (self._comparison.selected + by) % len(self._comparison.names)
            self.post_message(self.Selected(index))

    def on_click(self, event: events.Click) -> None:
        """Choose the run under the mouse; a double click opens it."""
        x = event.get_content_offset_capture(self).x
        for index, (start, end) in enumerate(self._columns):
            if start <= x < end:
                self.post_message(self.Selected(index, is_opened=event.chain == 2))


def column_widths(rows: Sequence[Row], runs: int, width: int) -> tuple[int, int]:
    """The cells of the labels, and of the column of each run with the gap before it."""
    label = max((cell_len(row.label) for row in rows), default=0)
    room = max(0, width - label - GAP_CELLS) // max(1, runs)
    needed = [cell_len(cell.sign + cell.text) for row in rows for cell in row.cells]
    widest = max(MIN_COLUMN_CELLS, min(MAX_COLUMN_CELLS, max(needed, default=0)))
    return label, max(MIN_COLUMN_CELLS, min(room, widest + 2))


def _head(comparison: Comparison, label: int, column: int) -> Content:
    parts: list[Content | str] = [" " * (label + GAP_CELLS)]
    for number, mark in enumerate(comparison.marks[: len(comparison.runs)]):
        is_selected = number == comparison.selected
        name = run_name(
            mark, column - 2 - GAP_CELLS * is_selected, hidden=number in comparison.hidden
        )
        cursor = Content.styled("› " if is_selected else "", "bold $primary")
        gap = column - name.cell_length - cursor.cell_length
        parts += [" " * max(0, gap), cursor, name]
    return Content.assemble(*parts)


def run_name(mark: RunMark, width: int, *, hidden: bool = False, full: str = "") -> Content:
    """A run's sign and name in its colour; in parentheses and faint while its curve is hidden."""
    text = one_line(full or mark.short)
    available = max(1, width - 2 - 2 * hidden)
    if cell_len(text) > available:
        text = set_cell_size(text, available - 1).rstrip() + "…"
    if hidden:
        return Content.styled(f"({mark.sign} {text})", "$faint")
    return Content.styled(f"{mark.sign} {text}", f"bold ${mark.colour}")


def _line(row: Row, label: int, column: int) -> Content:
    is_quiet = all(cell.kind == SAME for cell in row.cells)
    parts = [
        Content.styled(f"{row.label:<{label + GAP_CELLS}}", "$faint" if is_quiet else "$muted")
    ]
    return Content.assemble(*parts, *(_cell(cell, column) for cell in row.cells))


def _cell(cell: Cell, column: int) -> Content:
    text, available = cell.text, column - 1 - len(cell.sign)
    if cell_len(text) > available:
        text = set_cell_size(text, available - 1).rstrip() + "…"
    text = cell.sign + text
    gap = " " * max(0, column - cell_len(text))
    return Content.assemble(gap, (text, STYLES.get(cell.kind, "$ink")))
