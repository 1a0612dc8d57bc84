"""Text with its tokens told apart: bold in turns, with a bar between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.widgets import Static

from tui.common.sanitize import one_line

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
        self._lines: Sequence[Sequence[str]] = ()
        self._bar, self._space = BAR, SPACE

    def show(self, lines: Sequence[Sequence[str]]) -> None:
        """Shows these lines, each the texts of its tokens."""
        charset = getattr(getattr(self.app, "look", None), "charset", "braille")
        plain = charset == "ascii"
        self._bar, self._space = (PLAIN_BAR, PLAIN_SPACE) if plain else (BAR, SPACE)
        self._lines = lines
        self._draw()

    def on_resize(self) -> None:
        """Other tokens fit on a line."""
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        lines = [part for line in self._lines for part in self._wrapped(line, width)]
        self.update(Text("\n", overflow="fold").join(lines))

    def _wrapped(self, tokens: Sequence[str], width: int) -> Iterator[Text]:
        """The line broken between tokens; a token is broken only where it is longer than a line."""
        line = Text()
        for place, token in enumerate(tokens):
            text = visible(token, self._space)
            if line and line.cell_len + 1 + cell_len(text) > width > 0:
                yield line
                line = Text()
            if place:
                line.append(self._bar, style="dim")
            line.append(text, style="bold" if place % 2 else "")
        yield line


def visible(token: str, space: str = SPACE) -> str:
    """A token's text with blanks and control codes to be seen."""
    return one_line(token).replace(" ", space)
