"""Which panels have room, and which columns of attention."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.inside import inside_view
from tui.explore.inside_layout import (
    ATTENTION,
    HEADS,
    LENS,
    PARTS,
    arrange,
    fit_attention_columns,
)
from tui.explore.inside_view import OTHERS

WORDS = ["once", "upon", "a", "time", "there", "was", "a", "fox"]


@pytest.mark.parametrize(
    ("width", "height", "part", "is_alone", "shown"),
    [
        (140, 35, LENS, False, PARTS),
        (110, 21, HEADS, False, PARTS),
        (80, 46, ATTENTION, False, PARTS),
        (80, 20, LENS, False, (LENS, HEADS)),
        (60, 16, ATTENTION, False, (ATTENTION, HEADS)),
        (80, 20, HEADS, False, (HEADS,)),
        (200, 47, HEADS, True, (HEADS,)),
    ],
)
def test_the_panels_shown_depend_on_the_room(
    width: int, height: int, part: str, is_alone: bool, shown: tuple[str, ...]
) -> None:
    layout = arrange(inside_view(WORDS), width, height, part, is_alone=is_alone)
    assert layout.shown == shown
    assert layout.is_stacked == (shown == PARTS and width < 110)


@given(
    tokens=st.integers(1, 64),
    width=st.integers(40, 300),
    height=st.integers(10, 90),
    part=st.sampled_from(PARTS),
)
def test_the_panels_fill_the_room(tokens: int, width: int, height: int, part: str) -> None:
    """Detects rows of tokens that the screen does not have."""
    layout = arrange(inside_view(["x"] * tokens), width, height, part, is_alone=False)
    border = 2 if width >= 110 else 1
    panels = (1 + border + layout.rows) * (2 if layout.is_stacked else 1)
    assert layout.rows >= 1
    if layout.rows > 1:
        assert panels + (layout.heads_rows or 0) <= height
    if layout.attention_cells is not None:
        assert layout.attention_cells <= width // 2


@given(
    count=st.integers(1, 64), width=st.integers(10, 200), height=st.integers(1, 40), data=st.data()
)
def test_columns_of_attention_fit_and_include_the_rows_in_view(
    count: int, width: int, height: int, data: st.DataObject
) -> None:
    """Tokens without a column are summed up in the first one."""
    view = inside_view([f"t{number}" for number in range(100)], range(100 - count, 100))
    top = data.draw(st.integers(0, max(0, count - height)))
    rows = range(top, min(count, top + height))
    columns = fit_attention_columns(view, rows, width)
    numbers = columns.numbers()
    assert len(numbers) * columns.cell <= width + 1
    assert numbers[-1] == rows[-1]
    assert (OTHERS in numbers) == (columns.first > 0 or view.has_others)
    if width >= len(rows) + 1:
        assert set(rows) <= set(numbers)
