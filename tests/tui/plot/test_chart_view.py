"""Cursor and zoom of a chart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.plot.chart import Chart, ChartView, Curve, ScaleMode

COLUMNS = 101


def chart_of(*xs: float) -> Chart:
    return Chart(curves=(Curve("train", np.array(xs, float), np.full(len(xs), 2.0)),))


STEPS = chart_of(*range(1, 1001))
MODES = list(ScaleMode)


def test_the_scale_cycles_through_three_combinations() -> None:
    mode, names = ScaleMode.LINEAR, []
    for _ in range(4):
        names.append((mode.is_log_y, mode.is_log_x))
        mode = mode.following
    assert names == [(False, False), (True, False), (True, True), (False, False)]


def test_the_cursor_begins_at_the_last_point_and_follows_it() -> None:
    view = ChartView().moved(STEPS, COLUMNS, 0)
    assert view.has_cursor
    assert view.cursor_of(STEPS) == 1000
    assert view.cursor_of(chart_of(1, 2000)) == 2000


def test_the_cursor_moves_by_columns() -> None:
    view = ChartView().moved(STEPS, COLUMNS, -1)
    assert view.cursor == 990
    view = view.moved(STEPS, COLUMNS, -10)
    assert view.cursor == 890
    view = view.moved(STEPS, COLUMNS, 10)
    assert view.cursor == 990
    assert view.moved(STEPS, COLUMNS, 10).cursor is None, "at the last point it follows again"


def test_the_cursor_moves_by_at_least_one_point() -> None:
    """Where points are farther apart than columns."""
    few = chart_of(0, 50, 100, 1000)
    view = ChartView().moved(few, COLUMNS, -1)
    assert view.cursor == 100
    assert view.moved(few, COLUMNS, -1).cursor == 50
    assert view.moved(few, COLUMNS, -90).cursor == 0
    assert view.moved(few, COLUMNS, 1).cursor is None


def test_the_cursor_stops_at_both_ends() -> None:
    first = ChartView().moved_to(STEPS, -math.inf)
    assert first.cursor == 1
    assert first.moved(STEPS, COLUMNS, -1) == first
    assert first.moved_to(STEPS, math.inf).cursor is None


def test_the_cursor_takes_the_next_point_of_any_curve() -> None:
    two = Chart(curves=(*chart_of(0, 100).curves, *chart_of(40, 60).curves))
    assert ChartView().moved_to(two, 45).cursor == 40
    assert ChartView().moved_to(two, 95).cursor is None
    assert ChartView(cursor=0.0).moved(two, COLUMNS, 1).cursor == 40


def test_a_cursor_that_leaves_the_window_takes_it_along() -> None:
    view = ChartView(window=(400.0, 600.0), cursor=401.0)
    moved = view.moved(STEPS, COLUMNS, -10)
    assert moved.cursor == 381
    assert moved.window == pytest.approx((381, 581))
    last = view.moved_to(STEPS, math.inf)
    assert last.window == pytest.approx((800, 1000))


def test_zoom_leaves_the_cursor_where_it_is() -> None:
    view = ChartView(cursor=250.0).zoomed(STEPS, 2.0)
    assert view.window == pytest.approx((125, 625))
    assert view.zoomed(STEPS, 0.5).window is None
    assert ChartView(cursor=250.0).zoomed(STEPS, 2.0, 1000.0).window == pytest.approx((500, 1000))


def test_zoom_ends_at_a_few_points() -> None:
    view = ChartView(cursor=500.0)
    for _ in range(30):
        view = view.zoomed(STEPS, 2.0)
    assert view.window is not None
    low, high = view.window
    assert 3 <= high - low < 16
    assert low <= 500 <= high


@pytest.mark.parametrize("mode", MODES)
def test_an_empty_chart_has_neither(mode: ScaleMode) -> None:
    view, empty = ChartView(mode), Chart()
    assert view.moved(empty, COLUMNS, -1) == view
    assert view.moved_to(empty, math.inf) == view
    assert view.zoomed(empty, 2.0) == view


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=50, unique=True),
    st.lists(st.tuples(st.sampled_from("mzt"), st.sampled_from([-10, -1, 0, 1, 10])), max_size=20),
    st.sampled_from(MODES),
    st.booleans(),
)
def test_cursor_and_window_stay_within_the_chart(
    xs: list[float], actions: list[tuple[str, int]], mode: ScaleMode, cycles: bool
) -> None:
    chart, view = chart_of(*sorted(xs)), ChartView(mode)
    for kind, amount in actions:
        if kind == "m":
            view = view.moved(chart, 40, amount)
        elif kind == "z":
            view = view.zoomed(chart, 2.0**amount)
        elif cycles:
            view = ChartView(view.mode.following, view.window, view.cursor, view.has_cursor)
        drawable = chart.drawable(view.mode)
        if not drawable.curves:
            continue
        scale = drawable.x_scale(view.mode, view.window)
        assert scale.low < scale.high
        assert not view.mode.is_log_x or scale.low > 0
        assert view.cursor is None or view.cursor in xs
