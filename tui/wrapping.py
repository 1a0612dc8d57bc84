"""Wrapping styled text into lines as it comes, word by word. Pure.

A word that is not finished yet may move to the next line when more of it comes; earlier lines
never change.
"""

from __future__ import annotations

from itertools import groupby

from rich.cells import cell_len, chop_cells

Piece = tuple[str, str]  # text, style
Line = list[Piece]


class Wrapper:
    """Lines of at most `width` cells.

    Attributes:
        lines: the last one grows; there is always one.
    """

    def __init__(self, width: int) -> None:
        self.width = max(1, width)
        self.lines: list[Line] = [[]]
        self._used = 0  # cells of the last line

    def add(self, piece: Piece) -> None:
        """Adds a piece at the end."""
        text, style = piece
        for number, part in enumerate(text.split("\n")):
            if number:
                self._break()
            for blank, letters in groupby(part, str.isspace):
                self._word("".join(letters), style, blank=blank)

    def _word(self, word: str, style: str, *, blank: bool) -> None:
        """Blanks stay at the end of a line, beyond its width if need be; words move on."""
        size = cell_len(word)
        if self._used + size <= self.width:
            self._put(word, style, size)
            return
        if blank:
            room = max(0, self.width - self._used)
            self._put(word[:room], style, room)
            self._break()
            return
        carry = self._unfinished()
        if carry or self._ends_with_blank():
            self._break(carry)
        for number, part in enumerate(self._chopped(word)):
            if number:
                self._break()
            self._put(part, style, cell_len(part))

    def _chopped(self, word: str) -> list[str]:
        """A word in parts that fit; the first beside what stands there already."""
        room = self.width - self._used
        if cell_len(word) <= room:
            return [word]
        first = chop_cells(word, room)[0] if room >= 2 else ""
        rest = word[len(first) :]
        return [*([first] if first else [""]), *chop_cells(rest, self.width)]

    def _unfinished(self) -> Line:
        """Takes the last word off the line, if it is cut short and something stands before it."""
        line = self.lines[-1]
        if self._ends_with_blank():
            return []
        taken: Line = []
        while line:
            text, style = line.pop()
            _, _, tail = text.rpartition(" ")
            cut = len(text) - len(tail)
            if tail:
                taken.insert(0, (tail, style))
            if cut:
                line.append((text[:cut], style))
                return taken
        line.extend(taken)  # a single word fills the line: it stays
        return []

    def _ends_with_blank(self) -> bool:
        line = self.lines[-1]
        return bool(line) and line[-1][0][-1:].isspace()

    def _put(self, text: str, style: str, size: int) -> None:
        if not text:
            return
        line = self.lines[-1]
        if line and line[-1][1] == style:
            line[-1] = (line[-1][0] + text, style)
        else:
            line.append((text, style))
        self._used += size

    def _break(self, carry: Line | None = None) -> None:
        self.lines.append(list(carry or []))
        self._used = sum(cell_len(text) for text, _ in self.lines[-1])
