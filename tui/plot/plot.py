"""The loss chart as rows of styled text: axes, curves, reference lines, marks, legend. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tui.plot.axis import AxisScale, padded_scale, tick_label
from tui.plot.canvas import LABEL_COST, Canvas, FloatArray, StyledRow

GUTTER_CELLS = 7  # for the labels of the y axis
MIN_CHART_SIZE = (24, 5)  # columns, rows
MIN_Y_TICKS = 3  # if there are at least twice as many rows
CELLS_PER_X_TICK = 12
SMOOTH_MIN_POINTS = 200  # from here on a curve is smoothed and its raw points are drawn dimly
SMOOTH_MAX_POINTS = 2048
SMOOTH_HALF_LIFE = 0.01  # as a share of the points
REFERENCE_MAX_RATIO = 1.3  # references up to this multiple of the highest point are shown
MAX_LOSS = 1e30  # larger losses are not drawn


class ChartGlyphs(NamedTuple):
    """The characters of a chart, except the dots of curves."""

    line: str
    noise: str
    legend: str
    point: str
    reference: str
    mark: str
    axis: str
    tick: str
    corner: str
    floor: str


UNICODE_GLYPHS = ChartGlyphs(" ", " ", "━", "●", "┄", "╎", "│", "┤", "└", "─")
ASCII_GLYPHS = ChartGlyphs("o", ".", "o", "*", "-", "|", "|", "+", "+", "-")


@dataclass(frozen=True)
class Curve:
    """A series of points with rising `xs`, (N,) each. Only finite points are drawn."""

    name: str
    xs: FloatArray
    ys: FloatArray


@dataclass(frozen=True)
class Chart:
    """The content of a chart.

    Attributes:
        curves: the first is drawn as a line, the others as points.
        references: names and values of horizontal lines.
        marks: positions on the x axis with labels.
        axis: the unit of the x axis.
        about: what the references were computed on; empty if unknown.
    """

    curves: tuple[Curve, ...] = ()
    references: tuple[tuple[str, float], ...] = ()
    marks: tuple[tuple[float, str], ...] = ()
    axis: str = "steps"
    about: str = ""


def draw_chart(
    chart: Chart, width: int, height: int, charset: str, *, log: bool = False
) -> list[StyledRow]:
    """Draw `height` rows of `width` cells.

    Args:
        charset: "braille", "block" or "ascii".
        log: whether the y axis is logarithmic.
    """
    curves = [_drawable(curve, log) for curve in chart.curves]
    if not any(len(curve.ys) for curve in curves):
        return _message("no losses yet", width, height)
    if width < MIN_CHART_SIZE[0] or height < MIN_CHART_SIZE[1]:
        return _message("too small for a chart", width, height)
    glyphs = ASCII_GLYPHS if charset == "ascii" else UNICODE_GLYPHS
    x, y, references = _scales(chart, curves, log)
    canvas = Canvas(width - GUTTER_CELLS - 1, height - 3, charset)
    _paint(canvas, chart, curves, (x, y), references, glyphs)
    return [
        _legend(chart, curves, width, glyphs),
        *_rows_with_axis(canvas, y, glyphs),
        *_x_axis(x, chart.axis, width, glyphs),
    ]


def smooth(ys: FloatArray) -> FloatArray:
    """Exponential moving average with bias correction, as in Adam, (N,)."""
    decay = 0.5 ** (1 / max(1.0, SMOOTH_HALF_LIFE * len(ys)))
    mean, means = 0.0, np.empty_like(ys)
    for number, value in enumerate(ys.tolist(), 1):
        mean = decay * mean + (1 - decay) * value
        means[number - 1] = mean / (1 - decay**number)
    return means


def downsample(points: FloatArray, limit: int = SMOOTH_MAX_POINTS) -> FloatArray:
    """Means of neighbouring points, (M,) from (N,) with M at most `limit`."""
    size = -(-len(points) // limit)
    starts = np.arange(0, len(points), size)
    sums = np.add.reduceat(points, starts)
    return np.asarray(sums / np.diff(np.r_[starts, len(points)]))


def _drawable(curve: Curve, log: bool) -> Curve:
    """The points of a curve that can be drawn."""
    keep = (np.abs(curve.ys) < MAX_LOSS) & np.isfinite(curve.xs)
    if log:
        keep &= curve.ys > 0
    if keep.all():
        return curve
    return Curve(curve.name, curve.xs[keep], curve.ys[keep])


def _message(text: str, width: int, height: int) -> list[StyledRow]:
    blank: StyledRow = [(" " * width, "")]
    rows = [blank] * height
    if height:
        rows[height // 2] = [(text[:width].center(width), "axis")]
    return rows


def _scales(
    chart: Chart, curves: Sequence[Curve], log: bool
) -> tuple[AxisScale, AxisScale, list[tuple[str, float]]]:
    """Both scales, and the references within them."""
    ys = np.concatenate([curve.ys for curve in curves])
    xs = np.concatenate([curve.xs for curve in curves])
    low, high = float(ys.min()), float(ys.max())
    references = [
        (name, value) for name, value in chart.references if 0 < value <= high * REFERENCE_MAX_RATIO
    ]
    values = [low, high, *(value for _, value in references)]
    left = min(0.0, float(xs.min()))
    right = max(float(xs.max()), left + 1.0)
    return AxisScale(left, right), padded_scale(min(values), max(values), log), references


def _paint(
    canvas: Canvas,
    chart: Chart,
    curves: Sequence[Curve],
    scales: tuple[AxisScale, AxisScale],
    references: Sequence[tuple[str, float]],
    glyphs: ChartGlyphs,
) -> None:
    """Draw references and marks, the curves over them, then labels where they hide nothing."""
    x, y = scales
    levels = [(_row_of(canvas, y, value), f" {name} {value:.2f} ") for name, value in references]
    marks = [(_column_of(canvas, x, position), label) for position, label in chart.marks]
    for row, _ in levels:
        canvas.horizontal(row, glyphs.reference, "reference")
    for column, _ in marks:
        canvas.vertical(column, glyphs.mark, "mark")
    for number, curve in enumerate(curves):
        across, down = x.shares(curve.xs), 1 - y.shares(curve.ys)
        if number:
            canvas.points(across, down, glyphs.point, curve.name)
        elif len(curve.xs) < SMOOTH_MIN_POINTS:
            canvas.line(across, down, curve.name, glyphs.line)
        else:
            canvas.line(across, down, "noise", glyphs.noise)
            mean = 1 - y.shares(smooth(downsample(curve.ys)))
            canvas.line(downsample(across), mean, curve.name, glyphs.line)
    _label_marks(canvas, marks)
    _label_levels(canvas, levels)


def _row_of(canvas: Canvas, y: AxisScale, value: float) -> int:
    return round((1 - y.share(value)) * (canvas.rows - 1))


def _column_of(canvas: Canvas, x: AxisScale, position: float) -> int:
    return round(min(1.0, max(0.0, x.share(position))) * (canvas.columns - 1))


def _label_marks(canvas: Canvas, marks: Sequence[tuple[int, str]]) -> None:
    """Label each mark beside its line in the highest free row; skip it if no row is free."""
    for column, label in marks:
        start = column + 1 if column + 1 + len(label) <= canvas.columns else column - len(label)
        for row in range(canvas.rows):
            if start >= 0 and not canvas.cost(start, row, len(label)):
                canvas.text(start, row, label, "mark")
                break


def _label_levels(canvas: Canvas, levels: Sequence[tuple[int, str]]) -> None:
    """Label each reference on its line, as far right as hides least; never over another label."""
    for row, label in levels:
        starts = range(canvas.columns - len(label), -1, -1)
        costs = [canvas.cost(start, row, len(label)) for start in starts]
        if costs and min(costs) < LABEL_COST:
            canvas.text(starts[costs.index(min(costs))], row, label, "reference")


def _legend(chart: Chart, curves: Sequence[Curve], width: int, glyphs: ChartGlyphs) -> StyledRow:
    """The curves with their last values, and what the references were computed on."""
    pieces: StyledRow = [(" " * (GUTTER_CELLS + 1), "")]
    for number, curve in enumerate(curves):
        if len(curve.ys):
            glyph = glyphs.point if number else glyphs.legend
            pieces.append((f"{glyph} {curve.name} {curve.ys[-1]:.4g}   ", curve.name))
    free = width - sum(len(text) for text, _ in pieces)
    about = f"baselines on {chart.about}" if chart.about and chart.references else ""
    pieces.append((about.rjust(free) if len(about) < free else " " * max(0, free), "axis"))
    return _truncate(pieces, width)


def _rows_with_axis(canvas: Canvas, y: AxisScale, glyphs: ChartGlyphs) -> list[StyledRow]:
    labels = _y_labels(canvas, y)
    rows: list[StyledRow] = []
    for number, pieces in enumerate(canvas.pieces()):
        edge = glyphs.tick if number in labels else glyphs.axis
        label = labels.get(number, "")[:GUTTER_CELLS].rjust(GUTTER_CELLS)
        rows.append([(label + edge, "axis"), *pieces])
    return rows


def _y_labels(canvas: Canvas, y: AxisScale) -> dict[int, str]:
    """Labels by row: a few, but at least three if there is space, to make the scale readable."""
    labels: dict[int, str] = {}
    limit = max(2, canvas.rows // 3)
    for count in range(limit, max(limit, 2 * MIN_Y_TICKS) + 1):
        ticks = y.ticks(count)
        labels = {_row_of(canvas, y, value): tick_label(value) for value in reversed(ticks)}
        if len(labels) >= min(MIN_Y_TICKS, canvas.rows // 2):
            break
    return labels


def _x_axis(x: AxisScale, axis: str, width: int, glyphs: ChartGlyphs) -> list[StyledRow]:
    columns = width - GUTTER_CELLS - 1
    cells = [" "] * width
    name = f" {axis}"
    cells[width - len(name) :] = name
    for value in x.ticks(max(2, columns // CELLS_PER_X_TICK)):
        label = tick_label(value)
        center = GUTTER_CELLS + 1 + round(x.share(value) * (columns - 1))
        start = max(GUTTER_CELLS, center - len(label) // 2)
        end = start + len(label)
        if end < width and not "".join(cells[start - 1 : end + 1]).strip():
            cells[start:end] = label
    return [
        [(" " * GUTTER_CELLS + glyphs.corner + glyphs.floor * columns, "axis")],
        [("".join(cells), "axis")],
    ]


def _truncate(pieces: StyledRow, width: int) -> StyledRow:
    """The pieces, truncated or padded to `width` cells."""
    row: StyledRow = []
    free = width
    for text, style in pieces:
        row.append((text[:free], style))
        free -= len(text[:free])
    return [*row, (" " * free, "")]
