"""The chart of losses as rows of styled text: axes, curves, references, marks, legend. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tui.plot_canvas import Canvas, Floats
from tui.plot_scale import Scale, widened, written

GUTTER = 7
SMOOTHED = 2048
SMOOTH_FROM = 200  # points from which on a curve is smoothed and its noise drawn faintly
HALF_LIFE = 0.01  # of the smoothing, as a share of the points
NEAR = 1.3  # references up to this much above the curves are in the picture
LEAST = (24, 5)

Row = list[tuple[str, str]]


@dataclass(frozen=True)
class Curve:
    """Points of a quantity; `xs` rising, (N,) each. Only finite points are drawn."""

    name: str
    xs: Floats
    ys: Floats


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


def draw(chart: Chart, width: int, height: int, charset: str, *, log: bool = False) -> list[Row]:
    """`height` rows, each pieces of text and the names of their styles, `width` cells in all.

    Args:
        charset: "braille", "block" or "ascii".
        log: whether the losses are drawn on a logarithmic scale.
    """
    curves = [_visible(curve, log) for curve in chart.curves]
    if width < LEAST[0] or height < LEAST[1] or not any(len(curve.ys) for curve in curves):
        said = "too small for a chart" if any(len(c.ys) for c in curves) else "no losses yet"
        return _message(said, width, height)
    x, y, shown = _scales(chart, curves, log)
    canvas = Canvas(width - GUTTER - 1, height - 3, charset)
    _draw_references(canvas, shown, y)
    _draw_marks(canvas, chart.marks, x)
    for number, curve in enumerate(curves):
        _draw_curve(canvas, curve, x, y, line=number == 0)
    return [
        _legend(chart, curves, width, charset),
        *_with_axis(canvas, y, charset),
        *_foot(x, chart.axis, width, charset),
    ]


def _visible(curve: Curve, log: bool) -> Curve:
    fine = np.isfinite(curve.ys) & np.isfinite(curve.xs)
    if log:
        fine &= curve.ys > 0
    return Curve(curve.name, curve.xs[fine], curve.ys[fine])


def _message(text: str, width: int, height: int) -> list[Row]:
    blank: Row = [(" " * width, "")]
    rows = [blank] * height
    if height:
        rows[height // 2] = [(text[:width].center(width), "axis")]
    return rows


def _scales(
    chart: Chart, curves: Sequence[Curve], log: bool
) -> tuple[Scale, Scale, list[tuple[str, float]]]:
    """Both axes, and the references that are in the picture."""
    ys = np.concatenate([curve.ys for curve in curves])
    xs = np.concatenate([curve.xs for curve in curves])
    low, high = float(ys.min()), float(ys.max())
    shown = [(name, value) for name, value in chart.references if 0 < value <= high * NEAR]
    values = [low, high, *(value for _, value in shown)]
    x = widened(min(0.0, float(xs.min())), float(xs.max()), False)
    return x, widened(min(values), max(values), log), shown


def smoothed(ys: Floats) -> Floats:
    """A running mean that forgets, corrected for its beginning, as of Adam's moments."""
    keep = 0.5 ** (1 / max(1.0, HALF_LIFE * len(ys)))
    mean, found = 0.0, np.empty_like(ys)
    for number, value in enumerate(ys.tolist(), 1):
        mean = keep * mean + (1 - keep) * value
        found[number - 1] = mean / (1 - keep**number)
    return found


