"""The list of wrong answers of a test: what was asked, expected and said, and how sure it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content

from core.text.task_report import JudgedItem
from tui.common.format import percent
from tui.common.sanitize import one_line
from tui.plot.bars import bar
from tui.runs.accuracy import input_text
from tui.runs.accuracy_text import fitted
from tui.widgets.row_list import RowList

OPEN_TOOLTIP = "Step through the reply to this item"
GUTTER = 2  # cells for the cursor
SURE_CELLS, MAX_BAR_CELLS, MIN_BAR_WIDTH = 5, 8, 70
MIN_ANSWER_CELLS, MAX_LABEL_CELLS, MAX_ANSWER_CELLS = 5, 14, 36


class _Columns(NamedTuple):
    """Cells of each column; no bar is 0."""

    asked: int
    expected: int
    said: int
    bar: int


class WrongList(RowList, inherit_bindings=False):
    """One row per wrong answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *RowList.BINDINGS[:-1],  # without its Enter, which the footer does not show
        Binding("enter", "open", "Step", tooltip=OPEN_TOOLTIP),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._items: Sequence[JudgedItem] = ()
        self._note = ""
        self._are_labels = False
        self._fitted_width = 0
        self._columns = _Columns(1, 1, 1, 0)

    @property
    def row_count(self) -> int:
        return len(self._items)

    @property
    def selected(self) -> JudgedItem | None:
        """The item under the cursor."""
        return self._items[self.cursor] if self._items else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing to open without rows."""
        return action != "open" or self.row_count > 0

    def show(self, items: Sequence[JudgedItem], *, are_labels: bool, note: str = "") -> None:
        """Show these items; the cursor stays on its item if that is still listed.

        Args:
            are_labels: whether what is expected and said are labels, which are short.
            note: what to say without items.
        """
        selected = self.selected
        self._items, self._are_labels, self._note = items, are_labels, note
        self._fitted_width = 0
        at = next((at for at, item in enumerate(items) if item is selected), 0)
        self.rows_changed(at)

    def _fit(self) -> None:
        self._fitted_width = 0
        super()._fit()

    def _fit_columns(self, width: int) -> _Columns:
        if width != self._fitted_width:
            self._fitted_width = width
            self._columns = self._columns_for(min(width, self.scrollable_content_region.width))
        return self._columns

    def _columns_for(self, width: int) -> _Columns:
        bar_cells = MAX_BAR_CELLS if width >= MIN_BAR_WIDTH else 0
        room = width - GUTTER - SURE_CELLS - 4 - (bar_cells + 1 if bar_cells else 0)
        limit = MAX_LABEL_CELLS if self._are_labels else min(MAX_ANSWER_CELLS, room // 3)
        expected = _widest([item.expected for item in self._items], limit)
        said = _widest([item.reply.strip() for item in self._items], limit)
        return _Columns(max(1, room - expected - said), expected, said, bar_cells)

    def draw_heading(self, width: int) -> Content:
        """The titles of the columns, or what to say without rows."""
        if not self._items:
            return Content.styled(fitted(self._note, width), "$muted")
        columns = self._fit_columns(width)
        words = (
            f"{'':{GUTTER}}{'asked':<{columns.asked}}  {'true':<{columns.expected}} "
            f"{'said':<{columns.said}} {'sure':>{SURE_CELLS}}"
        )
        return Content.styled(words, "$muted").truncate(width)

    def draw_row(self, index: int, width: int) -> Content:
        """The cells of an item."""
        item, columns = self._items[index], self._fit_columns(width)
        share = "" if not item.is_fitting else percent(item.probability)
        said = item.reply.strip() if item.is_fitting else "too long"
        parts: list[Content | str | tuple[str, str]] = [
            " " * GUTTER,
            (fitted(input_text(item.messages), columns.asked) + "  ", "$ink"),
            (fitted(item.expected, columns.expected) + " ", "$success"),
            (fitted(said, columns.said) + " ", "$error"),
            (f"{share:>{SURE_CELLS}}", "$ink"),
        ]
        if columns.bar:
            plain = self.app.has_class("-ascii")
            parts += [" ", bar(item.probability, columns.bar, "$accent", is_ascii=plain)]
        return Content.assemble(*parts).truncate(width)


def _widest(texts: Sequence[str], limit: int) -> int:
    """The cells of a column of these texts."""
    widths = (cell_len(one_line(text)) for text in texts)
    return max(MIN_ANSWER_CELLS, min(limit, max(widths, default=0)))
