"""The chart widget: its look, when it is redrawn, its cursor, its zoom and the mouse."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from textual.pilot import Pilot

from tests.support.apps import SIZES, StageApp, play_widget, widget_lines, widget_rows
from tests.support.captures import assert_same_as_capture
from tui.common.terminal import Terminal
from tui.plot.axis import EPOCHS
from tui.plot.chart import RATE_SIGN, RESUME_SIGN, AxisMark, Chart, Curve, Reading, ScaleMode
from tui.widgets import loss_plot
from tui.widgets.loss_plot import LossPlot

STEPS = np.arange(4.0, 2004, 4)
LOSSES = 1 + 4 * np.exp(-STEPS / 500) + 0.2 * np.sin(STEPS * 7)
CHART = Chart(
    curves=(
        Curve("train", STEPS, LOSSES, is_noisy=True),
        Curve(
            "validation",
            STEPS[24::50],
            1.3 + 4 * np.exp(-STEPS[24::50] / 500) + (STEPS[24::50] / 2000) ** 4,
            "accent",
            "●",
            has_best=True,
        ),
    ),
    baselines=(("uniform", 4.9), ("unigram", 3.96), ("bigram", 1.47)),
    marks=(
        AxisMark(800.0, RATE_SIGN, "rate changes", "rate 0.0005"),
        AxisMark(1400.0, RESUME_SIGN, "resumed", "resumed"),
    ),
    readings=(Reading("rate", [4, 800], [0.001, 0.0005]),),
    about="the validation data",
)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("charset", ["braille", "block", "ascii"])
def test_it_looks_as_captured(size: tuple[int, int], charset: str) -> None:
    """CAPTURE=1 accepts the present look."""
    if charset != "braille" and size != (80, 24):
        pytest.skip("the other characters at one size")

    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        plot.show(CHART)
        await pilot.pause()
        assert_same_as_capture(pilot.app, f"loss_plot_{charset}_{size[0]}x{size[1]}")

    play_widget(LossPlot(charset), act, size=size, terminal=Terminal(charset=charset))


def test_it_looks_as_captured_with_cursor_and_zoom() -> None:
    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        plot.show(CHART)
        plot.focus()
        await pilot.press("left", "pageup", "pageup", "left", "z")
        assert_same_as_capture(pilot.app, "loss_plot_zoomed_80x24")

    play_widget(LossPlot(), act)


def test_it_is_redrawn_only_when_something_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rendering a line must not draw the whole chart."""
    drawn: list[tuple[int, int]] = []
    whole = loss_plot.draw_chart

    def draw(chart: object, width: int, height: int, *rest: object) -> object:
        drawn.append((width, height))
        return whole(chart, width, height, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(loss_plot, "draw_chart", draw)

    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        drawn.clear()
        plot.show(CHART)
        await pilot.pause()
        assert drawn == [(80, 23)]
        plot.refresh()
        await pilot.pause()
        assert drawn == [(80, 23)]
        plot.cycle_scale()
        await pilot.pause()
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        assert drawn == [(80, 23), (80, 23), (100, 29)]
        pilot.app.theme = "textual-light"
        await pilot.pause()
        assert drawn[-2:] == [(100, 29)] * 2

    play_widget(LossPlot(), act)


def test_only_changed_rows_are_painted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over SSH each row costs."""

    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        plot.show(CHART)
        await pilot.pause()
        before = widget_lines(plot)
        painted: list[int] = []
        monkeypatch.setattr(plot, "refresh", lambda *rows: painted.extend(row.y for row in rows))
        plot.show(CHART)
        assert painted == []
        ys = CHART.curves[1].ys.copy()
        ys[-1] -= 0.5
        plot.show(replace(CHART, curves=(CHART.curves[0], replace(CHART.curves[1], ys=ys))))
        after = widget_lines(plot)
        changed = [y for y, row in enumerate(after) if row != before[y]]
        assert 1 < len(changed) < 12
        assert set(changed) <= set(painted)
        assert len(painted) < 15

    play_widget(LossPlot(), act)


def test_without_losses_a_message_is_shown() -> None:
    """A run starts without losses; no key does harm then."""

    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        plot.focus()
        await pilot.press("left", "z", "Z", "home", "end", "a")
        await pilot.click(LossPlot, offset=(20, 5))
        assert "no losses yet" in "\n".join(widget_lines(plot))
        plot.show(Chart(curves=(Curve("train", np.ones(1), np.full(1, 4.5)),)))
        await pilot.press("left")
        assert "step 1 · train 4.500" in widget_lines(plot)[0]

    play_widget(LossPlot(), act)


def test_parts_are_distinguishable_without_colour() -> None:
    """The smoothed line must stand out from the cloud."""

    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        plot.show(CHART)
        await pilot.pause()
        kinds = {
            (bool(part.style.dim), bool(part.style.bold))
            for row in widget_rows(plot)[1:-1]
            for part in row[1:]
            if part.style and part.text.strip()
        }
        assert kinds >= {(True, False), (False, False), (False, True)}

    play_widget(LossPlot(), act, terminal=Terminal(theme="ansi-dark", colour=False))


def test_the_cursor_reads_values_until_the_focus_leaves() -> None:
    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        plot.show(CHART)
        plot.focus()
        await pilot.pause()
        assert "mean of 50 steps" in widget_lines(plot)[0], "first the legend"
        await pilot.press("left")
        assert widget_lines(plot)[0].startswith(" step 2,000 · train ")
        await pilot.press("home")
        assert widget_lines(plot)[0].startswith(" step 4 · train ")
        assert "validation" not in widget_lines(plot)[0]
        await pilot.press("right")
        first = plot.view.cursor
        await pilot.press("pagedown", "pagedown", "pageup", "pageup")
        assert plot.view.cursor == pytest.approx(first, abs=8)
        await pilot.press("end")
        assert plot.view.cursor is None
        plot.blur()
        await pilot.pause()
        assert "mean of 50 steps" in widget_lines(plot)[0]
        assert not plot.reading(80)

    play_widget(LossPlot(), act)


def test_zoom_and_back_to_all() -> None:
    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        plot.show(CHART)
        plot.focus()
        await pilot.press("z", "z")
        assert plot.view.window == pytest.approx((1500, 2000))
        await pilot.press("Z")
        assert plot.view.window == pytest.approx((1000, 2000))
        await pilot.press("z", "a")
        assert plot.view.window is None

    play_widget(LossPlot(), act)


def test_the_mouse_places_the_cursor_and_zooms() -> None:
    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        plot.show(CHART)
        await pilot.pause()
        await pilot.click(LossPlot, offset=(42, 5))
        assert plot.has_focus
        cursor = plot.view.cursor
        assert cursor == pytest.approx(1000, abs=40)
        assert {row[42] for row in widget_lines(plot)[3:8]} == {"│"}
        await pilot._post_mouse_events(
            [loss_plot.events.MouseScrollUp], LossPlot, offset=(42, 5), button=0
        )
        window = plot.view.window
        assert window is not None
        assert window[1] - window[0] == pytest.approx(2000 / 1.5, rel=0.01)
        assert sum(window) / 2 == pytest.approx(1000, abs=20)
        await pilot._post_mouse_events(
            [loss_plot.events.MouseScrollDown] * 2, LossPlot, offset=(42, 5), button=0
        )
        assert plot.view.window is None

    play_widget(LossPlot(), act)


def test_a_preview_takes_neither_focus_nor_mouse() -> None:
    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        plot.show(CHART)
        await pilot.pause()
        await pilot.click(LossPlot, offset=(40, 5))
        assert not plot.has_focus
        assert not plot.view.has_cursor

    play_widget(LossPlot(is_interactive=False), act)


def test_a_panel_is_told_about_the_words_it_shows() -> None:
    """All rows are the chart's, and legend and reading are styled text."""

    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, StageApp)
        plot.show(CHART)
        await pilot.pause()
        assert app.posted(LossPlot.CaptionChanged)
        assert "┤" in "".join(line[:8] for line in widget_lines(plot)[:3])
        legend = plot.legend(60)
        assert str(legend).startswith("━ train, mean of 50 steps  ")
        assert legend.cell_length <= 60
        assert {str(span.style) for span in legend.spans} >= {"bold $primary", "$muted"}
        before = len(app.posted(LossPlot.CaptionChanged))
        plot.focus()
        await pilot.press("left")
        assert len(app.posted(LossPlot.CaptionChanged)) == before + 1
        assert str(plot.reading(60)) == str(plot.caption(60))
        assert str(plot.reading(60)).startswith("step 2,000 · train ")

    play_widget(LossPlot(has_caption=False), act)


def test_another_axis_resets_zoom_and_cursor_but_not_the_scale() -> None:
    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        plot.show(CHART)
        plot.focus()
        assert plot.cycle_scale() is ScaleMode.LOG_BOTH
        await pilot.press("home", "z")
        plot.show(CHART)
        assert plot.view.window is not None
        assert plot.view.cursor == STEPS[0]
        curves = (Curve("train", STEPS / 100, LOSSES, is_noisy=True),)
        plot.show(Chart(curves=curves, unit=EPOCHS, steps_per_unit=100.0))
        assert (plot.view.window, plot.view.cursor) == (None, None)
        assert plot.view.mode is ScaleMode.LOG_BOTH
        await pilot.pause()
        assert "epochs · log both" in widget_lines(plot)[-1]
        assert plot.cycle_scale() is ScaleMode.LINEAR
        assert plot.cycle_scale() is ScaleMode.LOG_LOSS
        assert math.isclose(plot.chart.curves[0].xs[-1], 20.0)

    play_widget(LossPlot(), act)
