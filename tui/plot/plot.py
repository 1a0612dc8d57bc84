"""The chart of losses as rows of styled text: axes, curves, references, marks, legend. Pure.

Axes: round numbers on a line, plain or logarithmic, and how they are written. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tui.plot.canvas import LABEL_COST, Canvas, FloatArray, StyledRow

ROUND = (1, 2, 2.5, 5, 10)
LOG_STEPS = (1, 1.5, 2, 3, 5, 7)
CLOSE = 1e-9  # what differs by less than this share of its size is one number


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """At most about `most` round numbers from `low` to `high`."""
    if not high > low:
        return [low]
    raw = (high - low) / max(1, most)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(r * magnitude for r in ROUND if r * magnitude >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers for a logarithmic axis; plain ones where it spans too little for those."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if len(exponents) > most else LOG_STEPS
    numbers = (float(f"{step}e{exponent}") for exponent in exponents for step in steps)
    found = [number for number in numbers if low <= number <= high]
    if len(found) < min(3, most):
        return [tick for tick in nice_ticks(low, high, most) if tick > 0]
    return found[:: max(1, math.ceil(len(found) / max(1, most)))]


def tick_label(number: float) -> str:
    """A tick: 2.5, 400, 12k, 3M."""
    size = abs(number)
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            return f"{number / (1e3 if unit == 'k' else limit):g}{unit}"
    return f"{number:.4g}"


@dataclass(frozen=True)
class AxisScale:
    """A line from `low` to `high`; logarithmic if `log`, and then both are above 0."""

    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value is: 0 at the low end, 1 at the high end."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return (value - low) / (high - low)

    def shares(self, values: FloatArray) -> FloatArray:
        """The same for many, (N,)."""
        low, high = self.low, self.high
        if self.log:
            low, high, values = math.log10(low), math.log10(high), np.log10(values)
        return np.asarray((values - low) / (high - low))

    def ticks(self, most: int) -> list[float]:
        """Round numbers on it."""
        return (log_ticks if self.log else nice_ticks)(self.low, self.high, most)


def padded_scale(low: float, high: float, log: bool) -> AxisScale:
    """A scale that is never a point."""
    if high - low > CLOSE * abs(high):
        return AxisScale(low, high, log)
    room = abs(low) * 0.05 or 0.5
    return AxisScale(low / 1.05 if log else low - room, high * 1.05 if log else high + room, log)


GUTTER = 7
SMOOTHED = 2048
SMOOTH_FROM = 200  # points from which on a curve is smoothed and its noise drawn faintly
HALF_LIFE = 0.01  # of the smoothing, as a share of the points
NEAR = 1.3  # references up to this much above the curves are in the picture
HUGE = 1e30  # a loss beyond is no longer a number to draw
LEAST = (24, 5)
TICKS = 3  # on the axis of losses, at least, if it has twice as many rows


class ChartGlyphs(NamedTuple):
    """What a chart is drawn with, beside the dots of curves."""

    line: str
    noise: str
    legend: str
    point: str
    rule: str
    post: str
    axis: str
    tick: str
    corner: str
    floor: str


SIGNS = ChartGlyphs(" ", " ", "━", "●", "┄", "╎", "│", "┤", "└", "─")
PLAIN = ChartGlyphs("o", ".", "o", "*", "-", "|", "|", "+", "+", "-")


@dataclass(frozen=True)
class Curve:
    """Points of a quantity; `xs` rising, (N,) each. Only finite points are drawn."""

    name: str
    xs: FloatArray
    ys: FloatArray


@dataclass(frozen=True)
class Chart:
    """What is to be drawn.

    Attributes:
        curves: the first is drawn as a line, others as points.
        references: names and values of horizontal lines.
        marks: places on the x axis, and what happened there.
        axis: what x counts.
        about: what the references were computed on; empty if not known.
    """

    curves: tuple[Curve, ...] = ()
    references: tuple[tuple[str, float], ...] = ()
    marks: tuple[tuple[float, str], ...] = ()
    axis: str = "steps"
    about: str = ""


def draw_chart(
    chart: Chart, width: int, height: int, charset: str, *, log: bool = False
) -> list[StyledRow]:
    """`height` rows, each pieces of text and the names of their styles, `width` cells in all.

    Args:
        charset: "braille", "block" or "ascii".
        log: whether the losses are drawn on a logarithmic scale.
    """
    curves = [_visible(curve, log) for curve in chart.curves]
    if width < LEAST[0] or height < LEAST[1] or not any(len(curve.ys) for curve in curves):
        said = "too small for a chart" if any(len(c.ys) for c in curves) else "no losses yet"
        return _message(said, width, height)
    signs = PLAIN if charset == "ascii" else SIGNS
    x, y, shown = _scales(chart, curves, log)
    canvas = Canvas(width - GUTTER - 1, height - 3, charset)
    _paint(canvas, chart, curves, (x, y), shown, signs)
    return [
        _legend(chart, curves, width, signs),
        *_with_axis(canvas, y, signs),
        *_foot(x, chart.axis, width, signs),
    ]


def _visible(curve: Curve, log: bool) -> Curve:
    fine = (np.abs(curve.ys) < HUGE) & np.isfinite(curve.xs)
    if log:
        fine &= curve.ys > 0
    if fine.all():
        return curve
    return Curve(curve.name, curve.xs[fine], curve.ys[fine])


def _message(text: str, width: int, height: int) -> list[StyledRow]:
    blank: StyledRow = [(" " * width, "")]
    rows = [blank] * height
    if height:
        rows[height // 2] = [(text[:width].center(width), "axis")]
    return rows


def _scales(
    chart: Chart, curves: Sequence[Curve], log: bool
) -> tuple[AxisScale, AxisScale, list[tuple[str, float]]]:
    """Both axes, and the references that are in the picture."""
    ys = np.concatenate([curve.ys for curve in curves])
    xs = np.concatenate([curve.xs for curve in curves])
    low, high = float(ys.min()), float(ys.max())
    shown = [(name, value) for name, value in chart.references if 0 < value <= high * NEAR]
    values = [low, high, *(value for _, value in shown)]
    left = min(0.0, float(xs.min()))
    right = max(float(xs.max()), left + 1.0)
    return AxisScale(left, right), padded_scale(min(values), max(values), log), shown


def _paint(
    canvas: Canvas,
    chart: Chart,
    curves: Sequence[Curve],
    scales: tuple[AxisScale, AxisScale],
    shown: Sequence[tuple[str, float]],
    signs: ChartGlyphs,
) -> None:
    """References and marks behind, the curves over them, labels where they hide nothing."""
    x, y = scales
    levels = [(_row_of(canvas, y, value), f" {name} {value:.2f} ") for name, value in shown]
    posts = [(_column_of(canvas, x, place), label) for place, label in chart.marks]
    for row, _ in levels:
        canvas.rule(row, signs.rule, "reference")
    for column, _ in posts:
        canvas.post(column, signs.post, "mark")
    for number, curve in enumerate(curves):
        across, down = x.shares(curve.xs), 1 - y.shares(curve.ys)
        if number:
            canvas.points(across, down, signs.point, curve.name)
        elif len(curve.xs) < SMOOTH_FROM:
            canvas.line(across, down, curve.name, signs.line)
        else:
            canvas.line(across, down, "noise", signs.noise)
            mean = 1 - y.shares(smooth(downsample(curve.ys)))
            canvas.line(downsample(across), mean, curve.name, signs.line)
    _label_posts(canvas, posts)
    _label_levels(canvas, levels)


def smooth(ys: FloatArray) -> FloatArray:
    """A running mean that forgets, corrected for its beginning, as of Adam's moments."""
    keep = 0.5 ** (1 / max(1.0, HALF_LIFE * len(ys)))
    mean, found = 0.0, np.empty_like(ys)
    for number, value in enumerate(ys.tolist(), 1):
        mean = keep * mean + (1 - keep) * value
        found[number - 1] = mean / (1 - keep**number)
    return found


