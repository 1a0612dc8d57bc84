"""The places of the parts of the Train screen, for all sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.train_layout import arrange

EVERYTHING = {"chart", "epochs", "samples", "machine", "verdict"}
WIDE = EVERYTHING | {"train", "validation", "step", "speed"}


@given(
    st.integers(60, 300), st.integers(18, 100), st.booleans(), st.booleans(), st.integers(0, 10**6)
)
def test_the_parts_fill_the_room_without_overlapping(
    width: int, height: int, has_failed: bool, is_live: bool, epochs: int
) -> None:
    places = arrange(width, height, has_failed=has_failed, is_live=is_live, epochs=epochs)
    assert sum(region.area for region in places.values()) == width * height
    regions = list(places.values())
    for index, region in enumerate(regions):
        assert region.x >= 0
        assert region.y >= 0
        assert region.right <= width
        assert region.bottom <= height
        assert not any(region.overlaps(other) for other in regions[index + 1 :])
    assert ("failure" in places) is has_failed
    assert places["chart"].height >= 4


@pytest.mark.parametrize(
    ("size", "names"),
    [
        ((160, 38), WIDE),
        ((140, 22), WIDE),
        ((110, 30), WIDE),
        ((110, 22), WIDE),
        ((80, 22), EVERYTHING | {"line"}),
        ((60, 18), EVERYTHING - {"machine"} | {"line"}),
    ],
)
def test_every_size_shows_as_much_as_it_can(size: tuple[int, int], names: set[str]) -> None:
    places = arrange(*size)
    assert set(places) == names
    assert places["chart"].height >= 7


@pytest.mark.parametrize("size", [(200, 48), (160, 38), (110, 30), (80, 22), (60, 18)])
def test_an_error_takes_the_place_of_the_samples(size: tuple[int, int]) -> None:
    places = arrange(*size, has_failed=True)
    assert "samples" not in places
    assert places["failure"].height >= 5
