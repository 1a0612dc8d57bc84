"""A text in which parts are marked, one of them chosen and kept in view; read only."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import ClassVar

from tui.widgets.transcript import Transcript, shown
from tui.common.wrapping import Piece

COPIED, CHOSEN = "copied", "chosen"
ABOVE = 3  # lines kept above what is brought into view


class MarkedText(Transcript, can_focus=False):
    """Pieces of text; beside the styles of a transcript there are "copied" and "chosen".

    The screen scrolls it. Marks stand as characters in the pieces too: nothing depends on a style.
    """

    FOLLOWS = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"transcript--{name}" for name in (COPIED, CHOSEN)}
    DEFAULT_CSS = """
    MarkedText > .transcript--copied { text-style: bold underline; }
    MarkedText > .transcript--chosen { text-style: bold reverse; }
    """

    def show(self, pieces: Sequence[Piece], view: int | None = None) -> None:
        """Shows other pieces.

        Args:
            view: the piece that is brought into view; None begins at the top.
        """
        self.clear()
        self.append(pieces)
        before = "".join(shown(text) for text, _ in pieces[:view]) if view is not None else ""
        paragraphs = before.split("\n")
        where = len(paragraphs) - 1, len(paragraphs[-1])
        lines = self._wrapper.lines
        number = bisect_right(lines, where, key=lambda line: (line.paragraph, line.start)) - 1
        self._bring(number if view is not None else 0)

    def _bring(self, number: int) -> None:
        """A line into view, if it is not: near the top."""
        height = max(1, self.scrollable_content_region.height)
        top = self.scroll_offset.y
        if number and top <= number < top + height:
            return
        self.scroll_to(y=max(0, number - ABOVE), animate=False, force=True)