def downsample(points: FloatArray, most: int = SMOOTHED) -> FloatArray:
    """At most `most` means of neighbours, (M,) of (N,): as many as can be told apart."""
    size = -(-len(points) // most)
    starts = np.arange(0, len(points), size)
    sums = np.add.reduceat(points, starts)
    return np.asarray(sums / np.diff(np.r_[starts, len(points)]))


def _row_of(canvas: Canvas, y: AxisScale, value: float) -> int:
    return round((1 - y.share(value)) * (canvas.rows - 1))


def _column_of(canvas: Canvas, x: AxisScale, place: float) -> int:
    return round(min(1.0, max(0.0, x.share(place))) * (canvas.columns - 1))


def _label_posts(canvas: Canvas, posts: Sequence[tuple[int, str]]) -> None:
    """What happened, beside its line, as far up as there is room; left out if there is none."""
    for column, label in posts:
        start = column + 1 if column + 1 + len(label) <= canvas.columns else column - len(label)
        for row in range(canvas.rows):
            if start >= 0 and not canvas.cost(start, row, len(label)):
                canvas.text(start, row, label, "mark")
                break


def _label_levels(canvas: Canvas, levels: Sequence[tuple[int, str]]) -> None:
    """What would be reached, on its line, where it hides least, as far right as may be.

    It is left out where it would hide another label.
    """
    for row, label in levels:
        starts = range(canvas.columns - len(label), -1, -1)
        costs = [canvas.cost(start, row, len(label)) for start in starts]
        if costs and min(costs) < LABEL_COST:
            canvas.text(starts[costs.index(min(costs))], row, label, "reference")


def _legend(chart: Chart, curves: Sequence[Curve], width: int, signs: ChartGlyphs) -> StyledRow:
    """Names of the curves with their last values, and what the references are of."""
    pieces: StyledRow = [(" " * (GUTTER + 1), "")]
    for number, curve in enumerate(curves):
        if len(curve.ys):
            sign = signs.point if number else signs.legend
            pieces.append((f"{sign} {curve.name} {curve.ys[-1]:.4g}   ", curve.name))
    left = width - sum(len(text) for text, _ in pieces)
    about = f"references: {chart.about}" if chart.about and chart.references else ""
    pieces.append((about.rjust(left) if len(about) < left else " " * max(0, left), "axis"))
    return _cut(pieces, width)


def _with_axis(canvas: Canvas, y: AxisScale, signs: ChartGlyphs) -> list[StyledRow]:
    labels = _tick_rows(canvas, y)
    found: list[StyledRow] = []
    for number, pieces in enumerate(canvas.pieces()):
        edge = signs.tick if number in labels else signs.axis
        label = labels.get(number, "")[:GUTTER].rjust(GUTTER)
        found.append([(label + edge, "axis"), *pieces])
    return found


def _tick_rows(canvas: Canvas, y: AxisScale) -> dict[int, str]:
    """Rows that are labelled: few, but three where there is room, so that one reads the scale."""
    found: dict[int, str] = {}
    few = max(2, canvas.rows // 3)
    for most in range(few, max(few, 2 * TICKS) + 1):
        ticks = y.ticks(most)
        found = {_row_of(canvas, y, value): tick_label(value) for value in reversed(ticks)}
        if len(found) >= min(TICKS, canvas.rows // 2):
            break
    return found


def _foot(x: AxisScale, axis: str, width: int, signs: ChartGlyphs) -> list[StyledRow]:
    room = width - GUTTER - 1
    cells = [" "] * width
    name = f" {axis}"
    cells[width - len(name) :] = name
    for value in x.ticks(max(2, room // 12)):
        label = tick_label(value)
        start = max(GUTTER, GUTTER + 1 + round(x.share(value) * (room - 1)) - len(label) // 2)
        end = start + len(label)
        if end < width and not "".join(cells[start - 1 : end + 1]).strip():
            cells[start:end] = label
    return [
        [(" " * GUTTER + signs.corner + signs.floor * room, "axis")],
        [("".join(cells), "axis")],
    ]


def _cut(pieces: StyledRow, width: int) -> StyledRow:
    """The pieces, together exactly `width` cells."""
    found: StyledRow = []
    left = width
    for text, style in pieces:
        found.append((text[:left], style))
        left -= len(text[:left])
    return [*found, (" " * left, "")]
