"""Where the panels of the Test screen are: no overlap, no hole, everything reached."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.accuracy_layout import PANELS, SCORE, WRONG, arrange_panels

sizes = st.tuples(st.integers(60, 300), st.integers(18, 90))


@given(sizes, st.sampled_from(PANELS))
def test_panels_fill_the_room_without_overlapping(size: tuple[int, int], chosen: str) -> None:
    width, height = size
    places = arrange_panels(width, height if width < 80 else max(22, height), chosen)
    height = height if width < 80 else max(22, height)
    cells = [
        (x, y)
        for region in places.values()
        for x in range(region.x, region.right)
        for y in range(region.y, region.bottom)
    ]
    assert len(cells) == len(set(cells)) == width * height
    assert chosen in places


@given(sizes)
def test_all_panels_are_shown_from_80_columns_on(size: tuple[int, int]) -> None:
    width, height = size
    places = arrange_panels(width, height, WRONG)
    assert set(places) == (set(PANELS) if width >= 80 else {SCORE, WRONG})


@given(st.integers(80, 300), st.integers(22, 90))
def test_each_panel_has_room_for_its_text(width: int, height: int) -> None:
    for name, region in arrange_panels(width, height).items():
        assert region.width >= 36, name
        assert region.height >= 7, name
