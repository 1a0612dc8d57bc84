"""Incremental word wrap of styled text. Pure.

A paragraph is the text between two line breaks; a line is one row of cells. Lines break between
words and beside wide (East Asian) characters; spaces at a break stay at the end of their line, even
beyond its width. The lines do not depend on how the text is cut into pieces: an unfinished word
moves to the next line when it grows too long. Earlier lines never change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rich.cells import cell_len, split_graphemes

from tui.common.graphemes import MAX_GRAPHEME_CHARACTERS, grapheme_end

Piece = tuple[str, str]  # text, style

_WIDE = "\u2e80-\u303e\u3041-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60\U00020000-\U0003fffd"
_UNIT = re.compile(rf"\s+|(?:[{_WIDE}][\u0300-\u036f\u3099\u309a]*)+|[^\s{_WIDE}]+")
_STARTS_WIDE = re.compile(rf"[{_WIDE}]")


@dataclass(slots=True)
class WrappedLine:
    """One row.

    Attributes:
        paragraph: index of its paragraph.
        start: characters of the paragraph before this line.
        pieces: styled text; neighbours have different styles.
        length: in characters.
        width: in cells.
    """

    paragraph: int
    start: int
    pieces: list[Piece] = field(default_factory=list)
    length: int = 0
    width: int = 0

    def append(self, text: str, style: str, cells: int) -> None:
        """Append text that is `cells` wide."""
        if not text:
            return
        if self.pieces and self.pieces[-1][1] == style:
            self.pieces[-1] = (self.pieces[-1][0] + text, style)
        else:
            self.pieces.append((text, style))
        self.length += len(text)
        self.width += cells

    def truncate(self, length: int) -> list[Piece]:
        """Keep the first `length` characters and return the rest."""
        rest: list[Piece] = []
        while self.length > length:
            text, style = self.pieces.pop()
            keep = max(0, len(text) - (self.length - length))
            self.length -= len(text) - keep
            self.width -= cell_width(text[keep:])
            rest.insert(0, (text[keep:], style))
            if keep:
                self.pieces.append((text[:keep], style))
        return rest


class Wrapper:
    """Wrap text that arrives in pieces.

    Args:
        width: of a line in cells.

    Attributes:
        lines: only the last one grows; there is always one.
    """

    def __init__(self, width: int) -> None:
        self.width = max(1, width)
        self.lines = [WrappedLine(0, 0)]
        self._word_start: int | None = None  # of an unfinished word on the last line

    def append(self, piece: Piece) -> None:
        """Append a piece of text."""
        text, style = piece
        for number, part in enumerate(text.split("\n")):
            if number:
                self.lines.append(WrappedLine(self.lines[-1].paragraph + 1, 0))
                self._word_start = None
            for unit in _UNIT.findall(part):
                self._append_unit(unit, style)

    def _append_unit(self, unit: str, style: str) -> None:
        """Append spaces, wide characters, or a part of a word."""
        line, cells = self.lines[-1], cell_width(unit)
        if unit[0].isspace():
            line.append(unit, style, cells)
            self._word_start = None
            return
        if _STARTS_WIDE.match(unit):
            self._word_start = None
        elif self._word_start is None:
            self._word_start = line.length
        if line.width + cells <= self.width:
            line.append(unit, style, cells)
            return
        if self._word_start:
            self._move_word(self._word_start)
        self._fill(unit, style)

    def _move_word(self, start: int) -> None:
        """Move the unfinished word to the next line."""
        word = self.lines[-1].truncate(start)
        self._break_line()
        for text, style in word:
            self.lines[-1].append(text, style, cell_width(text))
        self._word_start = 0

    def _fill(self, unit: str, style: str) -> None:
        """Break a unit anywhere: it is longer than a line, or consists of wide characters."""
        start, ascii = 0, unit.isascii()
        while start < len(unit):
            line = self.lines[-1]
            free = self.width - line.width
            end = start + (max(0, free) if ascii else _fitting(unit, start, free))
            # At least one grapheme per line: a wide one does not fit into a line of one cell.
            if not line.length and end == start:
                end = grapheme_end(unit, start)
            line.append(unit[start:end], style, cell_width(unit[start:end]))
            start = end
            if start < len(unit):
                self._break_line()

    def _break_line(self) -> None:
        last = self.lines[-1]
        self.lines.append(WrappedLine(last.paragraph, last.start + last.length))


def cell_width(text: str) -> int:
    """The width of a text in cells."""
    return len(text) if text.isascii() else cell_len(text)


def _fitting(text: str, start: int, width: int) -> int:
    """How many characters from `start` fit into `width` cells without cutting an emoji."""
    count = max(0, width) + MAX_GRAPHEME_CHARACTERS
    graphemes, cells = split_graphemes(text[start : start + count])
    while cells <= width and start + count < len(text):  # many characters without width
        count *= 2
        graphemes, cells = split_graphemes(text[start : start + count])
    cells = 0
    for first, _, size in graphemes:
        cells += size
        if cells > width:
            return first
    return len(text) - start
