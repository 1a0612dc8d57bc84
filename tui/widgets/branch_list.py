"""The branches at a fork, one per row, which can be clicked."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from tui.explore.cursor_text import BRANCH


class BranchList(Static):
    """Rows of `branch_rows`; hidden without any."""

    class Clicked(Message):
        """A branch was clicked.

        Attributes:
            by: how many branches further it is than the one taken.
        """

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def __init__(self) -> None:
        super().__init__(id="branches", markup=False)

    def show(self, rows: Sequence[Content]) -> None:
        """Show these branches."""
        self.display = bool(rows)
        self.styles.height = len(rows)
        self.update(Content("\n").join(rows))

    def on_click(self, event: Click) -> None:
        """Post the branch clicked on."""
        by = event.style.meta.get(BRANCH)
        if isinstance(by, int):
            self.post_message(self.Clicked(by))
