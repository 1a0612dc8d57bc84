"""The table of epochs, with a cursor that stays on the newest unless it is moved."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from core.run.history import EpochRow, History, SampleRow
from core.run.status import RUNNING
from tui.common.format import exact_percent, format_duration, loss, percent
from tui.runs.verdict import recent_loss
from tui.widgets.row_list import RowList

GUTTER = 2  # cells for the cursor
GAP = " "
STAR = "★"
STAR_CELLS = len(STAR) + 1
RIGHT = "right"  # the column of the accuracy
PENDING = "…"  # of a value that the end of the epoch will bring


@dataclass(frozen=True)
class EpochTableData:
    """The content of the table.

    Attributes:
        rows: one per epoch, oldest first.
        live: the unfinished epoch, or None.
        samples: for the share of replies that is copied.
        best_step: step of the best evaluation, or None.
        has_task: whether replies were judged: best goes by how many are right.
    """

    rows: Sequence[EpochRow] = ()
    live: EpochRow | None = None
    samples: Sequence[SampleRow] = ()
    best_step: int | None = None
    has_task: bool = False


def epoch_table(history: History, status: str) -> EpochTableData:
    """The table of a run; the live row only while it trains."""
    live = None
    last = history.epochs[-1].step if history.epochs else 0
    if status == RUNNING and history.step > last and len(history.train_loss):
        number = None if history.epoch is None else float(int(history.epoch) + 1)
        live = EpochRow(
            history.step, number, recent_loss(history.train_loss), None, None, history.elapsed
        )
    return EpochTableData(
        tuple(history.epochs),
        live,
        tuple(history.samples),
        history.best_step,
        has_task=len(history.task_accuracy) > 0,
    )


@dataclass(frozen=True)
class _Column:
    """A column; those of a higher rank are omitted first."""

    head: str
    width: int
    rank: int
    cell: Callable[[EpochLog, int], Content]


_RIGHT_COLUMN = _Column(
    RIGHT, len("100.0 %") + STAR_CELLS, 0, lambda log, index: log.accuracy_cell(index)
)


class EpochLog(RowList):
    """One line per epoch; only visible lines are drawn."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Chat", show=False, tooltip="Epochs: chat with its weights"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._data = EpochTableData()
        self._columns: list[_Column] = []
        self._fitted_width = 0

    @property
    def row_count(self) -> int:
        return len(self._data.rows) + (self._data.live is not None)

    @property
    def selected(self) -> EpochRow | None:
        """The row under the cursor."""
        return self._row(self.cursor) if self.row_count else None

    def _row(self, index: int) -> EpochRow:
        rows = self._data.rows
        if index < len(rows):
            return rows[index]
        assert self._data.live is not None
        return self._data.live

    @property
    def _ends(self) -> list[EpochRow]:
        """The first and the last row, whose numbers are the longest."""
        return [self._row(index) for index in {0, self.row_count - 1}] if self.row_count else []

    def show(self, data: EpochTableData) -> None:
        """Show these epochs; only changed lines are redrawn."""
        before, was_last = self._data, self.cursor >= self.row_count - 1
        if data == before:
            return
        count = self.row_count
        self._data = data
        old, new = before.rows, data.rows
        if (self.row_count, old, before.best_step, before.has_task) == (
            *(count, new, data.best_step, data.has_task),
        ):
            self.refresh_row(count - 1)
            if data.samples != before.samples:
                self.refresh()
            return
        self._fitted_width = 0
        self.rows_changed(self.row_count - 1 if was_last else None)

    def _fit_columns(self, width: int) -> None:
        """Choose the columns that fit; the newest row has the longest numbers."""
        self._fitted_width = width
        newest = self._row(self.row_count - 1) if self.row_count else None
        step = max(5, len(f"{newest.step:,}")) if newest else 5
        number = max(2, len(format_epoch(newest.epoch))) if newest else 2
        time = max(4, len(format_duration(newest.elapsed or 0))) if newest else 4
        losses = [(loss(row.train_loss), loss(row.val_loss)) for row in self._ends]
        train = max([5, *(len(text) for text, _ in losses)])
        has_task = self._data.has_task
        val = max([5, *(len(text) for _, text in losses)]) + (0 if has_task else STAR_CELLS)
        columns = [
            _Column("#", number, 0, lambda log, index: log._epoch_cell(index)),
            _Column("step", step, 1, lambda log, index: Content(f"{log._row(index).step:,}")),
            _Column("train", train, 0, lambda log, index: log._train_cell(index)),
            _Column("val", val, 0, lambda log, index: log._val_cell(index)),
            *([_RIGHT_COLUMN] if has_task else []),
            _Column("copied", 6, 3, lambda log, index: Content(log.copied_text(index))),
            _Column("time", time, 2, lambda log, index: log._time_cell(index)),
        ]
        room = width - GUTTER
        while len(columns) > 1 and sum(c.width + len(GAP) for c in columns) - len(GAP) > room:
            columns.remove(max(columns, key=lambda column: column.rank))
        self._columns = columns

    def draw_heading(self, width: int) -> Content:
        """The titles of the columns."""
        if width != self._fitted_width:  # a scrollbar changes it without an event
            self._fit_columns(width)
        starred = RIGHT if self._data.has_task else "val"
        heads = [
            Content.styled(
                (c.head + " " * STAR_CELLS if c.head == starred else c.head).rjust(c.width),
                "$muted",
            )
            for c in self._columns
        ]
        return Content(" " * GUTTER) + Content(GAP).join(heads)

    def draw_row(self, index: int, width: int) -> Content:
        """The cells of an epoch, right-aligned."""
        if width != self._fitted_width:
            self._fit_columns(width)
        cells = [column.cell(self, index) for column in self._columns]
        aligned = [
            cell.pad_left(max(0, column.width - cell.cell_length))
            for cell, column in zip(cells, self._columns, strict=True)
        ]
        return Content(" " * GUTTER) + Content(GAP).join(aligned)

    def _epoch_cell(self, index: int) -> Content:
        return Content(format_epoch(self._row(index).epoch))

    def _train_cell(self, index: int) -> Content:
        return Content.styled(loss(self._row(index).train_loss), "bold")

    def _val_cell(self, index: int) -> Content:
        row = self._row(index)
        if row is self._data.live:
            return Content(PENDING if self._data.has_task else f"{PENDING}  ")
        if self._data.has_task:
            return Content(loss(row.val_loss))
        return Content.assemble(loss(row.val_loss), self._star(index, "$accent"))

    def accuracy_cell(self, index: int) -> Content:
        """The share of right replies at the end of an epoch, with a star at the best."""
        row = self._row(index)
        share = "" if row.task_accuracy is None else exact_percent(row.task_accuracy)
        if row is self._data.live:
            share = PENDING
        return Content.assemble(share, self._star(index, "$secondary"))

    def _star(self, index: int, style: str) -> tuple[str, str]:
        is_live = self._row(index) is self._data.live
        return (f" {STAR}" if not is_live and self._is_best(index) else "  ", style)

    def _is_best(self, index: int) -> bool:
        """Whether the best evaluation is of this epoch."""
        best = self._data.best_step
        previous = self._row(index - 1).step if index else -1
        return best is not None and previous < best <= self._row(index).step

    def copied_text(self, index: int) -> str:
        """The share of replies that was copied, as measured last in an epoch; often none."""
        steps = [sample.step for sample in self._data.samples]
        first = bisect_right(steps, self._row(index - 1).step if index else -1)
        last = bisect_right(steps, self._row(index).step)
        shares = [
            sample.copied for sample in self._data.samples[first:last] if sample.copied is not None
        ]
        return percent(shares[-1]) if shares else ""

    def _time_cell(self, index: int) -> Content:
        elapsed = self._row(index).elapsed
        return Content("" if elapsed is None else format_duration(elapsed))


def format_epoch(epoch: float | None) -> str:
    """Without decimals if it is whole apart from rounding."""
    if epoch is None:
        return ""
    return f"{round(epoch):,}" if abs(epoch - round(epoch)) < 0.005 else f"{epoch:,.2f}"
