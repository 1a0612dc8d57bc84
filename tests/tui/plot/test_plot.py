"""The loss chart: sizes, scales, unusual losses, labels, and the canvas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.plot.axis import AxisScale, linear_ticks, log_ticks, padded_scale, tick_label
from tui.plot.canvas import CURVE_COST, LABEL_COST, Canvas
from tui.plot.plot import GUTTER_CELLS, Chart, Curve, downsample, draw_chart, smooth

CHARSETS = ["braille", "block", "ascii"]
REFERENCES = (("random", 4.9), ("unigram", 3.96), ("bigram", 1.47))


def curve(ys: list[float], name: str = "train") -> Curve:
    return Curve(name, np.arange(len(ys), dtype=float), np.array(ys, float))


def text(
    chart: Chart, width: int = 70, height: int = 16, charset: str = "ascii", **options: bool
) -> str:
    rows = draw_chart(chart, width, height, charset, **options)
    return "\n".join("".join(part for part, _ in row) for row in rows)


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40),
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=5),
    st.integers(0, 90),
    st.integers(0, 30),
    st.sampled_from(CHARSETS),
    st.booleans(),
)
def test_every_row_has_the_width_for_any_losses(
    train: list[float], other: list[float], width: int, height: int, charset: str, log: bool
) -> None:
    chart = Chart(
        curves=(curve(train), curve(other, "validation")),
        references=(*REFERENCES, ("odd", math.nan), ("far", math.inf)),
        marks=((3.0, "rate 0.0005"), (1e9, "later")),
    )
    rows = draw_chart(chart, width, height, charset, log=log)
    assert [sum(len(part) for part, _ in row) for row in rows] == [width] * height


@pytest.mark.parametrize("points", [[], [math.nan], [math.inf, -math.inf]])
def test_a_chart_without_losses_shows_a_message(points: list[float]) -> None:
    assert "no losses yet" in text(Chart(curves=(curve(points),)))


def test_a_chart_that_is_too_small_shows_a_message() -> None:
    assert "too small for a chart" in text(Chart(curves=(curve([1, 2]),)), 30, 4)


def test_one_point_is_drawn_on_sensible_axes() -> None:
    """As in the first second of a run."""
    text_of_chart = text(Chart(curves=(Curve("train", np.array([0.0]), np.array([4.5])),)))
    assert text_of_chart.count("o") >= 2  # the point and its legend
    assert "-0." not in text_of_chart
    assert "train 4.5" in text_of_chart


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_spike_is_visible_among_many_points(charset: str) -> None:
    ys = np.ones(100_000)
    ys[54_321] = 9.0
    rows = draw_chart(Chart(curves=(Curve("train", np.arange(1e5), ys),)), 80, 20, charset)
    top = "".join(part for part, _ in rows[1])[GUTTER_CELLS + 1 :]
    column = len(top) - len(top.lstrip())
    assert top.strip()
    assert abs(column / len(top) - 0.54321) < 0.02


def test_points_that_are_not_finite_are_left_out() -> None:
    ys = [4.0, math.nan, math.inf, 2.0]
    finite_chart = Chart(curves=(Curve("train", np.array([0.0, 3.0]), np.array([4.0, 2.0])),))
    assert text(Chart(curves=(curve(ys),))) == text(finite_chart)


def test_curves_references_and_marks_differ_without_colour() -> None:
    losses = [4.8 - n / 20 for n in range(40)]
    chart = Chart(
        curves=(curve(losses), Curve("validation", np.array([0.0, 20.0, 39.0]), np.full(3, 4.0))),
        references=REFERENCES,
        marks=((10.0, "rate 0.0005"),),
        about="the validation data",
    )
    ascii_text = text(chart, 80)
    assert all(sign in ascii_text for sign in "o*|-")
    for label in ("random 4.90", "unigram 3.96", "bigram 1.47", "rate 0.0005"):
        assert label in ascii_text
    assert "baselines on the validation data" in ascii_text
    assert ascii_text.isascii()
    assert "●" in text(chart, charset="braille")


def test_labels_avoid_the_curves() -> None:
    chart = Chart(curves=(curve([4.9, 1.0] + [2.0] * 40),), references=(("reference", 2.0),))
    text_of_chart = text(chart)
    assert "reference 2.00" in text_of_chart
    without_reference = text(Chart(curves=chart.curves, references=()))
    assert text_of_chart.count("o") - len("o") >= without_reference.count("o") - len(
        " reference 2.00 "
    )


def test_raw_points_have_another_style_than_their_mean() -> None:
    ys = 2 + np.random.default_rng(0).normal(0, 0.3, 5000)
    chart = Chart(curves=(Curve("train", np.arange(5000.0), ys),))
    styles = [style for row in draw_chart(chart, 80, 20, "braille") for _, style in row]
    assert {"noise", "train"} <= set(styles)
    ascii_text = text(chart)
    assert ascii_text.count(".") > ascii_text.count("o") > 50


def test_a_logarithmic_scale_leaves_out_losses_of_zero() -> None:
    text_of_chart = text(Chart(curves=(curve([10.0, 1.0, 0.0, 0.1]),)), log=True)
    assert all(tick in text_of_chart for tick in ("10+", "1+", "0.1+"))


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


@pytest.mark.parametrize(
    ("value", "label"),
    [(0, "0"), (2.5, "2.5"), (400, "400"), (12_000, "12k"), (12_500, "12.5k"), (3e6, "3M"),
     (2e9, "2G"), (0.0001, "0.0001"), (2.5e-5, "2.5e-05")],
)  # fmt: skip
def test_tick_labels_are_short(value: float, label: str) -> None:
    assert tick_label(value) == label
    assert len(label) <= GUTTER_CELLS


@given(st.floats(1e-3, 1e3), st.floats(1.05, 1e4), st.integers(9, 40), st.booleans())
def test_the_y_axis_has_at_least_three_ticks(
    low: float, factor: float, height: int, log: bool
) -> None:
    chart = Chart(curves=(curve([low * factor, low]),))
    labels = [
        line[:GUTTER_CELLS].strip() for line in text(chart, 60, height, log=log).split("\n")[1:-2]
    ]
    tick_values = [float(value.replace("k", "e3").replace("M", "e6")) for value in labels if value]
    assert len(tick_values) >= 3
    assert tick_values == sorted(tick_values, reverse=True)


def test_labels_of_close_references_do_not_overlap() -> None:
    chart = Chart(
        curves=(curve([4.9, 0.4]),),
        references=(("unigram", 3.31), ("bigram", 3.3), ("third", 3.29)),
        marks=((0.2, "rate 0.0005"),),
    )
    wide, narrow = text(chart, 90, 8), text(chart, 30, 8)
    assert all(f" {name} " in wide for name in ("unigram 3.31", "bigram 3.30"))
    assert " unigram 3.31 " in narrow
    assert "bigram" not in narrow
    assert "third" not in narrow


@given(st.floats(1e-6, 1e6), st.booleans())
def test_a_flat_curve_gets_a_padded_scale(value: float, log: bool) -> None:
    scale = padded_scale(value, value, log)
    assert 0 < scale.share(value) < 1


@given(st.lists(st.floats(0.01, 100), min_size=1), st.booleans())
def test_shares_are_those_of_single_values(values: list[float], log: bool) -> None:
    scale = AxisScale(0.01, 100.0, log)
    assert scale.shares(np.array(values)) == pytest.approx([scale.share(v) for v in values])


def test_smoothing_starts_at_the_first_value_and_ends_near_the_last() -> None:
    assert smooth(np.array([3.0]))[0] == pytest.approx(3.0)
    falling = smooth(np.linspace(5, 1, 500))
    assert falling[0] == pytest.approx(5.0)
    assert 1.0 < falling[-1] < 1.2


@given(st.integers(1, 5000))
def test_downsampling_keeps_the_mean(count: int) -> None:
    values = np.arange(float(count))
    means = downsample(values, 100)
    assert len(means) <= 100
    assert means[0] <= values.mean() <= means[-1]
    if count % len(means) == 0:
        assert means.mean() == pytest.approx(values.mean())


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
    canvas.horizontal(0, "-", "reference")
    canvas.line(np.array([0.0, 0.2]), np.zeros(2), "train", "o")
    canvas.text(3, 0, " a", "mark")
    assert canvas.pieces() == [
        [("oo", "train"), ("- ", "reference"), ("a", "mark"), ("-", "reference")]
    ]
    assert canvas.cost(0, 0, 6) == 2 * CURVE_COST + 2 * LABEL_COST
