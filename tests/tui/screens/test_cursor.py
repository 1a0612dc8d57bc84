"""The Cursor screen by keys: move, replace, branch, navigate, probabilities."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from core.config.configs import SamplingConfig
from core.errors import InputError
from core.paths import Home
from core.run.directory import Run
from core.server.protocol import ForkRequest, ScoreAtRequest
from tests.support.apps import SIZES, StageApp, play, press, run_command, settle
from tests.support.captures import assert_same_as_capture
from tests.support.conversations import home_with_lang, recorded_branches
from tests.support.cursors import IDS, TEXT, cursor_app, cursor_screen, path_text
from tests.support.fake_server import FakeServer
from tests.support.wait import wait_until_shown
from tui.common.messages import OpenInside
from tui.common.sampling_settings import SamplingControls
from tui.common.sanitize import one_line
from tui.common.terminal import Terminal
from tui.screens.cursor import CursorScreen

WARM = SamplingControls(SamplingConfig(temperature=1.0, seed=1), fixed=True)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return home_with_lang(tmp_path)


def test_the_cursor_moves_and_shows_the_alternatives(home: Home) -> None:
    """Detects alternatives of another position; a cursor outside the text."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "Python is a popular[ ]" in app.text
        assert "end of the text: what could come next" in app.text
        text = await press(app, pilot, "left")
        assert "Python is a[popular]" in text
        assert "“popular” " in text
        text = await press(app, pilot, "home", "left", "left")
        assert "[Python]is a popular" in text
        assert "“Python” " in text
        assert "token 1 of 4" in text
        assert "Python is a popular[ ]" in await press(app, pilot, "end", "right")

    app = play(cursor_app(home, server), journey)
    assert app.errors == []
    last = server.sent(ScoreAtRequest)[-1]
    assert (last.ids, last.at) == (IDS, 1)
    assert recorded_branches(home) == []


def test_a_position_is_requested_only_once(home: Home) -> None:
    """Detects a move back that waits for the model; outdated values after a change of settings."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "left")
        before = len(server.sent(ScoreAtRequest))
        await press(app, pilot, "right", "right", "left", "left")
        assert len(server.sent(ScoreAtRequest)) <= before + 1
        await press(app, pilot, "right", "left")
        before = len(server.sent(ScoreAtRequest))
        await press(app, pilot, "right", "left", "right")
        assert len(server.sent(ScoreAtRequest)) == before
        await press(app, pilot, "shift+tab", "right", "right", "down")
        text = await press(app, pilot, "right", "right", "right")
        assert len(server.sent(ScoreAtRequest)) == before + 5
        assert "removed by top k" in text or "top k" in text

    play(cursor_app(home, server), journey)


def test_enter_replaces_the_token_and_the_old_text_stays_a_branch(home: Home) -> None:
    """Detects a replaced text that is lost, or branches in the wrong order."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "left")
        table = cursor_screen(app).table
        here = table.selected
        assert here is not None
        assert here.text == "a"  # the actual token
        await press(app, pilot, *(["up"] * 9), "down")
        selected = table.selected
        assert selected is not None
        await press(app, pilot, "enter")
        fork = server.sent(ForkRequest)[0]
        assert (fork.ids, fork.first_tokens, fork.tokens) == (IDS[:3], [selected.id], 50)
        assert path_text(app).startswith(f"Python is {selected.text}")
        assert "branch 2 of 2 here" in app.text
        text = await press(app, pilot, "left_square_bracket")
        assert path_text(app) == TEXT
        assert "‹2›[a]" in text
        assert "branch 1 of 2 here" in text
        await press(app, pilot, "right_square_bracket")
        assert path_text(app) != TEXT

    app = play(cursor_app(home, server), journey)
    assert app.errors == []
    root, branch = recorded_branches(home)
    assert [token.id for token in root.tokens] == IDS
    assert (branch.parent, branch.at, branch.weights, branch.step) == (root.id, 3, "last", 500)


def test_recorded_branches_are_shown_again(home: Home) -> None:
    """Detects a tree that is lost with the screen, or recorded twice."""

    async def replace(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "up", "up", "up", "enter")

    async def again(app: StageApp, pilot: Pilot[None]) -> None:
        assert "‹2›" in app.text
        await press(app, pilot, "right_square_bracket")
        assert path_text(app) != TEXT
        await press(app, pilot, "backspace")
        assert path_text(app) == TEXT
        await run_command(app, pilot, "child")
        assert path_text(app) != TEXT

    play(cursor_app(home, FakeServer()), replace)
    before = recorded_branches(home)
    play(cursor_app(home, FakeServer()), again)
    assert recorded_branches(home) == before
    assert len(before) == 2


def test_an_existing_branch_is_not_added_again(home: Home) -> None:
    """Detects two equal branches in the record."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "up", "up", "up", "enter")
        count = len(recorded_branches(home))
        text = await press(app, pilot, "enter")
        assert "This branch exists already." in text
        assert len(recorded_branches(home)) == count

    play(cursor_app(home, FakeServer()), journey)


def test_space_generates_branches_in_one_request(home: Home) -> None:
    """Detects a request per branch; equal greedy branches without explanation."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await run_command(app, pilot, "branch_count(2)")
        text = await press(app, pilot, "space")
        assert "(likeliest tokens)" in text
        assert "branch 1 of 2 here" in text
        seen = {path_text(app)}
        for _ in range(1):
            await press(app, pilot, "right_square_bracket")
            seen.add(path_text(app))
        assert len(seen) == 2
        await press(app, pilot, "space")
        assert "of 4 here" in app.text

    play(cursor_app(home, server), journey)
    first, second = server.sent(ForkRequest)
    assert first.first_tokens is not None
    assert second.first_tokens is not None
    assert len(first.first_tokens) == 2
    assert not set(first.first_tokens) & set(second.first_tokens)


