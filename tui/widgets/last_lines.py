"""The last lines of something longer: as many as there is height, each cut to the width."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget


class LastLines(Widget):
    """Lines that are safe to show; the newest are always in sight."""

    DEFAULT_CSS = "LastLines { height: 1fr; color: $text-muted; }"

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []

    def show(self, lines: Sequence[str]) -> None:
        """Shows these; draws only if they are others."""
        if self._lines != list(lines):
            self._lines = list(lines)
            self.refresh()

    def render(self) -> Content:
        """As many lines as there is height."""
        width, height = self.size
        last = self._lines[max(0, len(self._lines) - height) :]
        return Content("\n").join(Content(line).truncate(width, ellipsis=True) for line in last)
