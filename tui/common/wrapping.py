"""Wrapping styled text into lines as it comes, word by word. Pure.

Legend: a paragraph is what stands between two line breaks of the text; a line is one row of cells.
Lines break between words and beside wide (East Asian) characters; blanks at a break stay at the
end of their line, beyond its width if need be. However a text is cut into pieces, its lines are
the same: a word that is not finished yet moves to the next line when more of it comes. Earlier
lines never change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rich.cells import cell_len

Piece = tuple[str, str]  # text, style

_WIDE = "\u2e80-\u303e\u3041-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60\U00020000-\U0003fffd"
_UNIT = re.compile(rf"\s+|(?:[{_WIDE}][\u0300-\u036f\u3099\u309a]*)+|[^\s{_WIDE}]+")
_STARTS_WIDE = re.compile(rf"[{_WIDE}]")


@dataclass(slots=True)
class WrappedLine:
    """One row.

    Attributes:
        paragraph: which one it belongs to, from 0.
        start: characters of the paragraph before it.
        pieces: what stands on it; neighbours have different styles.
        length: its characters.
        used: its cells.
    """

    paragraph: int
    start: int
    pieces: list[Piece] = field(default_factory=list)
    length: int = 0
    used: int = 0

    def put(self, text: str, style: str, cells: int) -> None:
        """Adds at the end what takes so many cells."""
        if not text:
            return
        if self.pieces and self.pieces[-1][1] == style:
            self.pieces[-1] = (self.pieces[-1][0] + text, style)
        else:
            self.pieces.append((text, style))
        self.length += len(text)
        self.used += cells

    def cut(self, length: int) -> list[Piece]:
        """Takes off what stands beyond the first `length` characters."""
        taken: list[Piece] = []
        while self.length > length:
            text, style = self.pieces.pop()
            keep = max(0, len(text) - (self.length - length))
            self.length -= len(text) - keep
            self.used -= cell_width(text[keep:])
            taken.insert(0, (text[keep:], style))
            if keep:
                self.pieces.append((text[:keep], style))
        return taken


class Wrapper:
    """Lines of at most `width` cells.

    Attributes:
        lines: the last one grows; there is always one.
    """

    def __init__(self, width: int) -> None:
        self.width = max(1, width)
        self.lines = [WrappedLine(0, 0)]
        self._word_at: int | None = None  # where on the last line an unfinished word begins

    def add(self, piece: Piece) -> None:
        """Adds a piece at the end."""
        text, style = piece
        for number, part in enumerate(text.split("\n")):
            if number:
                self.lines.append(WrappedLine(self.lines[-1].paragraph + 1, 0))
                self._word_at = None
            for unit in _UNIT.findall(part):
                self._add_unit(unit, style)

    def _add_unit(self, unit: str, style: str) -> None:
        line, cells = self.lines[-1], cell_width(unit)
        if unit[0].isspace():
            line.put(unit, style, cells)
            self._word_at = None
            return
        wide = _STARTS_WIDE.match(unit) is not None
        if wide:
            self._word_at = None
        elif self._word_at is None:
            self._word_at = line.length
        if line.used + cells <= self.width:
            line.put(unit, style, cells)
            return
        if self._word_at:
            self._carry_over(self._word_at)
        self._fill(unit, style)

    def _carry_over(self, word_at: int) -> None:
        """The word that has begun goes on on the next line."""
        begun = self.lines[-1].cut(word_at)
        self._break()
        for text, style in begun:
            self.lines[-1].put(text, style, cell_width(text))
        self._word_at = 0

    def _fill(self, unit: str, style: str) -> None:
        """Cuts what is longer than a line, or may be cut anywhere."""
        at, plain = 0, unit.isascii()
        while at < len(unit):
            line = self.lines[-1]
            room = self.width - line.used
            end = at + (max(0, room) if plain else _fitting(unit, at, room))
            end = max(end, at + (not line.length))  # a line of one cell has no room for a wide one
            line.put(unit[at:end], style, cell_width(unit[at:end]))
            at = end
            if at < len(unit):
                self._break()

    def _break(self) -> None:
        last = self.lines[-1]
        self.lines.append(WrappedLine(last.paragraph, last.start + last.length))


def cell_width(text: str) -> int:
    """The cells a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def _fitting(text: str, start: int, room: int) -> int:
    """How many characters from `start` on fit into `room` cells."""
    cells = 0
    for at in range(start, len(text)):
        cells += cell_len(text[at])
        if cells > room:
            return at - start
    return len(text) - start
