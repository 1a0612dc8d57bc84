"""The epochs as a table that follows the training unless the reader has scrolled up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from core.display import one_line
from core.rows import EpochRow
from tui.console import duration, number

HEAD = ("EPOCH", "TRAIN", "VAL", "TIME")
WIDTHS = (6, 7, 7, 8)


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
        self.refresh_lines(same, len(rows) + 1 - same)

    def render_line(self, y: int) -> Strip:
        """A line of the window; the head stays on top."""
        width, base = self.size.width, self.rich_style
        number = y + self.scroll_offset.y
        if y == 0:
            head = "".join(name.rjust(w) for name, w in zip(HEAD, WIDTHS, strict=True))
            style = base + self.get_component_rich_style("epoch-log--head")
            segments = [Segment(set_cell_size(f"{head}  SAMPLE", width), style)]
        elif number <= len(self._rows):
            muted = base + self.get_component_rich_style("epoch-log--text")
            numbers, text = _cells(self._rows[number - 1])
            room = max(0, width - cell_len(numbers))
            segments = [Segment(numbers, base), Segment(set_cell_size(text, room), muted)]
        else:
            segments = []
        return Strip(segments).adjust_cell_length(width, base)


def _cells(row: EpochRow) -> tuple[str, str]:
    """The numbers in their columns, and the sample."""
    time = duration(row.elapsed) if row.elapsed is not None else ""
    parts = (number(row.epoch), number(row.train_loss), number(row.val_loss), time)
    numbers = "".join(part.rjust(width) for part, width in zip(parts, WIDTHS, strict=True))
    return f"{numbers}  ", one_line((row.text or "").strip())
