"""The words beside a chart: its legend, and what it shows at the cursor. Pure."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

import numpy as np

from tui.plot.axis import EPOCHS, SECONDS, STEPS, TOKENS, AxisScale, clock, tick_label
from tui.plot.canvas import StyledRow
from tui.plot.chart import Chart, ChartView, Curve
from tui.plot.plot import BOLD, ChartGlyphs, curve_smoothing, glyphs_of
from tui.plot.smoothing import mean_line

LEGEND_GAP = "  "
MARK_TOLERANCE = 0.01  # of the axis: the cursor reads a mark so far away


class _Part(NamedTuple):
    """Pieces that are shown together; those of the highest rank are left out first."""

    pieces: StyledRow
    rank: int = 0


def legend(chart: Chart, view: ChartView, charset: str, width: int) -> StyledRow:
    """The signs of a chart with their meanings, as many as fit into `width` cells.

    Args:
        charset: "braille", "block" or "ascii".
    """
    glyphs = glyphs_of(charset)
    chart = chart.drawable(view.mode)
    if not chart.curves:
        return []
    parts = [part for curve in chart.curves for part in _curve_parts(curve, chart, glyphs)]
    for curve in chart.shares:
        name = f"{curve.name} (right axis)"
        parts.append(_part(glyphs.sign(curve.marker), curve.colour + BOLD, name, 0))
    starred = [curve for curve in (*chart.curves, *chart.shares) if curve.has_best]
    if starred:
        colour = starred[0].colour
        parts.append(_part(glyphs.sign("★"), colour + BOLD, "best", 1))
    if chart.baselines:
        about = f"baselines on {chart.about}" if chart.about else "baselines"
        parts.append(_part(glyphs.baseline * 2, "rule", about, 5))
    for sign in dict.fromkeys(mark.sign for mark in chart.marks):
        marks = [mark for mark in chart.marks if mark.sign == sign]
        text = marks[0].text if len(marks) == 1 else f"{marks[0].word} ({len(marks)})"
        parts.append(_part(glyphs.sign(sign), "mark", text, 2))
    return _fit(parts, LEGEND_GAP, width)


def _part(sign: str, style: str, text: str, rank: int) -> _Part:
    return _Part([(sign, style), (f" {text}", "label")], rank)


def _curve_parts(curve: Curve, chart: Chart, glyphs: ChartGlyphs) -> list[_Part]:
    """A curve with the name of its smoothing, and its cloud."""
    sign = glyphs.sign(curve.marker) if curve.marker else glyphs.legend_line
    smoothing = curve_smoothing(curve)
    if smoothing is None:
        return [_part(sign, curve.colour + BOLD, curve.name, 0)]
    name = f"{curve.name}, {smoothing_name(smoothing, chart.unit)}"
    parts = [_part(sign, curve.colour + BOLD, name, 0)]
    if curve.has_cloud:
        parts.append(_part(glyphs.legend_cloud, "cloud", _cloud_name(curve, chart), 4))
    return parts


def smoothing_name(width: float, unit: str) -> str:
    """A moving average in words: mean of 25 steps."""
    if unit == SECONDS:
        return f"mean of {clock(width)}"
    if unit == TOKENS:
        return f"mean of {tick_label(width)} tokens"
    name = {STEPS: "step", EPOCHS: "epoch"}.get(unit, unit)
    return f"mean of {width:,g} {name}{'s' if width != 1 else ''}"


def _cloud_name(curve: Curve, chart: Chart) -> str:
    """What one point of a noisy curve stands for."""
    if chart.steps_per_unit is None or len(curve.xs) < 2:
        return "recorded"
    span = (curve.xs[-1] - curve.xs[0]) * chart.steps_per_unit
    spacing = round(float(span) / (len(curve.xs) - 1))
    return "each step" if spacing <= 1 else f"every {spacing:,} steps"


def reading(chart: Chart, view: ChartView, charset: str, width: int) -> StyledRow:
    """The position of the cursor and all values there, as many as fit into `width` cells."""
    glyphs = glyphs_of(charset)
    chart = chart.drawable(view.mode)
    if not chart.curves:
        return []
    position = view.cursor_of(chart)
    x = chart.x_scale(view.mode, view.window)
    parts = _position_parts(position, chart)
    for curve in chart.curves:
        parts += _value_parts(curve, chart, x, position, glyphs)
    for curve in chart.shares:
        parts += _value_parts(curve, chart, x, position, glyphs, is_share=True)
    if chart.steps_per_unit is not None:
        step = position * chart.steps_per_unit + 0.5
        for name, xs, ys in chart.readings:
            if number := bisect_right(xs, step):
                parts.append(_Part([(f"{name} ", "label"), (f"{ys[number - 1]:.2g}", "value")], 2))
    nearest = min(chart.marks, key=lambda mark: abs(mark.x - position), default=None)
    if nearest is not None and _is_at(x, nearest.x, position):
        parts.append(_Part([(f"{glyphs.sign(nearest.sign)} {nearest.text}", "mark")], 1))
    return _fit(parts, glyphs.between, width)


def _is_at(x: AxisScale, mark: float, position: float) -> bool:
    """Whether a mark is about where the cursor is."""
    distance = x.share(max(mark, x.low)) - x.share(max(position, x.low))
    return abs(distance) < MARK_TOLERANCE


def _position_parts(position: float, chart: Chart) -> list[_Part]:
    """Where the cursor is: the epoch or the like, and the step if it is known."""
    parts = []
    if chart.unit == EPOCHS:
        parts.append(_Part([("epoch ", "label"), (f"{position:.2f}", "value")]))
    elif chart.unit == SECONDS:
        parts.append(_Part([(clock(position), "value")]))
    elif chart.unit == TOKENS:
        parts.append(_Part([(tick_label(float(f"{position:.3g}")), "value"), (" tokens", "label")]))
    if chart.steps_per_unit is not None:
        step = round(position * chart.steps_per_unit)
        parts.append(_Part([("step ", "label"), (f"{step:,}", "value")]))
    return parts


def _value_parts(
    curve: Curve,
    chart: Chart,
    x: AxisScale,
    position: float,
    glyphs: ChartGlyphs,
    *,
    is_share: bool = False,
) -> list[_Part]:
    """The value of a curve at the cursor, or its last one before it, and its moving average."""
    number = int(np.searchsorted(curve.xs, position + _half_point(position), "right")) - 1
    if number < 0:
        return []
    at, value = float(curve.xs[number]), float(curve.ys[number])
    style = curve.colour + BOLD
    label = f"{glyphs.sign(curve.marker)} {curve.name} " if curve.marker else f"{curve.name} "
    text = f"{100 * value:.1f} %" if is_share else f"{value:.3f}"
    parts = [_Part([(label, "label"), (text, style)])]
    smoothing = curve_smoothing(curve)
    if smoothing is not None:
        _, mean = mean_line(curve.xs, curve.ys, smoothing, np.array([position]))
        if len(mean):
            name = smoothing_name(smoothing, chart.unit)
            parts.append(_Part([(f"{name} ", "label"), (f"{mean[0]:.3f}", style)], 3))
    elif not curve.is_noisy and _is_older(at, position, chart, x):
        parts[0].pieces.append((f" at {_short_position(at, chart)}", "label"))
    return parts


def _is_older(at: float, position: float, chart: Chart, x: AxisScale) -> bool:
    """Whether a point is that of another step; of compared runs, which differ, of another place."""
    if chart.steps_per_unit is None:
        return not _is_at(x, at, position)
    return at < position - _half_point(position)


def _half_point(position: float) -> float:
    """Less than half of the distance of two points: positions are computed, not copied."""
    return max(1.0, abs(position)) * 1e-9


def _short_position(position: float, chart: Chart) -> str:
    if chart.steps_per_unit is not None:
        return f"{round(position * chart.steps_per_unit):,}"
    return clock(position) if chart.unit == SECONDS else tick_label(float(f"{position:.3g}"))


def _fit(parts: list[_Part], gap: str, width: int) -> StyledRow:
    """The parts side by side; the last ones of the highest rank are left out if need be."""
    shown = list(parts)
    while shown and _length(shown, gap) > width:
        rank = max(part.rank for part in shown)
        shown.remove(next(part for part in reversed(shown) if part.rank == rank))
    row: StyledRow = []
    for number, part in enumerate(shown):
        row += [(gap, "label")] if number else []
        row += part.pieces
    return row


def _length(parts: list[_Part], gap: str) -> int:
    texts = sum(len(text) for part in parts for text, _ in part.pieces)
    return texts + len(gap) * max(0, len(parts) - 1)
