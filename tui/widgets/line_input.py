"""The one-line input: its keys move over and delete whole characters and emoji."""

from __future__ import annotations

from textual.widgets import Input
from textual.widgets.input import Selection

from tui.common.graphemes import grapheme_end, grapheme_start


class LineInput(Input):
    """An input of one line, edited by graphemes."""

    def action_cursor_left(self, select: bool = False) -> None:
        """Move the cursor to the left, or the end of the selection if `select` is set."""
        anchor, end = self.selection
        if select:
            self.selection = Selection(anchor, grapheme_start(self.value, end))
        elif self.selection.is_empty:
            self.cursor_position = grapheme_start(self.value, end)
        else:
            super().action_cursor_left()

    def action_cursor_right(self, select: bool = False) -> None:
        """Move the cursor to the right, or accept the completion at the end."""
        anchor, end = self.selection
        if select:
            self.selection = Selection(anchor, grapheme_end(self.value, end))
        elif self.selection.is_empty and not self.cursor_at_end:
            self.cursor_position = grapheme_end(self.value, end)
        else:
            super().action_cursor_right()

    def action_delete_left(self) -> None:
        """Delete the selection, or the grapheme before the cursor."""
        if self.selection.is_empty:
            end = self.cursor_position
            self.delete(grapheme_start(self.value, end), end)
        else:
            self.delete_selection()

    def action_delete_right(self) -> None:
        """Delete the selection, or the grapheme at the cursor."""
        if self.selection.is_empty:
            start = self.cursor_position
            self.delete(start, grapheme_end(self.value, start))
        else:
            self.delete_selection()
