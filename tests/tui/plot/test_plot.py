"""The chart without a terminal: sizes, scales, odd numbers, and telling things apart."""

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
    chart: Chart, width: int = 70, height: int = 16, charset: str = "ascii", **how: bool
) -> str:
    rows = draw_chart(chart, width, height, charset, **how)
    return "\n".join("".join(part for part, _ in row) for row in rows)


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40),
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=5),
    st.integers(0, 90),
    st.integers(0, 30),
    st.sampled_from(CHARSETS),
    st.booleans(),
)
def test_whatever_the_losses_every_row_is_as_wide_as_asked(
    train: list[float], other: list[float], width: int, height: int, charset: str, log: bool
) -> None:
    """A run that diverges and takes the screen with it; a row that pushes its neighbours aside."""
    chart = Chart(
        curves=(curve(train), curve(other, "validation")),
        references=(*REFERENCES, ("odd", math.nan), ("far", math.inf)),
        marks=((3.0, "rate 0.0005"), (1e9, "later")),
    )
    rows = draw_chart(chart, width, height, charset, log=log)
    assert [sum(len(part) for part, _ in row) for row in rows] == [width] * height


@pytest.mark.parametrize("points", [[], [math.nan], [math.inf, -math.inf]])
def test_without_losses_it_says_so(points: list[float]) -> None:
    """An empty picture that looks like a failure."""
    assert "no losses yet" in text(Chart(curves=(curve(points),)))


def test_where_there_is_no_room_it_says_so() -> None:
    """A chart squeezed to noise."""
    assert "too small for a chart" in text(Chart(curves=(curve([1, 2]),)), 30, 4)


def test_one_point_is_shown_on_axes_that_make_sense() -> None:
    """Negative steps, or nothing at all, in the first second of a run."""
    shown = text(Chart(curves=(Curve("train", np.array([0.0]), np.array([4.5])),)))
    assert shown.count("o") >= 2  # the point and its legend
    assert "-0." not in shown
    assert "train 4.5" in shown


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_spike_survives_any_number_of_points(charset: str) -> None:
    """One bad step out of a hundred thousand that is averaged or skipped away."""
    ys = np.ones(100_000)
    ys[54_321] = 9.0
    rows = draw_chart(Chart(curves=(Curve("train", np.arange(1e5), ys),)), 80, 20, charset)
    top = "".join(part for part, _ in rows[1])[GUTTER_CELLS + 1 :]
    column = len(top) - len(top.lstrip())
    assert top.strip()
    assert abs(column / len(top) - 0.54321) < 0.02


def test_points_that_are_no_numbers_leave_the_others_in_place() -> None:
    """A gap that moves the rest of the curve."""
    ys = [4.0, math.nan, math.inf, 2.0]
    whole = Chart(curves=(Curve("train", np.array([0.0, 3.0]), np.array([4.0, 2.0])),))
    assert text(Chart(curves=(curve(ys),))) == text(whole)


def test_curves_references_and_marks_are_told_apart_without_colour() -> None:
    """Two lines that look the same on a monochrome terminal."""
    losses = [4.8 - n / 20 for n in range(40)]
    chart = Chart(
        curves=(curve(losses), Curve("validation", np.array([0.0, 20.0, 39.0]), np.full(3, 4.0))),
        references=REFERENCES,
        marks=((10.0, "rate 0.0005"),),
        about="the validation data",
    )
    plain = text(chart, 80)
    assert all(sign in plain for sign in "o*|-")
    for words in ("random 4.90", "unigram 3.96", "bigram 1.47", "rate 0.0005"):
        assert words in plain
    assert "baselines on the validation data" in plain
    assert plain.isascii()
    assert "●" in text(chart, charset="braille")


def test_labels_hide_no_curve_where_there_is_room_elsewhere() -> None:
    """The newest losses behind the name of a line."""
    flat = Chart(curves=(curve([4.9, 1.0] + [2.0] * 40),), references=(("reference", 2.0),))
    shown = text(flat)
    assert "reference 2.00" in shown
    bare = text(Chart(curves=flat.curves, references=()))
    assert shown.count("o") - len("o") >= bare.count("o") - len(" reference 2.00 ")


def test_noise_is_fainter_than_the_line_through_it() -> None:
    """A smoothed line that cannot be seen in its noise."""
    ys = 2 + np.random.default_rng(0).normal(0, 0.3, 5000)
    chart = Chart(curves=(Curve("train", np.arange(5000.0), ys),))
    styles = [style for row in draw_chart(chart, 80, 20, "braille") for _, style in row]
    assert {"noise", "train"} <= set(styles)
    plain = text(chart)
    assert plain.count(".") > plain.count("o") > 50


