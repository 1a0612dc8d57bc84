"""What a chart shows: curves, baselines, marks, and the part of it in view. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tui.plot.axis import MIN_POSITIVE, STEPS, AxisScale, axis_end
from tui.plot.canvas import FloatArray

MAX_LOSS = 1e30  # larger losses are not drawn
MIN_WINDOW_POINTS = 4  # of the densest curve, in the closest zoom
SHARE_TOLERANCE = 1e-6  # of the x axis
RATE_SIGN, RESUME_SIGN = "±", "»"
COLOURS = ("primary", "accent", "secondary", "fourth")  # of the runs in a comparison, in order
MARKERS = "●▲■◆"  # likewise


class ScaleMode(enum.Enum):
    """Which axes are logarithmic."""

    LINEAR = ""
    LOG_LOSS = "log loss"
    LOG_BOTH = "log both"

    @property
    def is_log_y(self) -> bool:
        return self is not ScaleMode.LINEAR

    @property
    def is_log_x(self) -> bool:
        return self is ScaleMode.LOG_BOTH

    @property
    def following(self) -> ScaleMode:
        """The next one in the order of the definition, after the last the first."""
        modes = list(ScaleMode)
        return modes[(modes.index(self) + 1) % len(modes)]


@dataclass(frozen=True, eq=False)  # arrays have no truth value
class Curve:
    """A series of points with rising `xs`, (N,) each. Only finite points are drawn.

    Attributes:
        colour: the name of a theme colour; see `tui.widgets.loss_plot.STYLES`.
        marker: a sign at its points, thinned out where they are close together; "" for none.
        is_noisy: draw the mean of neighbouring points, and the points themselves as a dim cloud.
        has_cloud: whether a noisy curve has its cloud.
        has_best: whether its lowest point gets a star.
        best_x: where the star is instead, at one of its points; None for the lowest.
    """

    name: str
    xs: FloatArray
    ys: FloatArray
    colour: str = "primary"
    marker: str = ""
    is_noisy: bool = False
    has_cloud: bool = True
    has_best: bool = False
    best_x: float | None = None


class AxisMark(NamedTuple):
    """Something that happened at a position of the x axis.

    Attributes:
        sign: one character on the axis; `RATE_SIGN` or `RESUME_SIGN`.
        word: its explanation in the legend.
        text: what exactly happened, for the cursor.
    """

    x: float
    sign: str
    word: str
    text: str


class Reading(NamedTuple):
    """A quantity that is not drawn, but read at the cursor; `xs` are steps and rise."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]


@dataclass(frozen=True, eq=False)
class Chart:
    """The content of a chart.

    Attributes:
        curves: drawn in this order.
        baselines: names and values of horizontal lines.
        marks: on the x axis.
        readings: shown at the cursor after the curves.
        unit: of the x axis: "steps", "epochs", "tokens" or "time".
        steps_per_unit: how many steps one unit of the x axis has; None if that differs by curve.
        planned: where the x axis ends at last, in its unit; None if unknown.
        about: what the baselines were computed on; empty if unknown.
        shares: curves from 0 to 1, on a scale of their own at the right; without curves they are
            not drawn.
    """

    curves: tuple[Curve, ...] = ()
    baselines: tuple[tuple[str, float], ...] = ()
    marks: tuple[AxisMark, ...] = ()
    readings: tuple[Reading, ...] = ()
    unit: str = STEPS
    steps_per_unit: float | None = 1.0
    planned: float | None = None
    about: str = ""
    shares: tuple[Curve, ...] = ()

    def drawable(self, mode: ScaleMode) -> Chart:
        """Without the points that these axes cannot show, and without empty curves."""
        curves = [_drawable(curve, mode) for curve in self.curves]
        shares = [_drawable(curve, mode, is_share=True) for curve in self.shares]
        return replace(
            self,
            curves=tuple(curve for curve in curves if len(curve.xs)),
            shares=tuple(curve for curve in shares if len(curve.xs)),
        )

    def x_scale(self, mode: ScaleMode, window: tuple[float, float] | None = None) -> AxisScale:
        """The x axis of a drawable chart: the window, or everything."""
        low = min(float(curve.xs[0]) for curve in self.curves)
        if window is not None:
            start = max(window[0], min(low, window[1] / 2)) if mode.is_log_x else window[0]
            return AxisScale(start, window[1], mode.is_log_x)
        last = max(float(curve.xs[-1]) for curve in self.curves)
        if mode.is_log_x:
            return AxisScale(low, axis_end(max(last, low * 2), self.planned), True)
        low = min(0.0, low)
        return AxisScale(low, axis_end(max(last, low + 1.0), self.planned))


