"""The sampling panel by keys and by mouse, in its rows and in its lines."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from tests.support.apps import StageApp, play
from tui.common.ascii_signs import TABLE
from tui.common.sampling_settings import SamplingControls
from tui.common.terminal import Terminal
from tui.widgets.sampling_panel import SLIDER_START, SamplingPanel, SamplingRows

WIDE, NARROW = (140, 30), (80, 24)


def _changes(app: StageApp) -> list[SamplingControls]:
    return [message.controls for message in app.posted(SamplingPanel.Changed)]


def _row(app: StageApp, name: str) -> str:
    return next(line for line in app.text.split("\n") if name in line)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_arrows_choose_and_change(size: tuple[int, int]) -> None:
    """Detects a key that changes another setting; a change that is not posted."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("right", "right", "down", "right", "right", "left", "up", "left")
        await pilot.pause()

    configs = [controls.config for controls in _changes(play(_app(), journey, size))]
    assert [(config.temperature, config.top_k) for config in configs] == [
        (0.1, 0),
        (0.2, 0),
        (0.2, 1),
        (0.2, 2),
        (0.2, 1),
        (0.1, 1),
    ]


def _app(terminal: Terminal | None = None) -> StageApp:
    return StageApp(SamplingPanel(), terminal=terminal)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_digits_type_an_exact_value(size: tuple[int, int]) -> None:
    """Detects a value that is cut to the ladder; digits that act before Enter."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("0", "full_stop", "7", "3")
        assert "0.73" in app.text
        assert _changes(app) == []
        await pilot.press("5", "backspace", "enter", "down", "1", "7", "down")
        await pilot.pause()

    configs = [controls.config for controls in _changes(play(_app(), journey, size))]
    assert [(config.temperature, config.top_k) for config in configs] == [(0.73, 0), (0.73, 17)]


def test_a_typed_value_is_validated_as_typed() -> None:
    """Detects an invalid value that is used, or refused without a reason."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("down", "down", "2")
        await pilot.pause()
        assert "Top p must be at most 1, is 2" in app.text
        await pilot.press("enter")
        assert "2" in _row(app, "top p")
        await pilot.press("escape")
        await pilot.pause()
        assert "must be" not in app.text
        assert "off" in _row(app, "top p")

    app = play(_app(), journey, WIDE)
    assert _changes(app) == []
    texts = [message.text for message in app.posted(SamplingPanel.Explained)]
    assert "Top p must be at most 1, is 2" in texts


def test_an_arrow_changes_a_typed_value_and_does_not_drop_it() -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("0", "full_stop", "8", "left")
        await pilot.pause()

    app = play(_app(), journey, WIDE)
    assert [change.config.temperature for change in _changes(app)] == [0.8, 0.7]


def test_a_point_is_typed_only_into_a_value() -> None:
    """Detects a point that is no longer the key for newer weights."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        rows = app.query_one(SamplingRows)
        assert not rows.check_consume_key("full_stop", ".")
        await pilot.press("1")
        assert rows.check_consume_key("full_stop", ".")
        await pilot.press("enter", "down", "1")
        assert not rows.check_consume_key("full_stop", ".")

    play(_app(), journey, WIDE)


def test_a_switches_a_setting_off() -> None:
    """Detects a setting that cannot be switched off, or others that change with it."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("5", "enter", "down", "9", "enter", "a", "up", "a")
        await pilot.pause()

    configs = [controls.config for controls in _changes(play(_app(), journey, WIDE))]
    assert [(config.temperature, config.top_k) for config in configs] == [
        (5.0, 0),
        (5.0, 9),
        (5.0, 0),
        (0.0, 0),
    ]


def test_a_seed_is_kept_or_drawn_anew() -> None:
    """Detects a typed seed that is not used; no way back to another seed for each reply."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("1", "enter", *["down"] * 6, "4", "2", "enter")
        assert "kept" in _row(app, "seed")
        await pilot.press("right", "a")
        assert "new" in _row(app, "seed")

    changes = _changes(play(_app(), journey, WIDE))[1:]
    assert [controls.fixed for controls in changes] == [True, True, False]
    assert changes[0].config.seed == 42


def test_the_end_of_a_ladder_is_explained() -> None:
    """Detects a key without effect and without a word."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("left")
        await pilot.pause()
        assert "Temperature is at its minimum" in app.text

    assert _changes(play(_app(), journey, WIDE)) == []


def test_a_click_chooses_and_on_the_slider_sets() -> None:
    """Detects a row or a slider that does not answer the mouse."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.click(SamplingRows, offset=(4, 1))
        assert app.query_one(SamplingRows).chosen == "top_k"
        assert _changes(app) == []
        await pilot.click(SamplingRows, offset=(SLIDER_START, 5))
        assert app.query_one(SamplingRows).chosen == "max_tokens"

    app = play(_app(), journey, WIDE)
    assert [controls.config.max_tokens for controls in _changes(app)] == [1]


def test_a_click_chooses_in_a_line_too() -> None:
    """Detects lines in which the mouse means another setting than it points at."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        line = _row(app, "min p")
        await pilot.click(SamplingRows, offset=(line.index("min p"), 0))
        assert app.query_one(SamplingRows).chosen == "min_p"
        line = _row(app, "seed")
        await pilot.click(SamplingRows, offset=(line.index("seed"), 0))
        assert app.query_one(SamplingRows).chosen == "seed"

    play(_app(), journey, NARROW)


def test_every_sign_has_a_stand_in() -> None:
    """Detects a sign that a terminal without Unicode cannot draw."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("1", "enter")
        assert app.text.translate(TABLE).isascii()

    play(_app(Terminal(charset="ascii")), journey, WIDE)
    play(_app(Terminal(charset="ascii")), journey, NARROW)
