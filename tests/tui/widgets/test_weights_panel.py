"""The weights in time by keys and by mouse, in columns and on one line."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from core.run.weights_ref import LAST
from tests.support.apps import StageApp, play
from tui.chat.timeline import WeightsPoint
from tui.common.ascii_signs import TABLE
from tui.common.terminal import Terminal
from tui.widgets.weights_panel import WeightsPanel, WeightsRow

WIDE, NARROW = (140, 30), (80, 24)
POINTS = [
    WeightsPoint("0", 0, 8.319),
    WeightsPoint("64", 64, 6.708),
    WeightsPoint("2646", 2646, 2.161, is_best=True),
    WeightsPoint(LAST, 3136, 2.17),
]


def _chosen(app: StageApp) -> list[str]:
    return [message.weights for message in app.posted(WeightsPanel.Chosen)]


def _app(terminal: Terminal | None = None) -> StageApp:
    return StageApp(WeightsPanel(), terminal=terminal)


def _show(app: StageApp, weights: str = LAST, step: int | None = 3136) -> None:
    app.query_one(WeightsPanel).show(POINTS, weights, step)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_arrows_walk_the_weights(size: tuple[int, int]) -> None:
    """Detects weights that are passed over; a key at the end that chooses others."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        _show(app)
        await pilot.press("right", "left", "left", "home", "left", "end")
        await pilot.pause()

    assert _chosen(play(_app(), journey, size)) == ["2646", "64", "0", LAST]


def test_losses_and_signs_are_shown_by_step() -> None:
    """Detects a step with the loss or the sign of another; a loss that is cut."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        _show(app, "64", 64)
        await pilot.pause()
        rows = [line.strip("│╭╮╰╯ ") for line in app.text.split("\n")[1:4]]
        assert rows[0].split() == ["0", "64", "2,646", "3,136"]
        assert [sign for sign in rows[1] if sign not in "─ "] == ["●", "◆", "★", "●"]
        assert rows[2].split() == ["8.319", "6.708", "2.161", "2.170"]

    play(_app(), journey, WIDE)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_click_chooses_the_weights_under_the_pointer(size: tuple[int, int]) -> None:
    """Detects weights that do not answer the mouse."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        _show(app)
        await pilot.pause()
        row = app.query_one(WeightsRow)
        y, x = next(
            (y, line.index("2,646"))
            for y, line in enumerate(app.text.split("\n"))
            if "2,646" in line
        )
        await pilot.click(WeightsRow, offset=(x - row.region.x, y - row.region.y))
        await pilot.pause()

    assert _chosen(play(_app(), journey, size)) == ["2646"]


def test_weights_that_do_not_fit_are_left_out_but_not_those_in_use() -> None:
    """Detects a line longer than the screen; weights in use that are not drawn."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        points = [WeightsPoint(str(step), step, 1.0) for step in range(1000, 1040)]
        app.query_one(WeightsPanel).show(points, "1017", 1017)
        await pilot.pause()
        assert "1,017 ◆" in app.text
        assert "1,000" in app.text
        assert "1,039" in app.text

    play(_app(), journey, (60, 20))


def test_a_run_without_weights_says_so() -> None:
    """Detects an exception or an empty panel before anything was saved."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("left", "end")
        await pilot.click(WeightsRow)
        assert "no weights yet" in app.text

    assert _chosen(play(_app(), journey, WIDE)) == []


def test_every_sign_has_a_stand_in() -> None:
    """Detects a sign that a terminal without Unicode cannot draw."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        _show(app)
        await pilot.press("left")
        assert app.text.translate(TABLE).isascii()

    play(_app(Terminal(charset="ascii")), journey, WIDE)
    play(_app(Terminal(charset="ascii")), journey, NARROW)