def _drawable(curve: Curve, mode: ScaleMode, *, is_share: bool = False) -> Curve:
    keep = (np.abs(curve.ys) < MAX_LOSS) & np.isfinite(curve.xs)
    if mode.is_log_y and not is_share:
        keep &= curve.ys >= MIN_POSITIVE
    if mode.is_log_x:
        keep &= curve.xs >= MIN_POSITIVE
    return curve if keep.all() else replace(curve, xs=curve.xs[keep], ys=curve.ys[keep])


@dataclass(frozen=True)
class ChartView:
    """Which part of a chart is shown, and how.

    Attributes:
        window: ends of the x axis; None shows everything.
        cursor: a position on the x axis, or None for the last point.
        has_cursor: whether the cursor is drawn.
    """

    mode: ScaleMode = ScaleMode.LINEAR
    window: tuple[float, float] | None = None
    cursor: float | None = None
    has_cursor: bool = False

    def cursor_of(self, chart: Chart) -> float:
        """The position of the cursor in a drawable chart."""
        last = max((float(curve.xs[-1]) for curve in chart.curves), default=0.0)
        return last if self.cursor is None else self.cursor

    def moved(self, chart: Chart, columns: int, distance: int) -> ChartView:
        """With the cursor moved by so many of the chart's columns, but at least by one point."""
        if not distance:
            return self.moved_to(chart, self.cursor_of(chart.drawable(self.mode)))
        chart = chart.drawable(self.mode)
        if not chart.curves:
            return self
        scale = chart.x_scale(self.mode, self.window)
        current = self.cursor_of(chart)
        share = scale.share(max(current, scale.low)) + distance / max(1, columns - 1)
        target = scale.value(share)
        candidates = [
            x for curve in chart.curves for x in _neighbours(curve.xs, target, current, distance)
        ]
        if not candidates:
            return self
        return self._at(chart, min(candidates, key=lambda x: abs(x - target)))

    def moved_to(self, chart: Chart, x: float) -> ChartView:
        """With the cursor at the point next to a position; from infinity the first or the last."""
        chart = chart.drawable(self.mode)
        if not chart.curves:
            return self
        points = [point for curve in chart.curves for point in _around(curve.xs, x)]
        target = min(max(points), max(min(points), x))
        return self._at(chart, min(points, key=lambda point: abs(point - target)))

    def _at(self, chart: Chart, x: float) -> ChartView:
        """With the cursor at a point, and the window around it."""
        last = max(float(curve.xs[-1]) for curve in chart.curves)
        window = self.window
        if window is not None and not window[0] <= x <= window[1]:
            scale, full = chart.x_scale(self.mode, window), chart.x_scale(self.mode)
            width = full.share(window[1]) - full.share(window[0])
            share = full.share(x)
            start = share if x < scale.low else share - width
            window = full.value(start), full.value(start + width)
        return replace(self, cursor=None if x >= last else x, window=window, has_cursor=True)

    def zoomed(self, chart: Chart, factor: float, center: float | None = None) -> ChartView:
        """Closer by a factor, or farther if it is below 1, with a position left where it is.

        Args:
            center: the cursor if None.
        """
        chart = chart.drawable(self.mode)
        if not chart.curves:
            return self
        full, scale = chart.x_scale(self.mode), chart.x_scale(self.mode, self.window)
        center = self.cursor_of(chart) if center is None else center
        center = min(scale.high, max(scale.low, center))
        middle, start, end = (full.share(x) for x in (center, scale.low, scale.high))
        start = max(0.0, middle - (middle - start) / factor)
        end = min(1.0, middle + (end - middle) / factor)
        if start <= SHARE_TOLERANCE and end >= 1 - SHARE_TOLERANCE:
            return replace(self, window=None)
        low, high = full.value(start), full.value(end)
        points = max(_count_between(curve.xs, low, high) for curve in chart.curves)
        if factor > 1 and points < MIN_WINDOW_POINTS:
            return self
        return replace(self, window=(low, high))


def _neighbours(xs: FloatArray, target: float, current: float, direction: int) -> list[float]:
    """The points around a target that are farther in a direction than the current one."""
    number = int(np.searchsorted(xs, target))
    following = int(np.searchsorted(xs, current, "right"))
    before = int(np.searchsorted(xs, current, "left")) - 1
    numbers = (number - 1, number, following if direction > 0 else before)
    points = [float(xs[number]) for number in numbers if 0 <= number < len(xs)]
    return [x for x in points if (x > current if direction > 0 else x < current)]


def _around(xs: FloatArray, x: float) -> list[float]:
    number = int(np.searchsorted(xs, x))
    return [float(xs[max(0, number - 1)]), float(xs[min(number, len(xs) - 1)])]


def _count_between(xs: FloatArray, low: float, high: float) -> int:
    return int(np.searchsorted(xs, high, "right") - np.searchsorted(xs, low))
