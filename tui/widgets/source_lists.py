"""The copied passages of a reply, and the places of one of them, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from textual.binding import Binding, BindingType
from textual.content import Content

from core.server.replies import OriginPlace, OriginReply, OriginSpan
from tui.chat.origin import MARKS, excerpt, times
from tui.common.sanitize import one_line
from tui.widgets.row_list import RowList

OPEN_TOOLTIP = "Open the corpus at this place"
GUTTER = 2  # cells for the cursor
MAX_FILE_CELLS = 20


class _SourceList(RowList, inherit_bindings=False):
    """Rows that open the corpus; ← and →, and Enter without rows, are left to the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *RowList.BINDINGS[:-1],  # without its Enter, which the footer does not show
        Binding("enter", "open", "Corpus", tooltip=OPEN_TOOLTIP),
    ]

    def _room(self, width: int) -> int:
        """The cells of a row beside the scrollbar."""
        return min(width, self.scrollable_content_region.width or width)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing to open without rows."""
        return action != "open" or self.row_count > 0


class PassageList(_SourceList):
    """One row per copied passage: number, length, how often it occurs, its beginning."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = ""
        self._spans: Sequence[OriginSpan] = ()
        self._widths = 1, 6, 5

    @property
    def row_count(self) -> int:
        return len(self._spans)

    def show(self, reply: OriginReply | None, cursor: int) -> None:
        """Show the passages of a reply."""
        self._text, self._spans = (reply.text, reply.spans) if reply else ("", ())
        self._widths = (
            len(str(len(self._spans))),
            max([6, *(len(f"{span.end - span.begin:,}") for span in self._spans)]),
            max([5, *(len(times(span)) for span in self._spans)]),
        )
        self.rows_changed(cursor)

    def draw_heading(self, width: int) -> Content:
        """The titles of the columns."""
        if not self._spans:
            return Content("")
        number, tokens, count = self._widths
        heading = f"{'#':>{number}}  {'tokens':>{tokens}}  {'times':>{count}}  passage"
        return Content.styled(" " * GUTTER + heading, "$muted")

    def draw_row(self, index: int, width: int) -> Content:
        """The cells of a passage."""
        span, (number, tokens, count) = self._spans[index], self._widths
        figures = (
            f"{index + 1:>{number}}  {span.end - span.begin:>{tokens},}  {times(span):>{count}}"
        )
        room = max(1, self._room(width) - GUTTER - cell_len(figures) - 2)
        text = fitted(one_line(self._text[span.from_ : span.to]).strip(), room)
        return Content.assemble(" " * GUTTER, figures, "  ", (text, "bold"))


class PlaceList(_SourceList):
    """One row per place of a passage: its line, and the text around it."""

    def __init__(self, marks: tuple[str, str] = MARKS, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._marks = marks
        self._places: Sequence[OriginPlace] = ()
        self._with_files = False
        self._empty = ""

    @property
    def row_count(self) -> int:
        return len(self._places)

    def show(
        self,
        places: Sequence[OriginPlace],
        cursor: int,
        *,
        with_files: bool = False,
        empty: str = "",
    ) -> None:
        """Show these places.

        Args:
            with_files: whether the names of the files are shown.
            empty: what to say when there are no places.
        """
        self._places, self._with_files, self._empty = places, with_files, empty
        self.rows_changed(cursor)

    @property
    def _line_width(self) -> int:
        return max([4, *(len(f"{place.line:,}") for place in self._places)])

    @property
    def _file_width(self) -> int:
        if not self._with_files:
            return 0
        names = (cell_len(_file_name(place)) for place in self._places)
        return min(MAX_FILE_CELLS, max([4, *names])) + 2

    def draw_heading(self, width: int) -> Content:
        """The titles of the columns."""
        if not self._places:
            return Content.styled(fitted(self._empty, width), "$muted")
        file = "file".ljust(self._file_width) if self._with_files else ""
        line = "line".rjust(self._line_width)
        return Content.styled(f"{' ' * GUTTER}{file}{line}  text", "$muted")

    def draw_row(self, index: int, width: int) -> Content:
        """The line number of a place, and the passage between marks."""
        place = self._places[index]
        file = ""
        if self._with_files:
            file = set_cell_size(fitted(_file_name(place), self._file_width - 2), self._file_width)
        line = f"{place.line:>{self._line_width},}"
        width = self._room(width)
        room = max(8, width - GUTTER - cell_len(file) - len(line) - 4)
        before, text, after = excerpt(place, room)
        left, right = self._marks
        content = Content.assemble(
            " " * GUTTER,
            (file, "$muted"),
            (f"{line}  ", "$muted"),
            before,
            (f"{left}{text}{right}", "bold"),
            after,
        )
        return content.truncate(width, ellipsis=True)


def _file_name(place: OriginPlace) -> str:
    return one_line(Path(place.file).name)


def fitted(text: str, width: int) -> str:
    """The text, cut to a number of cells."""
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)) + "…"