def test_space_samples_branches_unless_greedy(home: Home) -> None:
    """Detects greedy branches at a temperature above 0."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        text = await press(app, pilot, "space")
        assert "3 branches added; ] shows the next." in text  # two of four were equal

    play(cursor_app(home, server, WARM), journey)
    (fork,) = server.sent(ForkRequest)
    assert (fork.count, fork.first_tokens) == (4, None)


def test_branches_are_shown_while_they_are_generated(home: Home) -> None:
    """Detects no text before the last token of a long branch."""
    server = FakeServer(gates={ForkRequest: asyncio.Event()})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("left", "down", "enter")
        await wait_until_shown(pilot, lambda: bool(cursor_screen(app).cursor.growing))
        await pilot.pause()
        new = cursor_screen(app).cursor.growing[0][0].text.strip()
        assert f"Python is a[{new}]" in app.text
        assert "[popular]" not in app.text
        server.gates[ForkRequest].set()
        await press(app, pilot)
        assert not cursor_screen(app).cursor.growing
        server.gates[ForkRequest].clear()
        await pilot.press("space")
        await wait_until_shown(pilot, lambda: len(cursor_screen(app).cursor.growing) == 4)
        await pilot.pause()
        for number, row in enumerate(cursor_screen(app).cursor.growing, 1):
            assert f"{number} {one_line(row[0].text).strip()}" in app.text
        server.gates[ForkRequest].set()
        await press(app, pilot)

    play(cursor_app(home, server), journey)


def test_escape_stops_and_keeps_the_tokens_so_far(home: Home) -> None:
    """Detects a long branch that cannot be stopped; a screen that is closed instead."""
    server = FakeServer(gates={ForkRequest: asyncio.Event()})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("left", "up", "enter")
        await wait_until_shown(pilot, lambda: cursor_screen(app).cursor.running is not None)
        await pilot.pause()
        assert "esc Stop" in app.text
        await press(app, pilot, "escape")
        (fork,) = server.sent(ForkRequest)
        assert server.cancelled == [server.requests.index(fork) + 1]
        assert "esc Back" in app.text

    play(cursor_app(home, server), journey)
    assert len(recorded_branches(home)[-1].tokens) == 1


def test_probabilities_are_shown_as_digits(home: Home) -> None:
    """Detects probabilities that only colours show."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        plain = app.text
        text = await press(app, pilot, "u")
        assert "tenths, ! <1%" in text
        lines = text.split("\n")
        row = next(n for n, line in enumerate(lines) if "Python is" in line)
        assert any(character.isdigit() or character == "!" for character in lines[row + 1])
        assert await press(app, pilot, "u") == plain

    play(cursor_app(home, FakeServer()), journey)


def test_errors_are_shown_and_nothing_is_lost(home: Home) -> None:
    """Detects a text that is lost after an error of the server or of the record."""
    server = FakeServer(failures={ForkRequest: InputError("Not enough memory.", "Ask for 1.")})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "space")
        assert path_text(app) == TEXT
        assert "esc Back" in app.text
        Run(home.runs / "lang").chat.mkdir()
        await press(app, pilot, "space")
        assert path_text(app) != TEXT

    app = play(cursor_app(home, server), journey)
    assert len(app.errors) == 2


def test_inside_is_opened_at_the_cursor(home: Home) -> None:
    """Detects another position, or a text without the tokens after it."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "i", "left", "left", "i")

    end, middle = play(cursor_app(home, FakeServer()), journey).posted(OpenInside)
    assert (end.position, middle.position) == (len(IDS) - 1, len(IDS) - 2)
    assert (middle.prompt, list(middle.chosen)) == (None, IDS)


def test_every_key_has_a_tooltip() -> None:
    """Detects a key that the help does not explain."""
    for binding in CursorScreen.BINDINGS:
        assert isinstance(binding, Binding)
        assert binding.tooltip


@pytest.mark.parametrize("size", [*SIZES, (110, 24), (140, 38)], ids=str)
@pytest.mark.parametrize("plain", [False, True], ids=["", "ascii"])
def test_the_screen_looks_as_captured(home: Home, size: tuple[int, int], plain: bool) -> None:
    """Detects an unintended change of layout or wording."""
    terminal = Terminal(charset="ascii" if plain else "braille", colour=not plain)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "left", "up", "up", "enter", "space", "u")
        assert_same_as_capture(app, f"cursor{'_ascii' if plain else ''}_{size[0]}x{size[1]}")

    server = FakeServer(corpus=[9, 3, 0, 0, 0, 0, 1, 0, 0, 0])
    play(cursor_app(home, server, terminal=terminal), journey, size)


def test_tokens_rows_and_branches_answer_the_mouse(home: Home) -> None:
    """Detects a text, a table or a list of branches that only the keys can use."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        cursor = cursor_screen(app).cursor
        line = app.text.split("\n")[2]
        await pilot.click("#tokens", offset=(line.index("is") - 1, 0))
        await settle(app, pilot)
        assert cursor.at == 2
        await pilot.click("#candidates", offset=(10, 2), times=2)
        await settle(app, pilot)
        assert "‹2›" in app.text
        old, new = cursor.branch, path_text(app)
        await pilot.click("#branches", offset=(8, 0))
        await settle(app, pilot)
        assert cursor.branch != old
        assert path_text(app) == TEXT != new

    assert play(cursor_app(home, server), journey).errors == []
