"""The Models screen and its keys."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from core.config.configs import TrainConfig
from core.paths import Home, find_home
from core.run import store
from core.run.create import create_run
from core.run.directory import Run
from core.run.notes import RunNote, read_note
from tests.support.app_runs import make_three_runs, run_app
from tests.support.captures import screen_text
from tests.support.runs import ScriptedRun
from tests.support.suspended import suspended_trainer
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common.messages import OpenCompare, OpenInside, OpenSetup, OpenStep
from tui.common.terminal import Terminal
from tui.runs.library import Library, LibraryRow
from tui.screens.dialogs import ConfirmDialog, LineDialog
from tui.screens.models import ModelsScreen
from tui.screens.train import TrainScreen
from tui.widgets.run_table import RunTable


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty library."""
    return find_home(tmp_path / "home")


async def three_rows(app: MiniGPTApp, pilot: Pilot[None]) -> RunTable:
    """The table, once the three runs of `make_three_runs` are in it."""
    table = app.screen.query_one(RunTable)
    await wait_until_shown(pilot, lambda: table.row_count == 3)
    return table


def test_runs_are_filtered_renamed_and_deleted(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = await three_rows(app, pilot)
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
        names = table.names
        table.move_cursor(names.index("legends"))
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
        table = await three_rows(app, pilot)
        names = table.names
        table.move_cursor(names.index("poem"))
        await pilot.pause()
        await pilot.press("d")
        await pilot.pause()
        assert isinstance(app.screen, ModelsScreen), "no question is asked"
        await pilot.press("s")
        await wait_until_shown(pilot, lambda: "It was last saved" in screen_text(app))
        await pilot.press("y")
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
        table = await three_rows(app, pilot)
        await pilot.press("down")
        assert table.selected is not None
        name = table.selected.summary.name
        await wait_until_shown(pilot, lambda: f"─ {name} ─" in screen_text(app))
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, TrainScreen))
        assert name in screen_text(app)

    run_app(home, journey, size=(160, 40))


def test_an_invalid_name_is_refused_in_the_dialog_which_keeps_it(home: Home) -> None:
    """Invalid input closed the dialog, and what was typed was lost."""
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await three_rows(app, pilot)
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
        table = await three_rows(app, pilot)
        await pilot.press("end")
        assert table.cursor == 2
        await pilot.press("home")
        assert table.cursor == 0

    run_app(home, journey)


