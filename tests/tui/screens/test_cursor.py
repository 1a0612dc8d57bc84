"""The cursor by keys: move, swap, branch, walk, colour; and all of it again another day."""

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
from tests.support.captures import assert_same_as_capture
from tests.support.cursor_stage import (
    IDS,
    TEXT,
    CursorSampler,
    cursor_app,
    kept,
    path_of,
    screen_of,
    until,
)
from tests.support.step_stage import StageApp, asked, perform, press
from tests.support.talk_stage import library
from tui.common.messages import OpenInside
from tui.common.sampling_settings import SamplingControls
from tui.common.sanitize import one_line
from tui.common.terminal import Terminal
from tui.screens.cursor import CursorScreen

WARM = SamplingControls(SamplingConfig(temperature=1.0, seed=1), fixed=True)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return library(tmp_path)


def test_the_cursor_moves_and_shows_what_could_stand_there(home: Home) -> None:
    """Alternatives of the place before; a cursor that leaves the text."""
    sampler = CursorSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "Python is a popular[ ]" in app.text
        assert "the end: what could come next" in app.text
        text = await press(app, pilot, "left")
        assert "Python is a[popular]" in text
        assert "“popular” " in text
        text = await press(app, pilot, "home", "left", "left")
        assert "[Python]is a popular" in text
        assert "“Python” " in text
        assert "token 1 of 4" in text
        assert "Python is a popular[ ]" in await press(app, pilot, "end", "right")

    app = perform(cursor_app(home, sampler), journey)
    assert app.troubles == []
    last = asked(sampler, "look")[-1]
    assert (last["ids"], last["at"]) == (IDS, 1)
    assert kept(home) == []


def test_a_place_that_was_seen_is_not_asked_for_again(home: Home) -> None:
    """A move back that waits for the model; a setting that shows what it was before."""
    sampler = CursorSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "left")
        before = len(asked(sampler, "look"))
        await press(app, pilot, "right", "right", "left", "left")
        assert len(asked(sampler, "look")) <= before + 1
        await press(app, pilot, "right", "left")
        before = len(asked(sampler, "look"))
        await press(app, pilot, "right", "left", "right")
        assert len(asked(sampler, "look")) == before
        text = await press(app, pilot, "t", "t", "k", "k", "k")
        assert len(asked(sampler, "look")) == before + 5
        assert "removed by top k" in text or "top k" in text

    perform(cursor_app(home, sampler), journey)


def test_enter_puts_the_chosen_token_and_the_old_end_stays(home: Home) -> None:
    """The journey of the issue: swap, go on from there, find the old tail beside it."""
    sampler = CursorSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "left")
        table = screen_of(app)._table
        here = table.chosen
        assert here is not None
        assert here.text == "a"  # the token that stands there
        await press(app, pilot, *(["up"] * 9), "down")
        chosen = table.chosen
        assert chosen is not None
        await press(app, pilot, "enter")
        fork = asked(sampler, "fork")[0]
        assert (fork["ids"], fork["firsts"], fork["tokens"]) == (IDS[:3], [chosen.id], 50)
        assert path_of(app).startswith(f"Python is {chosen.text}")
        assert "way 2 of 2 here" in app.text
        text = await press(app, pilot, "left_square_bracket")
        assert path_of(app) == TEXT
        assert "‹2›[a]" in text
        assert "way 1 of 2 here" in text
        await press(app, pilot, "right_square_bracket")
        assert path_of(app) != TEXT

    app = perform(cursor_app(home, sampler), journey)
    assert app.troubles == []
    root, branch = kept(home)
    assert [token.id for token in root.tokens] == IDS
    assert (branch.parent, branch.at, branch.weights, branch.step) == (root.id, 3, "last", 500)


def test_branches_are_there_again(home: Home) -> None:
    """A tree that is lost with the screen, or written down twice."""

    async def swap(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "up", "up", "up", "enter")

    async def again(app: StageApp, pilot: Pilot[None]) -> None:
        assert "‹2›" in app.text
        await press(app, pilot, "right_square_bracket")
        assert path_of(app) != TEXT
        await press(app, pilot, "left_curly_bracket")
        assert path_of(app) == TEXT
        await press(app, pilot, "right_curly_bracket")
        assert path_of(app) != TEXT

    perform(cursor_app(home, CursorSampler()), swap)
    before = kept(home)
    perform(cursor_app(home, CursorSampler()), again)
    assert kept(home) == before
    assert len(before) == 2


def test_the_same_token_again_makes_no_second_branch(home: Home) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "up", "up", "up", "enter")
        made = len(kept(home))
        text = await press(app, pilot, "enter")
        assert "That is there already." in text
        assert len(kept(home)) == made

    perform(cursor_app(home, CursorSampler()), journey)


