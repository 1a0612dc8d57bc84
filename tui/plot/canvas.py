"""Drawing curves with characters: dots in cells, smallest and largest of a column kept. Pure.

Shapes: N points of a curve; C columns and R rows of cells; W columns and H rows of dots.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
StyledRow = list[tuple[str, str]]  # pieces of text, each with the name of its style

DOTS = {"braille": (2, 4), "block": (1, 2), "ascii": (1, 1)}  # columns, rows of dots in a cell
BRAILLE = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint32)
BLANK = 0x20
HALVES = np.array([ord(sign) for sign in " ▀▄█"], np.uint32)
CURVE_COST, LABEL_COST = (
    1,
    1000,
)  # what it costs to cover a part of a curve, and a letter of a label


class Canvas:
    """Layers of cells: what is behind, then each curve in turn, then signs and text.

    A cell shows the uppermost layer that has something there.

    Args:
        columns, rows: cells.
        charset: "braille", "block" or "ascii".
    """

    def __init__(self, columns: int, rows: int, charset: str) -> None:
        self.columns, self.rows, self.charset = columns, rows, charset
        across, down = DOTS[charset]
        self.width, self.height = columns * across, rows * down
        self._styles = [""]
        self._codes = np.full((rows, columns), BLANK, np.uint32)  # (R, C)
        self._owners = np.zeros((rows, columns), np.uint8)  # (R, C), numbers of styles
        self._costs = np.zeros((rows, columns), np.intp)  # (R, C), of covering what is there

    def _number(self, style: str) -> int:
        if style not in self._styles:
            self._styles.append(style)
        return self._styles.index(style)

    def line(self, xs: FloatArray, ys: FloatArray, style: str, sign: str = ".") -> None:
        """A curve.

        Args:
            xs, ys: shares of the canvas, 0 at left and top, (N,); `xs` never falls.
            sign: what it is made of where there are only plain characters.
        """
        if not len(xs):
            return
        dots = np.zeros((self.height, self.width), np.bool_)  # (H, W)
        previous: tuple[int, int] | None = None
        for x, low, high, first, last in _columns(xs, ys, self.width, self.height):
            if previous is not None:
                _join(dots, previous, (x, first))
            dots[low : high + 1, x] = True
            previous = (x, last)
        codes = self._cells(dots, sign)
        here = codes != BLANK
        self._codes[here] = codes[here]
        self._owners[here] = self._number(style)
        self._costs[here] = CURVE_COST

    def _cells(self, dots: NDArray[np.bool_], sign: str) -> NDArray[np.uint32]:
        """The characters of a layer, (R, C)."""
        if self.charset == "ascii":
            return np.where(dots, np.uint32(ord(sign)), np.uint32(BLANK))
        if self.charset == "block":
            pairs = dots.reshape(self.rows, 2, self.columns)  # (R, 2, C)
            return HALVES[pairs[:, 0] + 2 * pairs[:, 1]]
        parts = dots.reshape(self.rows, 4, self.columns, 2)  # (R, 4, C, 2)
        bits = np.einsum("rdca,da->rc", parts.astype(np.uint32), BRAILLE)
        return np.where(bits > 0, np.uint32(0x2800) + bits, np.uint32(BLANK)).astype(np.uint32)

    def points(self, xs: FloatArray, ys: FloatArray, sign: str, style: str) -> None:
        """Signs instead of a line: of many in one column the highest and the lowest.

        Args:
            xs, ys: as of `line`.
        """
        if not len(xs):
            return
        for x, low, high, _, _ in _columns(xs, ys, self.columns, self.rows):
            self.text(x, low, sign, style, CURVE_COST)
            self.text(x, high, sign, style, CURVE_COST)

    def text(self, column: int, row: int, text: str, style: str, cost: int = LABEL_COST) -> None:
        """Characters of width 1, one beside the other; what is outside is left out.

        Args:
            cost: of covering one of them; see `cost`.
        """
        if not 0 <= row < self.rows:
            return
        for place, sign in enumerate(text, column):
            if 0 <= place < self.columns:
                self._codes[row, place] = ord(sign)
                self._owners[row, place] = self._number(style)
                self._costs[row, place] = cost

    def cost(self, column: int, row: int, length: int) -> int:
        """What it would cost to cover so many cells: 0 where there is only what is behind."""
        return int(self._costs[row, column : column + length].sum())

    def rule(self, row: int, sign: str, style: str) -> None:
        """A line across, behind everything; it is drawn before the curves."""
        self._codes[row], self._owners[row] = ord(sign), self._number(style)

    def post(self, column: int, sign: str, style: str) -> None:
        """A line from top to bottom, behind everything; it is drawn before the curves."""
        self._codes[:, column], self._owners[:, column] = ord(sign), self._number(style)

    def pieces(self) -> list[StyledRow]:
        """All rows as pieces of text; a blank is of the style before it."""
        places = np.where(self._codes == BLANK, 0, np.arange(self.columns))
        owners = np.take_along_axis(self._owners, np.maximum.accumulate(places, axis=1), axis=1)
        return [self._row(*row) for row in zip(self._codes, owners, strict=True)]

    def _row(self, codes: NDArray[np.uint32], owners: NDArray[np.uint8]) -> StyledRow:
        text = codes.astype("<u4").tobytes().decode("utf-32-le")
        edges = [0, *(np.flatnonzero(np.diff(owners)) + 1).tolist(), len(text)]
        return [(text[start:end], self._styles[owners[start]]) for start, end in pairwise(edges)]


def _columns(
    xs: FloatArray, ys: FloatArray, width: int, height: int
) -> list[tuple[int, int, int, int, int]]:
    """Column, smallest, largest, first and last row of the points in each column there are."""
    borders = (np.arange(width + 1) - 0.5) / max(1, width - 1)
    borders[0], borders[-1] = -np.inf, np.inf
    cuts = np.searchsorted(xs, borders)
    here = np.flatnonzero(np.diff(cuts))
    starts, ends = cuts[here], cuts[here + 1] - 1
    lows, highs = np.minimum.reduceat(ys, starts), np.maximum.reduceat(ys, starts)
    rows = np.stack([lows, highs, ys[starts], ys[ends]], axis=1) * (height - 1)
    whole = np.clip(np.rint(rows), 0, height - 1).astype(np.intp)
    return [(x, *four) for x, four in zip(here.tolist(), whole.tolist(), strict=True)]


def _join(dots: NDArray[np.bool_], start: tuple[int, int], end: tuple[int, int]) -> None:
    """A straight line from one column to another, without its beginning."""
    (x0, y0), (x1, y1) = start, end
    before = y0
    for x in range(x0 + 1, x1 + 1):
        y = y0 + (y1 - y0) * (x - x0) // (x1 - x0)
        nearer = before + (y > before) - (y < before)
        dots[min(nearer, y) : max(nearer, y) + 1, x] = True
        before = y