def thinned(points: Floats, most: int = SMOOTHED) -> Floats:
    """At most `most` means of neighbours, (M,) of (N,): as many as can be told apart."""
    size = -(-len(points) // most)
    starts = np.arange(0, len(points), size)
    sums = np.add.reduceat(points, starts)
    return np.asarray(sums / np.diff(np.r_[starts, len(points)]))


def _draw_curve(canvas: Canvas, curve: Curve, x: Scale, y: Scale, *, line: bool) -> None:
    if not len(curve.xs):
        return
    across = (curve.xs - x.low) / (x.high - x.low)
    if not line:
        sign = "*" if canvas.charset == "ascii" else "●"
        for share, value in zip(across.tolist(), curve.ys.tolist(), strict=True):
            row = round((1 - y.share(value)) * (canvas.rows - 1))
            canvas.sign(round(share * (canvas.columns - 1)), row, sign, curve.name)
        return
    many = len(curve.xs) >= SMOOTH_FROM
    canvas.line(across, _down(curve.ys, y), "noise" if many else curve.name)
    if many:
        canvas.line(thinned(across), _down(smoothed(thinned(curve.ys)), y), curve.name)


def _down(ys: Floats, y: Scale) -> Floats:
    """Shares from the top."""
    if y.log:
        low, high = math.log10(y.low), math.log10(y.high)
        return np.asarray(1 - (np.log10(ys) - low) / (high - low))
    return np.asarray(1 - (ys - y.low) / (y.high - y.low))


def _draw_references(canvas: Canvas, shown: list[tuple[str, float]], y: Scale) -> None:
    dash = "-" if canvas.charset == "ascii" else "┄"
    used: set[int] = set()
    for name, value in shown:
        row = round((1 - y.share(value)) * (canvas.rows - 1))
        canvas.rule(row, dash, "reference")
        label = f" {name} {written(round(value, 2))} "
        if row not in used and len(label) < canvas.columns:
            canvas.text(canvas.columns - len(label), row, label, "reference")
        used.add(row)


def _draw_marks(canvas: Canvas, marks: tuple[tuple[float, str], ...], x: Scale) -> None:
    bar = "|" if canvas.charset == "ascii" else "╎"
    for place, label in marks:
        column = round((place - x.low) / (x.high - x.low) * (canvas.columns - 1))
        canvas.post(column, bar, "mark")
        left = min(column + 1, canvas.columns - len(label))
        canvas.text(max(0, left), 0, label, "mark")


def _legend(chart: Chart, curves: Sequence[Curve], width: int, charset: str) -> Row:
    """Names of the curves with their last values, and what the references are of."""
    signs = (".", "*") if charset == "ascii" else ("━", "●")
    pieces: Row = [(" " * (GUTTER + 1), "")]
    for number, curve in enumerate(curves):
        if len(curve.ys):
            sign = signs[min(number, 1)]
            text = f"{sign} {curve.name} {curve.ys[-1]:.3f}   "
            pieces.append((text, curve.name))
    left = width - sum(len(text) for text, _ in pieces)
    about = f"references: {chart.about}" if chart.about and chart.references else ""
    pieces.append((about.rjust(left) if len(about) < left else " " * max(0, left), "axis"))
    return _cut(pieces, width)


def _with_axis(canvas: Canvas, y: Scale, charset: str) -> list[Row]:
    line, tick = ("|", "+") if charset == "ascii" else ("│", "┤")
    labels = {
        round((1 - y.share(value)) * (canvas.rows - 1)): written(value)
        for value in y.ticks(max(2, canvas.rows // 3))
    }
    return [
        [
            (
                labels.get(row, "")[:GUTTER].rjust(GUTTER) + (tick if row in labels else line),
                "axis",
            ),
            *canvas.row(row),
        ]
        for row in range(canvas.rows)
    ]


def _foot(x: Scale, axis: str, width: int, charset: str) -> list[Row]:
    corner, line = ("+", "-") if charset == "ascii" else ("└", "─")
    room = width - GUTTER - 1
    cells = [" "] * width
    name = f" {axis}"
    cells[width - len(name) :] = name
    for value in x.ticks(max(2, room // 12)):
        label = written(value)
        start = GUTTER + 1 + round(x.share(value) * (room - 1)) - len(label) // 2
        start = max(GUTTER, start)
        end = start + len(label)
        if end < width and not "".join(cells[start - 1 : end + 1]).strip():
            cells[start:end] = label
    return [
        [(" " * GUTTER + corner + line * room, "axis")],
        [("".join(cells), "axis")],
    ]


def _cut(pieces: Row, width: int) -> Row:
    """The pieces, together exactly `width` cells."""
    found: Row = []
    left = width
    for text, style in pieces:
        found.append((text[:left], style))
        left -= len(text[:left])
    return [*found, (" " * left, "")]
