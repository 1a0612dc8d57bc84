"""The help of a screen: keys by reach, signs, and how it scrolls."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.paths import Home, find_home
from tests.support.app_runs import make_three_runs, run_app
from tests.support.captures import screen_text
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common.keys import KeyRow, key_rows
from tui.screens.help import SIGNS, HelpScreen, key_table, merge_same


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = find_home(tmp_path / "home")
    make_three_runs(home)
    return home


def test_every_key_of_a_screen_and_every_sign_is_listed(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "lang" in screen_text(app))
        rows = key_rows(app.screen)
        await pilot.press("question_mark")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.pause()
        text = screen_text(app)
        assert "The same on every screen" in text
        for key in {key for row in rows for key in row.key.split() if len(key) > 1}:
            assert key in text, key
        for sign, meaning in SIGNS:
            assert sign in text
            assert meaning in text
        await pilot.press("question_mark")
        await wait_until_shown(pilot, lambda: not isinstance(app.screen, HelpScreen))

    run_app(home, journey, size=(200, 60))


def test_the_help_scrolls(home: Home) -> None:
    """Detects keys below the last row that cannot be read."""

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "lang" in screen_text(app))
        await pilot.press("f1")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert "look at this" not in screen_text(app)
        await pilot.press("end")
        await wait_until_shown(pilot, lambda: "look at this" in screen_text(app))
        await pilot.press("escape")
        await wait_until_shown(pilot, lambda: not isinstance(app.screen, HelpScreen))

    run_app(home, journey, size=(60, 20))


def test_descriptions_are_wrapped_beside_their_keys() -> None:
    table = key_table([KeyRow("a", "one two three four", "x"), KeyRow("PgUp", "up", "y")], 24)
    assert table.plain.split("\n") == ["a         one two three", "          four", "PgUp      up"]


def test_keys_of_the_same_meaning_share_a_row() -> None:
    rows = [KeyRow("↑↓", "Move", "a"), KeyRow("↑↓", "Move", "b"), KeyRow("Home", "Move", "c")]
    assert [row.key for row in merge_same(rows)] == ["↑↓ Home"]
    long = [KeyRow("Shift+Left", "Far", "a"), KeyRow("Shift+Right", "Far", "b")]
    assert merge_same(long) == long, "no column wide enough for both"
    assert merge_same([KeyRow("Ctrl+P F4", "Commands", "x")])[0].key == "Ctrl+P F4"
