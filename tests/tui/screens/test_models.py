"""The Models screen and its keys."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from core.paths import Home, find_home
from core.run import store
from core.run.directory import Run
from tests.support.app_runs import make_three_runs, run_app
from tests.support.captures import screen_text
from tests.support.runs import ScriptedRun
from tests.support.suspended import suspended_trainer
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.screens.dialogs import LineDialog
from tui.screens.models import ModelsScreen
from tui.screens.train import TrainScreen
from tui.widgets.run_table import RunTable


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty library."""
    return find_home(tmp_path / "home")


def test_runs_are_filtered_renamed_and_deleted(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(RunTable)
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        await pilot.press("slash", *"tal", "enter")
        await wait_until_shown(pilot, lambda: table.row_count == 1)
        assert table.selected is not None
        assert table.selected.summary.name == "tales"
        await pilot.press("m")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, LineDialog))
        app.screen.query_one(Input).value = "legends"
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: (home.runs / "legends").is_dir())
        await pilot.press("escape")
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        await wait_until_shown(pilot, lambda: "legends" in screen_text(app))
        names = [str(table.get_row_at(n)[0]) for n in range(3)]
        table.move_cursor(row=names.index("legends"))
        await pilot.press("d")
        await wait_until_shown(pilot, lambda: "Delete legends" in screen_text(app))
        await pilot.press("enter")
        assert (home.runs / "legends").is_dir(), "Enter is no"
        await pilot.press("d")
        await wait_until_shown(pilot, lambda: "Delete legends" in screen_text(app))
        await pilot.press("y")
        await wait_until_shown(pilot, lambda: not (home.runs / "legends").exists())
        await wait_until_shown(pilot, lambda: table.row_count == 2)

    run_app(home, journey)


def test_the_cursor_stays_on_its_run_while_others_come_and_go(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        screen, table = app.screen, app.screen.query_one(RunTable)
        assert isinstance(screen, ModelsScreen)
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        await pilot.press("down")
        assert table.selected is not None
        name = table.selected.summary.name
        newest = ScriptedRun(home.root, "newest")
        newest.start()
        screen.refresh_runs()
        await wait_until_shown(pilot, lambda: table.row_count == 4)
        assert table.selected is not None
        assert table.selected.summary.name == name

    run_app(home, journey)


def test_a_live_run_can_be_stopped_but_not_deleted(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(RunTable)
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        names = [str(table.get_row_at(n)[0]) for n in range(3)]
        table.move_cursor(row=names.index("poem"))
        await pilot.pause()
        await pilot.press("d")
        await pilot.pause()
        assert isinstance(app.screen, ModelsScreen), "no question is asked"
        await pilot.press("s")
        requests = Run(home.runs / "poem").requests
        await wait_until_shown(pilot, requests.exists)
        assert json.loads(requests.read_text())["type"] == "stop"

    run_app(home, journey)


def test_a_suspended_trainer_is_named_when_it_is_to_stop(home: Home) -> None:
    """Detects "Saving and stopping…" that never happens."""
    run = ScriptedRun(home.root, "poem")
    run.start()

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(RunTable)
        await wait_until_shown(pilot, lambda: table.row_count == 1)
        await pilot.press("s")
        await wait_until_shown(pilot, lambda: f"kill -CONT {pid}" in screen_text(app))

    with suspended_trainer(run.run) as pid:
        run_app(home, journey)


def test_an_empty_list_says_what_to_do(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, ModelsScreen))
        await wait_until_shown(pilot, lambda: "Press n" in screen_text(app))

    run_app(home, journey)
    assert store.list_runs(home) == []


def test_enter_opens_the_run_under_the_cursor_and_its_facts_follow(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(RunTable)
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        await pilot.press("down")
        assert table.selected is not None
        name = table.selected.summary.name
        await wait_until_shown(pilot, lambda: f"/runs/{name}" in screen_text(app))
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, TrainScreen))
        assert name in screen_text(app)

    run_app(home, journey, size=(160, 40))


def test_an_invalid_name_is_refused_in_the_dialog_which_keeps_it(home: Home) -> None:
    """Invalid input closed the dialog, and what was typed was lost."""
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(RunTable)
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        await pilot.press("slash", *"tal", "enter", "m")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, LineDialog))
        for invalid, problem in (("a/b", "Invalid name"), ("lang", "lang")):
            app.screen.query_one(Input).value = invalid
            await pilot.press("enter")
            await pilot.pause()
            assert isinstance(app.screen, LineDialog)
            assert app.screen.query_one(Input).value == invalid
            assert problem in str(app.screen.query_one("#problem", Static).content)
        app.screen.query_one(Input).value = "legends"
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: (home.runs / "legends").is_dir())

    run_app(home, journey)


def test_home_and_end_reach_the_first_and_the_last_run(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(RunTable)
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        await pilot.press("end")
        assert table.cursor_row == 2
        await pilot.press("home")
        assert table.cursor_row == 0

    run_app(home, journey)


def test_a_filter_without_matches_says_so(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(RunTable)
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        await pilot.press("slash", *"xyz")
        await wait_until_shown(pilot, lambda: "No run is called like “xyz”." in screen_text(app))
        await pilot.press("escape")
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        assert "No run is called" not in screen_text(app)

    run_app(home, journey)


def test_runs_keep_their_rows_while_they_train(home: Home) -> None:
    """Two live runs swapped places, and a key meant for one acted on the other."""
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        screen, table = app.screen, app.screen.query_one(RunTable)
        assert isinstance(screen, ModelsScreen)
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        before = [str(table.get_row_at(n)[0]) for n in range(3)]
        os.utime(home.runs / before[-1] / "events.jsonl", (2e9, 2e9))
        await screen.refresh_runs().wait()
        await pilot.pause()
        assert [str(table.get_row_at(n)[0]) for n in range(3)] == before

    run_app(home, journey)


def test_a_key_that_cannot_act_now_says_so(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(RunTable)
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        await pilot.press("slash", *"tal", "enter")
        await wait_until_shown(pilot, lambda: table.row_count == 1)
        await pilot.press("s")
        expected = "Not possible now: Save and stop training."
        await wait_until_shown(
            pilot, lambda: expected in [note.message for note in app._notifications]
        )

    run_app(home, journey)
