"""The first row of every screen: the mark, the path to the screen, and the state at the right."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from tui.common.sanitize import one_line

MARK, ASCII_MARK = "◣", "#"  # a causal mask
NAME = "minigpt"
NAME_WIDTH = 100  # columns from which the name stands beside the mark


class Header(Widget):
    """Mark, path and state in one row; where they do not fit, the path loses its first parts."""

    def __init__(self) -> None:
        super().__init__(id="title")
        self._path: tuple[str, ...] = ()
        self._state = Content("")

    def show(self, path: Sequence[str], state: Content | str = "") -> None:
        """Show a path, such as Models, lang, Train, and the state of the screen."""
        self._path = tuple(one_line(part) for part in path)
        self._state = state if isinstance(state, Content) else Content(one_line(state))
        self.refresh()

    def render(self) -> Content:
        """The row."""
        width, is_ascii = self.size.width - 2, self.app.has_class("-ascii")
        mark, arrow = (ASCII_MARK, " > ") if is_ascii else (MARK, " › ")
        name = f"{mark} {NAME}" if width >= NAME_WIDTH else mark
        state = self._state
        path = self._path
        left = _left(name, path, arrow)
        while len(path) > 1 and left.cell_length + 2 + state.cell_length > width:
            path = path[1:]
            left = _left(name, path, arrow)
        gap = width - left.cell_length - state.cell_length
        if gap < 1:
            state = state.truncate(max(0, width - left.cell_length - 1), ellipsis=not is_ascii)
            gap = width - left.cell_length - state.cell_length
        return Content.assemble(" ", left, " " * max(0, gap), state, " ")


def _left(name: str, path: Sequence[str], arrow: str) -> Content:
    """The mark and the path, its last part in bold."""
    parts: list[Content | str | tuple[str, str]] = [(name, "bold $primary"), "  "]
    for part in path[:-1]:
        parts += [(part, "$muted"), (arrow, "$faint")]
    parts += [(part, "bold $ink") for part in path[-1:]]
    return Content.assemble(*parts)
