"""The panel of a chart: where legend and reading are."""

from __future__ import annotations

import numpy as np
import pytest
from textual.pilot import Pilot

from tests.support.apps import StageApp, play_widget
from tui.plot.chart import Chart, Curve
from tui.widgets.chart_panel import ChartPanel

STEPS = np.arange(1.0, 1001)
CHART = Chart(
    curves=(
        Curve("train", STEPS, 1 + 4 / STEPS, is_noisy=True),
        Curve("validation", STEPS[99::100], 1.3 + 4 / STEPS[99::100], "accent", "●", has_best=True),
    ),
    baselines=(("bigram", 1.9),),
)
LEGEND = "━ train, mean of 20 steps"


def border(pilot: Pilot[None]) -> tuple[str, str]:
    """The first and the last line of the panel."""
    app = pilot.app
    assert isinstance(app, StageApp)
    lines = app.text.split("\n")
    return lines[0], lines[-1]


@pytest.mark.parametrize("width", [60, 80, 109])
def test_a_narrow_panel_has_the_words_after_its_title(width: int) -> None:
    async def act(panel: ChartPanel, pilot: Pilot[None]) -> None:
        panel.plot.show(CHART)
        await pilot.pause()
        top, bottom = border(pilot)
        assert f"Loss  {LEGEND}  " in top
        assert "★ best" in top
        assert "steps" in bottom, "the x axis is the last row"
        panel.plot.focus()
        await pilot.press("left")
        top = border(pilot)[0]
        assert "› Loss  step 1,000 · train 1.004 · " in top
        assert "● validation 1.304" in top
        panel.plot.blur()
        await pilot.pause()
        assert LEGEND in border(pilot)[0]

    play_widget(ChartPanel(), act, size=(width, 20))


def test_a_wide_panel_has_the_legend_in_its_bottom_border() -> None:
    async def act(panel: ChartPanel, pilot: Pilot[None]) -> None:
        panel.plot.show(CHART)
        await pilot.pause()
        top, bottom = border(pilot)
        assert "Loss" in top
        assert LEGEND not in top
        assert f"{LEGEND}  ⠢ each step  ● validation  ★ best  ┄┄ baselines" in bottom
        panel.plot.focus()
        await pilot.press("left")
        top, bottom = border(pilot)
        assert "› Loss  step 1,000 · train 1.004 · " in top
        assert LEGEND in bottom
        await pilot.resize_terminal(80, 20)
        await pilot.pause()
        await pilot.pause()
        top, bottom = border(pilot)
        assert "› Loss  step 1,000 · " in top
        assert LEGEND not in bottom

    play_widget(ChartPanel(), act, size=(140, 20))


def test_a_border_is_drawn_only_when_its_words_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """With it the whole panel would be sent to the terminal twice."""
    titles: list[str] = []

    async def act(panel: ChartPanel, pilot: Pilot[None]) -> None:
        panel.plot.show(CHART)
        await pilot.pause()
        monkeypatch.setattr(panel, "set_title", lambda title: titles.append(str(title)))
        panel.plot.show(CHART)
        await pilot.pause()
        assert titles == []
        panel.rename("Other")
        assert titles[0].startswith("Other  ")

    play_widget(ChartPanel(), act)


def test_a_panel_of_another_chart_has_another_title() -> None:
    async def act(panel: ChartPanel, pilot: Pilot[None]) -> None:
        panel.plot.show(CHART)
        panel.rename("Validation, bits per byte")
        await pilot.pause()
        assert "Validation, bits per byte  ━ train" in border(pilot)[0]
        assert not panel.plot.can_focus

    play_widget(ChartPanel(is_interactive=False), act)
