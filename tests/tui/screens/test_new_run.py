"""New run by keys: choose a text, set it up."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.dataset.preview import Preview, preview
from core.errors import InputError
from core.paths import Home, find_home
from core.run.directory import Run
from tests.support.app_runs import run_app
from tests.support.captures import screen_text
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.runs import setup
from tui.screens.new_corpus import NewCorpusScreen
from tui.screens.new_setup import NewSetupScreen


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home directory."""
    return find_home(tmp_path / "home")


def test_a_typed_path_is_previewed_and_a_binary_file_rejected(home: Home, tmp_path: Path) -> None:
    hostile, binary = tmp_path / "[bold]\u202e.txt", tmp_path / "bad.bin"
    hostile.write_text("the cat sat\n\x1b]0;title\x07 on the mat\n" * 30)
    binary.write_bytes(bytes(range(256)))

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "Twenty" in screen_text(app))
        await pilot.press("f")
        field = app.screen.query_one("#path", Input)
        field.value = str(binary)
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "bad.bin" in screen_text(app))
        await pilot.press("enter")
        assert isinstance(app.screen, NewCorpusScreen), "a binary file cannot be used"
        field.value = str(hostile)
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "cat" in screen_text(app))
        text = screen_text(app)
        assert "\x1b" not in text
        assert "\u202e" not in text
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewSetupScreen))

    run_app(home, journey, size=(120, 40))


def test_an_invalid_setting_is_reported_and_not_started(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "start_run", lambda *_, **__: pytest.fail("started"))

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "words" in screen_text(app))
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "0:03" in screen_text(app))
        await pilot.press("tab", "tab", *"gigantic")
        await wait_until_shown(pilot, lambda: "gigantic" in screen_text(app))
        await pilot.press("escape", "enter")
        await wait_until_shown(
            pilot, lambda: "tiny" in screen_text(app) or "There is no preset" in screen_text(app)
        )
        assert isinstance(app.screen, NewSetupScreen)

    run_app(home, journey, size=(120, 40))


def test_enter_is_not_lost_while_a_text_is_read(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a large text takes seconds; who knows the way presses Enter before it is over."""
    is_read = threading.Event()
    started: list[str] = []

    def read_slowly(*arguments: Any, **options: Any) -> Preview:
        is_read.wait(30)
        return preview(*arguments, **options)

    def start(_home: Home, spec: str, *_: Any, **__: Any) -> Run:
        started.append(spec)
        raise InputError("The disk is full.")

    monkeypatch.setattr("core.dataset.preview.preview", read_slowly)
    monkeypatch.setattr("tui.screens.new_setup.start_run", start)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "reading…" in screen_text(app))
        await pilot.press("enter")
        assert isinstance(app.screen, NewCorpusScreen)
        is_read.set()
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewSetupScreen))
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "The disk is full." in screen_text(app))
        assert started == ["lang"]

    run_app(home, journey, size=(120, 40))


def test_wrapped_facts_keep_their_column_and_names_fit(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "130 distinct, 102 once" in screen_text(app))
        await pilot.press("f")
        await wait_until_shown(pilot, lambda: "file, folder or pattern" in screen_text(app))
        assert "questions     question answering" in screen_text(app)
        await pilot.resize_terminal(60, 20)
        await wait_until_shown(pilot, lambda: "│            102 once" in screen_text(app))

    run_app(home, journey)