def test_a_logarithmic_scale_leaves_out_what_it_cannot_show() -> None:
    """A loss of 0 that ends the app."""
    shown = text(Chart(curves=(curve([10.0, 1.0, 0.0, 0.1]),)), log=True)
    assert all(tick in shown for tick in ("10+", "1+", "0.1+"))


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
    """An axis of 1.37, 2.61, 3.85."""
    assert linear_ticks(low, high, 4) == pytest.approx(ticks)


@given(st.floats(1e-12, 1e12), st.floats(1.001, 1e6), st.integers(1, 12))
def test_ticks_are_few_in_order_and_inside(low: float, factor: float, most: int) -> None:
    """A tick beyond the end of its axis; an axis black with ticks."""
    for find in (linear_ticks, log_ticks):
        found = find(low, low * factor, most)
        assert len(found) <= 2 * most + 3
        assert found == sorted(set(found))
        assert all(low * (1 - 1e-6) <= tick <= low * factor * (1 + 1e-6) for tick in found)


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (2.5, "2.5"), (400, "400"), (12_000, "12k"), (12_500, "12.5k"), (3e6, "3M"),
     (2e9, "2G"), (0.0001, "0.0001"), (2.5e-5, "2.5e-05")],
)  # fmt: skip
def test_ticks_are_written_short(number: float, words: str) -> None:
    """A label that does not fit beside its axis."""
    assert tick_label(number) == words
    assert len(words) <= GUTTER_CELLS


@given(st.floats(1e-3, 1e3), st.floats(1.05, 1e4), st.integers(9, 40), st.booleans())
def test_the_losses_can_be_read_off(low: float, factor: float, height: int, log: bool) -> None:
    """An axis with one number on it, which tells nothing of the curve's size."""
    chart = Chart(curves=(curve([low * factor, low]),))
    numbers = [
        line[:GUTTER_CELLS].strip() for line in text(chart, 60, height, log=log).split("\n")[1:-2]
    ]
    told = [float(number.replace("k", "e3").replace("M", "e6")) for number in numbers if number]
    assert len(told) >= 3
    assert told == sorted(told, reverse=True)


def test_names_on_one_row_do_not_cover_each_other() -> None:
    """Two references of nearly the same value, of which one can read neither."""
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
def test_a_scale_is_never_a_point(value: float, log: bool) -> None:
    """A flat curve that divides by zero."""
    scale = padded_scale(value, value, log)
    assert 0 < scale.share(value) < 1


@given(st.lists(st.floats(0.01, 100), min_size=1), st.booleans())
def test_many_values_stand_where_one_would(values: list[float], log: bool) -> None:
    """A curve that is drawn beside its axis."""
    scale = AxisScale(0.01, 100.0, log)
    assert scale.shares(np.array(values)) == pytest.approx([scale.share(v) for v in values])


def test_smoothing_begins_at_the_first_value_and_ends_near_the_last() -> None:
    """A smoothed curve that starts at zero."""
    assert smooth(np.array([3.0]))[0] == pytest.approx(3.0)
    falling = smooth(np.linspace(5, 1, 500))
    assert falling[0] == pytest.approx(5.0)
    assert 1.0 < falling[-1] < 1.2


@given(st.integers(1, 5000))
def test_thinning_keeps_the_mean(count: int) -> None:
    """A last group that counts double."""
    values = np.arange(float(count))
    few = downsample(values, 100)
    assert len(few) <= 100
    assert few[0] <= values.mean() <= few[-1]
    if count % len(few) == 0:
        assert few.mean() == pytest.approx(values.mean())


@pytest.mark.parametrize(
    ("charset", "rows"),
    [("braille", ["⠉⠢⡀", "  ⠈"]), ("block", ["▀▄ ", "  ▀"]), ("ascii", ["xx ", "  x"])],
)
def test_a_line_is_drawn_with_what_there_is(charset: str, rows: list[str]) -> None:
    """Dots in the wrong corner of a cell."""
    canvas = Canvas(3, 2, charset)
    end = {"braille": 4 / 7, "block": 2 / 3, "ascii": 1.0}[charset]
    canvas.line(np.array([0.0, 1.0]), np.array([0.0, end]), "train", "x")
    assert ["".join(part for part, _ in row) for row in canvas.pieces()] == rows


def test_the_upper_layer_is_seen_and_blanks_join_their_neighbours() -> None:
    """A rule through a curve; a piece for every cell."""
    canvas = Canvas(6, 1, "ascii")
    canvas.horizontal(0, "-", "reference")
    canvas.line(np.array([0.0, 0.2]), np.zeros(2), "train", "o")
    canvas.text(3, 0, " a", "mark")
    assert canvas.pieces() == [
        [("oo", "train"), ("- ", "reference"), ("a", "mark"), ("-", "reference")]
    ]
    assert canvas.cost(0, 0, 6) == 2 * CURVE_COST + 2 * LABEL_COST
