"""The table of runs: rows are updated in place, and the columns depend on the width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import DataTable

from core.run.status import CRASHED, FAILED, LIVE_STATUSES, PAUSED
from core.run.summary import RunSummary
from tui.common.format import count, number, size
from tui.common.sanitize import one_line
from tui.plot.sparkline import sparkline
from tui.runs.library import LibraryRow, row_age

CURVE_WIDTH = 8
MIN_COLUMNS = 3


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        width: in cells.
        cell: text of a row's cell.
        right: right-aligned.
        rank: columns of a higher rank are omitted first on narrow screens.
    """

    head: str
    width: int
    cell: Callable[[LibraryRow], str]
    right: bool = False
    rank: int = 0


def _columns(charset: str) -> list[Column]:
    def fact(take: Callable[[RunSummary], str]) -> Callable[[LibraryRow], str]:
        return lambda row: take(row.summary)

    return [
        Column("NAME", 18, fact(lambda s: s.name)),
        Column("STATUS", 9, fact(lambda s: "damaged" if s.problem else s.status)),
        Column(
            "CURVE", CURVE_WIDTH, lambda row: sparkline(row.curve, CURVE_WIDTH, charset), rank=2
        ),
        Column("EPOCH", 6, fact(lambda s: number(s.epoch)), right=True, rank=3),
        Column("LOSS", 6, fact(lambda s: number(s.train_loss)), right=True),
        Column("VAL", 6, fact(lambda s: number(s.val_loss)), right=True, rank=1),
        Column("PARAMS", 7, fact(lambda s: count(s.parameters)), right=True, rank=6),
        Column("SIZE", 7, fact(lambda s: size(s.size)), right=True, rank=5),
        Column("CORPUS", 14, fact(lambda s: s.corpus or ""), rank=7),
        Column("AGE", 4, row_age, right=True, rank=4),
    ]


class RunTable(DataTable[Text]):
    """One run per row.

    Args:
        charset: of the sparklines.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "select_cursor",
            "Open",
            tooltip="Open the run: its progress or result",
            id="models.open",
        ),
    ]

    def __init__(self, charset: str) -> None:
        super().__init__(cursor_type="row", cell_padding=1, zebra_stripes=False)
        self._all_columns = _columns(charset)
        self._columns: list[Column] = []
        self._rows: dict[str, LibraryRow] = {}
        self._cells: dict[str, list[str]] = {}

    def action_scroll_home(self) -> None:
        """Move the cursor to the first row; Textual moves it to the first column."""
        self.move_cursor(row=0, animate=False)

    def action_scroll_end(self) -> None:
        """Move the cursor to the last row."""
        self.move_cursor(row=len(self._rows) - 1, animate=False)

    @property
    def selected(self) -> LibraryRow | None:
        """The row under the cursor."""
        names = list(self._rows)
        return self._rows[names[self.cursor_row]] if 0 <= self.cursor_row < len(names) else None

    def fit(self, width: int) -> None:
        """Show the columns that fit a screen of this width."""
        columns = list(self._all_columns)
        while len(columns) > MIN_COLUMNS and sum(c.width + 2 for c in columns) > width - 2:
            columns.remove(max(columns, key=lambda c: c.rank))
        if columns != self._columns:
            self._columns = columns
            self._rebuild(list(self._rows.values()))

    def show(self, rows: Sequence[LibraryRow]) -> None:
        """Show these runs; only changed cells are updated."""
        names = [row.summary.name for row in rows]
        if names != list(self._rows):
            self._rebuild(rows)
            return
        self._rows = {row.summary.name: row for row in rows}
        for name, row in self._rows.items():
            self._update(name, row)

    def _rebuild(self, rows: Sequence[LibraryRow]) -> None:
        selected = self.selected.summary.name if self.selected else None
        self.clear(columns=True)
        for column in self._columns:
            head = Text(column.head, justify="right" if column.right else "left")
            self.add_column(head, width=column.width, key=column.head)
        self._rows = {row.summary.name: row for row in rows}
        self._cells = {}
        for name, row in self._rows.items():
            self._cells[name] = [column.cell(row) for column in self._columns]
            self.add_row(*self._texts(name, row), key=name)
        if selected in self._rows:
            self.move_cursor(row=list(self._rows).index(selected), animate=False)

    def _update(self, name: str, row: LibraryRow) -> None:
        cells = [column.cell(row) for column in self._columns]
        if cells == self._cells[name]:
            return
        previous, self._cells[name] = self._cells[name], cells
        texts = self._texts(name, row)
        for column, old, new, text in zip(self._columns, previous, cells, texts, strict=True):
            if old != new:
                self.update_cell(name, column.head, text)

    def _texts(self, name: str, row: LibraryRow) -> list[Text]:
        styles = {"STATUS": _style(row.summary)}
        return [
            Text(
                one_line(cell),
                justify="right" if column.right else "left",
                style=styles.get(column.head, ""),
                no_wrap=True,
                overflow="ellipsis",
            )
            for column, cell in zip(self._columns, self._cells[name], strict=True)
        ]


def _style(summary: RunSummary) -> str:
    """Bold for live and failed runs, italic for paused ones: never by colour alone."""
    if summary.problem or summary.status in (FAILED, CRASHED):
        return "bold red"
    if summary.status == PAUSED:
        return "italic"
    return "bold" if summary.status in LIVE_STATUSES else ""


def run_detail(row: LibraryRow, folder: Path | None) -> Content:
    """Two lines about the run under the cursor."""
    summary = row.summary
    if summary.problem:
        return Content(one_line(summary.problem))
    parts = [
        f"step {summary.step}",
        f"{count(summary.parameters)} parameters" if summary.parameters else "",
        f"on {summary.corpus}" if summary.corpus else "",
        size(summary.size),
        f"created {summary.created[:16].replace('T', ' ')}" if summary.created else "",
    ]
    line = " · ".join(part for part in parts if part)
    return Content(f"{one_line(line)}\n{one_line(str(folder))}")
