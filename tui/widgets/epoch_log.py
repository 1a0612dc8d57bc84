"""The epochs as a table that follows the training unless the reader has scrolled up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from core.run.history import EpochRow
from tui.common.format import duration
from tui.common.sanitize import one_line

HEAD = ("EPOCH", "STEP", "TRAIN", "VAL", "TIME")
STEP = 1  # the column that goes where it is narrow
LEAST = (6, 7, 8, 7, 8)  # cells of the columns, blanks between them included
STEP_ROOM = 56
TALLEST = 1000.0  # a loss from which on decimals say nothing
MOST_CHARACTERS = 1000  # of a sample; no terminal is wider


class EpochLog(ScrollView, can_focus=True):
    """One line an epoch; only the lines in sight are made."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"epoch-log--head", "epoch-log--text"}
    DEFAULT_CSS = """
    EpochLog { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    EpochLog > .epoch-log--head { color: $text-muted; text-style: bold; }
    EpochLog > .epoch-log--text { color: $text-muted; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[EpochRow] = []
        self._widths: tuple[int, ...] = LEAST

    def on_mount(self) -> None:
        """Follows from the beginning."""
        self.anchor()

    def show(self, rows: Sequence[EpochRow]) -> None:
        """Shows these rows; nothing is drawn where they are the same."""
        if rows == self._rows:
            return
        same = len(self._rows) if rows[: len(self._rows)] == self._rows else 0
        self._rows = list(rows)
        if len(rows) + 1 != self.virtual_size.height:
            self.virtual_size = Size(self.size.width, len(rows) + 1)
        widths = _widths(self._rows)
        if same and widths == self._widths:
            self.refresh_lines(same, len(rows) + 1 - same)
        else:
            self._widths = widths
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line of the window; the head stays on top."""
        width, base = self.size.width, self.rich_style
        number = y + self.scroll_offset.y
        segments = []
        if y == 0:
            style = base + self.get_component_rich_style("epoch-log--head")
            segments = [Segment(f"{self._line(HEAD)}  SAMPLE", style)]
        elif number <= len(self._rows):
            row = self._rows[number - 1]
            muted = base + self.get_component_rich_style("epoch-log--text")
            text = one_line((row.text or "")[:MOST_CHARACTERS].strip())
            numbers = f"{self._line(cells(row))}  "
            room = max(0, width - len(numbers))
            segments = [Segment(numbers, base), Segment(set_cell_size(text, room), muted)]
        return Strip(segments).adjust_cell_length(width, base)

    def _line(self, cells: Sequence[str]) -> str:
        """Cells in their columns, to the right."""
        columns = range(len(HEAD))
        shown = [c for c in columns if c != STEP or self.size.width >= STEP_ROOM]
        return "".join(cells[column].rjust(self._widths[column]) for column in shown)


def cells(row: EpochRow) -> tuple[str, ...]:
    """What stands in the columns of a row."""
    return (
        _epoch(row.epoch),
        f"{row.step:,}",
        _loss(row.train_loss),
        _loss(row.val_loss),
        "" if row.elapsed is None else duration(row.elapsed),
    )


def _epoch(epoch: float | None) -> str:
    """A whole number where it is one but for rounding."""
    if epoch is None:
        return ""
    return f"{round(epoch):,}" if abs(epoch - round(epoch)) < 0.005 else f"{epoch:,.2f}"


def _loss(loss: float | None) -> str:
    """Always as many decimals, so that points stand below one another."""
    if loss is None:
        return ""
    return f"{loss:.3f}" if loss < TALLEST else f"{loss:.2g}"


def _widths(rows: Sequence[EpochRow]) -> tuple[int, ...]:
    """Room for the newest row, whose numbers are the longest."""
    newest = cells(rows[-1]) if rows else HEAD
    return tuple(max(least, len(cell) + 2) for least, cell in zip(LEAST, newest, strict=True))
