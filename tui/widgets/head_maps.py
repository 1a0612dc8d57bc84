"""All heads as small multiples, each with the pattern it follows."""

from __future__ import annotations

from itertools import groupby

from textual.events import MouseScrollDown, MouseScrollUp

from core.server.replies import InsideReply
from tui.explore.head_grid import HeadGrid, fit_head_grid, pool
from tui.explore.inside_view import InsideView
from tui.explore.layers import NEGLIGIBLE_WEIGHT, heat_level, weight_digit
from tui.widgets.heat_map import CHOSEN, LABEL, OFF, PLAIN, HeatMap, Row

HALF_BLOCK = "▀"


class HeadMaps(HeatMap):
    """A map of each head; the names of their patterns only, where there is no room."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.top_line = 0
        self._followed: tuple[int, int | None] | None = None  # the head last brought into view
        self._reply: InsideReply | None = None  # of the maps drawn
        self._map_key = (0, False)
        self._maps: dict[tuple[int, int], list[Row]] = {}  # by layer and head

    def grid(self, view: InsideView, width: int, height: int) -> HeadGrid:
        """The places of the heads in so many cells."""
        return fit_head_grid(view.reply.layers, view.reply.heads, view.count, width, height)

    def draw(self, view: InsideView, width: int, height: int) -> list[Row]:
        """For each line of heads a row of names, and the rows of their maps."""
        grid = self.grid(view, width, height)
        self._scroll(view, grid, height)
        rows: list[Row] = []
        for line in range(self.top_line, grid.lines):
            heads = grid.on_line(line, view.reply.layers)
            rows.append(self._names(view, grid, heads))
            rows += [self._map_row(view, grid, heads, y) for y in range(grid.map_rows)]
            rows += [[]] * grid.gap
        return rows

    def _scroll(self, view: InsideView, grid: HeadGrid, height: int) -> None:
        """Bring another chosen head into view; the wheel may leave it."""
        shown = max(1, height // grid.rows)
        if (view.layer, view.head) != self._followed:
            self._followed = view.layer, view.head
            line, _ = grid.place(view.layer, view.head or 0)
            self.top_line = max(min(self.top_line, line), line - shown + 1)
        self.top_line = max(0, min(self.top_line, grid.lines - shown))

    def _names(self, view: InsideView, grid: HeadGrid, heads: list[tuple[int, int, int]]) -> Row:
        parts, end = [], 0
        for layer, head, start in heads:
            is_chosen = layer == view.layer and head == view.head
            is_off = (layer, head) in view.disabled
            pattern = "off" if is_off else view.reply.patterns[layer][head]
            text = f"{self.mark if is_chosen else ' '}{layer + 1}.{head + 1} {pattern}"
            style = CHOSEN if is_chosen else OFF if is_off else LABEL
            parts += [(" " * (start - end), PLAIN), (text, style)]
            end = start + len(text)
        return parts

    def _map_row(
        self, view: InsideView, grid: HeadGrid, heads: list[tuple[int, int, int]], y: int
    ) -> Row:
        parts, end = [], 0
        for layer, head, start in heads:
            parts.append((" " * (start + 1 - end), PLAIN))
            parts += self._map(view, layer, head, grid.side)[y]
            end = start + 1 + grid.side
        return parts

    def _map(self, view: InsideView, layer: int, head: int, side: int) -> list[Row]:
        """The rows of a head's map; drawn once per reply, size and theme."""
        key = (side, self.has_shades and not self.is_plain)
        if view.reply is not self._reply or key != self._map_key:
            self._reply, self._map_key = view.reply, key
            self._maps.clear()
        if (layer, head) not in self._maps:
            square = pool(view.grid(layer, head), view.count, side, view.columns)
            square += [[0.0] * side] * (side % 2)
            self._maps[layer, head] = [
                self._pixels(upper, lower)
                for upper, lower in zip(square[::2], square[1::2], strict=True)
            ]
        return self._maps[layer, head]

    def _pixels(self, upper: list[float], lower: list[float]) -> Row:
        """Two rows of a map as one; without half blocks or shades, digits in tenths."""
        pairs = zip(upper, lower, strict=True)
        if self.has_shades and not self.is_plain:
            levels = [(heat_level(one), heat_level(other)) for one, other in pairs]
            return [
                (HALF_BLOCK * len(list(run)), f"half{one},{other}")
                if one or other
                else (" " * len(list(run)), PLAIN)
                for (one, other), run in groupby(levels)
            ]
        largest = [max(pair) for pair in pairs]
        return [
            (weight_digit(share, plain=True), f"heat{heat_level(share)}")
            if share >= NEGLIGIBLE_WEIGHT
            else (" ", PLAIN)
            for share in largest
        ]

    def choose(self, x: int, y: int) -> None:
        """Post the head of the map."""
        assert self.view is not None
        grid = self.grid(self.view, *self.size)
        for layer, head, start in grid.on_line(
            self.top_line + y // grid.rows, self.view.reply.layers
        ):
            if start <= x < start + grid.cell:
                self.post_message(self.CellChosen(layer=layer, head=head))

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Show the heads above."""
        event.stop()
        self._scroll_lines(-1)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Show the heads below."""
        event.stop()
        self._scroll_lines(1)

    def _scroll_lines(self, lines: int) -> None:
        if self.view is not None:
            self.top_line += lines
            self.show(self.view)
