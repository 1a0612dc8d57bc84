"""A canvas of terminal cells for curves, as braille dots, half blocks or ASCII. Pure.

Of a curve, each column of dots shows the lowest and the highest point, so that no peak is lost.
Shapes: N points of a curve; C columns and R rows of cells; W columns and H rows of dots.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
StyledRow = list[tuple[str, str]]  # pieces of text with the names of their styles

DOTS_PER_CELL = {"braille": (2, 4), "block": (1, 2), "ascii": (1, 1)}  # columns, rows
BRAILLE_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint32)
BLANK = 0x20
HALF_BLOCKS = np.array([ord(glyph) for glyph in " ▀▄█"], np.uint32)
CURVE_COST, LABEL_COST = 1, 1000  # of covering a cell of a curve, or of a label


class Canvas:
    """Layers of cells: the background, each curve in turn, then glyphs and text.

    A cell shows the uppermost layer that is not blank there.

    Args:
        columns, rows: size in cells.
        charset: "braille", "block" or "ascii".
    """

    def __init__(self, columns: int, rows: int, charset: str) -> None:
        self.columns, self.rows, self.charset = columns, rows, charset
        across, down = DOTS_PER_CELL[charset]
        self.width, self.height = columns * across, rows * down
        self._styles = [""]
        self._codes = np.full((rows, columns), BLANK, np.uint32)  # (R, C)
        self._style_ids = np.zeros((rows, columns), np.uint8)  # (R, C)
        self._costs = np.zeros((rows, columns), np.intp)  # (R, C), of covering the cell

    def _style_id(self, style: str) -> int:
        if style not in self._styles:
            self._styles.append(style)
        return self._styles.index(style)

    def line(self, xs: FloatArray, ys: FloatArray, style: str, glyph: str = ".") -> None:
        """Draw a curve.

        Args:
            xs, ys: shares of the canvas from the left and from the top, (N,); `xs` never falls.
            glyph: the character of the curve if the charset is "ascii".
        """
        if not len(xs):
            return
        dots = np.zeros((self.height, self.width), np.bool_)  # (H, W)
        previous: tuple[int, int] | None = None
        for x, low, high, first, last in _column_extents(xs, ys, self.width, self.height):
            if previous is not None:
                _connect(dots, previous, (x, first))
            dots[low : high + 1, x] = True
            previous = (x, last)
        self._cover(dots, style, glyph)

    def dots(self, xs: FloatArray, ys: FloatArray, style: str, glyph: str = ".") -> None:
        """Draw single points.

        Args:
            xs, ys: shares of the canvas from the left and from the top, (N,), in any order.
            glyph: the character of a point if the charset is "ascii".
        """
        columns = np.rint(np.clip(xs, 0.0, 1.0) * (self.width - 1)).astype(np.intp)
        rows = np.rint(np.clip(ys, 0.0, 1.0) * (self.height - 1)).astype(np.intp)
        dots = np.zeros((self.height, self.width), np.bool_)  # (H, W)
        dots[rows, columns] = True
        self._cover(dots, style, glyph)

    def _cover(self, dots: NDArray[np.bool_], style: str, glyph: str) -> None:
        """Put dots, (H, W), over what is there."""
        codes = self._encode(dots, glyph)
        mask = codes != BLANK
        self._codes[mask] = codes[mask]
        self._style_ids[mask] = self._style_id(style)
        self._costs[mask] = CURVE_COST

    def _encode(self, dots: NDArray[np.bool_], glyph: str) -> NDArray[np.uint32]:
        """Convert dots, (H, W), to code points, (R, C)."""
        if self.charset == "ascii":
            return np.where(dots, np.uint32(ord(glyph)), np.uint32(BLANK))
        if self.charset == "block":
            pairs = dots.reshape(self.rows, 2, self.columns)  # (R, 2, C)
            return HALF_BLOCKS[pairs[:, 0] + 2 * pairs[:, 1]]
        cells = dots.reshape(self.rows, 4, self.columns, 2)  # (R, 4, C, 2)
        bits = np.einsum("rdca,da->rc", cells.astype(np.uint32), BRAILLE_BITS)
        return np.where(bits > 0, np.uint32(0x2800) + bits, np.uint32(BLANK)).astype(np.uint32)

    def text(self, column: int, row: int, text: str, style: str, cost: int = LABEL_COST) -> None:
        """Draw characters of width 1, clipped to the canvas.

        Args:
            cost: of covering one of them; see `cost`.
        """
        if not 0 <= row < self.rows:
            return
        for x, character in enumerate(text, column):
            if 0 <= x < self.columns:
                self._codes[row, x] = ord(character)
                self._style_ids[row, x] = self._style_id(style)
                self._costs[row, x] = cost

    def cost(self, column: int, row: int, length: int) -> int:
        """The cost of covering cells: 0 if they show only background."""
        return int(self._costs[row, column : column + length].sum())

    def horizontal(self, row: int, glyph: str, style: str) -> None:
        """Draw a line across the background; call it before the curves."""
        self._codes[row], self._style_ids[row] = ord(glyph), self._style_id(style)

    def vertical(self, column: int, glyph: str, style: str) -> None:
        """Draw a line from top to bottom of the background; call it before the curves."""
        self._codes[:, column], self._style_ids[:, column] = ord(glyph), self._style_id(style)

    def pieces(self) -> list[StyledRow]:
        """All rows as pieces of text; blanks get the style before them."""
        columns = np.where(self._codes == BLANK, 0, np.arange(self.columns))
        last_glyph = np.maximum.accumulate(columns, axis=1)
        style_ids = np.take_along_axis(self._style_ids, last_glyph, axis=1)
        return [self._row(*row) for row in zip(self._codes, style_ids, strict=True)]

    def _row(self, codes: NDArray[np.uint32], style_ids: NDArray[np.uint8]) -> StyledRow:
        text = codes.astype("<u4").tobytes().decode("utf-32-le")
        edges = [0, *(np.flatnonzero(np.diff(style_ids)) + 1).tolist(), len(text)]
        return [(text[start:end], self._styles[style_ids[start]]) for start, end in pairwise(edges)]


def _column_extents(
    xs: FloatArray, ys: FloatArray, width: int, height: int
) -> list[tuple[int, int, int, int, int]]:
    """For each column with points: column, lowest, highest, first and last row."""
    borders = (np.arange(width + 1) - 0.5) / max(1, width - 1)
    borders[0], borders[-1] = -np.inf, np.inf
    cuts = np.searchsorted(xs, borders)
    columns = np.flatnonzero(np.diff(cuts))
    starts, ends = cuts[columns], cuts[columns + 1] - 1
    lows, highs = np.minimum.reduceat(ys, starts), np.maximum.reduceat(ys, starts)
    rows = np.stack([lows, highs, ys[starts], ys[ends]], axis=1) * (height - 1)
    rounded = np.clip(np.rint(rows), 0, height - 1).astype(np.intp)
    return [(x, *four) for x, four in zip(columns.tolist(), rounded.tolist(), strict=True)]


def _connect(dots: NDArray[np.bool_], start: tuple[int, int], end: tuple[int, int]) -> None:
    """Draw a straight line from one column to another, without its first dot."""
    (x0, y0), (x1, y1) = start, end
    previous = y0
    for x in range(x0 + 1, x1 + 1):
        y = y0 + (y1 - y0) * (x - x0) // (x1 - x0)
        near = previous + (y > previous) - (y < previous)
        dots[min(near, y) : max(near, y) + 1, x] = True
        previous = y
