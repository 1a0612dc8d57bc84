"""Title, status and numbers of Step, Cursor, Inside and Chat are of the same weights."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.errors import DamagedError
from core.paths import Home
from core.run.directory import Run
from core.server.protocol import GenerateRequest, ScoreAtRequest, StepRequest
from tests.support.apps import StageApp, play, press, run_command, settle
from tests.support.conversations import (
    chat_app,
    check_for_newer,
    home_with_lang,
    prompt_of,
    recorded_branches,
    recorded_turns,
    save_newer_weights,
)
from tests.support.cursors import cursor_app
from tests.support.fake_server import FakeServer
from tests.support.wait import wait_until_shown
from tui.screens.cursor import CursorScreen
from tui.screens.inside import InsideScreen
from tui.screens.step import StepScreen
from tui.widgets.candidate_table import CandidateTable

OFFERED = "Newer weights available: . loads them."


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return home_with_lang(tmp_path)


def _step_app(home: Home, server: FakeServer) -> StageApp:
    return StageApp(StepScreen("lang", "last", "Python"), home, server)


def _title(app: StageApp) -> str:
    """The first row, without the tokens in the context."""
    return " ".join(app.text.split("\n")[0].split()).partition(" · context")[0]


def _step_of_rows(app: StageApp) -> int:
    """The step whose weights predict the rows of the table."""
    screen = app.screen
    assert isinstance(screen, StepScreen | CursorScreen)
    rows = [token.id for token in screen.query_one(CandidateTable).rows]
    assert screen.view is not None
    server: FakeServer = app.client
    steps = [step for step in (500, 600) if server.ranking(step, screen.view.length) == rows]
    assert len(steps) == 1
    return steps[0]


@pytest.mark.parametrize("open_app", [cursor_app, _step_app])
def test_newer_weights_are_offered_and_not_used_before_they_are_chosen(
    home: Home, open_app: object
) -> None:
    """The title named the newer weights while the numbers were of the older ones."""
    assert callable(open_app)
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        save_newer_weights(home, server)
        check_for_newer(app)
        assert OFFERED in app.text
        key = "left" if isinstance(app.screen, CursorScreen) else "enter"
        for keys in ([], [key], [key], ["tab", "shift+tab"]):
            await press(app, pilot, *keys)
            assert "newest, step 500" in _title(app)
            assert _step_of_rows(app) == 500
        await press(app, pilot, "full_stop")
        assert "newest, step 600" in _title(app)
        assert _step_of_rows(app) == 600
        await press(app, pilot, "backspace", "right", "left", "left")
        assert "newest, step 600" in _title(app)
        assert _step_of_rows(app) == 600

    assert play(open_app(home, server), journey).errors == []


@pytest.mark.parametrize("open_app", [cursor_app, _step_app])
def test_weights_that_the_server_loads_again_are_named(home: Home, open_app: object) -> None:
    """A server that was started again has only the newer weights: numbers changed under the title,
    and those that were requested before stayed beside them."""
    assert callable(open_app)
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "left", "right", "u")
        save_newer_weights(home, server)
        server.loaded.clear()
        server.sessions.clear()
        await press(app, pilot, *(["left"] * 3 if isinstance(app.screen, CursorScreen) else ["g"]))
        assert "newest, step 600" in _title(app)
        assert _step_of_rows(app) == 600
        await press(app, pilot, *["right"] * 3)
        assert _step_of_rows(app) == 600
        if isinstance(app.screen, CursorScreen):
            scored = server.scored(600, [token.id for token in app.screen.cursor.path])
            chances = app.screen.cursor.chances[1:]
            assert chances == pytest.approx(
                [math.exp(one.log_probability or 0.0) for one in scored[1:]]
            )

    assert play(open_app(home, server), journey).errors == []


def test_the_title_names_no_weights_while_others_are_loaded(home: Home) -> None:
    """Step 256 was named as soon as it was loaded, before its numbers were there."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        server.gates[ScoreAtRequest] = asyncio.Event()
        await pilot.press("comma")
        await pilot.pause(0.05)
        assert "lang › Cursor loading" in _title(app)
        server.gates[ScoreAtRequest].set()
        await settle(app, pilot)
        assert "lang › Cursor step 256" in _title(app)

    play(cursor_app(home, server), journey)


