"""The table of runs: children under their parents, and as many columns as fit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import set_cell_size
from textual.binding import Binding, BindingType
from textual.content import Content

from core.run.summary import RunSummary
from tui.common.format import format_count, format_size, loss
from tui.common.sanitize import one_line
from tui.common.task_text import kind_text
from tui.plot.sparkline import sparkline
from tui.runs.family import FamilyRow, RunOrder
from tui.runs.library import LibraryRow, row_age
from tui.runs.status_text import status_of_summary
from tui.widgets.row_list import RowList

CURVE_WIDTH = 8
MARK_SIGN = "•"
GUTTER = 2  # cells for the cursor and the mark
MIN_NAME, MAX_NAME = 14, 36
UNKNOWN = "—"
MIN_COLUMNS = 2  # name and status
MAX_MARKED = 4
ORDER_COLUMNS = {RunOrder.NAME: "name", RunOrder.AGE: "age", RunOrder.LOSS: "val"}


@dataclass(frozen=True)
class Column:
    """A column of the table, apart from the name.

    Attributes:
        width: in cells.
        cell: content of a row's cell.
        right: right-aligned.
        rank: columns of a higher rank are omitted first on narrow screens.
    """

    head: str
    width: int
    cell: Callable[[LibraryRow], Content]
    right: bool = False
    rank: int = 0


def _columns(charset: str) -> list[Column]:
    def fact(text: Callable[[RunSummary], str]) -> Callable[[LibraryRow], Content]:
        return lambda row: Content(one_line(text(row.summary)))

    def muted(text: Callable[[LibraryRow], str]) -> Callable[[LibraryRow], Content]:
        return lambda row: Content.styled(one_line(text(row)), "$muted")

    def curve(row: LibraryRow) -> Content:
        return Content.styled(sparkline(row.curve, CURVE_WIDTH, charset), "$primary")

    return [
        Column(
            "kind", 9, muted(lambda row: kind_text(row.summary.reading, row.summary.task)), rank=5
        ),
        Column("status", 15, lambda row: status_of_summary(row.summary)),
        Column("loss", CURVE_WIDTH, curve, rank=2),
        Column("epoch", 7, fact(epochs), right=True, rank=4),
        Column("train", 6, fact(lambda s: loss(s.train_loss) or UNKNOWN), right=True),
        Column("val", 6, fact(lambda s: loss(s.val_loss) or UNKNOWN), right=True, rank=1),
        Column(
            "model", 7, muted(lambda row: format_count(row.summary.parameters)), right=True, rank=7
        ),
        Column("size", 7, muted(lambda row: _size(row)), right=True, rank=6),
        Column("age", 4, lambda row: Content(row_age(row)), right=True, rank=3),
        Column("text", 14, muted(lambda row: row.summary.corpus or ""), rank=8),
        Column("tags", 16, muted(lambda row: " ".join(row.summary.tags)), rank=9),
    ]


def epochs(summary: RunSummary) -> str:
    """Whole epochs done, of how many."""
    if summary.epoch is None:
        return UNKNOWN
    done = f"{int(summary.epoch + 0.005):,}"
    return f"{done}/{summary.epochs:.3g}" if summary.epochs else done


def _size(row: LibraryRow) -> str:
    return "…" if row.size is None else format_size(row.size)


class RunTable(RowList):
    """One run per row.

    Args:
        charset: of the sparklines.

    Attributes:
        marked: names of the runs chosen for a comparison, in the order of marking.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "open",
            "Open",
            tooltip="Open the run: its progress or result",
            id="models.open",
        ),
    ]

    def __init__(self, charset: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._all_columns = _columns(charset)
        self._columns: list[Column] = []
        self._name_width = MIN_NAME
        self._fitted_width = 0
        self._rows: list[FamilyRow] = []
        self._order = RunOrder.AGE
        self.marked: list[str] = []

    @property
    def row_count(self) -> int:
        return len(self._rows)

    @property
    def names(self) -> list[str]:
        """The runs in the order in which they are shown."""
        return [row.name for row in self._rows]

    @property
    def selected(self) -> LibraryRow | None:
        """The row under the cursor."""
        return self._rows[self.cursor].row if self._rows else None

    def keep_marks(self, names: Collection[str]) -> None:
        """Remove the marks of runs that exist no longer; those that a filter hides keep theirs."""
        self.marked = [name for name in self.marked if name in names]

    def show(self, rows: Sequence[FamilyRow], order: RunOrder) -> None:
        """Show these runs; the cursor stays on its run, and only changed rows are redrawn."""
        before, self._rows = self._rows, list(rows)
        names = [row.name for row in rows]
        if names == [row.name for row in before] and order == self._order:
            for index, (old, new) in enumerate(zip(before, rows, strict=True)):
                if old != new:
                    self.refresh_row(index)
            return
        self._order = order
        selected = before[self.cursor].name if before else None
        self.rows_changed(names.index(selected) if selected in names else None)

    def select(self, name: str) -> None:
        """Put the cursor on a run, if it is shown."""
        if name in self.names:
            self.move_cursor(self.names.index(name))

    def toggle_mark(self) -> bool:
        """Mark the run under the cursor for a comparison, or remove its mark.

        Returns:
            Whether that was possible: at most four can be marked.
        """
        if (row := self.selected) is None:
            return False
        name = row.summary.name
        if name in self.marked:
            self.marked.remove(name)
        elif len(self.marked) < MAX_MARKED:
            self.marked.append(name)
        else:
            return False
        self.refresh_row(self.cursor)
        return True

    def _fit_columns(self, width: int) -> None:
        """Choose the columns that fit into so many cells."""
        self._fitted_width = width
        columns = list(self._all_columns)
        free = width - GUTTER
        while len(columns) > MIN_COLUMNS and _width(columns) + MIN_NAME > free:
            columns.remove(max(columns, key=lambda column: column.rank))
        self._columns = columns
        self._name_width = max(1, min(MAX_NAME, free - _width(columns)))

    @property
    def heads(self) -> list[str]:
        """The titles of the shown columns."""
        return ["name", *(column.head for column in self._columns)]

    def draw_heading(self, width: int) -> Content:
        """The titles; that of the column sorted by is bold."""
        if width != self._fitted_width:  # a scrollbar changes it without an event
            self._fit_columns(width)
        name = self._head("name").pad_right(self._name_width - len("name"))
        heads = (_aligned(self._head(column.head), column) for column in self._columns)
        return Content(" " * GUTTER) + Content(" ").join([name, *heads])

    def _head(self, head: str) -> Content:
        return Content.styled(head, "bold $ink" if head == ORDER_COLUMNS[self._order] else "$muted")

    def draw_row(self, index: int, width: int) -> Content:
        """The mark, the name below that of its parent, the columns."""
        if width != self._fitted_width:
            self._fit_columns(width)
        row = self._rows[index]
        mark = MARK_SIGN if row.name in self.marked else " "
        indent = ("  " * (row.depth - 1) + "└ ")[-self._name_width :] if row.depth else ""
        name = set_cell_size(one_line(row.name), max(0, self._name_width - len(indent)))
        if len(indent) + len(row.name) > self._name_width:
            name = name[:-1] + "…"
        cells = [_aligned(column.cell(row.row), column) for column in self._columns]
        start = Content.assemble(" ", (mark, "bold $accent"), (indent, "$faint"), (name, "bold"))
        return Content(" ").join([start, *cells])


def _width(columns: Sequence[Column]) -> int:
    return sum(column.width + 1 for column in columns)


def _aligned(content: Content, column: Column) -> Content:
    """A cell of exactly the column's width."""
    if content.cell_length > column.width:
        content = content.truncate(column.width, ellipsis=True)
    gap = column.width - content.cell_length
    return content.pad_left(gap) if column.right else content.pad_right(gap)
