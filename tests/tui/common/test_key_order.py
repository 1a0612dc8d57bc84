"""Keys that arrive at once: each is handled after the one before."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input

from core.paths import find_home
from tests.support.app_runs import make_three_runs, run_app
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common import key_order
from tui.screens.dialogs import LineDialog
from tui.screens.models import ModelsScreen
from tui.screens.new_corpus import NewCorpusScreen
from tui.widgets.run_table import RunTable
from tui.widgets.text_list import TextList

DELAY_S = 0.8


class RemovedByKey(Widget, can_focus=True):
    """A widget that any key removes, so that the key reaches neither its parent nor the app."""

    def on_key(self) -> None:
        self.remove()


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
        _send_at_once(app, "/dnsy")
        await wait_until_shown(pilot, lambda: app.screen.query_one(Input).value == "dnsy")
        assert isinstance(app.screen, ModelsScreen)

    run_app(home, journey)


@pytest.mark.parametrize("slow", ["waiting", "busy"])
def test_letters_after_f_are_typed_into_the_path_however_slow_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    async def delay(_: TextList) -> None:
        await asyncio.sleep(DELAY_S) if slow == "waiting" else time.sleep(DELAY_S)

    monkeypatch.setattr(TextList, "on_mount", delay, raising=False)
    monkeypatch.setattr(TextList, "on_key", delay, raising=False)
    home = find_home(tmp_path / "home")
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        _send_at_once(app, "nfnobs")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, NewCorpusScreen))
        await wait_until_shown(pilot, lambda: isinstance(app.focused, Input))
        _send_at_once(app, "/f")
        path = app.screen.query_one("#path", Input)
        await wait_until_shown(pilot, lambda: path.value == "nobs/f")

    run_app(home, journey)


def test_letters_after_the_key_of_a_dialog_are_typed_into_it_however_slowly_it_is_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def delay(_: LineDialog) -> None:
        await asyncio.sleep(DELAY_S)

    monkeypatch.setattr(LineDialog, "on_mount", delay, raising=False)
    home = find_home(tmp_path / "home")
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(RunTable)
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        await pilot.press("end")  # a run that has ended can be renamed
        _send_at_once(app, "mnobs")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, LineDialog))
        await wait_until_shown(
            pilot, lambda: isinstance(app.focused, Input) and app.focused.value.endswith("nobs")
        )

    run_app(home, journey)


def test_a_key_whose_receiver_is_removed_does_not_hold_up_the_next(tmp_path: Path) -> None:
    home = find_home(tmp_path / "home")
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        button = RemovedByKey()
        await app.screen.mount(button)
        button.focus()
        await wait_until_shown(pilot, lambda: app.focused is button)
        _send_at_once(app, "w/ab")
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
        await wait_until_shown(pilot, lambda: isinstance(app.focused, TextList))
        assert app.screen_stack[-2].query_one(Input).value == ""

    run_app(home, journey)


def test_a_capital_letter_after_escape_stays_capital() -> None:
    escape, letter = key_order.split_alt(Key("alt+shift+o", "O"))
    assert isinstance(escape, Key)
    assert isinstance(letter, Key)
    assert (escape.key, letter.key, letter.character) == ("escape", "O", "O")
