"""The application by keys: from an empty library to a reply, help, errors, quitting."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import OptionList

from core.errors import StorageError
from core.paths import Home, find_home
from core.run import store
from core.run.directory import Run
from core.run.summary import folder_size
from tests.support.app_runs import make_three_runs, run_app, wait_until_still
from tests.support.apps import SIZES
from tests.support.captures import assert_same_as_capture, screen_text
from tests.support.fake_server import FakeServer
from tests.support.runs import ScriptedRun
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common.format import format_size
from tui.common.keys import key_rows
from tui.common.messages import ErrorRaised
from tui.screens.chat import ChatScreen
from tui.screens.help import HelpScreen
from tui.screens.models import ModelsScreen
from tui.screens.new_corpus import NewCorpusScreen
from tui.screens.new_setup import NewSetupScreen
from tui.screens.train import TrainScreen
from tui.widgets.config_form import ConfigForm
from tui.widgets.conversation_view import ConversationView


@pytest.fixture
def home() -> Iterator[Home]:
    """An empty home directory with a path of constant length."""
    with tempfile.TemporaryDirectory(prefix="mg", dir="/tmp") as folder:
        yield find_home(Path(folder))


def test_the_first_five_minutes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """From an empty library at 80x24: Enter, Enter, t, a word, Enter."""
    started_specs: list[str] = []

    def begin(at: Home, spec: str, *_: object, **named: object) -> Run:
        started_specs.append(spec)
        story = ScriptedRun(at.root, str(named["name"]))
        story.start(val_tokens=0)
        story.train(1, 150)
        story.emit("saved", 150, kind="checkpoint", bytes=1, seconds=0.1)
        story.emit("finished", 150, reason="all steps done")
        story.lock.release()
        story.run.weights.touch()
        return story.run

    monkeypatch.setattr("tui.screens.new_setup.start_run", begin)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewCorpusScreen))
        screen = app.screen
        await wait_until_shown(
            pilot, lambda: screen.query_one("#texts", OptionList).highlighted is not None
        )
        await wait_until_shown(pilot, lambda: "twenty sentences" in screen_text(app))
        assert "← start here" in screen_text(app)
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewSetupScreen))
        await wait_until_shown(pilot, lambda: "parameters" in screen_text(app))
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, TrainScreen))
        await wait_until_shown(pilot, lambda: "finished" in screen_text(app))
        await pilot.press("t")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, ChatScreen))
        await pilot.pause(0.1)
        await pilot.press(*"Python", "enter")
        view = app.screen.query_one(ConversationView)
        await wait_until_shown(pilot, lambda: "is a popular programming language." in view.text)

    run_app(home, journey)
    assert started_specs == ["lang"]


def test_typed_settings_are_restored_after_going_back(home: Home) -> None:
    """Invalid ones too: what was typed is not lost."""

    async def open_setup(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewCorpusScreen))
        await wait_until_shown(pilot, lambda: "257 word tokens" in screen_text(app))
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "parameters" in screen_text(app))

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await open_setup(app, pilot)
        await pilot.press("f2", *"lang-poem", "enter")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewSetupScreen))
        await pilot.press("right", "down", "0", "o", "end", *"utf-9")
        texts = dict(app.screen.query_one(ConfigForm).form.texts)
        await pilot.press("escape", *"utf-9", "up", "escape")
        await open_setup(app, pilot)
        form = app.screen.query_one(ConfigForm).form
        assert form.texts == texts
        assert texts["name"] == "lang-poem"
        assert (texts["layers"], texts["encoding"]) == ("0", "utf-9")
        assert form.problem("layers")
        assert form.problem("encoding")

    run_app(home, journey)


@pytest.mark.parametrize("size", SIZES)
def test_screens_look_as_captured(home: Home, size: tuple[int, int]) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "lang" in screen_text(app))
        # It depends on the lengths of the host's name and of process ids.
        disk_size = disk_text(home, "poem")
        await wait_until_shown(pilot, lambda: disk_size in screen_text(app))
        hide = [disk_size]
        await wait_until_still(app, pilot)
        assert_same_as_capture(app, f"models_{size[0]}x{size[1]}", hide=hide)
        await pilot.press("n")
        await wait_until_shown(pilot, lambda: "217 words" in screen_text(app))
        await wait_until_shown(pilot, lambda: screen_text(app).count("3 s") == 7)
        await wait_until_still(app, pilot)
        assert_same_as_capture(app, f"new_corpus_{size[0]}x{size[1]}")
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "of a minute" in screen_text(app))
        await wait_until_still(app, pilot)
        assert_same_as_capture(app, f"new_setup_{size[0]}x{size[1]}")

    run_app(home, journey, size=size)


def disk_text(home: Home, name: str) -> str:
    """The size of a run as shown."""
    return format_size(folder_size(home.runs / name))


def test_dialogs_help_and_log_look_as_captured(home: Home) -> None:
    make_three_runs(home)
    (run,) = (run for run in store.list_runs(home) if run.name == "tales")
    run.log.write_text("Traceback: [bold]no\x1b[31m space left\n" * 3)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "lang" in screen_text(app))
        disk_size = disk_text(home, "tales")
        hide = [str(home.root), disk_size]

        async def assert_screen(key: str, name: str) -> None:
            before = app.screen
            await pilot.press(key)
            await wait_until_shown(pilot, lambda: app.screen is not before)
            await wait_until_still(app, pilot)
            assert_same_as_capture(app, f"{name}_80x24", hide=hide)
            await pilot.press("escape")
            await wait_until_shown(pilot, lambda: app.screen is before)

        await pilot.press("slash", *"tales", "enter")
        await wait_until_shown(pilot, lambda: "lang" not in screen_text(app))
        await wait_until_shown(pilot, lambda: disk_size in screen_text(app))
        await assert_screen("d", "confirm")
        await assert_screen("m", "rename")
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, TrainScreen))
        await assert_screen("o", "log")
        await assert_screen("question_mark", "help")

    run_app(home, journey)


def test_help_and_palette_list_every_key(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "lang" in screen_text(app))
        screen = app.screen
        rows = key_rows(screen)
        for _, binding in screen._bindings:
            if isinstance(screen, ModelsScreen) and binding.show:
                assert binding.tooltip, binding
        await pilot.press("question_mark")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, HelpScreen))
        text = screen_text(app)
        assert "Choose a text and train a new model" in text
        assert {row.key for row in rows} >= {"n", "t", "r", "s", "/", "?", "Ctrl+Q"}
        titles = {command.title for command in app.get_system_commands(screen)}
        assert {row.description for row in rows} - titles <= set(), "every action is in the palette"
        await pilot.press("escape")
        assert app.screen is screen

    run_app(home, journey, size=(100, 40))


def test_an_error_is_shown_and_the_screen_stays(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        screen = app.screen
        screen.post_message(
            ErrorRaised(StorageError("[/] the disk is full \x1b]0;x\x07", "Make room."))
        )
        await wait_until_shown(pilot, lambda: "the disk is full" in screen_text(app))
        assert "Make room." in screen_text(app)
        assert "\x1b" not in screen_text(app)
        assert app.screen is screen

    run_app(home, journey)


def test_ctrl_c_quits_on_the_second_press_and_ctrl_q_at_once(home: Home) -> None:
    async def twice(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await pilot.press("ctrl+c")
        assert app.is_running
        assert not app._exit
        await pilot.press("ctrl+c")
        assert app._exit

    async def at_once(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await pilot.press("ctrl+q")
        assert app._exit

    for journey in (twice, at_once):
        app = run_app(home, journey)
        assert isinstance(app.client, FakeServer)
        assert app.client.closes, "the client is closed with the app"


def test_every_binding_of_a_screen_has_a_tooltip() -> None:
    for screen in (ModelsScreen, NewCorpusScreen, NewSetupScreen, TrainScreen, ChatScreen):
        for binding in screen.BINDINGS:
            assert isinstance(binding, Binding), (screen, binding)
            assert binding.tooltip, (screen, binding)


def test_a_screen_can_be_closed_while_it_opens(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        for turns in range(12):
            app.push_screen(NewCorpusScreen())
            for _ in range(turns):
                await asyncio.sleep(0)
            app.pop_screen()
        app.push_screen(NewCorpusScreen())
        await asyncio.sleep(0)

    run_app(home, journey)


def test_the_app_does_not_import_torch(home: Home) -> None:
    """Importing it would delay the first frame by a second."""
    code = (
        "import sys, asyncio; sys.modules['torch'] = None; sys.path.insert(0, sys.argv[2])\n"
        "from tests.support.fake_server import FakeServer; from core.paths import find_home\n"
        "from tui.app import MiniGPTApp; from tui.common.terminal import Terminal\n"
        "async def go():\n"
        "    app = MiniGPTApp(find_home(sys.argv[1]), Terminal(), FakeServer())\n"
        "    async with app.run_test() as pilot:\n"
        "        await pilot.pause()\n"
        "        await pilot.press('enter')\n"
        "        await pilot.pause(0.5)\n"
        "        print(type(app.screen).__name__)\n"
        "asyncio.run(go())\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, str(home.root), str(Path(__file__).parents[3])],
        capture_output=True,
        text=True,
        env={**os.environ, "TEXTUAL_ANIMATIONS": "none"},
        check=False,
    )
    assert process.stdout.strip() in ("NewSetupScreen", "NewCorpusScreen"), process.stderr
