"""Sparklines of any numbers and widths."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.plot.sparkline import ASCII_LEVELS, UNICODE_LEVELS, sparkline


@pytest.mark.parametrize(
    ("values", "width", "charset", "expected"),
    [
        ([], 8, "braille", ""),
        ([math.nan, math.inf], 8, "braille", ""),
        ([1.0], 8, "block", "▁"),
        ([2.0, 2.0], 8, "block", "▁▁"),
        ([0.0, 7.0], 8, "block", "▁█"),
        ([1.0], 8, "braille", "⡀"),
        ([2.0, 2.0], 8, "braille", "⣀"),
        ([3, 3, 2, 2, 1, 1, 0, 0], 8, "braille", "⠉⠒⠤⣀"),
        ([3, 0], 1, "braille", "⢱"),
        ([8, 7, 6, 5, 4, 3, 2, 1], 8, "block", "█▇▆▅▄▃▂▁"),
        ([4.0, math.nan, 0.0], 8, "block", "█▁"),
        ([4, 3, 2, 1, 0], 8, "ascii", "^=-._"),
        ([1.0, 2.0], 0, "braille", ""),
    ],
)
def test_levels_follow_the_values(
    values: list[float], width: int, charset: str, expected: str
) -> None:
    assert sparkline(values, width, charset) == expected


@given(
    st.lists(st.floats(), max_size=80),
    st.integers(0, 20),
    st.sampled_from(["braille", "block", "ascii"]),
)
def test_any_values_fit_the_width(values: list[float], width: int, charset: str) -> None:
    """Also when their difference exceeds the largest float."""
    drawn = sparkline(values, width, charset)
    assert len(drawn) <= width
    levels = {"braille": map(chr, range(0x2801, 0x2900)), "block": UNICODE_LEVELS}
    assert set(drawn) <= set(levels.get(charset, ASCII_LEVELS))


@given(st.lists(st.floats(0, 10), min_size=21, max_size=200))
def test_the_last_value_is_the_last_character(values: list[float]) -> None:
    drawn = sparkline([*values, 11.0], 20, "block")
    assert (len(drawn), drawn[-1]) == (20, "█")
