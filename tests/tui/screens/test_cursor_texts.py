"""Texts for the cursor by keys: of a talk, of a walk, of one's own; and by other weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Paste
from textual.pilot import Pilot

from core.config.configs import SamplingConfig
from core.paths import Home
from core.run.directory import Run
from tests.support.cursor_stage import (
    CursorSampler,
    cursor_app,
    kept,
    path_of,
    screen_of,
)
from tests.support.step_stage import StageApp, asked, perform, press
from tests.support.talk_stage import library, turn_of
from tui.common.sampling_settings import SamplingControls
from tui.screens.cursor import CursorScreen
from tui.screens.step import StepScreen
from tui.screens.talk import TalkScreen
from tui.talk.record import append, read_last
from tui.widgets.prompt import Prompt

WARM = SamplingControls(SamplingConfig(temperature=1.0, seed=1), fixed=True)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return library(tmp_path)


def test_other_weights_say_their_own_chances(home: Home) -> None:
    """Digits of the weights before."""
    sampler = CursorSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "comma", "comma")
        cursor = screen_of(app).cursor
        assert asked(sampler, "look")[-1]["which"] == "1"
        assert asked(sampler, "look")[-1]["scored"]
        there = [one for one in cursor.chances if one is not None]
        await press(app, pilot, "full_stop", "full_stop")
        assert [one for one in cursor.chances if one is not None] != there

    perform(cursor_app(home, sampler), journey)


def test_a_text_of_ones_own_is_scored_and_branched(home: Home) -> None:
    """A pasted text that is not kept, or hides the one before."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "e")
        app.screen.query_one(Prompt).insert("a Python")
        text = await press(app, pilot, "enter")
        assert "a Python[ ]" in text
        assert "perplexity" in text
        await press(app, pilot, "left", "up", "up", "enter")
        assert "Python is a popular[ ]" in await press(app, pilot, "pageup")
        assert "This is the first text." in await press(app, pilot, "pageup")
        assert "a ‹2›Python[ ]" in await press(app, pilot, "pagedown")

    app = perform(cursor_app(home, CursorSampler()), journey)
    assert app.troubles == []
    assert [branch.parent is None for branch in kept(home)] == [True, False]


def test_what_is_pasted_is_a_text_and_unknown_words_are_said(home: Home) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        app.post_message(Paste("unknown"))
        assert "Python is a popular[ ]" in await press(app, pilot)
        app.post_message(Paste("a Python"))
        assert "a Python[ ]" in await press(app, pilot)

    app = perform(cursor_app(home, CursorSampler()), journey)
    assert len(app.troubles) == 1


def test_from_step_too(home: Home) -> None:
    sampler = CursorSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter", "v")
        assert isinstance(app.screen, CursorScreen)
        assert path_of(app).startswith("Python ")
        await press(app, pilot, "escape")
        assert isinstance(app.screen, StepScreen)

    first = StepScreen("lang", "last", "Python")
    perform(StageApp(home, sampler, first), journey)


def test_from_talk_over_the_last_reply_and_back_to_older_ones(home: Home) -> None:
    """A tree that is another turn's; a talk that is broken by the branches in its file."""
    talk = Run(home.runs / "lang").talk
    first, last = turn_of("Python", " is"), turn_of("Python", " is a")
    append(talk, first)
    append(talk, last)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "escape", "v")
        assert path_of(app) == "Python is a"
        await press(app, pilot, "left", "up", "up", "enter")
        await press(app, pilot, "pageup")
        assert path_of(app) == "Python is"
        assert screen_of(app).cursor.tree.root(screen_of(app).cursor.branch).typed == 2
        await press(app, pilot, "pagedown")
        assert path_of(app) == "Python is a"
        assert "‹2›" in app.text
        assert "Python is a" in await press(app, pilot, "escape")
        assert isinstance(app.screen, TalkScreen)
        text = await press(app, pilot, "v")
        assert "‹2›" in text

    for _ in range(2):
        app = perform(StageApp(home, CursorSampler(), TalkScreen("lang")), journey)
        assert app.troubles == []
    assert read_last(talk, 10) == [first, last]
    root, branch = kept(home)
    assert (root.turn, branch.parent) == (last.id, root.id)


def test_there_is_no_cursor_where_nothing_was_said(home: Home) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "escape", "v")
        assert isinstance(app.screen, TalkScreen)

    perform(StageApp(home, CursorSampler(), TalkScreen("lang")), journey)
