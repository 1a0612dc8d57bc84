"""Small multiples: places of heads, and maps of another size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.inside import inside_view
from tui.explore.head_grid import fit_head_grid, pool


@given(
    layers=st.integers(1, 24),
    heads=st.integers(1, 16),
    tokens=st.integers(1, 64),
    width=st.integers(20, 200),
    height=st.integers(0, 60),
)
def test_every_head_has_a_place_of_its_own(
    layers: int, heads: int, tokens: int, width: int, height: int
) -> None:
    """Maps are drawn only where all of them fit; names are never wider than the screen."""
    grid = fit_head_grid(layers, heads, tokens, width, height)
    taken: set[tuple[int, int]] = set()
    for layer in range(layers):
        for head in range(heads):
            line, start = grid.place(layer, head)
            assert line < grid.lines
            assert (layer, head, start) in grid.on_line(line, layers)
            cells = {(line, cell) for cell in range(start, start + grid.cell)}
            assert not cells & taken
            taken |= cells
    assert max(cell for _, cell in taken) <= width, "but for the gap after the last"
    if grid.side:
        assert grid.height <= height


@pytest.mark.parametrize(
    ("layers", "heads", "tokens", "width", "height", "side", "lines"),
    [
        (6, 6, 10, 136, 18, 10, 3),
        (6, 6, 64, 136, 18, 10, 3),
        (4, 4, 9, 200, 24, 18, 2),
        (2, 2, 5, 76, 20, 15, 1),
        (12, 12, 40, 136, 30, 0, 24),
        (6, 6, 10, 136, 4, 0, 3),
    ],
)
def test_maps_are_as_large_as_all_of_them_can_be(
    layers: int, heads: int, tokens: int, width: int, height: int, side: int, lines: int
) -> None:
    grid = fit_head_grid(layers, heads, tokens, width, height)
    assert (grid.side, grid.lines) == (side, lines)


@given(count=st.integers(1, 20), side=st.integers(1, 40))
def test_a_map_of_another_size_keeps_the_largest_weights(count: int, side: int) -> None:
    """No weight appears that is not there, and at full size none is lost."""
    view = inside_view(["x"] * count)
    grid = view.grid(0, 0)
    square = pool(grid, count, side)
    assert [len(row) for row in square] == [side] * side
    weights = {view.weight(row, column) for row in range(count) for column in range(count)}
    shown = {round(share, 4) for row in square for share in row}
    view.layer, view.head = 0, 0
    assert shown <= {round(weight, 4) for weight in weights}
    if side >= count:
        assert max(shown) == round(max(weights), 4)
    if side == count:
        assert square == [[view.weight(r, c) for c in range(count)] for r in range(count)]
