"""Keys of Step, Cursor and Inside that are pressed while the model is loading act afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.config.configs import SamplingConfig
from core.paths import Home
from core.server.protocol import InsideRequest, ScoreAtRequest, StepRequest
from tests.support.apps import StageApp, press, settle
from tests.support.conversations import home_with_lang
from tests.support.cursors import cursor_app
from tests.support.fake_server import FakeServer
from tests.support.wait import wait_until_shown
from tui.common.messages import OpenInside
from tui.common.sampling_settings import SamplingControls
from tui.screens.cursor import CursorScreen
from tui.screens.inside import InsideScreen
from tui.screens.prediction import NO_PREDICTIONS
from tui.screens.step import StepScreen

WARM = SamplingControls(SamplingConfig(temperature=1.0, seed=1))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return home_with_lang(tmp_path)


def _press_while_loading(app: StageApp, kind: type, *keys: str, command: str = "") -> str:
    """Press keys before the first reply; return the screen when all of them have acted.

    Args:
        command: an action of the palette that comes before them.
    """
    server: FakeServer = app.client
    server.gates[kind] = asyncio.Event()

    async def run() -> str:
        async with app.run_test(size=(80, 24), message_hook=app.record) as pilot:
            await wait_until_shown(pilot, lambda: server.sent(kind))
            if command:
                await app.run_action(command, app.screen)
            await pilot.press(*keys)
            server.gates[kind].set()
            await settle(app, pilot)
            return app.text

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("keys", "ids"),
    [
        (["enter"], [1, 3, 6]),
        (["3"], [1, 3, 8]),
        (["down", "down", "enter"], [1, 3, 8]),
        (["enter", "down", "enter"], [1, 3, 6, 8]),
        (["enter", "3", "backspace", "enter"], [1, 3, 6, 7]),
        (["3", "i"], [1, 3, 8]),
    ],
    ids=str,
)
def test_keys_of_step_act_after_loading(home: Home, keys: list[str], ids: list[int]) -> None:
    """They were dropped without a word; Down and Enter took the first row."""
    server = FakeServer()
    app = StageApp(StepScreen("lang", "last", "Python"), home, server)
    _press_while_loading(app, StepRequest, *keys)
    assert app.errors == []
    assert server.sessions["s1"][1] == ids
    if "i" in keys and len(keys) == 2:
        (inside,) = app.posted(OpenInside)
        assert list(inside.chosen) == ids[2:]


def test_sampling_that_waits_for_the_model_can_be_stopped(home: Home) -> None:
    """Escape closed the screen."""
    server = FakeServer()
    app = StageApp(StepScreen("lang", "last", "Python", (), WARM), home, server)
    _press_while_loading(app, StepRequest, "escape", "space", command="sample_to_end")
    assert len(server.sessions["s1"][1]) == 3


def test_keys_of_cursor_act_after_loading(home: Home) -> None:
    """They were dropped without a word."""
    app = cursor_app(home, FakeServer())
    _press_while_loading(app, ScoreAtRequest, "left", "left", "i")
    (inside,) = app.posted(OpenInside)
    assert inside.position == 3

    app = cursor_app(home, FakeServer())
    text = _press_while_loading(app, ScoreAtRequest, "home", "u", "space")
    assert "4 branches added" in text
    assert "‹5›[" in text
    assert " 5 5 " in text, "probabilities as digits"


def test_keys_of_inside_act_after_loading(home: Home) -> None:
    """They were dropped without a word."""
    server = FakeServer()
    app = StageApp(InsideScreen("lang", "last", "Python is a"), home, server)
    _press_while_loading(app, StepRequest, "left", "h", "left", "o")
    last = server.sent(InsideRequest)[-1]
    assert (last.at, last.disabled_heads) == (1, [[2, 1]])


@pytest.mark.parametrize(
    ("screen", "keys"),
    [
        (StepScreen("lang", "last", "unknown"), ["enter", "3", "space", "backspace", "=", "i"]),
        (
            CursorScreen("lang", "last", "unknown"),
            ["left", "enter", "space", "]", "backspace", "u"],
        ),
    ],
    ids=["step", "cursor"],
)
def test_keys_that_have_nothing_to_act_on_say_so(
    home: Home, screen: StepScreen | CursorScreen, keys: list[str]
) -> None:
    """A text that could not be read left a screen whose keys were silent."""
    app = StageApp(screen, home, FakeServer())

    async def run() -> None:
        async with app.run_test(size=(80, 24), message_hook=app.record) as pilot:
            await settle(app, pilot)
            assert "not ready" in app.text
            for key in keys:
                screen.show_note("")
                assert NO_PREDICTIONS in await press(app, pilot, key), key
            assert [str(error).split("\n")[0] for error in app.errors] == [
                "Not in the vocabulary: the word 'unknown'."
            ]

    asyncio.run(run())


def test_a_row_that_is_not_there_is_named(home: Home) -> None:
    """A digit beyond the last row was silent."""
    app = StageApp(StepScreen("lang", "last", "Python"), home, FakeServer())

    async def run() -> None:
        async with app.run_test(size=(80, 24), message_hook=app.record) as pilot:
            await settle(app, pilot)
            await press(app, pilot, "slash", *"eos", "enter")
            assert "There is no row 3." in await press(app, pilot, "3")

    asyncio.run(run())
