"""The table of runs: rows updated in place under a cursor that stays, columns that fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import DataTable

from core.run.status import ALIVE, CRASHED, FAILED, PAUSED
from core.run.summary import RunSummary
from tui.common.format import count, number, size
from tui.common.sanitize import one_line
from tui.plot.sparkline import sparkline
from tui.runs.library import LibraryRow, age_of

CURVE = 8


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        head: its heading.
        width: cells.
        cell: what stands in it.
        right: whether it is aligned to the right.
        rank: columns of a higher rank go first where there is no room.
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
        Column("CURVE", CURVE, lambda row: sparkline(row.curve, CURVE, charset), rank=2),
        Column("EPOCH", 6, fact(lambda s: number(s.epoch)), right=True, rank=3),
        Column("LOSS", 6, fact(lambda s: number(s.train_loss)), right=True),
        Column("VAL", 6, fact(lambda s: number(s.val_loss)), right=True, rank=1),
        Column("PARAMS", 7, fact(lambda s: count(s.parameters)), right=True, rank=6),
        Column("SIZE", 7, fact(lambda s: size(s.size)), right=True, rank=5),
        Column("CORPUS", 14, fact(lambda s: s.corpus or ""), rank=7),
        Column("AGE", 4, age_of, right=True, rank=4),
    ]


class RunTable(DataTable[Text]):
    """Runs, one a row.

    Args:
        charset: what sparklines may be drawn with.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Watch", tooltip="Watch the run learn, or how it went"),
    ]

    def __init__(self, charset: str) -> None:
        super().__init__(cursor_type="row", cell_padding=1, zebra_stripes=False)
        self._all = _columns(charset)
        self._fitting: list[Column] = []
        self._rows: dict[str, LibraryRow] = {}
        self._cells: dict[str, list[str]] = {}

    @property
    def chosen(self) -> LibraryRow | None:
        """The row under the cursor."""
        names = list(self._rows)
        return self._rows[names[self.cursor_row]] if 0 <= self.cursor_row < len(names) else None

    def fit(self, width: int) -> None:
        """Takes the columns that a screen of this width has room for."""
        fitting = list(self._all)
        while len(fitting) > 3 and sum(c.width + 2 for c in fitting) > width - 2:
            fitting.remove(max(fitting, key=lambda c: c.rank))
        if fitting != self._fitting:
            self._fitting = fitting
            self._rebuild(list(self._rows.values()))

    def show(self, rows: Sequence[LibraryRow]) -> None:
        """Shows these runs; cells that say the same are not touched."""
        names = [row.summary.name for row in rows]
        if names != list(self._rows):
            self._rebuild(rows)
            return
        self._rows = {row.summary.name: row for row in rows}
        for name, row in self._rows.items():
            self._update(name, row)

    def _rebuild(self, rows: Sequence[LibraryRow]) -> None:
        chosen = self.chosen.summary.name if self.chosen else None
        self.clear(columns=True)
        for column in self._fitting:
            head = Text(column.head, justify="right" if column.right else "left")
            self.add_column(head, width=column.width, key=column.head)
        self._rows = {row.summary.name: row for row in rows}
        self._cells = {}
        for name, row in self._rows.items():
            self._cells[name] = [column.cell(row) for column in self._fitting]
            self.add_row(*self._texts(name, row), key=name)
        if chosen in self._rows:
            self.move_cursor(row=list(self._rows).index(chosen), animate=False)

    def _update(self, name: str, row: LibraryRow) -> None:
        cells = [column.cell(row) for column in self._fitting]
        if cells == self._cells[name]:
            return
        before, self._cells[name] = self._cells[name], cells
        texts = self._texts(name, row)
        for column, old, new, text in zip(self._fitting, before, cells, texts, strict=True):
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
            for column, cell in zip(self._fitting, self._cells[name], strict=True)
        ]


def _style(summary: RunSummary) -> str:
    """Bold for what lives, reverse for what needs somebody: never by colour alone."""
    if summary.problem or summary.status in (FAILED, CRASHED):
        return "bold red"
    if summary.status == PAUSED:
        return "italic"
    return "bold" if summary.status in ALIVE else ""


def detail(row: LibraryRow, folder: Path | None) -> Content:
    """Two lines about the run under the cursor."""
    found = row.summary
    if found.problem:
        return Content(one_line(found.problem))
    words = [
        f"step {found.step}",
        f"{count(found.parameters)} parameters" if found.parameters else "",
        f"on {found.corpus}" if found.corpus else "",
        size(found.size),
        f"made {found.created[:16].replace('T', ' ')}" if found.created else "",
    ]
    line = " · ".join(word for word in words if word)
    return Content(f"{one_line(line)}\n{one_line(str(folder))}")
