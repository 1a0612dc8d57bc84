"""Small multiples: where the map of each attention head goes, and its shades."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tui.explore.inside_view import FULL_WEIGHT, Grid

MIN_SIDE, MAX_SIDE = 5, 48  # columns of a map
MAX_ENLARGEMENT = 8
LAYER_GAP = 2  # cells between the layers of a line, beside the gap after each map
MAX_GAP = 10  # cells added after each map where there is room
NAME_CELLS = 6  # of the longest pattern


@dataclass(frozen=True)
class HeadGrid:
    """The places of all heads.

    Attributes:
        heads: of each layer.
        side: columns of a map, two rows of which share a line; 0 if there is room for names only.
        cell: cells of a map with the gap after it.
        per_line: heads per line.
        lines: number of lines of heads.
        gap: blank rows after each line.
    """

    heads: int
    side: int
    cell: int
    per_line: int
    lines: int
    gap: int = 0

    @property
    def rows(self) -> int:
        """Rows of a line: the name, the map, and the gap."""
        return 1 + self.map_rows + self.gap

    @property
    def map_rows(self) -> int:
        """Rows of a map."""
        return (self.side + 1) // 2

    @property
    def height(self) -> int:
        """Rows of all lines."""
        return self.lines * self.rows

    def place(self, layer: int, head: int) -> tuple[int, int]:
        """The line of a head, and its first cell in there."""
        if self.per_line >= self.heads:
            layers = self.per_line // self.heads
            line, within = divmod(layer, layers)
            return line, (within * self.heads + head) * self.cell + within * LAYER_GAP
        lines_of_layer = -(-self.heads // self.per_line)
        line, column = divmod(head, self.per_line)
        return layer * lines_of_layer + line, column * self.cell

    def on_line(self, line: int, layers: int) -> list[tuple[int, int, int]]:
        """The heads of a line, each as layer, head and first cell."""
        places = (
            (layer, head, self.place(layer, head))
            for layer in range(layers)
            for head in range(self.heads)
        )
        return [(layer, head, start) for layer, head, (own, start) in places if own == line]


def fit_head_grid(layers: int, heads: int, tokens: int, width: int, height: int) -> HeadGrid:
    """Choose the largest maps of which all heads fit; names only if not even the smallest do."""
    enlarged = [tokens * times for times in range(MAX_ENLARGEMENT, 0, -1)]
    sides = [side for side in enlarged if MIN_SIDE <= side <= MAX_SIDE]
    sides += range(min(tokens - 1, MAX_SIDE), MIN_SIDE - 1, -1)
    for side in sides:
        grid = _grid(layers, heads, side, width)
        if grid is not None and grid.height <= height:
            return _spread(grid, width, height)
    label = _label_cells(layers, heads)
    return _grid(layers, heads, 0, max(width, label)) or HeadGrid(
        heads, 0, label, 1, layers * heads
    )


def _spread(grid: HeadGrid, width: int, height: int) -> HeadGrid:
    """Divide the room that is left between the maps."""
    gaps = max(0, grid.per_line // grid.heads - 1) * LAYER_GAP
    cell = min((width + 1 - gaps) // grid.per_line, grid.cell + MAX_GAP)
    gap = min(1, (height - grid.height) // grid.lines)
    return replace(grid, cell=max(grid.cell, cell), gap=gap)


def _grid(layers: int, heads: int, side: int, width: int) -> HeadGrid | None:
    cell = max(side + 1, _label_cells(layers, heads))
    if side > width or cell > width + 1:
        return None
    whole = max(0, (width + 1 + LAYER_GAP) // (heads * cell + LAYER_GAP))  # layers per line
    if whole:
        whole = min(whole, layers)
        lines = -(-layers // whole)
        whole = -(-layers // lines)  # equally full lines
        return HeadGrid(heads, side, cell, whole * heads, lines)
    per_line = max(1, (width + 1) // cell)
    lines = -(-heads // per_line)
    return HeadGrid(heads, side, cell, -(-heads // lines), layers * lines)


def _label_cells(layers: int, heads: int) -> int:
    """Cells of the mark, which is also the gap after the head before, and the longest name."""
    return 1 + len(f"{layers}.{heads} ") + NAME_CELLS


def pool(grid: Grid, count: int, side: int, columns: int | None = None) -> list[list[float]]:
    """The weights of a head in a square of another size; of several tokens the largest counts.

    Args:
        grid: of `count` rows, see `InsideView`.
        side: rows and columns of the result.
        columns: of the grid, if there are more of them than rows; the rest is left out.
    """
    width = 1 + (count if columns is None else columns)
    ranges = [
        range(p * count // side, max(p * count // side + 1, -(-(p + 1) * count // side)))
        for p in range(side)
    ]
    square: list[list[float]] = []
    for rows in ranges:
        lines: list[Sequence[int]] = [
            grid[row * width + 1 : row * width + 1 + count] for row in rows
        ]
        largest = list(map(max, zip(*lines, strict=True))) if len(lines) > 1 else lines[0]
        square.append(
            [max(largest[columns.start : columns.stop]) / FULL_WEIGHT for columns in ranges]
        )
    return square