@pytest.mark.parametrize("open_app", [cursor_app, _step_app])
def test_weights_that_cannot_be_loaded_leave_those_shown(home: Home, open_app: object) -> None:
    """The title said that nothing was ready, beside the numbers of the weights before."""
    assert callable(open_app)
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        before = _title(app)
        kind = ScoreAtRequest if isinstance(app.screen, CursorScreen) else StepRequest
        server.failures[kind] = DamagedError("The snapshot of step 256 is damaged.")
        await press(app, pilot, "comma")
        assert len(app.errors) == 1
        assert _title(app) == before
        await press(app, pilot, "left", "enter")
        assert _title(app) == before
        assert {weights for _, weights in server.loaded} == {"last"}
        await press(app, pilot, "comma")
        assert "step 256" in _title(app)

    play(open_app(home, server), journey)


def test_branches_are_recorded_with_the_weights_that_generated_them(home: Home) -> None:
    """The step recorded was that of the title."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left")
        save_newer_weights(home, server)
        server.loaded.clear()
        await press(app, pilot, "space")
        assert "newest, step 600" in _title(app)
        assert _step_of_rows(app) == 600

    play(cursor_app(home, server), journey)
    assert [branch.step for branch in recorded_branches(home)] == [500, 600, 600, 600, 600]


def test_better_best_weights_are_offered(home: Home) -> None:
    """Only the newest weights were watched."""
    server = FakeServer()
    best = Run(home.runs / "lang").best_weights
    best.parent.mkdir()
    best.write_bytes(b"best")

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "b")
        save_newer_weights(home, server)
        check_for_newer(app)
        assert "available" not in app.text
        best.write_bytes(b"better weights")
        check_for_newer(app)
        assert "Better weights available: b loads them." in app.text
        before = len(server.sent(StepRequest))
        await press(app, pilot, "b")
        assert [one.reload for one in server.sent(StepRequest)[before:]] == [True]

    play(_step_app(home, server), journey)


def test_a_pin_names_the_weights_it_compares_with(home: Home) -> None:
    """The label was that of the moment of pinning, whatever was loaded since."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "equals_sign")
        save_newer_weights(home, server)
        text = await run_command(app, pilot, "newest")
        assert "newest, step 600" in _title(app)
        assert "pinned: newest, step 500" in text
        assert "they part at token 1" in text
        server.sessions.clear()
        text = await press(app, pilot, "enter")
        assert "pinned: newest, step 600" in text
        assert "same for" in text

    play(_step_app(home, server), journey)


def test_inside_shows_the_weights_of_the_screen_before(home: Home) -> None:
    """Inside read the newest weights of the disk, and did not name them."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        save_newer_weights(home, server)
        app.push_screen(InsideScreen("lang", "last", None, [1, 3, 4]))
        await settle(app, pilot)
        assert "lang › Inside newest, step 500" in _title(app)
        await press(app, pilot, "h", "escape", "left")
        assert "lang › Cursor newest, step 500" in _title(app)
        assert _step_of_rows(app) == 500

    play(cursor_app(home, server), journey)


def test_a_stopped_reply_has_the_step_of_the_weights_that_generated_it(home: Home) -> None:
    """Only the end of a reply told its step, so that stopping it recorded that of the title."""
    server = FakeServer(gates={GenerateRequest: asyncio.Event()}, free_tokens=2)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        save_newer_weights(home, server)
        prompt_of(app).insert("a")
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "▌ a\n▌ is a" in app.text)
        await wait_until_shown(pilot, lambda: "step 600 · 2 tokens" in app.text)
        await press(app, pilot, "escape")
        assert "600 ◆ newest" in app.text

    play(chat_app(home, server), journey)
    assert [(turn.step, turn.ended) for turn in recorded_turns(home)] == [(600, "cancelled")]
