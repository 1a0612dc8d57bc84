"""Inside by keys: places, layers, heads, and heads that are switched off."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from core.errors import InputError
from core.paths import Home
from tests.support.captures import assert_same_as_capture
from tests.support.step_stage import Json, StageApp, StepSampler, asked, perform, press
from tests.support.talk_stage import library
from tui.common.messages import OpenInside
from tui.common.terminal import Terminal
from tui.screens.inside import InsideScreen
from tui.screens.step import StepScreen


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return library(tmp_path)


def _app(home: Home, sampler: StepSampler, look: Terminal | None = None) -> StageApp:
    screen = InsideScreen("lang", "last", "Python is a", [6, 7])
    return StageApp(home, sampler, screen, look)


def _last(sampler: StepSampler) -> Json:
    return asked(sampler, "inside")[-1]


def test_places_layers_and_heads_are_on_keys(home: Home) -> None:
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "› 3" in app.text
        await press(app, pilot, "left", "left")
        assert _last(sampler)["at"] == 3
        assert "[is]" in await press(app, pilot, "left")
        text = await press(app, pilot, "l")
        assert (_last(sampler)["head"], "head 1 looks at" in text) == (0, True)
        assert "head 2 looks at" in await press(app, pilot, "h", "h")
        assert "mean of all heads" in await press(app, pilot, "0")
        await press(app, pilot, "home")
        assert _last(sampler)["at"] == 0
        await press(app, pilot, "end")
        assert _last(sampler)["at"] == 5
        count = len(sampler.asked)
        assert "› 1" in await press(app, pilot, "k", "k", "k")
        assert len(sampler.asked) == count, "all layers are known"

    perform(_app(home, sampler), journey)


def test_quick_keys_all_count(home: Home) -> None:
    """Replies take longer than keys: none is lost, and the places passed are not asked for."""
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        gate = sampler.gate = asyncio.Event()
        before = len(asked(sampler, "inside"))
        await pilot.press("left", "left", "left", "l", "l")
        gate.set()
        await press(app, pilot)
        assert (_last(sampler)["at"], _last(sampler)["head"]) == (2, 1)
        assert len(asked(sampler, "inside")) == before + 2

    perform(_app(home, sampler), journey)


def test_a_head_is_switched_off_and_on(home: Home) -> None:
    """What changes is said at once; the mean stands for all heads of the layer."""
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        text = await press(app, pilot, "l", "o")
        assert _last(sampler)["off"] == [[2, 0]]
        assert "without 3.1: 31.0%" in text
        await press(app, pilot, "0", "o")
        assert _last(sampler)["off"] == [[2, 0], [2, 1]]
        await press(app, pilot, "o")
        assert _last(sampler)["off"] == []
        await press(app, pilot, "l", "o", "k", "o")
        assert _last(sampler)["off"] == [[1, 0], [2, 0]]
        assert "without" not in await press(app, pilot, "O")

    perform(_app(home, sampler), journey)


def test_a_session_that_is_gone_is_opened_again(home: Home) -> None:
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        sampler.fail["inside"] = InputError("The session 's1' is not open any more.", "Open it.")
        await press(app, pilot, "left")
        assert len(app.troubles) == 1
        await press(app, pilot, "l")
        assert _last(sampler)["session"] == "s2"

    perform(_app(home, sampler), journey)


def test_step_leads_here_with_what_was_chosen(home: Home) -> None:
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter", "w")

    app = StageApp(home, sampler, StepScreen("lang", "last", "Python"))
    (went,) = perform(app, journey).went
    assert isinstance(went, OpenInside)
    chosen = sampler.sessions["s1"][1][2:]
    assert (went.name, went.prompt, list(went.chosen)) == ("lang", "Python", chosen)


def test_it_begins_at_the_token_it_is_asked_for(home: Home) -> None:
    """Ids that are all of the text, as the cursor has them."""
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "[is]" in app.text
        assert "popular" in app.text

    perform(StageApp(home, sampler, InsideScreen("lang", "last", None, [1, 3, 4, 6], 2)), journey)
    assert sampler.sessions["s1"][1] == [1, 3, 4, 6]


def test_a_vocabulary_is_data(home: Home) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "\x1b" not in app.text

    screen = InsideScreen("lang", "last", "Python", [7, 8])
    perform(StageApp(home, StepSampler(), screen), journey)


def test_every_key_says_what_it_does() -> None:
    for binding in InsideScreen.BINDINGS:
        assert isinstance(binding, Binding)
        assert binding.tooltip, binding


LOOKS: list[Json] = [
    {"name": "80x24", "size": (80, 24)},
    {"name": "60x20", "size": (60, 20)},
    {"name": "200x50", "size": (200, 50)},
    {"name": "ascii_80x24", "size": (80, 24), "look": Terminal(charset="ascii", colour=False)},
]


@pytest.mark.parametrize("case", LOOKS, ids=lambda case: case["name"])
def test_it_looks_as_it_should(home: Home, case: Json) -> None:
    """A change of the layout that nobody looked at; the captures are committed."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "l", "k", "o")
        assert_same_as_capture(app, f"inside_{case['name']}")

    perform(_app(home, StepSampler(), case.get("look")), journey, case["size"])
