"""The legend of a chart, and what its cursor reads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.plot.axis import EPOCHS, SECONDS, STEPS, TOKENS
from tui.plot.caption import legend, reading, smoothing_name
from tui.plot.chart import (
    RATE_SIGN,
    RESUME_SIGN,
    AxisMark,
    Chart,
    ChartView,
    Curve,
    Reading,
    ScaleMode,
)

STEP_NUMBERS = np.arange(1.0, 2501)
CHART = Chart(
    curves=(
        Curve("train", STEP_NUMBERS, 4 - STEP_NUMBERS / 1000, is_noisy=True),
        Curve(
            "validation",
            np.array([500.0, 1000, 1500]),
            np.array([3.5, 3.1, 2.7]),
            "accent",
            "●",
            has_best=True,
        ),
    ),
    baselines=(("bigram", 3.7),),
    marks=(
        AxisMark(800.0, RATE_SIGN, "rate changes", "rate 0.0005"),
        AxisMark(1000.0, RESUME_SIGN, "resumed", "resumed"),
    ),
    readings=(Reading("rate", [1, 800], [0.001, 0.0005]),),
    about="the validation data",
)


def legend_text(chart: Chart = CHART, width: int = 200, charset: str = "braille") -> str:
    return "".join(text for text, _ in legend(chart, ChartView(), charset, width))


def reading_text(
    cursor: float | None, chart: Chart = CHART, width: int = 200, charset: str = "braille"
) -> str:
    view = ChartView(cursor=cursor, has_cursor=True)
    return "".join(text for text, _ in reading(chart, view, charset, width))


def test_the_legend_names_every_sign_and_the_smoothing() -> None:
    assert legend_text() == (
        "━ train, mean of 50 steps  ⠢ each step  ● validation  ★ best  "
        "┄┄ baselines on the validation data  ± rate 0.0005  » resumed"
    )


def test_the_legend_in_ascii() -> None:
    assert legend_text(charset="ascii") == (
        "# train, mean of 50 steps  . each step  o validation  * best  "
        "-- baselines on the validation data  + rate 0.0005  > resumed"
    )


def test_several_marks_of_a_kind_are_counted() -> None:
    marks = tuple(AxisMark(float(x), RESUME_SIGN, "resumed", "resumed") for x in (3, 9))
    assert legend_text(Chart(curves=CHART.curves, marks=marks)).endswith("» resumed (2)")


def test_curves_of_a_short_run_are_not_smoothed() -> None:
    short = Chart(curves=(Curve("train", STEP_NUMBERS[:20], STEP_NUMBERS[:20], is_noisy=True),))
    assert legend_text(short) == "━ train"


def test_points_that_stand_for_several_steps_say_so() -> None:
    sparse = Chart(curves=(Curve("train", STEP_NUMBERS[::5], STEP_NUMBERS[::5], is_noisy=True),))
    assert "⠢ every 5 steps" in legend_text(sparse)


def test_a_chart_without_losses_has_no_words() -> None:
    assert legend_text(Chart()) == ""
    assert reading_text(None, Chart()) == ""


def test_the_cursor_reads_all_values_at_a_step() -> None:
    assert reading_text(1500.0) == (
        "step 1,500 · train 2.500 · mean of 50 steps 2.500 · ● validation 2.700 · rate 0.0005"
    )


def test_shares_are_named_and_read_as_percent() -> None:
    xs = np.array([500.0, 1000])
    shares = (Curve("accuracy", xs, np.array([0.5, 0.875]), "secondary", "▲", has_best=True),)
    chart = replace(CHART, shares=shares)
    assert "▲ accuracy (right axis)  ★ best" in legend_text(chart)
    assert "▲ accuracy 87.5 %" in reading_text(1000.0, chart)
    assert "▲ accuracy 50.0 % at 500" in reading_text(800.0, chart)


def test_an_older_validation_loss_is_given_with_its_step() -> None:
    assert "● validation 2.700 at 1,500 " in reading_text(None)
    assert "validation" not in reading_text(499.0)


def test_the_cursor_reads_the_mark_it_is_on() -> None:
    assert reading_text(1000.0).endswith(" · » resumed")
    assert reading_text(800.0).endswith(" · ± rate 0.0005")
    assert "±" not in reading_text(750.0)


def test_the_cursor_reads_epochs_with_their_step() -> None:
    chart = Chart(
        curves=(Curve("train", STEP_NUMBERS / 100, STEP_NUMBERS, is_noisy=True),),
        readings=CHART.readings,
        unit=EPOCHS,
        steps_per_unit=100.0,
    )
    assert reading_text(15.0, chart).startswith("epoch 15.00 · step 1,500 · train 1500.000 · ")
    assert reading_text(7.99, chart).endswith(" · rate 0.001")
    assert reading_text(8.0, chart).endswith(" · rate 0.0005")


@pytest.mark.parametrize(
    ("unit", "start"), [(TOKENS, "1.5k tokens · a 2.500"), (SECONDS, "25:00 · a 2.500")]
)
def test_compared_runs_are_read_by_tokens_or_time(unit: str, start: str) -> None:
    curves = (Curve("a", STEP_NUMBERS, 4 - STEP_NUMBERS / 1000),)
    chart = Chart(curves=curves, unit=unit, steps_per_unit=None)
    assert reading_text(1500.0, chart).replace("1500 tokens", "1.5k tokens") == start


@pytest.mark.parametrize(
    ("width", "unit", "name"),
    [(50, STEPS, "mean of 50 steps"), (1000, STEPS, "mean of 1,000 steps"),
     (0.2, EPOCHS, "mean of 0.2 epochs"), (1, EPOCHS, "mean of 1 epoch"),
     (2e6, TOKENS, "mean of 2M tokens"), (20, SECONDS, "mean of 0:20")],
)  # fmt: skip
def test_names_of_means(width: float, unit: str, name: str) -> None:
    assert smoothing_name(width, unit) == name


@given(
    st.integers(0, 150),
    st.sampled_from(["braille", "block", "ascii"]),
    st.sampled_from(list(ScaleMode)),
    st.floats(0, 1e4) | st.none(),
)
def test_words_fit_and_are_left_out_as_a_whole(
    width: int, charset: str, mode: ScaleMode, cursor: float | None
) -> None:
    view = ChartView(mode, cursor=cursor, has_cursor=True)
    for words in (legend, reading):
        row = words(CHART, view, charset, width)
        whole = words(CHART, view, charset, 1000)
        assert sum(len(text) for text, _ in row) <= width
        assert [piece for piece in row if piece not in whole] == []


def test_the_most_important_words_are_kept() -> None:
    assert legend_text(width=45) == "━ train, mean of 50 steps  ● validation"
    assert reading_text(1500.0, width=50) == "step 1,500 · train 2.500 · ● validation 2.700"


def test_points_of_compared_runs_are_read_together_where_they_are_close() -> None:
    late = Curve("b", np.array([900.0, 1499.0]), np.array([3.0, 2.0]), marker="▲")
    old = Curve("c", np.array([900.0]), np.array([3.0]), marker="■")
    curves = (Curve("a", STEP_NUMBERS, 4 - STEP_NUMBERS / 1000), late, old)
    chart = Chart(curves=curves, unit=TOKENS, steps_per_unit=None)
    assert reading_text(1500.0, chart).endswith("a 2.500 · ▲ b 2.000 · ■ c 3.000 at 900")
