"""Choosing a text and setting a run up, by keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.paths import Home, find_home
from tests.support.captures import screen_text
from tests.support.journeys import travel, until
from tui.app import MiniGPTApp
from tui.runs import setup
from tui.screens.new_corpus import NewCorpusScreen
from tui.screens.new_setup import NewSetupScreen


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty library."""
    return find_home(tmp_path / "home")


def test_a_path_is_looked_into_and_a_bad_one_is_said(home: Home, tmp_path: Path) -> None:
    good, bad = tmp_path / "[bold]\u202e.txt", tmp_path / "bad.bin"
    good.write_text("the cat sat\n\x1b]0;title\x07 on the mat\n" * 30)
    bad.write_bytes(bytes(range(256)))

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "Twenty" in screen_text(app))
        await pilot.press("f")
        field = app.screen.query_one("#path", Input)
        field.value = str(bad)
        await pilot.press("enter")
        await until(pilot, lambda: "bad.bin" in screen_text(app))
        await pilot.press("enter")
        assert isinstance(app.screen, NewCorpusScreen), "what is no text cannot be taken"
        field.value = str(good)
        await pilot.press("enter")
        await until(pilot, lambda: "cat" in screen_text(app))
        shown = screen_text(app)
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, NewSetupScreen))

    travel(home, journey, size=(120, 40))


def test_an_impossible_setting_is_said_beside_it_and_not_started(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "begin", lambda *_, **__: pytest.fail("started"))

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "words" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "0:03" in screen_text(app))
        await pilot.press("tab", "tab", *"gigantic")
        await until(pilot, lambda: "gigantic" in screen_text(app))
        await pilot.press("escape", "enter")
        await until(
            pilot, lambda: "tiny" in screen_text(app) or "There is no preset" in screen_text(app)
        )
        assert isinstance(app.screen, NewSetupScreen)

    travel(home, journey, size=(120, 40))


def test_counts_of_two_lines_keep_to_their_column_and_names_have_room(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "130 distinct, 102 once" in screen_text(app))
        await pilot.press("f")
        await until(pilot, lambda: "file, folder or pattern" in screen_text(app))
        assert "questions     question answering" in screen_text(app)
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: "│            102 once" in screen_text(app))

    travel(home, journey)
