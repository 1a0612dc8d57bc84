"""The base of tables: rows of one line with a cursor, below a heading that stays.

Only visible rows are drawn. A click selects a row, a double click opens it, the wheel scrolls.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

HEADING_ROWS = 1
CURSOR_SIGN = "›"
DOUBLE_CLICK = 2  # clicks


class RowList(ScrollView, can_focus=True):
    """Rows with a cursor; subclasses hold the data and draw it.

    Attributes:
        cursor: index of the row with the cursor; 0 without rows.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move_to(0)", "First", show=False, id="first"),
        Binding("end", "move_to(-1)", "Last", show=False, id="last"),
        Binding("enter", "open", "Open", show=False),
    ]
    DEFAULT_CSS = """
    RowList { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """

    class RowMessage(Message):
        """Something happened to the row with the cursor."""

        def __init__(self, rows: RowList) -> None:
            super().__init__()
            self.rows = rows

        @property
        def control(self) -> RowList:
            return self.rows

    class Moved(RowMessage):
        """The cursor is on another row."""

    class Opened(RowMessage):
        """Enter was pressed on the row with the cursor, or it was double-clicked."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.cursor = 0

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def draw_heading(self, width: int) -> Content:
        """The line above the rows."""
        raise NotImplementedError

    def draw_row(self, index: int, width: int) -> Content:
        """A row, without the sign and the tint of the cursor."""
        raise NotImplementedError

    def rows_changed(self, cursor: int | None = None) -> None:
        """Redraw all rows.

        Args:
            cursor: its new row; None leaves it where it is.
        """
        self._fit()
        self.cursor = self._limit(self.cursor if cursor is None else cursor)
        self._scroll_to_cursor()
        self.refresh()

    def on_resize(self) -> None:
        """Keep the cursor in view."""
        self._fit()
        self._scroll_to_cursor()

    def _fit(self) -> None:
        size = Size(self.size.width, self.row_count + HEADING_ROWS)
        if size.height != self.virtual_size.height:
            self.virtual_size = size

    def _limit(self, index: int) -> int:
        return max(0, min(index, self.row_count - 1))

    def move_cursor(self, index: int) -> None:
        """Put the cursor on a row and bring it into view."""
        index = self._limit(index)
        if index != self.cursor:
            self.refresh_row(self.cursor)
            self.cursor = index
            self.refresh_row(index)
            self.post_message(self.Moved(self))
        self._scroll_to_cursor()

    def refresh_row(self, index: int) -> None:
        """Redraw one row."""
        self.refresh_lines(index + HEADING_ROWS, 1)

    def _scroll_to_cursor(self) -> None:
        visible = self.size.height - HEADING_ROWS
        if visible < 1:
            return
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True, force=True)
        elif self.cursor >= top + visible:
            self.scroll_to(y=self.cursor - visible + 1, animate=False, immediate=True, force=True)

    def action_move(self, by: int) -> None:
        self.move_cursor(self.cursor + by)

    def action_page(self, direction: int) -> None:
        self.move_cursor(self.cursor + direction * max(1, self.size.height - HEADING_ROWS - 1))

    def action_move_to(self, index: int) -> None:
        """Move to a row, counted from the end if negative."""
        self.move_cursor(index if index >= 0 else self.row_count + index)

    def action_open(self) -> None:
        if self.row_count:
            self.post_message(self.Opened(self))

    def on_click(self, event: events.Click) -> None:
        """Select the row; a double click opens it."""
        line = event.get_content_offset_capture(self).y
        index = line - HEADING_ROWS + self.scroll_offset.y
        if line < HEADING_ROWS or not 0 <= index < self.row_count:
            return
        is_cursor = index == self.cursor
        self.move_cursor(index)
        if event.chain == DOUBLE_CLICK and is_cursor:
            self.action_open()

    def render_line(self, y: int) -> Strip:
        """A visible line; the heading stays on top."""
        width, style = self.size.width, self.visual_style
        index = y - HEADING_ROWS + self.scroll_offset.y
        if y < HEADING_ROWS:
            content = self.draw_heading(width)
        elif index < self.row_count:
            content = self.draw_row(index, width)
            if index == self.cursor:
                content = self._with_cursor(content, width)
        else:
            return Strip.blank(width, self.rich_style)
        return Visual.to_strips(self, content, width, 1, style, pad=True)[0]

    def _with_cursor(self, content: Content, width: int) -> Content:
        """A row with the sign of the cursor in its first cell and a tint behind it."""
        sign = Content.styled(CURSOR_SIGN, "bold $primary" if self.has_focus else "bold $muted")
        return (
            (sign + content[1:])
            .pad_right(max(0, width - content.cell_length))
            .stylize("on $cursor")
        )
