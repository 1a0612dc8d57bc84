"""The table of epochs, which scrolls along unless the user has scrolled up."""

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

COLUMN_TITLES = ("EPOCH", "STEP", "TRAIN", "VAL", "TIME")
STEP_COLUMN = 1  # omitted on narrow screens
MIN_STEP_WIDTH = 56  # of a screen that shows it
MIN_WIDTHS = (6, 7, 8, 7, 8)  # cells of the columns, with the blanks between them
MAX_PLAIN_LOSS = 1000.0  # from here on decimals are meaningless
MAX_SAMPLE_CHARACTERS = 1000  # no terminal is wider


class EpochLog(ScrollView, can_focus=True):
    """One line per epoch; only visible lines are rendered."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"epoch-log--head", "epoch-log--text"}
    DEFAULT_CSS = """
    EpochLog { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    EpochLog > .epoch-log--head { color: $text-muted; text-style: bold; }
    EpochLog > .epoch-log--text { color: $text-muted; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[EpochRow] = []
        self._widths: tuple[int, ...] = MIN_WIDTHS

    def on_mount(self) -> None:
        """Scroll along from the start."""
        self.anchor()

    def show(self, rows: Sequence[EpochRow]) -> None:
        """Show these rows; only changed lines are redrawn."""
        if rows == self._rows:
            return
        unchanged = len(self._rows) if rows[: len(self._rows)] == self._rows else 0
        self._rows = list(rows)
        if len(rows) + 1 != self.virtual_size.height:
            self.virtual_size = Size(self.size.width, len(rows) + 1)
        widths = _widths(self._rows)
        if unchanged and widths == self._widths:
            self.refresh_lines(unchanged, len(rows) + 1 - unchanged)
        else:
            self._widths = widths
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """A visible line; the heading stays on top."""
        width, base = self.size.width, self.rich_style
        number = y + self.scroll_offset.y
        segments = []
        if y == 0:
            style = base + self.get_component_rich_style("epoch-log--head")
            segments = [Segment(f"{self._line(COLUMN_TITLES)}  SAMPLE", style)]
        elif number <= len(self._rows):
            row = self._rows[number - 1]
            muted = base + self.get_component_rich_style("epoch-log--text")
            text = one_line((row.text or "")[:MAX_SAMPLE_CHARACTERS].strip())
            numbers = f"{self._line(format_cells(row))}  "
            free = max(0, width - len(numbers))
            segments = [Segment(numbers, base), Segment(set_cell_size(text, free), muted)]
        return Strip(segments).adjust_cell_length(width, base)

    def _line(self, cells: Sequence[str]) -> str:
        """The cells, right-aligned in their columns."""
        columns = range(len(COLUMN_TITLES))
        shown = [c for c in columns if c != STEP_COLUMN or self.size.width >= MIN_STEP_WIDTH]
        return "".join(cells[column].rjust(self._widths[column]) for column in shown)


def format_cells(row: EpochRow) -> tuple[str, ...]:
    """The texts of a row."""
    return (
        _epoch(row.epoch),
        f"{row.step:,}",
        _loss(row.train_loss),
        _loss(row.val_loss),
        "" if row.elapsed is None else duration(row.elapsed),
    )


def _epoch(epoch: float | None) -> str:
    """Without decimals if it is whole apart from rounding."""
    if epoch is None:
        return ""
    return f"{round(epoch):,}" if abs(epoch - round(epoch)) < 0.005 else f"{epoch:,.2f}"


def _loss(loss: float | None) -> str:
    """With a fixed number of decimals, so that the points are aligned."""
    if loss is None:
        return ""
    return f"{loss:.3f}" if loss < MAX_PLAIN_LOSS else f"{loss:.2g}"


def _widths(rows: Sequence[EpochRow]) -> tuple[int, ...]:
    """Column widths for the newest row, whose numbers are the longest."""
    newest = format_cells(rows[-1]) if rows else COLUMN_TITLES
    return tuple(
        max(minimum, len(cell) + 2) for minimum, cell in zip(MIN_WIDTHS, newest, strict=True)
    )
