"""Keys that arrive at once: each is handled after the one before."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from core.paths import find_home
from tests.support.app_runs import make_three_runs, run_app
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common import key_order
from tui.screens.models import ModelsScreen
from tui.screens.new_corpus import NewCorpusScreen
from tui.widgets.run_table import RunTable


def _send_at_once(app: MiniGPTApp, text: str) -> None:
    """Post keys without waiting, as after a delay of the connection."""
    for letter in text:
        app.post_message(Key({"/": "slash", "\r": "enter"}.get(letter, letter), letter))


def test_letters_sent_with_a_slash_are_typed_into_the_filter(tmp_path: Path) -> None:
    home = find_home(tmp_path / "home")
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(RunTable)
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        _send_at_once(app, "/dnsy\r")
        await wait_until_shown(pilot, lambda: app.screen.query_one(Input).value == "dnsy")
        await wait_until_shown(pilot, lambda: app.focused is table)
        assert isinstance(app.screen, ModelsScreen)

    run_app(home, journey)


def test_a_key_that_is_never_reported_as_handled_times_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_order, "HANDLED_TIMEOUT_S", 0.01)
    monkeypatch.setattr(key_order.KeyHandled, "bubble", False)
    home = find_home(tmp_path / "home")
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        _send_at_once(app, "/")
        await wait_until_shown(pilot, lambda: isinstance(app.focused, Input))
        _send_at_once(app, "ab")
        await wait_until_shown(pilot, lambda: app.screen.query_one(Input).value == "ab")

    run_app(home, journey)


def test_escape_directly_followed_by_a_letter_are_two_keys(tmp_path: Path) -> None:
    home = find_home(tmp_path / "home")
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        _send_at_once(app, "/d")
        await wait_until_shown(
            pilot, lambda: isinstance(app.focused, Input) and app.focused.value == "d"
        )
        app.post_message(Key("alt+n", "n"))  # as Textual's parser names it
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewCorpusScreen))
        assert app.screen_stack[-2].query_one(Input).value == ""

    run_app(home, journey)


def test_a_capital_letter_after_escape_stays_capital() -> None:
    escape, letter = key_order.split_alt(Key("alt+shift+o", "O"))
    assert isinstance(escape, Key)
    assert isinstance(letter, Key)
    assert (escape.key, letter.key, letter.character) == ("escape", "O", "O")