def test_a_slow_reading_is_waited_for(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    make_three_runs(home)
    rows, active, most = Library.rows, [0], [0]

    def read_slowly(self: Library, count: int | None = None) -> list[LibraryRow]:
        active[0] += 1
        most[0] = max(most[0], active[0])
        time.sleep(0.4)
        active[0] -= 1
        return rows(self, count)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = await three_rows(app, pilot)
        monkeypatch.setattr(Library, "rows", read_slowly)
        ScriptedRun(home.root, "newest").start()
        await wait_until_shown(pilot, lambda: table.row_count == 4)
        assert most == [1]

    run_app(home, journey, terminal=Terminal(refresh=0.1))


def test_a_filter_keeps_marks(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = await three_rows(app, pilot)
        await pilot.press("space", "down", "space")
        marked = list(table.marked)
        await pilot.press("slash", *"tal", "enter")
        await wait_until_shown(pilot, lambda: table.row_count == 1)
        assert len(table.marked) == 2
        assert table.marked == marked

    run_app(home, journey)


def test_a_filter_without_matches_says_so(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = await three_rows(app, pilot)
        await pilot.press("slash", *"Xyz")
        await wait_until_shown(pilot, lambda: "No run or tag matches “Xyz”." in screen_text(app))
        await pilot.press("escape")
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        assert "No run or tag" not in screen_text(app)

    run_app(home, journey)


def test_runs_keep_their_rows_while_they_train(home: Home) -> None:
    """Two live runs swapped places, and a key meant for one acted on the other."""
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        screen, table = app.screen, app.screen.query_one(RunTable)
        assert isinstance(screen, ModelsScreen)
        await wait_until_shown(pilot, lambda: table.row_count == 3)
        before = table.names
        os.utime(home.runs / before[-1] / "events.jsonl", (2e9, 2e9))
        await screen.refresh_runs().wait()
        await pilot.pause()
        assert table.names == before

    run_app(home, journey)


def test_a_key_that_cannot_act_now_says_so(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = await three_rows(app, pilot)
        await pilot.press("slash", *"tal", "enter")
        await wait_until_shown(pilot, lambda: table.row_count == 1)
        await pilot.press("s")
        expected = "tales is not being trained: failed."
        await wait_until_shown(
            pilot, lambda: expected in [note.message for note in app._notifications]
        )

    run_app(home, journey)


def notes_of(app: MiniGPTApp) -> list[str]:
    return [note.message for note in app._notifications]


def test_marked_runs_are_compared(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    make_three_runs(home)
    compared: list[tuple[str, ...]] = []

    def on_open_compare(self: MiniGPTApp, message: OpenCompare) -> None:
        compared.append(message.names)

    monkeypatch.setattr(MiniGPTApp, "on_open_compare", on_open_compare, raising=False)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = await three_rows(app, pilot)
        await pilot.press("space", "c")
        await wait_until_shown(pilot, lambda: "Mark two to four runs with Space." in notes_of(app))
        await pilot.press("down", "space", "c")
        await wait_until_shown(pilot, lambda: compared)
        assert compared == [tuple(table.names[:2])]

    run_app(home, journey)


def test_the_order_is_chosen_and_shown(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = await three_rows(app, pilot)
        table.select("lang")
        for order, names in (
            ("name", ["lang", "poem", "tales"]),
            ("loss", ["lang", "poem", "tales"]),
            ("age", ["poem", "tales", "lang"]),
        ):
            await pilot.press("o")
            await wait_until_shown(
                pilot, lambda order=order: f"o order: {order}" in screen_text(app)
            )
            assert table.names == names
            assert table.selected is not None
            assert table.selected.summary.name == "lang", "the cursor stays on its run"

    run_app(home, journey, size=(140, 38))


def test_the_preview_shows_losses_and_samples_of_the_run_under_the_cursor(home: Home) -> None:
    parent = ScriptedRun(home.root, "tales").train_fully()
    child = ScriptedRun(home.root, "child")
    record = json.loads(child.run.record.read_text())
    child.run.record.write_text(json.dumps({**record, "parent": {"run": "tales"}}))

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(RunTable)
        await wait_until_shown(pilot, lambda: table.row_count == 2)
        table.select(parent.run.name)
        await wait_until_shown(pilot, lambda: "There was a man of the sea." in screen_text(app))
        await wait_until_shown(pilot, lambda: "bigram 1.47" in screen_text(app))
        text = screen_text(app)
        assert "└ child" in text
        assert "children   child" in text
        assert "1 training   2 models" in text
        await pilot.press("down")
        await wait_until_shown(pilot, lambda: "no samples yet" in screen_text(app))
        assert "parent     tales" in screen_text(app)
        assert "There was a man" not in screen_text(app)

    run_app(home, journey, size=(140, 38))


def test_a_note_and_tags_are_typed_in_one_line_and_found(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = await three_rows(app, pilot)
        table.select("tales")
        await pilot.press("f2")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, LineDialog))
        app.screen.query_one(Input).value = "wider #exp ##"
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "Invalid tag" in screen_text(app))
        app.screen.query_one(Input).value = "wider #exp"
        await pilot.press("enter")
        run = Run(home.runs / "tales")
        await wait_until_shown(pilot, lambda: read_note(run) == RunNote("wider", ("exp",)))
        await pilot.press("slash", *"exp", "enter")
        await wait_until_shown(pilot, lambda: table.names == ["tales"])
        await wait_until_shown(pilot, lambda: "wider #exp" in screen_text(app))

    run_app(home, journey)


@pytest.mark.parametrize(("key", "message"), [("x", OpenStep), ("i", OpenInside)])
def test_step_and_inside_open_from_the_list(
    home: Home, monkeypatch: pytest.MonkeyPatch, key: str, message: type
) -> None:
    make_three_runs(home)
    opened: list[str] = []
    handler = "on_open_step" if key == "x" else "on_open_inside"
    monkeypatch.setattr(MiniGPTApp, handler, lambda _, message: opened.append(message.name))

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = await three_rows(app, pilot)
        await pilot.press(key)
        await wait_until_shown(pilot, lambda: opened == table.names[:1])

    run_app(home, journey)


def test_a_new_run_begins_with_the_settings_of_another(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, lock = create_run(home, "lang", TrainConfig(steps=7), {"d_model": 64}, name="first")
    lock.release()
    opened: list[OpenSetup] = []
    monkeypatch.setattr(MiniGPTApp, "on_open_setup", lambda _, message: opened.append(message))

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: app.screen.query_one(RunTable).names == ["first"])
        await pilot.press("N")
        await wait_until_shown(pilot, lambda: opened)

    run_app(home, journey)
    assert opened[0].spec == "lang"
    settings = opened[0].settings
    assert settings is not None
    assert (settings["steps"], settings["d_model"]) == (7, 64)
    assert "parent" not in settings


def test_the_mouse_opens_a_run(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = await three_rows(app, pilot)
        name = table.names[2]
        await pilot.click(table, offset=(10, 3))
        assert table.selected is not None
        assert table.selected.summary.name == name
        assert isinstance(app.screen, ModelsScreen)
        await pilot.double_click(table, offset=(10, 3))
        await wait_until_shown(pilot, lambda: isinstance(app.screen, TrainScreen))
        assert f"{name} › Train" in screen_text(app)

    run_app(home, journey)


def test_no_stops_nothing(home: Home) -> None:
    make_three_runs(home)

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        table = await three_rows(app, pilot)
        table.select("poem")
        await pilot.press("s")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, ModelsScreen))
        assert not Run(home.runs / "poem").requests.exists()

    run_app(home, journey)


def test_there_are_at_most_twenty_keys() -> None:
    """More cannot be remembered."""
    own = {binding.key for binding in (*ModelsScreen.BINDINGS, *RunTable.BINDINGS)}
    assert len(own) <= 20
