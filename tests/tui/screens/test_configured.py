"""The application with a configuration file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.paths import Home, find_home
from tests.support.app_runs import make_three_runs
from tests.support.captures import screen_text
from tests.support.fake_server import FakeServer
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common.messages import OpenChat
from tui.common.terminal import DEFAULT_THEME, detect_terminal
from tui.common.user_config import load_user_config
from tui.screens.chat import ChatScreen
from tui.screens.models import ModelsScreen

Journey = Callable[[MiniGPTApp, Pilot[None]], Awaitable[None]]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = find_home(tmp_path / "home")
    make_three_runs(home)
    return home


def play(home: Home, text: str, journey: Journey) -> MiniGPTApp:
    """Run the application with this configuration along a journey."""
    path = home.root / "config.toml"
    path.write_text(text)
    config = load_user_config(path)
    terminal = detect_terminal({}, "utf-8", general=config.general)
    app = MiniGPTApp(home, terminal, FakeServer(), config=config)

    async def act() -> None:
        async with app.run_test(size=(100, 30), notifications=True) as pilot:
            await wait_until_shown(pilot, lambda: isinstance(app.screen, ModelsScreen))
            await pilot.pause()
            await journey(app, pilot)

    asyncio.run(act())
    return app


def test_the_theme_is_the_configured_one(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        assert app.theme == "nord"

    play(home, 'theme = "nord"\n', journey)


def test_wrong_entries_are_named_in_one_notification(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "line 2: refresh" in screen_text(app))
        (notification,) = app._notifications
        assert "line 1: theme is 'nrod', which is no theme. Did you" in notification.message
        assert app.theme == DEFAULT_THEME

    play(home, 'theme = "nrod"\nrefresh = 0\n', journey)


def test_chat_begins_with_the_configured_sampling(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.post_message(OpenChat("lang", "last"))
        await wait_until_shown(pilot, lambda: isinstance(app.screen, ChatScreen))
        screen = app.screen
        assert isinstance(screen, ChatScreen)
        assert screen.conversation.controls.config.temperature == 0.8
        assert screen.conversation.controls.config.top_k == 0

    play(home, "[sampling]\ntemperature = 0.8\n", journey)
