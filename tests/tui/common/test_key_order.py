"""Keys that arrive at once: each acts on what the one before has left."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from core.paths import find_home
from tests.support.journeys import library, travel, until
from tui.app import MiniGPTApp
from tui.common import key_order
from tui.screens.models import ModelsScreen
from tui.screens.new_corpus import NewCorpusScreen
from tui.widgets.run_table import RunTable


def _at_once(app: MiniGPTApp, text: str) -> None:
    """As a slow line hands them over."""
    for letter in text:
        app.post_message(Key({"/": "slash", "\r": "enter"}.get(letter, letter), letter))


def test_letters_that_come_with_the_slash_are_typed_and_do_not_act(tmp_path: Path) -> None:
    home = find_home(tmp_path / "home")
    library(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(RunTable)
        await until(pilot, lambda: table.row_count == 3)
        _at_once(app, "/dnsy\r")
        await until(pilot, lambda: app.screen.query_one(Input).value == "dnsy")
        await until(pilot, lambda: app.focused is table)
        assert isinstance(app.screen, ModelsScreen)

    travel(home, journey)


def test_a_key_whose_end_is_never_told_holds_up_the_next_one_only_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_order, "HANDLED_TIMEOUT_S", 0.01)
    monkeypatch.setattr(key_order.KeyHandled, "bubble", False)
    home = find_home(tmp_path / "home")
    library(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        _at_once(app, "/")
        await until(pilot, lambda: isinstance(app.focused, Input))
        _at_once(app, "ab")
        await until(pilot, lambda: app.screen.query_one(Input).value == "ab")

    travel(home, journey)


def test_escape_and_a_letter_right_behind_it_are_two_keys(tmp_path: Path) -> None:
    home = find_home(tmp_path / "home")
    library(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        _at_once(app, "/d")
        await until(pilot, lambda: isinstance(app.focused, Input) and app.focused.value == "d")
        app.post_message(Key("alt+n", "n"))  # as Textual's parser names it
        await until(pilot, lambda: isinstance(app.screen, NewCorpusScreen))
        assert app.screen_stack[-2].query_one(Input).value == ""

    travel(home, journey)


def test_a_large_letter_behind_escape_stays_large() -> None:
    escape, letter = key_order.split_alt(Key("alt+shift+o", "O"))
    assert isinstance(escape, Key)
    assert isinstance(letter, Key)
    assert (escape.key, letter.key, letter.character) == ("escape", "O", "O")
