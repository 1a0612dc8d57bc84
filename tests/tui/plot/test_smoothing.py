"""The mean line and the cloud of a noisy curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.plot.axis import AxisScale
from tui.plot.smoothing import cloud_points, line_positions, mean_line, smoothing_width


@pytest.mark.parametrize(
    ("count", "width"), [(0, None), (1, None), (50, None), (101, 2), (1001, 20), (3137, 50)]
)
def test_a_fiftieth_of_a_run_is_averaged(count: int, width: float | None) -> None:
    """Rounded to 1, 2 or 5 times a power of ten; nothing for a short run."""
    assert smoothing_width(np.arange(float(count))) == width


def test_points_that_are_far_apart_are_not_averaged() -> None:
    assert smoothing_width(np.arange(0.0, 3000.0, 100.0)) is None


def test_the_line_is_the_mean_of_what_is_around_it() -> None:
    xs = np.arange(10.0)
    ys = xs**2
    positions, means = mean_line(xs, ys, 4.0, np.array([0.0, 1.0, 5.0, 9.0]))
    assert positions.tolist() == [0.0, 1.0, 5.0, 9.0]
    expected = [0.0, ys[0:3].mean(), ys[3:8].mean(), ys[7:10].mean()]
    assert means == pytest.approx(expected)


def test_positions_without_points_are_left_out() -> None:
    xs, ys = np.array([0.0, 10.0]), np.array([3.0, 1.0])
    positions, means = mean_line(xs, ys, 2.0, np.array([0.0, 5.0, 10.0]))
    assert positions.tolist() == [0.0, 10.0]
    assert means.tolist() == [3.0, 1.0]


def test_a_steep_line_is_not_bent() -> None:
    """Neither too low at the start nor lagging before the end."""
    xs = np.arange(1000.0)
    ys = 8 - xs / 200
    _, means = mean_line(xs, ys, 20.0, xs)
    assert means[:-10] == pytest.approx(ys[:-10])
    assert abs(means[-1] - ys[-1]) < 0.03


def test_a_huge_loss_does_not_spoil_later_means() -> None:
    ys = np.full(1000, 2.0)
    ys[100] = 1e29
    _, means = mean_line(np.arange(1000.0), ys, 20.0, np.arange(1000.0))
    assert means[200:] == pytest.approx(2.0)


@given(
    st.lists(st.floats(0.1, 1e4), min_size=1, max_size=60, unique=True),
    st.integers(2, 30),
    st.booleans(),
)
def test_the_line_has_few_rising_positions_in_view(
    values: list[float], count: int, log: bool
) -> None:
    xs = np.sort(np.array(values))
    scale = AxisScale(float(xs[0]), float(xs[-1]) * 1.1, log)
    positions = line_positions(xs, scale, count)
    assert 1 <= len(positions) <= count
    assert (np.diff(positions) >= 0).all()
    assert positions[0] >= xs[0] * (1 - 1e-9)
    assert positions[-1] <= xs[-1] * (1 + 1e-9)


@given(st.integers(1, 3000), st.integers(1, 80), st.integers(10, 500))
def test_a_cloud_keeps_the_extremes_of_each_column(count: int, columns: int, limit: int) -> None:
    shares = np.linspace(0, 1, count)
    ys = np.random.default_rng(count).normal(0, 1, count)
    places, values = cloud_points(shares, ys, columns, limit)
    assert len(values) <= max(limit, limit + 2 * columns)
    assert set(values.tolist()) <= set(ys.tolist())
    edges = np.arange(columns) / columns
    kept, every = (np.searchsorted(edges, positions, "right") for positions in (places, shares))
    for column in np.unique(every):
        inside = ys[every == column]
        assert {inside.min(), inside.max()} <= set(values[kept == column].tolist())
