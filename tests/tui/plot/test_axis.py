"""Axes: scales, round ticks and their labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.plot.axis import (
    EPOCHS,
    SECONDS,
    STEPS,
    TOKENS,
    AxisScale,
    axis_end,
    clock,
    linear_ticks,
    log_ticks,
    padded_scale,
    position_label,
    position_ticks,
    tick_label,
)

UNITS = [STEPS, EPOCHS, TOKENS, SECONDS]
MAX_LABEL_CELLS = 7


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 10, [0, 2.5, 5, 7.5, 10]),
        (0, 100, [0, 25, 50, 75, 100]),
        (1.2, 4.9, [2, 3, 4]),
        (3, 3, [3]),
    ],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert linear_ticks(low, high, 4) == pytest.approx(ticks)


@given(st.floats(1e-12, 1e12), st.floats(1.001, 1e6), st.integers(1, 12))
def test_ticks_are_few_sorted_and_within_the_axis(low: float, factor: float, limit: int) -> None:
    for ticks_of in (linear_ticks, log_ticks):
        ticks = ticks_of(low, low * factor, limit)
        assert len(ticks) <= 2 * limit + 3
        assert ticks == sorted(set(ticks))
        assert all(low * (1 - 1e-6) <= tick <= low * factor * (1 + 1e-6) for tick in ticks)


@given(
    st.floats(0, 1e9), st.floats(1, 1e9), st.integers(2, 12), st.booleans(), st.sampled_from(UNITS)
)
def test_position_ticks_are_whole(
    low: float, length: float, limit: int, log: bool, unit: str
) -> None:
    scale = AxisScale(max(low, 1.0) if log else low, max(low, 1.0) + length, log)
    ticks = position_ticks(scale, limit, unit)
    assert len(ticks) <= 2 * limit + 3
    assert ticks == sorted(set(ticks))
    if unit != EPOCHS or scale.high - scale.low >= 2:
        assert all(tick == int(tick) for tick in ticks)


@pytest.mark.parametrize(
    ("high", "unit", "ticks"),
    [
        (10, STEPS, [0, 5, 10]),
        (10, EPOCHS, [0, 5, 10]),
        (1, EPOCHS, [0, 0.25, 0.5, 0.75, 1]),
        (250, SECONDS, [0, 120, 240]),
        (4 * 3600, SECONDS, [0, 3600, 7200, 10800, 14400]),
    ],
)
def test_position_ticks_suit_the_unit(high: float, unit: str, ticks: list[float]) -> None:
    assert position_ticks(AxisScale(0, high), 4, unit) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("value", "label"),
    [(0, "0"), (2.5, "2.5"), (400, "400"), (12_000, "12k"), (12_500, "12.5k"), (3e6, "3M"),
     (2e9, "2G"), (0.0001, "0.0001"), (2.5e-5, "2.5e-05")],
)  # fmt: skip
def test_tick_labels_are_short(value: float, label: str) -> None:
    assert tick_label(value) == label
    assert len(label) <= MAX_LABEL_CELLS


@pytest.mark.parametrize(
    ("value", "unit", "label"),
    [(1500, STEPS, "1,500"), (120_000, STEPS, "120,000"), (2.5, EPOCHS, "2.5"), (3, EPOCHS, "3"),
     (2e6, TOKENS, "2M"), (90, SECONDS, "1:30"), (3661, SECONDS, "1:01:01"), (2e9, STEPS, "2G")],
)  # fmt: skip
def test_position_labels(value: float, unit: str, label: str) -> None:
    assert position_label(value, unit) == label


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (36_000, "10:00:00")])
def test_times_are_clocks(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@given(st.floats(1e-6, 1e6), st.booleans())
def test_a_flat_curve_gets_a_padded_scale(value: float, log: bool) -> None:
    scale = padded_scale(value, value, log)
    assert 0 < scale.share(value) < 1


@given(st.lists(st.floats(0.01, 100), min_size=1), st.booleans())
def test_shares_and_values_are_inverse(values: list[float], log: bool) -> None:
    scale = AxisScale(0.01, 100.0, log)
    assert scale.shares(np.array(values)) == pytest.approx([scale.share(v) for v in values])
    assert [scale.value(scale.share(v)) for v in values] == pytest.approx(values)


@given(st.floats(1, 1e9), st.floats(1, 1e9))
def test_the_last_point_is_in_the_further_half_of_the_axis(last: float, planned: float) -> None:
    end = axis_end(last, planned)
    assert last <= end <= max(last, planned)
    assert end < 2 * last or end == planned or end < 2
