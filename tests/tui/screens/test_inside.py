"""The Inside screen by keys: positions, layers, heads, and disabled heads."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from core.errors import InputError
from core.paths import Home
from core.server.protocol import InsideRequest
from tests.support.apps import StageApp, play, press
from tests.support.captures import assert_same_as_capture
from tests.support.conversations import home_with_lang
from tests.support.fake_server import FakeServer
from tui.common.messages import OpenInside
from tui.common.terminal import Terminal
from tui.screens.inside import InsideScreen
from tui.screens.step import StepScreen


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return home_with_lang(tmp_path)


def _app(home: Home, server: FakeServer, terminal: Terminal | None = None) -> StageApp:
    screen = InsideScreen("lang", "last", "Python is a", [6, 7])
    return StageApp(screen, home, server, terminal)


def _last(server: FakeServer) -> InsideRequest:
    return server.sent(InsideRequest)[-1]


def test_positions_layers_and_heads_are_on_keys(home: Home) -> None:
    """Detects a key that shows something else than it names."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "› 3" in app.text
        await press(app, pilot, "left", "left")
        assert _last(server).at == 3
        assert "[is]" in await press(app, pilot, "left")
        text = await press(app, pilot, "l")
        assert (_last(server).head, "attention of head 1" in text) == (0, True)
        assert "attention of head 2" in await press(app, pilot, "h", "h")
        assert "mean of heads" in await press(app, pilot, "0")
        await press(app, pilot, "home")
        assert _last(server).at == 0
        await press(app, pilot, "end")
        assert _last(server).at == 5
        count = len(server.requests)
        assert "› 1" in await press(app, pilot, "k", "k", "k")
        assert len(server.requests) == count, "the reply has all layers"

    play(_app(home, server), journey)


def test_only_the_last_of_fast_keys_is_requested(home: Home) -> None:
    """Detects a lost key, or a request for every position passed."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        gate = server.gates[InsideRequest] = asyncio.Event()
        before = len(server.sent(InsideRequest))
        await pilot.press("left", "left", "left", "l", "l")
        gate.set()
        await press(app, pilot)
        assert (_last(server).at, _last(server).head) == (2, 1)
        assert len(server.sent(InsideRequest)) == before + 2

    play(_app(home, server), journey)


def test_heads_are_disabled_and_enabled(home: Home) -> None:
    """Detects a disabled head that is not shown; the mean disables all heads of the layer."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        text = await press(app, pilot, "l", "o")
        assert _last(server).disabled_heads == [[2, 0]]
        assert "without 3.1: 31.0%" in text
        await press(app, pilot, "0", "o")
        assert _last(server).disabled_heads == [[2, 0], [2, 1]]
        await press(app, pilot, "o")
        assert _last(server).disabled_heads == []
        await press(app, pilot, "l", "o", "k", "o")
        assert _last(server).disabled_heads == [[1, 0], [2, 0]]
        assert "without" not in await press(app, pilot, "O")

    play(_app(home, server), journey)


def test_a_session_is_opened_again_after_an_error(home: Home) -> None:
    """Detects a screen that is stuck after a failed request."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        server.failures[InsideRequest] = InputError(
            "The session 's1' is not open any more.", "Open it."
        )
        await press(app, pilot, "left")
        assert len(app.errors) == 1
        await press(app, pilot, "l")
        assert _last(server).session == "s2"

    play(_app(home, server), journey)


def test_step_opens_it_with_the_chosen_tokens(home: Home) -> None:
    """Detects another text than in Step."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter", "w")

    app = StageApp(StepScreen("lang", "last", "Python"), home, server)
    (opened,) = play(app, journey).posted(OpenInside)
    chosen = server.sessions["s1"][1][2:]
    assert (opened.name, opened.prompt, list(opened.chosen)) == ("lang", "Python", chosen)


def test_it_starts_at_the_requested_token(home: Home) -> None:
    """Detects the last token instead; Cursor passes ids without a prompt."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "[is]" in app.text
        assert "popular" in app.text

    play(StageApp(InsideScreen("lang", "last", None, [1, 3, 4, 6], 2), home, server), journey)
    assert server.sessions["s1"][1] == [1, 3, 4, 6]


def test_control_codes_of_the_vocabulary_are_shown_as_text(home: Home) -> None:
    """Detects an escape sequence that reaches the terminal."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "\x1b" not in app.text

    screen = InsideScreen("lang", "last", "Python", [7, 8])
    play(StageApp(screen, home, FakeServer()), journey)


def test_every_key_has_a_tooltip() -> None:
    """Detects a key that the help does not explain."""
    for binding in InsideScreen.BINDINGS:
        assert isinstance(binding, Binding)
        assert binding.tooltip, binding


CAPTURES: list[dict[str, Any]] = [
    {"name": "80x24", "size": (80, 24)},
    {"name": "60x20", "size": (60, 20)},
    {
        "name": "ascii_80x24",
        "size": (80, 24),
        "terminal": Terminal(charset="ascii", colour=False),
    },
]


@pytest.mark.parametrize("case", CAPTURES, ids=lambda case: case["name"])
def test_the_screen_looks_as_captured(home: Home, case: dict[str, Any]) -> None:
    """Detects an unintended change of layout or wording."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "l", "k", "o")
        assert_same_as_capture(app, f"inside_{case['name']}")

    play(_app(home, FakeServer(), case.get("terminal")), journey, case["size"])
