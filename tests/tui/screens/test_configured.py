"""The application with a configuration file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot

from core.paths import Home, find_home
from tests.support.app_runs import make_three_runs
from tests.support.captures import screen_text
from tests.support.fake_server import FakeServer
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common.keys import key_rows
from tui.common.messages import OpenChat
from tui.common.terminal import DEFAULT_THEME, detect_terminal
from tui.common.user_config import load_user_config
from tui.screens.chat import ChatScreen
from tui.screens.help import HelpScreen
from tui.screens.models import ModelsScreen
from tui.screens.new_corpus import NewCorpusScreen
from tui.widgets.prompt import Prompt
from tui.widgets.sampling_panel import SamplingRows

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
        assert "line 1: theme is 'nrod', an unknown theme. Did you" in notification.message
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


KEYMAP = """
[keymap]
models.filter = "f"
models.new = "Ctrl+N"
chat.again = "x"
app.keys = "Ctrl+G"
models.stop = "y"
models.nwe = "f9"
"""


def test_keys_are_those_of_the_keymap(home: Home) -> None:
    """In action, in the footer, in the help; wrong entries keep their default key."""

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: len(app._notifications) == 1)
        (notification,) = app._notifications
        assert "line 7: keymap.models.stop cannot use y" in notification.message
        assert "line 8: keymap.models.nwe is an unknown action" in notification.message
        app.clear_notifications()
        await wait_until_shown(pilot, lambda: "f Find" in screen_text(app))
        await pilot.press("slash")
        assert not app.screen.query_one("#filter").display
        await pilot.press("f")
        await wait_until_shown(pilot, lambda: app.screen.query_one("#filter").display)
        await pilot.press("escape")
        assert {row.key: row.action for row in key_rows(app.screen)}["s"] == "stop"
        await pilot.press("f1")
        assert isinstance(app.screen, ModelsScreen)
        await pilot.press("ctrl+g")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, HelpScreen))
        await wait_until_shown(pilot, lambda: "Ctrl+N" in screen_text(app))
        await pilot.press("escape")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, ModelsScreen))
        commands = {each.title: each.help for each in app.get_system_commands(app.screen)}
        assert commands["Choose a text and train a new model"] == "key Ctrl+N"
        await pilot.press("ctrl+n")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewCorpusScreen))

    play(home, KEYMAP, journey)


def test_a_letter_of_the_keymap_is_text_while_one_types(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.post_message(OpenChat("lang", "last"))
        await wait_until_shown(pilot, lambda: isinstance(app.screen, ChatScreen))
        await wait_until_shown(pilot, lambda: isinstance(app.focused, Prompt))
        prompt = app.focused
        assert isinstance(prompt, Prompt)
        await pilot.press("x", "y")
        assert prompt.text == "xy"
        await pilot.press("f5")
        assert prompt.text == "xy"

    play(home, KEYMAP, journey)


def test_a_theme_chosen_in_the_palette_is_remembered(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await pilot.press("ctrl+p")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"theme")
        await wait_until_shown(pilot, lambda: "Theme" in screen_text(app))
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "dracula" in screen_text(app))
        await pilot.press(*"dracula")
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: app.theme == "dracula")
        await app.workers.wait_for_complete()

    app = play(home, "# mine\nrefresh = 2\n", journey)
    assert app.user_config.path.read_text() == '# mine\nrefresh = 2\ntheme = "dracula"\n'
    assert load_user_config(app.user_config.path).general.theme == "dracula"


def test_a_variable_that_precedes_the_remembered_theme_is_named(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTUAL_THEME", "nord")

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.choose_theme("dracula")
        await wait_until_shown(pilot, lambda: len(app._notifications) == 1)
        (notification,) = app._notifications
        assert "TEXTUAL_THEME" in notification.message

    play(home, "", journey)


def test_a_theme_that_cannot_be_remembered_is_used_and_reported(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.choose_theme("dracula")
        await wait_until_shown(pilot, lambda: len(app._notifications) == 2)
        assert app.theme == "dracula"

    app = play(home, "refresh =\n", journey)
    assert app.user_config.path.read_text() == "refresh =\n"


def test_a_run_is_opened_with_the_settings_last_used_with_it(home: Home) -> None:
    """The configured ones apply to the runs for which none were chosen."""

    async def open_chat(app: MiniGPTApp, pilot: Pilot[None], name: str) -> ChatScreen:
        app.post_message(OpenChat(name, "last"))
        await wait_until_shown(pilot, lambda: isinstance(app.screen, ChatScreen))
        assert isinstance(app.screen, ChatScreen)
        await pilot.pause()
        return app.screen

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        screen = await open_chat(app, pilot, "lang")
        screen.query_one(SamplingRows).focus()
        await pilot.press("right")
        assert screen.conversation.controls.config.temperature == 0.6
        app.pop_screen()
        await wait_until_shown(pilot, (home.runs / "lang" / "sampling.json").is_file)
        for name, temperature in (("lang", 0.6), ("tales", 0.5)):
            screen = await open_chat(app, pilot, name)
            assert screen.conversation.controls.config.temperature == temperature
            app.pop_screen()
            await wait_until_shown(pilot, lambda: isinstance(app.screen, ModelsScreen))

    play(home, "[sampling]\ntemperature = 0.5\n", journey)
    assert not (home.runs / "tales" / "sampling.json").exists()
