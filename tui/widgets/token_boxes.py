"""A widget that shows where the tokens of some lines begin and end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.widgets import Static

from tui.common.format import BAR, PLAIN_BAR, PLAIN_SPACE, SPACE, visible


class TokenBoxes(Static):
    """Lines of tokens, alternately bold, with a bar between.

    Args:
        id: of the widget.
    """

    DEFAULT_CSS = "TokenBoxes { height: auto; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._lines: Sequence[Sequence[str]] = ()
        self._bar, self._space = BAR, SPACE

    def show(self, lines: Sequence[Sequence[str]]) -> None:
        """Show these lines, each the texts of its tokens."""
        charset = getattr(getattr(self.app, "terminal", None), "charset", "braille")
        plain = charset == "ascii"
        self._bar, self._space = (PLAIN_BAR, PLAIN_SPACE) if plain else (BAR, SPACE)
        self._lines = lines
        self._draw()

    def on_resize(self) -> None:
        """Refit the lines."""
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        lines = [part for line in self._lines for part in self._wrap(line, width)]
        self.update(Text("\n", overflow="fold").join(lines))

    def _wrap(self, tokens: Sequence[str], width: int) -> Iterator[Text]:
        """Break a line between tokens; only a token longer than a line is broken itself."""
        line = Text()
        for index, token in enumerate(tokens):
            text = visible(token, self._space)
            if line and line.cell_len + 1 + cell_len(text) > width > 0:
                yield line
                line = Text()
            if index:
                line.append(self._bar, style="dim")
            line.append(text, style="bold" if index % 2 else "")
        yield line
