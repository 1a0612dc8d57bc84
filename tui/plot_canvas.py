"""Drawing curves with characters: dots in cells, smallest and largest of a column kept. Pure.

Shapes: N points of a curve, W columns and H rows of dots.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BRAILLE_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
DOTS = {"braille": (2, 4), "block": (1, 2), "ascii": (1, 1)}  # columns, rows of dots in a cell
HALVES = " ▀▄█"


class Canvas:
    """Cells of dots; each cell is drawn in the style of the curve that came last.

    Args:
        columns, rows: cells.
        charset: "braille", "block" or "ascii".
    """

    def __init__(self, columns: int, rows: int, charset: str) -> None:
        self.columns, self.rows, self.charset = columns, rows, charset
        across, down = DOTS[charset]
        self.width, self.height = columns * across, rows * down
        self._dots = np.zeros((self.height, self.width), np.bool_)  # (H, W)
        self._owner: dict[tuple[int, int], str] = {}
        self._signs: dict[tuple[int, int], tuple[str, str]] = {}
        self._behind: dict[tuple[int, int], tuple[str, str]] = {}

    def line(self, xs: Floats, ys: Floats, style: str) -> None:
        """A curve: `xs` rising and `ys`, both as shares of the canvas, 0 at left and top, (N,)."""
        if not len(xs):
            return
        px = np.clip(np.rint(xs * (self.width - 1)), 0, self.width - 1).astype(int)
        py = np.clip(np.rint(ys * (self.height - 1)), 0, self.height - 1).astype(int)
        starts = np.flatnonzero(np.r_[True, np.diff(px) > 0])
        ends = np.r_[starts[1:] - 1, len(px) - 1]
        lows = np.minimum.reduceat(py, starts)
        highs = np.maximum.reduceat(py, starts)
        before: tuple[int, int] | None = None
        for column, low, high, first, last in zip(
            px[starts].tolist(),
            lows.tolist(),
            highs.tolist(),
            py[starts].tolist(),
            py[ends].tolist(),
            strict=True,
        ):
            if before is not None:
                self._join(before, (column, first), style)
            self._column(column, low, high, style)
            before = (column, last)

    def _join(self, start: tuple[int, int], end: tuple[int, int], style: str) -> None:
        """A straight line between two columns."""
        (x0, y0), (x1, y1) = start, end
        previous = y0
        for x in range(x0 + 1, x1):
            y = y0 + (y1 - y0) * (x - x0) // (x1 - x0)
            self._column(x, min(previous, y), max(previous, y), style)
            previous = y
        if previous != y1:
            step = 1 if y1 > previous else -1
            self._column(x1, min(previous + step, y1), max(previous + step, y1), style)

    def _column(self, x: int, low: int, high: int, style: str) -> None:
        self._dots[low : high + 1, x] = True
        across, down = DOTS[self.charset]
        for row in range(low // down, high // down + 1):
            self._owner[row, x // across] = style

    def sign(self, column: int, row: int, sign: str, style: str) -> None:
        """A character instead of dots."""
        if 0 <= column < self.columns and 0 <= row < self.rows:
            self._signs[row, column] = (sign, style)

    def text(self, column: int, row: int, text: str, style: str) -> None:
        """Characters of width 1, one beside the other."""
        for offset, sign in enumerate(text):
            self.sign(column + offset, row, sign, style)

    def rule(self, row: int, sign: str, style: str) -> None:
        """A line across, behind everything."""
        for column in range(self.columns):
            self._behind[row, column] = (sign, style)

    def post(self, column: int, sign: str, style: str) -> None:
        """A line from top to bottom, behind everything."""
        for row in range(self.rows):
            self._behind[row, column] = (sign, style)

    def cell(self, row: int, column: int) -> tuple[str, str]:
        """A character and its style; a blank has none."""
        if (row, column) in self._signs:
            return self._signs[row, column]
        style = self._owner.get((row, column))
        if style is None:
            return self._behind.get((row, column), (" ", ""))
        across, down = DOTS[self.charset]
        dots = self._dots[row * down : (row + 1) * down, column * across : (column + 1) * across]
        if self.charset == "braille":
            bits = sum(BRAILLE_BITS[x][y] for y in range(4) for x in range(2) if dots[y, x])
            return chr(0x2800 + bits), style
        if self.charset == "block":
            return HALVES[int(dots[0, 0]) + 2 * int(dots[1, 0])], style
        return ".", style

    def row(self, row: int) -> list[tuple[str, str]]:
        """The pieces of a row, neighbours of one style together."""
        pieces: list[tuple[str, str]] = []
        for column in range(self.columns):
            sign, style = self.cell(row, column)
            if pieces and (sign == " " or pieces[-1][1] == style):
                pieces[-1] = (pieces[-1][0] + sign, pieces[-1][1])
            else:
                pieces.append((sign, style))
        return pieces
