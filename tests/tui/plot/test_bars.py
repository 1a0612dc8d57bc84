"""Bars and sliders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.plot.bars import bar, slider


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "────────"),
        (0.001, "────────"),
        (0.02, "╸───────"),
        (0.5, "━━━━────"),
        (0.56, "━━━━╸───"),
        (1.0, "━━━━━━━━"),
        (7.0, "━━━━━━━━"),
    ],
)
def test_a_bar_is_filled_to_half_a_cell(share: float, text: str) -> None:
    assert bar(share, 8).plain == text


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "◆───────"), (0.5, "━━━━◆───"), (1.0, "━━━━━━━◆"), (-1, "◆───────")]
)
def test_a_slider_has_a_knob_within_its_track(share: float, text: str) -> None:
    assert slider(share, 8).plain == text


def test_a_slider_without_effect_has_no_filled_part() -> None:
    off, focused = slider(0.5, 8, is_off=True), slider(0.5, 8, is_off=True, focused=True)
    assert off.plain == "────◆───"
    assert "$faint" in [str(span.style) for span in off.spans]
    assert focused.is_same(slider(0.5, 8, focused=True))


@given(share=st.floats(-2, 2), width=st.integers(1, 200), is_ascii=st.booleans())
def test_bars_and_sliders_fill_their_width(share: float, width: int, *, is_ascii: bool) -> None:
    for text in (bar(share, width, is_ascii=is_ascii), slider(share, width, is_ascii=is_ascii)):
        assert text.cell_length == width
        assert text.plain.isascii() == is_ascii
