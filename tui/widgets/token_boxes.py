"""Text with its tokens told apart: bold in turns, with a bar between."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import Static

from core.display import one_line

BAR, SPACE = "│", "·"
PLAIN_BAR, PLAIN_SPACE = "|", "_"


class TokenBoxes(Static):
    """Lines of tokens.

    Args:
        id: of the widget.
    """

    DEFAULT_CSS = "TokenBoxes { height: auto; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)

    def show(self, lines: Sequence[Sequence[str]]) -> None:
        """Shows these lines, each the texts of its tokens."""
        charset = getattr(getattr(self.app, "look", None), "charset", "braille")
        plain = charset == "ascii"
        bar, space = (PLAIN_BAR, PLAIN_SPACE) if plain else (BAR, SPACE)
        found = Text(overflow="fold")
        for number, line in enumerate(lines):
            if number:
                found.append("\n")
            for place, token in enumerate(line):
                if place:
                    found.append(bar, style="dim")
                found.append(visible(token, space), style="bold" if place % 2 else "")
        self.update(found)


def visible(token: str, space: str = SPACE) -> str:
    """A token's text with blanks and control codes to be seen."""
    return one_line(token).replace(" ", space)
