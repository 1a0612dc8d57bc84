"""The chart widget: its look, and when it is redrawn."""

from __future__ import annotations

import math

import pytest
from textual.pilot import Pilot

from tests.support.apps import SIZES, play_widget, widget_lines, widget_rows
from tests.support.captures import assert_same_as_capture
from tui.common.terminal import Terminal
from tui.widgets import loss_plot
from tui.widgets.loss_plot import LossPlot

STEPS = list(range(0, 2000, 4))
LOSSES = [1 + 4 * math.exp(-step / 500) + 0.2 * math.sin(step * 7) for step in STEPS]
CURVES = [
    ("train", STEPS, LOSSES),
    ("validation", STEPS[::50], [loss + 0.4 for loss in LOSSES[::50]]),
]
REFERENCES = [("uniform", 4.9), ("unigram", 3.96), ("bigram", 1.47)]


def show(plot: LossPlot) -> None:
    plot.show(
        curves=CURVES,
        references=REFERENCES,
        marks=[(800, "rate 0.0005")],
        about="the validation data",
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("charset", ["braille", "block", "ascii"])
def test_it_looks_as_captured(size: tuple[int, int], charset: str) -> None:
    """CAPTURE=1 accepts the present look."""
    if charset != "braille" and size != (80, 24):
        pytest.skip("the other characters at one size")

    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        show(plot)
        await pilot.pause()
        assert_same_as_capture(pilot.app, f"loss_plot_{charset}_{size[0]}x{size[1]}")

    play_widget(LossPlot(charset), act, size=size, terminal=Terminal(charset=charset))


def test_it_is_redrawn_only_when_something_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rendering a line must not draw the whole chart."""
    drawn: list[tuple[int, int]] = []
    whole = loss_plot.draw_chart

    def draw(chart: object, width: int, height: int, *rest: object, **log: object) -> object:
        drawn.append((width, height))
        return whole(chart, width, height, *rest, **log)  # type: ignore[arg-type]

    monkeypatch.setattr(loss_plot, "draw_chart", draw)

    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        drawn.clear()
        show(plot)
        await pilot.pause()
        assert drawn == [(80, 24)]
        plot.refresh()
        await pilot.pause()
        assert drawn == [(80, 24)]
        plot.log_scale = True
        await pilot.pause()
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        assert drawn == [(80, 24), (80, 24), (100, 30)]
        pilot.app.theme = "textual-light"
        await pilot.pause()
        assert drawn[-2:] == [(100, 30)] * 2

    play_widget(LossPlot(), act)


def test_without_losses_a_message_is_shown() -> None:
    """A run starts without losses."""

    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        assert "no losses yet" in "\n".join(widget_lines(plot))
        plot.show(curves=[("train", [1], [4.5])])
        await pilot.pause()
        assert "train 4.5" in widget_lines(plot)[0]

    play_widget(LossPlot(), act)


def test_parts_are_distinguishable_without_colour() -> None:
    """The smoothed line must stand out from the noise."""

    async def act(plot: LossPlot, pilot: Pilot[None]) -> None:
        show(plot)
        await pilot.pause()
        kinds = {
            (bool(part.style.dim), bool(part.style.bold))
            for row in widget_rows(plot)[1:-2]
            for part in row[1:]
            if part.style and part.text.strip()
        }
        assert kinds >= {(True, False), (False, False), (False, True)}

    play_widget(LossPlot(), act, terminal=Terminal(theme="ansi-dark", colour=False))
