"""A curve in one line: any numbers, any width."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.plot.sparkline import ASCII_LEVELS, UNICODE_LEVELS, sparkline


@pytest.mark.parametrize(
    ("values", "width", "charset", "drawn"),
    [
        ([], 8, "braille", ""),
        ([math.nan, math.inf], 8, "braille", ""),
        ([1.0], 8, "braille", "▁"),
        ([2.0, 2.0], 8, "braille", "▁▁"),
        ([0.0, 7.0], 8, "braille", "▁█"),
        ([8, 7, 6, 5, 4, 3, 2, 1], 8, "block", "█▇▆▅▄▃▂▁"),
        ([4.0, math.nan, 0.0], 8, "braille", "█▁"),
        ([4, 3, 2, 1, 0], 8, "ascii", "^=-._"),
        ([1.0, 2.0], 0, "braille", ""),
    ],
)
def test_it_falls_as_the_values_fall(
    values: list[float], width: int, charset: str, drawn: str
) -> None:
    """A NaN that ends the app; a flat curve that looks like mountains."""
    assert sparkline(values, width, charset) == drawn


@given(st.lists(st.floats(), max_size=80), st.integers(0, 20), st.sampled_from(["block", "ascii"]))
def test_it_fits_whatever_the_values(values: list[float], width: int, charset: str) -> None:
    """A line that pushes the next column aside; a difference too large for a float."""
    drawn = sparkline(values, width, charset)
    assert len(drawn) <= width
    assert set(drawn) <= set(ASCII_LEVELS if charset == "ascii" else UNICODE_LEVELS)


@given(st.lists(st.floats(0, 10), min_size=21, max_size=200))
def test_the_newest_value_is_the_last_character(values: list[float]) -> None:
    """A curve that ends where it was a while ago."""
    drawn = sparkline([*values, 11.0], 20)
    assert (len(drawn), drawn[-1]) == (20, "█")
