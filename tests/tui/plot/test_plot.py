"""The loss chart: sizes, scales, unusual losses, layers, labels, and the canvas."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.common.ascii_signs import TABLE
from tui.plot.axis import AxisScale
from tui.plot.canvas import CURVE_COST, LABEL_COST, Canvas
from tui.plot.chart import RATE_SIGN, RESUME_SIGN, AxisMark, Chart, ChartView, Curve, ScaleMode
from tui.plot.plot import ASCII_SIGNS, draw_chart

CHARSETS = ["braille", "block", "ascii"]
BASELINES = (("uniform", 4.9), ("unigram", 3.96), ("bigram", 1.47))
MODES = list(ScaleMode)
RNG = np.random.default_rng(0)


def curve(ys: list[float], name: str = "train", **options: bool | str) -> Curve:
    xs = np.arange(len(ys), dtype=float)
    return Curve(name, xs, np.array(ys, float), **options)  # type: ignore[arg-type]


def test_curves_and_charts_can_be_compared() -> None:
    one, same = curve([1.0, 2.0]), curve([1.0, 2.0])
    assert one == one
    assert one != same
    assert Chart(curves=(one,)) != Chart(curves=(same,))


def lines(
    chart: Chart,
    width: int = 70,
    height: int = 16,
    charset: str = "ascii",
    view: ChartView | None = None,
) -> list[str]:
    drawing = draw_chart(chart, width, height, charset, view)
    return ["".join(part for part, _ in row) for row in drawing.rows]


def text(
    chart: Chart,
    width: int = 70,
    height: int = 16,
    charset: str = "ascii",
    view: ChartView | None = None,
) -> str:
    return "\n".join(lines(chart, width, height, charset, view))


def noisy(count: int, level: float = 2.0, spread: float = 0.3) -> Curve:
    """A curve of one point per step around a level."""
    xs = np.arange(1.0, count + 1)
    ys = level + RNG.normal(0, spread, count)
    return Curve("train", xs, ys, is_noisy=True)


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=200),
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=5),
    st.integers(0, 90),
    st.integers(0, 30),
    st.sampled_from(CHARSETS),
    st.sampled_from(MODES),
    st.none() | st.tuples(st.floats(0, 50), st.floats(50.001, 300)),
    st.lists(st.floats(0, 1), max_size=5),
)
def test_every_row_has_the_width_for_any_losses(
    train: list[float],
    other: list[float],
    width: int,
    height: int,
    charset: str,
    mode: ScaleMode,
    window: tuple[float, float] | None,
    shares: list[float],
) -> None:
    chart = Chart(
        shares=(curve(shares, "accuracy", marker="▲", has_best=True),),
        curves=(
            curve(train, is_noisy=True, marker="▲"),
            curve(other, "validation", marker="●", has_best=True),
        ),
        baselines=(*BASELINES, ("odd", math.nan), ("far", math.inf)),
        marks=(AxisMark(3.0, RATE_SIGN, "rate", "rate 0.0005"), AxisMark(1e9, ">", "later", "x")),
        planned=1000.0,
    )
    view = ChartView(mode, window, cursor=7.0, has_cursor=True)
    rows = draw_chart(chart, width, height, charset, view).rows
    assert [sum(len(part) for part, _ in row) for row in rows] == [width] * height


def test_shares_have_a_scale_of_their_own_at_the_right() -> None:
    """Detects an accuracy drawn, or labelled, on the scale of the losses."""
    xs = np.array([0.0, 50.0, 100.0])
    accuracy = Curve("accuracy", xs, np.array([0.0, 1.0, 0.5]), marker="▲", has_best=True)
    chart = Chart(curves=(curve([4.0] * 101),), shares=(replace(accuracy, best_x=50.0),))
    rows = lines(chart, height=14)
    assert [row[-7:] for row in rows[:13]] == [
        "+ 100 %",
        *["|      "] * 2,
        "+ 75 % ",
        *["|      "] * 2,
        "+ 50 % ",
        *["|      "] * 2,
        "+ 25 % ",
        *["|      "] * 2,
        "+ 0 %  ",
    ]
    assert "*" in rows[0], "the star is at the best, not at the lowest"
    assert rows[6][-8] == "^", "a half is in the middle, whatever the losses are"
    assert rows[12].count("^") == 1
    assert len(lines(chart, height=6)[0]) == 70
    assert "%" not in text(replace(chart, shares=()))
    assert "%" not in text(chart, width=39), "there is no room for a second scale"


def test_shares_of_nothing_are_drawn_on_a_logarithmic_scale_of_losses() -> None:
    zero = curve([0.0, 0.0], "accuracy", marker="▲")
    rows = lines(Chart(curves=(curve([4.0, 2.0]),), shares=(zero,)), view=ChartView(MODES[1]))
    assert "^" in rows[-2]


@pytest.mark.parametrize("points", [[], [math.nan], [math.inf, -math.inf]])
def test_a_chart_without_losses_shows_a_message(points: list[float]) -> None:
    assert "no losses yet" in text(Chart(curves=(curve(points),)))


def test_a_chart_that_is_too_small_shows_a_message() -> None:
    assert "too small for a chart" in text(Chart(curves=(curve([1, 2]),)), 30, 3)


def test_one_point_is_drawn_on_sensible_axes() -> None:
    """As in the first second of a run."""
    text_of_chart = text(Chart(curves=(Curve("train", np.array([0.0]), np.array([4.5])),)))
    assert text_of_chart.count("#") == 1
    assert "-0." not in text_of_chart


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("is_noisy", [False, True])
def test_a_spike_is_visible_among_many_points(charset: str, is_noisy: bool) -> None:
    """In a cloud it is far off the scale and has an arrow."""
    ys = np.ones(100_000)
    ys[54_321] = 9.0
    train = Curve("train", np.arange(1e5), ys, is_noisy=is_noisy)
    drawing = draw_chart(Chart(curves=(train,)), 80, 20, charset)
    top = "".join(part for part, _ in drawing.rows[0])[drawing.left :]
    arrow = {"ascii": "^"}.get(charset, "↑")
    sign = arrow if is_noisy else top.strip()
    assert len(sign) == 1
    assert abs(top.index(sign) / len(top) - 0.54321) < 0.02


def test_a_low_outlier_has_an_arrow_below() -> None:
    ys = 5 + RNG.normal(0, 0.1, 5000)
    ys[2500] = 0.5
    rows = lines(Chart(curves=(Curve("train", np.arange(5000.0), ys, is_noisy=True),)))
    assert "v" in rows[-2]


def test_points_that_are_not_finite_are_left_out() -> None:
    ys = [4.0, math.nan, math.inf, 2.0]
    finite_chart = Chart(curves=(Curve("train", np.array([0.0, 3.0]), np.array([4.0, 2.0])),))
    assert text(Chart(curves=(curve(ys),))) == text(finite_chart)


def test_every_part_differs_without_colour() -> None:
    train = Curve("train", np.arange(1.0, 401), np.geomspace(4.8, 1.2, 400), is_noisy=True)
    train.ys[::3] += 0.4
    val = Curve(
        "validation", np.arange(0.0, 401, 100), np.array([4.8, 3.6, 2.6, 1.9, 2.2]),
        "accent", "●", has_best=True,
    )  # fmt: skip
    chart = Chart(
        curves=(train, val),
        baselines=BASELINES,
        marks=(
            AxisMark(100.0, RATE_SIGN, "rate", "rate 0.0005"),
            AxisMark(200.0, RESUME_SIGN, "resumed", "resumed"),
        ),
    )
    ascii_text = text(chart, 80)
    assert all(sign in ascii_text for sign in "#.=o*-|+>")
    assert "+" in lines(chart, 80)[-1]
    for label in ("uniform 4.900", "unigram 3.960", "bigram 1.470"):
        assert label in ascii_text
    assert ascii_text.isascii()
    unicode_text = text(chart, 80, charset="braille")
    assert all(sign in unicode_text for sign in "●★┄┤±»")
    assert unicode_text.count("★") == 1


def test_signs_have_the_same_stand_ins_as_everywhere() -> None:
    assert {sign: TABLE[ord(sign)] for sign in ASCII_SIGNS} == ASCII_SIGNS


def test_the_layers_are_in_order() -> None:
    """Baselines, cloud, validation, smoothed line, markers: each covers those before it."""
    ys = np.full(1000, 2.0)
    val = Curve("validation", np.array([0.0, 500.0, 999.0]), np.full(3, 2.0), "accent", "●")
    train = Curve("train", np.arange(1000.0), ys, is_noisy=True)
    baselines = (("bigram", 2.0),)

    def row(*curves: Curve) -> str:
        chart = Chart(curves=curves, baselines=baselines)
        return next(line for line in lines(chart) if "bigram" in line)

    assert "-" in row(Curve("validation", np.array([0.0, 1.0]), np.array([2.0, 1.0]), marker="●"))
    both = row(train, val)
    assert "#" in both
    assert "o" in both
    assert "." not in both.split("bigram")[0]
    assert "=" not in both
    assert "-" not in both


def test_labels_avoid_the_curves() -> None:
    chart = Chart(curves=(curve([4.9, 1.0] + [2.0] * 40),), baselines=(("bigram", 2.0),))
    text_of_chart = text(chart)
    assert "bigram 2.000" in text_of_chart
    without = text(Chart(curves=chart.curves))
    assert text_of_chart.count("#") >= without.count("#") - len(" bigram 2.000 ")


def test_the_cloud_has_another_style_than_its_mean() -> None:
    chart = Chart(curves=(noisy(5000),))
    styles = [style for row in draw_chart(chart, 80, 20, "braille").rows for _, style in row]
    assert {"cloud", "primary-bold"} <= set(styles)
    ascii_text = text(chart)
    assert ascii_text.count(".") > ascii_text.count("#") > 50


def test_a_curve_without_its_cloud_is_only_a_line() -> None:
    """As where several runs are compared."""
    xs, ys = np.arange(1000.0), 2 + RNG.normal(0, 0.3, 1000)
    chart = Chart(curves=(Curve("a", xs, ys, is_noisy=True, has_cloud=False, marker="▲"),))
    styles = {style for row in draw_chart(chart, 80, 20, "braille").rows for _, style in row}
    assert "cloud" not in styles
    assert 3 <= text(chart, charset="braille").count("▲") <= 6


def test_markers_of_compared_runs_do_not_cover_each_other() -> None:
    curves = tuple(
        Curve(marker, np.arange(1000.0), np.full(1000, 2.0), marker=marker, is_noisy=True)
        for marker in "●▲■◆"
    )
    text_of_chart = text(Chart(curves=curves), charset="braille")
    assert all(3 <= text_of_chart.count(marker) <= 6 for marker in "●▲■◆")


def test_many_points_of_compared_runs_have_few_markers() -> None:
    a, b = (curve([2.0 + offset] * 200, marker=sign) for offset, sign in ((0, "●"), (1, "▲")))
    text_of_chart = text(Chart(curves=(a, b)), charset="braille")
    columns = [
        {line.index(sign) for line in text_of_chart.split("\n") if sign in line} for sign in "●▲"
    ]
    assert 3 <= text_of_chart.count("●") <= 6
    assert not columns[0] & columns[1]


def test_markers_of_close_points_are_thinned_out() -> None:
    chart = Chart(curves=(curve([2.0] * 500, marker="●"),))
    markers = max(line.count("o") for line in lines(chart, 60))
    assert 15 < markers <= 60 // 3


def test_a_logarithmic_scale_leaves_out_losses_of_zero() -> None:
    view = ChartView(ScaleMode.LOG_LOSS)
    text_of_chart = text(Chart(curves=(curve([10.0, 1.0, 0.0, 0.1]),)), view=view)
    assert all(tick in text_of_chart for tick in ("10 +", "1 +", "0.1 +"))
    assert "log loss" in text_of_chart


def test_both_logarithmic_axes_leave_out_step_0() -> None:
    chart = Chart(curves=(Curve("train", np.array([0.0, 1, 10, 100]), np.array([9.0, 8, 4, 2])),))
    axis = lines(chart, view=ChartView(ScaleMode.LOG_BOTH))[-1]
    assert [axis.split()[place] for place in (0, -3, -2, -1)] == ["1", "steps,", "log", "both"]
    positions = [axis.index(f" {label} ") for label in (3, 10, 30)]
    assert positions[1] - positions[0] == pytest.approx(positions[2] - positions[1], abs=2)


def test_the_x_axis_has_whole_steps_with_commas() -> None:
    chart = Chart(curves=(Curve("train", np.arange(4000.0), np.full(4000, 2.0)),))
    labels = lines(chart, 100)[-1].split()
    assert labels[:4] == ["0", "500", "1,000", "1,500"]
    few = lines(Chart(curves=(curve([3.0, 2.0, 1.0]),)), 100)[-1].split()
    assert few == ["0", "1", "steps"]


@pytest.mark.parametrize(
    ("last", "end"), [(3136, 4536), (2268, 2268), (2269, 4536), (100, 141.75), (5000, 5000)]
)
def test_the_x_axis_ends_at_the_plan_or_at_half_of_it(last: float, end: float) -> None:
    """A run at its beginning fills its chart, and the axis changes rarely."""
    chart = Chart(curves=(Curve("train", np.array([1.0, last]), np.ones(2)),), planned=4536.0)
    drawing = draw_chart(chart, 80, 20, "braille")
    assert drawing.x is not None
    assert (drawing.x.low, drawing.x.high) == (0.0, end)


@given(st.floats(1e-3, 1e3), st.floats(1.05, 1e4), st.integers(9, 40), st.booleans())
def test_the_y_axis_has_at_least_three_ticks(
    low: float, factor: float, height: int, log: bool
) -> None:
    chart = Chart(curves=(curve([low * factor, low]),))
    view = ChartView(ScaleMode.LOG_LOSS if log else ScaleMode.LINEAR)
    rows = lines(chart, 60, height, view=view)[:-1]
    labels = [line.split("+")[0].strip() for line in rows if "+" in line]
    tick_values = [float(value.replace("k", "e3").replace("M", "e6")) for value in labels]
    assert len(tick_values) >= 3
    assert tick_values == sorted(tick_values, reverse=True)


def test_baselines_in_one_row_share_a_label() -> None:
    chart = Chart(
        curves=(curve([4.9, 0.4]),),
        baselines=(("unigram", 3.31), ("bigram", 3.3)),
    )
    assert " unigram 3.310, bigram 3.300 " in text(chart, 90, 8)


def test_baselines_off_the_scale_have_an_arrow() -> None:
    train = curve([1.0, 1.1, 1.2])
    high = text(Chart(curves=(train,), baselines=(("uniform", 8.318),)), charset="braille")
    assert "↑ uniform 8.318" in high.split("\n")[0]
    assert "┄" not in high
    zoomed = ChartView(window=(1.5, 2.0))
    low = lines(
        Chart(curves=(train,), baselines=(("bigram", 0.5),)), charset="braille", view=zoomed
    )
    assert "↓ bigram 0.500" in low[-2]


def test_a_window_shows_a_part_and_points_to_the_rest() -> None:
    chart = Chart(curves=(curve([float(10 - n) for n in range(10)]),))
    drawing = draw_chart(chart, 80, 20, "braille", ChartView(window=(2.0, 5.0)))
    axis = "".join(part for part, _ in drawing.rows[-1])
    assert axis.strip().startswith("←")
    assert axis.endswith("→")
    assert drawing.x_at(drawing.left) == 2.0
    assert drawing.x_at(79) == 5.0
    top = "".join(part for part, _ in drawing.rows[0])
    assert top[drawing.left] != " ", "the line begins at the edge"


def test_the_cursor_is_a_line_behind_the_curves() -> None:
    chart = Chart(curves=(curve([4.0, 3.0, 2.0, 3.0, 4.0]),))
    view = ChartView(cursor=2.0, has_cursor=True)
    drawing = draw_chart(chart, 61, 12, "ascii", view)
    column = drawing.left + round(0.5 * (drawing.columns - 1))
    rows = ["".join(part for part, _ in row) for row in drawing.rows]
    assert [row[column] for row in rows[:-2]] == ["|"] * 10
    assert rows[-2][column] == "#"


@pytest.mark.parametrize(
    ("charset", "rows"),
    [("braille", ["⠉⠢⡀", "  ⠈"]), ("block", ["▀▄ ", "  ▀"]), ("ascii", ["xx ", "  x"])],
)
def test_a_line_is_drawn_with_the_charset(charset: str, rows: list[str]) -> None:
    canvas = Canvas(3, 2, charset)
    end = {"braille": 4 / 7, "block": 2 / 3, "ascii": 1.0}[charset]
    canvas.line(np.array([0.0, 1.0]), np.array([0.0, end]), "train", "x")
    assert ["".join(part for part, _ in row) for row in canvas.pieces()] == rows


def test_the_upper_layer_is_shown_and_blanks_join_their_neighbours() -> None:
    canvas = Canvas(6, 1, "ascii")
    canvas.horizontal(0, "-", "rule")
    canvas.line(np.array([0.0, 0.2]), np.zeros(2), "train", "o")
    canvas.text(3, 0, " a", "mark")
    assert canvas.pieces() == [[("oo", "train"), ("- ", "rule"), ("a", "mark"), ("-", "rule")]]
    assert canvas.cost(0, 0, 6) == 2 * CURVE_COST + 2 * LABEL_COST


@pytest.mark.parametrize(
    ("charset", "rows"),
    [("braille", ["⠁   ", "   ⢀"]), ("block", ["▀   ", "   ▄"]), ("ascii", ["x   ", "   x"])],
)
def test_dots_are_not_joined(charset: str, rows: list[str]) -> None:
    canvas = Canvas(4, 2, charset)
    canvas.dots(np.array([1.0, 0.0]), np.array([1.0, 0.0]), "cloud", "x")
    assert ["".join(part for part, _ in row) for row in canvas.pieces()] == rows


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("losses", [[5e-324] * 3, [5e-324, 1e-323, 2e-323], [1e-310, 2e-310]])
def test_losses_that_round_to_nothing_are_a_flat_line(mode: ScaleMode, losses: list[float]) -> None:
    """Detects a division by a range of 0."""
    chart = Chart((curve(losses),), baselines=(("bigram", 5e-324),))
    for charset in CHARSETS:
        assert len(lines(chart, charset=charset, view=ChartView(mode=mode))) == 16


def test_an_axis_without_length_has_one_position() -> None:
    assert AxisScale(5e-324, 5e-324).share(5e-324) == 0
