"""A chart as rows of styled text: axes, baselines, curves, markers and the cursor. Pure.

From back to front: baselines, the cursor's line, clouds of single steps, joined points, smoothed
lines, markers and stars, arrows for what is off the scale, names of the baselines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tui.plot.axis import (
    MIN_POSITIVE,
    AxisScale,
    padded_scale,
    position_label,
    position_ticks,
    tick_label,
)
from tui.plot.canvas import LABEL_COST, Canvas, FloatArray, StyledRow
from tui.plot.chart import Chart, ChartView, Curve
from tui.plot.smoothing import cloud_points, line_positions, mean_line, smoothing_width

MIN_CHART_SIZE = (24, 4)  # columns, rows
MIN_GUTTER_CELLS = 5  # for the labels of the y axis, and the axis
MAX_GUTTER_CELLS = 8
SHARE_GUTTER_CELLS = len("├ 100 %")  # of the axis of shares, at the right
MIN_SHARES_COLUMNS = 40  # of a chart that has it
SHARE_SCALE = AxisScale(0.0, 1.0)
SHARE_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
MIN_Y_TICKS = 3  # if there are at least twice as many rows
CELLS_PER_X_TICK = 10
MARKER_GAP_CELLS = 3  # between two markers of a curve of few points
DENSE_MARKERS = 5  # of a curve of many
MARKERS_APART = 4  # curves whose markers are not to cover each other
MARKER_COST = 1  # of covering one
BASELINE_MAX_RATIO = 1.3  # baselines up to this multiple of the highest point widen the scale
CLOUD_QUANTILES = (0.01, 0.99)  # what is far outside of these does not widen the scale
CLOUD_MARGIN = 1.0  # how far, as a multiple of their distance
QUANTILE_POINTS = 4096
BOLD = "-bold"  # at the end of a style's name
# As in `tui.common.ascii_signs`, of which this package knows nothing.
ASCII_SIGNS = {"●": "o", "▲": "^", "■": "#", "◆": "X", "★": "*", "±": "+", "»": ">"}


class ChartGlyphs(NamedTuple):
    """The characters of a chart, except the dots of curves and signs; `ascii` has other signs."""

    line: str
    joined: str
    cloud: str
    legend_line: str
    legend_cloud: str
    baseline: str
    cursor: str
    axis: str
    tick: str
    right_tick: str
    up: str
    down: str
    left: str
    right: str
    between: str
    is_ascii: bool

    def sign(self, sign: str) -> str:
        """A sign, or its replacement in ASCII."""
        return ASCII_SIGNS.get(sign, sign) if self.is_ascii else sign


UNICODE_GLYPHS = ChartGlyphs(
    line=" ",
    joined=" ",
    cloud=" ",
    legend_line="━",
    legend_cloud="⠢",
    baseline="┄",
    cursor="│",
    axis="│",
    tick="┤",
    right_tick="├",
    up="↑",
    down="↓",
    left="←",
    right="→",
    between=" · ",
    is_ascii=False,
)
ASCII_GLYPHS = ChartGlyphs(
    line="#",
    joined="=",
    cloud=".",
    legend_line="#",
    legend_cloud=".",
    baseline="-",
    cursor="|",
    axis="|",
    tick="+",
    right_tick="+",
    up="^",
    down="v",
    left="<",
    right=">",
    between=", ",
    is_ascii=True,
)


def glyphs_of(charset: str) -> ChartGlyphs:
    """The characters for "braille", "block" or "ascii"."""
    if charset == "block":
        return UNICODE_GLYPHS._replace(legend_cloud="▄")
    return ASCII_GLYPHS if charset == "ascii" else UNICODE_GLYPHS


@dataclass(frozen=True)
class ChartDrawing:
    """A drawn chart.

    Attributes:
        rows: of the given width; the last has the labels of the x axis.
        left: column of the first cell of the curves.
        columns: how many cells they have.
        x: the x axis; None if there is only a message.
    """

    rows: list[StyledRow]
    left: int = 0
    columns: int = 0
    x: AxisScale | None = None

    def x_at(self, column: int) -> float | None:
        """The position on the x axis under a column of the widget."""
        if self.x is None:
            return None
        share = (column - self.left) / max(1, self.columns - 1)
        return self.x.value(min(1.0, max(0.0, share)))


class _Layer(NamedTuple):
    """A curve as it is drawn: its line, and its points for a cloud or markers."""

    curve: Curve
    xs: FloatArray
    ys: FloatArray
    cloud: tuple[FloatArray, FloatArray] | None


def draw_chart(
    chart: Chart,
    width: int,
    height: int,
    charset: str,
    view: ChartView | None = None,
) -> ChartDrawing:
    """Draw `height` rows of `width` cells.

    Args:
        charset: "braille", "block" or "ascii".
    """
    view = view or ChartView()
    chart = chart.drawable(view.mode)
    if not chart.curves:
        return ChartDrawing(_message("no losses yet", width, height))
    if width < MIN_CHART_SIZE[0] or height < MIN_CHART_SIZE[1]:
        return ChartDrawing(_message("too small for a chart", width, height))
    x = chart.x_scale(view.mode, view.window)
    layers = [_layer(curve, x, width) for curve in chart.curves]
    y = _y_scale(chart, view, layers)
    labels = _y_labels(y, height - 1)
    gutter = max(MIN_GUTTER_CELLS, *(len(label) + 2 for label in labels.values()))
    gutter = min(gutter, MAX_GUTTER_CELLS)
    right = SHARE_GUTTER_CELLS if chart.shares and width >= MIN_SHARES_COLUMNS else 0
    canvas = Canvas(width - gutter - right, height - 1, charset)
    glyphs = glyphs_of(charset)
    shares = [_layer(curve, x, width) for curve in chart.shares] if right else []
    _paint(canvas, chart, view, layers, shares, (x, y), glyphs)
    rows = [
        *_rows_with_axis(canvas, labels, gutter, glyphs),
        _x_axis(x, chart, view, (gutter, canvas.columns), glyphs),
    ]
    if right:
        rows = _with_share_axis(rows, glyphs)
    return ChartDrawing(rows, gutter, canvas.columns, x)


def visible_points(curve: Curve, x: AxisScale) -> tuple[FloatArray, FloatArray]:
    """The points of a curve within the x axis."""
    inside = slice(np.searchsorted(curve.xs, x.low), np.searchsorted(curve.xs, x.high, "right"))
    return curve.xs[inside], curve.ys[inside]


def curve_smoothing(curve: Curve) -> float | None:
    """The width of the means that a curve is drawn as; None if its points are drawn."""
    return smoothing_width(curve.xs) if curve.is_noisy else None


def _layer(curve: Curve, x: AxisScale, width: int) -> _Layer:
    smoothing = curve_smoothing(curve)
    if smoothing is None:
        return _Layer(curve, *_clipped(curve, x), None)
    positions = line_positions(curve.xs, x, 2 * width)
    line = mean_line(curve.xs, curve.ys, smoothing, positions)
    return _Layer(curve, *line, visible_points(curve, x) if curve.has_cloud else None)


def _clipped(curve: Curve, x: AxisScale) -> tuple[FloatArray, FloatArray]:
    """The points in view, and those at the edges of the view where the curve crosses them."""
    xs, ys = visible_points(curve, x)
    for edge, at in ((x.low, 0), (x.high, len(xs))):
        if curve.xs[0] < edge < curve.xs[-1]:
            xs = np.insert(xs, at + (at > 0 and len(xs) > at), edge)
            ys = np.insert(ys, at + (at > 0 and len(ys) > at), np.interp(edge, curve.xs, curve.ys))
    return xs, ys


def _message(text: str, width: int, height: int) -> list[StyledRow]:
    blank: StyledRow = [(" " * width, "")]
    rows = [blank] * height
    if height:
        rows[height // 2] = [(text[:width].center(width), "label")]
    return rows


def _y_scale(chart: Chart, view: ChartView, layers: Sequence[_Layer]) -> AxisScale:
    """The y axis: all lines, nearly all of the clouds, and the baselines if all is in view."""
    drawn = [layer.ys for layer in layers if len(layer.ys)]
    drawn += [_usual_extent(layer.cloud[1]) for layer in layers if layer.cloud is not None]
    values = np.concatenate(drawn) if drawn else np.ones(1)
    low, high = float(values.min()), float(values.max())
    if view.window is None:
        limit = high * BASELINE_MAX_RATIO
        levels = [value for _, value in chart.baselines if MIN_POSITIVE <= value <= limit]
        low, high = min([low, *levels]), max([high, *levels])
    return padded_scale(low, high, view.mode.is_log_y)


def _usual_extent(ys: FloatArray) -> FloatArray:
    """The lowest and the highest value, without those far from nearly all others."""
    if not len(ys):
        return ys
    low, high = np.quantile(ys[:: -(-len(ys) // QUANTILE_POINTS)], CLOUD_QUANTILES)
    margin = CLOUD_MARGIN * (high - low)
    return np.array([max(ys.min(), low - margin), min(ys.max(), high + margin)])


def _paint(
    canvas: Canvas,
    chart: Chart,
    view: ChartView,
    layers: Sequence[_Layer],
    shares: Sequence[_Layer],
    scales: tuple[AxisScale, AxisScale],
    glyphs: ChartGlyphs,
) -> None:
    """Draw everything within the axes, from back to front."""
    x, y = scales
    levels = _baseline_rows(canvas, chart.baselines, y, glyphs)
    for row, (_, is_inside) in levels.items():
        if is_inside:
            canvas.horizontal(row, glyphs.baseline, "rule")
    _paint_cursor(canvas, chart, view, x, glyphs)
    clouds = [layer.cloud for layer in layers if layer.cloud is not None]
    for cloud in clouds:
        _paint_cloud(canvas, cloud, x, y, glyphs)
    for layer in shares:
        heights = 1 - SHARE_SCALE.shares(layer.ys)
        canvas.line(x.shares(layer.xs), heights, layer.curve.colour, glyphs.joined)
    for layer in sorted(layers, key=lambda layer: layer.curve.is_noisy):
        is_noisy = layer.curve.is_noisy
        style = layer.curve.colour + (BOLD if is_noisy else "")
        glyph = glyphs.joined if layer.curve.marker else glyphs.line
        canvas.line(x.shares(layer.xs), 1 - y.shares(layer.ys), style, glyph)
    marked = sum(bool(layer.curve.marker) for layer in layers)
    for number, layer in enumerate(layers):
        _paint_markers(canvas, layer, number, (x, y), glyphs, has_others=marked > 1)
    for number, layer in enumerate(shares):
        _paint_markers(canvas, layer, number, (x, SHARE_SCALE), glyphs, has_others=False)
    for cloud in clouds:
        _paint_arrows(canvas, cloud, x, y, glyphs)
    _label_baselines(canvas, levels)


def _paint_cursor(
    canvas: Canvas, chart: Chart, view: ChartView, x: AxisScale, glyphs: ChartGlyphs
) -> None:
    position = view.cursor_of(chart)
    if view.has_cursor and x.low <= position <= x.high:
        canvas.vertical(_column_of(canvas, x, position), glyphs.cursor, "cursor")


def _paint_cloud(
    canvas: Canvas,
    points: tuple[FloatArray, FloatArray],
    x: AxisScale,
    y: AxisScale,
    glyphs: ChartGlyphs,
) -> None:
    xs, ys = cloud_points(x.shares(points[0]), points[1], canvas.width)
    inside = (ys >= y.low) & (ys <= y.high)
    canvas.dots(xs[inside], 1 - y.shares(ys[inside]), "cloud", glyphs.cloud)


def _paint_arrows(
    canvas: Canvas,
    points: tuple[FloatArray, FloatArray],
    x: AxisScale,
    y: AxisScale,
    glyphs: ChartGlyphs,
) -> None:
    """Draw an arrow above or below each column with single steps off the scale."""
    outside = (points[1] < y.low) | (points[1] > y.high)
    for position, value in zip(*_thinned(points[0][outside], points[1][outside]), strict=True):
        row, glyph = (0, glyphs.up) if value > y.high else (canvas.rows - 1, glyphs.down)
        canvas.text(_column_of(canvas, x, position), row, glyph, "cloud", LABEL_COST)


def _thinned(xs: FloatArray, ys: FloatArray) -> tuple[list[float], list[float]]:
    """At most as many points as could be told apart."""
    every = max(1, len(xs) // QUANTILE_POINTS)
    return xs[::every].tolist(), ys[::every].tolist()


def _paint_markers(
    canvas: Canvas,
    layer: _Layer,
    number: int,
    scales: tuple[AxisScale, AxisScale],
    glyphs: ChartGlyphs,
    *,
    has_others: bool,
) -> None:
    """Draw the markers of a curve and the star of its best point.

    Of many points only some have a marker, at other places than those of the other curves.
    """
    x, y = scales
    curve = layer.curve
    style = curve.colour + BOLD
    xs, ys = (layer.xs, layer.ys) if curve.is_noisy else visible_points(curve, x)
    columns = np.rint(x.shares(xs) * (canvas.columns - 1)).astype(int).tolist()
    if curve.marker:
        gap, free_from = MARKER_GAP_CELLS, 0
        if curve.is_noisy or (has_others and len(columns) * MARKER_GAP_CELLS > canvas.columns):
            gap = canvas.columns // DENSE_MARKERS
            free_from = gap * (number + 1) // (MARKERS_APART + 1)
        sign = glyphs.sign(curve.marker)
        for column, value in zip(columns, ys.tolist(), strict=True):
            if column >= free_from:
                canvas.text(column, _row_of(canvas, y, value), sign, style, MARKER_COST)
                free_from = column + gap
    if curve.has_best and len(curve.ys):
        at = curve.best_x
        best = int(np.argmin(curve.ys if at is None else np.abs(curve.xs - at)))
        position, value = float(curve.xs[best]), float(curve.ys[best])
        if x.low <= position <= x.high:
            column, row = _column_of(canvas, x, position), _row_of(canvas, y, value)
            canvas.text(column, row, glyphs.sign("★"), style, LABEL_COST)


def _row_of(canvas: Canvas, y: AxisScale, value: float) -> int:
    return round((1 - min(1.0, max(0.0, y.share(value)))) * (canvas.rows - 1))


def _column_of(canvas: Canvas, x: AxisScale, position: float) -> int:
    return round(min(1.0, max(0.0, x.share(position))) * (canvas.columns - 1))


def _baseline_rows(
    canvas: Canvas,
    baselines: Sequence[tuple[str, float]],
    y: AxisScale,
    glyphs: ChartGlyphs,
) -> dict[int, tuple[str, bool]]:
    """Row by row the names of the baselines there, and whether one is on the scale.

    Those above or below the scale have an arrow in the first or last row.
    """
    rows: dict[int, tuple[str, bool]] = {}
    for name, value in baselines:
        if not 0 < value < np.inf:
            continue
        is_inside = y.low <= value <= y.high
        arrow = "" if is_inside else glyphs.up + " " if value > y.high else glyphs.down + " "
        row = _row_of(canvas, y, value)
        text, has_line = rows.get(row, ("", False))
        label = f"{arrow}{name} {value:.3f}"
        rows[row] = (f"{text}{glyphs.between}{label}" if text else label, has_line or is_inside)
    return rows


def _label_baselines(canvas: Canvas, levels: dict[int, tuple[str, bool]]) -> None:
    """Label each baseline on its line, as far right as hides least; never over another label."""
    for row, (text, _) in levels.items():
        label = f" {text} "
        starts = range(canvas.columns - len(label), -1, -1)
        costs = [canvas.cost(start, row, len(label)) for start in starts]
        if costs and min(costs) < LABEL_COST:
            canvas.text(starts[costs.index(min(costs))], row, label, "label")


def _y_labels(y: AxisScale, rows: int) -> dict[int, str]:
    """Labels by row: a few, but at least three if there is space, to make the scale readable."""
    labels: dict[int, str] = {}
    limit = max(2, rows // 3)
    for count in range(limit, max(limit, 2 * MIN_Y_TICKS) + 1):
        labels = {
            round((1 - y.share(value)) * (rows - 1)): tick_label(value)
            for value in reversed(y.ticks(count))
        }
        if len(labels) >= min(MIN_Y_TICKS, rows // 2):
            break
    return labels


def _rows_with_axis(
    canvas: Canvas,
    labels: dict[int, str],
    gutter: int,
    glyphs: ChartGlyphs,
) -> list[StyledRow]:
    rows: list[StyledRow] = []
    for number, pieces in enumerate(canvas.pieces()):
        label = labels.get(number, "")[: gutter - 2].rjust(gutter - 2) + " "
        if number in labels:
            rows.append([(label, "axis"), (glyphs.tick, "rule"), *pieces])
        else:
            rows.append([(label + glyphs.axis, "rule"), *pieces])
    return rows


def _with_share_axis(rows: Sequence[StyledRow], glyphs: ChartGlyphs) -> list[StyledRow]:
    """The rows with a scale from 0 to 100 % at their right; the last has the x axis."""
    height = len(rows) - 1
    values = (0.0, 1.0) if height < 5 else (0.0, 0.5, 1.0) if height < 12 else SHARE_TICKS
    labels = {round((1 - value) * (height - 1)): f" {100 * value:.0f} %" for value in values}
    cells = SHARE_GUTTER_CELLS - 1
    extended: list[StyledRow] = []
    for number, row in enumerate(rows):
        if number == height:
            extended.append([*row, (" " * (cells + 1), "")])
        elif number in labels:
            label = labels[number].ljust(cells)
            extended.append([*row, (glyphs.right_tick, "rule"), (label, "axis")])
        else:
            extended.append([*row, (glyphs.axis, "rule"), (" " * cells, "")])
    return extended


def _x_axis(
    x: AxisScale,
    chart: Chart,
    view: ChartView,
    extent: tuple[int, int],
    glyphs: ChartGlyphs,
) -> StyledRow:
    """Labels, marks among them, arrows where points are out of view, and the name of the axis."""
    left, columns = extent
    width = left + columns
    cells, styles = [" "] * width, ["axis"] * width

    def put(start: int, text: str, style: str) -> bool:
        end = start + len(text)
        around = "".join(cells[max(0, start - 1) : end + 1])
        if start < 0 or end > width or around.strip():
            return False
        cells[start:end], styles[start:end] = text, [style] * len(text)
        return True

    for mark in chart.marks:
        if x.low <= mark.x <= x.high:
            column = left + round(x.share(mark.x) * (columns - 1))
            cells[column], styles[column] = glyphs.sign(mark.sign), "mark"
    if any(curve.xs[0] < x.low for curve in chart.curves):
        put(left - 2, glyphs.left, "label")
    name = glyphs.between.join(filter(None, (chart.unit, view.mode.value)))
    if any(curve.xs[-1] > x.high for curve in chart.curves):
        name += " " + glyphs.right
    put(width - len(name), name, "axis")
    for value in position_ticks(x, max(2, columns // CELLS_PER_X_TICK), chart.unit):
        label = position_label(value, chart.unit)
        center = left + round(x.share(value) * (columns - 1))
        start = min(center - len(label) // 2, width - len(label))
        put(max(left, start), label, "axis")
    row: StyledRow = []
    for character, style in zip(cells, styles, strict=True):
        if row and row[-1][1] == style:
            row[-1] = (row[-1][0] + character, style)
        else:
            row.append((character, style))
    return row