def test_b_makes_several_ways_in_one_batch(home: Home) -> None:
    """One request for each; greedy ways that are all the same, without a word."""
    sampler = CursorSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        text = await press(app, pilot, "3", "b")
        assert "one for each of the likeliest" in text
        assert "way 1 of 3 here" in text
        seen = {path_of(app)}
        for _ in range(2):
            await press(app, pilot, "right_square_bracket")
            seen.add(path_of(app))
        assert len(seen) == 3
        await press(app, pilot, "b")
        assert "of 6 here" in app.text

    perform(cursor_app(home, sampler), journey)
    first, second = asked(sampler, "fork")
    assert len(first["firsts"]) == 3
    assert not set(first["firsts"]) & set(second["firsts"])


def test_b_draws_where_the_settings_do(home: Home) -> None:
    sampler = CursorSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        text = await press(app, pilot, "b")
        assert "3 new ways. ] walks them." in text  # of four, two were the same

    perform(cursor_app(home, sampler, WARM), journey)
    (fork,) = asked(sampler, "fork")
    assert fork["count"] == 4
    assert "firsts" not in fork


def test_branches_are_seen_while_they_grow(home: Home) -> None:
    """Seconds of nothing until the last token of a long branch."""
    sampler = CursorSampler(forks=asyncio.Event())

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("left", "down", "enter")
        await until(pilot, lambda: bool(screen_of(app).cursor.growing))
        await pilot.pause()
        new = screen_of(app).cursor.growing[0][0].text.strip()
        assert f"Python is a[{new}]" in app.text
        assert "[popular]" not in app.text
        assert sampler.forks is not None
        sampler.forks.set()
        await press(app, pilot)
        assert not screen_of(app).cursor.growing
        sampler.forks.clear()
        await pilot.press("b")
        await until(pilot, lambda: len(screen_of(app).cursor.growing) == 4)
        await pilot.pause()
        for number, row in enumerate(screen_of(app).cursor.growing, 1):
            assert f"{number} {one_line(row[0].text).strip()}" in app.text
        sampler.forks.set()
        await press(app, pilot)

    perform(cursor_app(home, sampler), journey)


def test_escape_stops_and_what_came_is_kept(home: Home) -> None:
    """A long branch that cannot be stopped; a screen that is left instead."""
    sampler = CursorSampler(forks=asyncio.Event())

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("left", "up", "enter")
        await until(pilot, lambda: screen_of(app).cursor.running is not None)
        await pilot.pause()
        assert "esc Stop" in app.text
        await press(app, pilot, "escape")
        assert sampler.cancelled == [1]
        assert "esc Back" in app.text

    perform(cursor_app(home, sampler), journey)
    assert len(kept(home)[-1].tokens) == 1


def test_digits_and_colours_are_a_key(home: Home) -> None:
    """Chances that only colours tell."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        plain = app.text
        text = await press(app, pilot, "c")
        assert "digits: tenths" in text
        lines = text.split("\n")
        row = next(n for n, line in enumerate(lines) if "Python is" in line)
        assert any(character.isdigit() or character == "!" for character in lines[row + 1])
        assert await press(app, pilot, "c") == plain

    perform(cursor_app(home, CursorSampler()), journey)


def test_what_goes_wrong_is_said_and_nothing_is_lost(home: Home) -> None:
    """A fork for which there is no memory; a disk that is full."""
    sampler = CursorSampler(fail={"fork": InputError("There is memory for 1 row.", "Ask for 1.")})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "b")
        assert path_of(app) == TEXT
        assert "esc Back" in app.text
        Run(home.runs / "lang").talk.mkdir()
        await press(app, pilot, "b")
        assert path_of(app) != TEXT

    app = perform(cursor_app(home, sampler), journey)
    assert len(app.troubles) == 2


def test_inside_is_opened_at_the_token_one_stands_on(home: Home) -> None:
    """All tokens are told, so that those after it are seen too; at the end it is the last."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "w", "left", "left", "w")

    end, went = perform(cursor_app(home, CursorSampler()), journey).went
    assert isinstance(end, OpenInside)
    assert isinstance(went, OpenInside)
    assert (end.position, went.position) == (len(IDS) - 1, len(IDS) - 2)
    assert (went.prompt, list(went.chosen)) == (None, IDS)


def test_every_key_says_what_it_does() -> None:
    for binding in CursorScreen.BINDINGS:
        assert isinstance(binding, Binding)
        assert binding.tooltip


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (200, 50)], ids=str)
@pytest.mark.parametrize("plain", [False, True], ids=["", "ascii"])
def test_it_looks_as_it_did(home: Home, size: tuple[int, int], plain: bool) -> None:
    """Something cut off, or that only colour or a good font tells."""
    look = Terminal(charset="ascii" if plain else "braille", colour=not plain)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "left", "up", "up", "enter", "3", "b", "c")

    app = cursor_app(home, CursorSampler(corpus=[9, 3, 0, 0, 0, 0, 1, 0, 0, 0]), look=look)
    name = f"cursor{'_ascii' if plain else ''}_{size[0]}x{size[1]}"

    async def captured(app: StageApp, pilot: Pilot[None]) -> None:
        await journey(app, pilot)
        assert_same_as_capture(app, name)

    perform(app, captured, size)
