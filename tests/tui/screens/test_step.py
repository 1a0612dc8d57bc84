"""Step by keys: choose, roll, take back, find, turn settings and weights, pin."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Input

from core.config.configs import SamplingConfig
from core.errors import InputError
from core.paths import Home
from tests.support.captures import assert_same_as_capture
from tests.support.step_stage import Json, StageApp, StepSampler, asked, perform, press, settle
from tests.support.talk_stage import library
from tui.common.sampling_settings import SamplingControls
from tui.common.terminal import Terminal
from tui.screens.step import StepScreen

WARM = SamplingControls(SamplingConfig(temperature=1.0, seed=1))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return library(tmp_path)


def _app(
    home: Home, sampler: StepSampler, dials: SamplingControls | None = None, **more: Terminal
) -> StageApp:
    return StageApp(home, sampler, StepScreen("lang", "last", "Python", (), dials), **more)


def _rows(text: str) -> list[list[str]]:
    """The cells of each row of the table."""
    lines = text.split("\n")
    first = next(place for place, line in enumerate(lines) if "rank token" in line) + 1
    rows = [line.replace("›", " ").split() for line in lines[first:]]
    return [row for row in rows if row and row[0].isdecimal()]


def _picks(sampler: StepSampler) -> list[object]:
    return [fields["pick"] for fields in asked(sampler, "step") if fields.get("pick") is not None]


def test_choose_roll_and_take_back(home: Home) -> None:
    """The journey: a number, Enter, Space, Backspace; the text says what was chosen."""
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "esc Back" in app.text
        text = await press(app, pilot, "enter")
        first = sampler.sessions["s1"][1][-1]
        assert "1 tok" in text
        await press(app, pilot, "3", "space")
        ids = sampler.sessions["s1"][1]
        assert (len(ids), ids[2]) == (5, first)
        text = await press(app, pilot, "backspace", "backspace", "backspace")
        assert sampler.sessions["s1"][1] == [1, 3]
        text = await press(app, pilot, "backspace")
        assert "Nothing was chosen yet." in text
        assert sampler.sessions["s1"][1] == [1, 3]

    app = perform(_app(home, sampler, WARM), journey)
    assert app.troubles == []
    assert _picks(sampler)[2] == "sampler"
    assert all(isinstance(pick, int) for pick in _picks(sampler)[:2])


def test_keys_that_come_too_fast_act_one_after_another(home: Home) -> None:
    """A number that takes a row of a table that is not shown any more, or is lost."""
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        sampler.gate = asyncio.Event()
        await pilot.press("enter", "enter", "space", "backspace")
        sampler.gate.set()
        await settle(app, pilot)

    perform(_app(home, sampler), journey)
    assert len(sampler.sessions["s1"][1]) == 4


def test_what_a_setting_removed_stays_and_names_it(home: Home) -> None:
    """Tokens that vanish; a column that is not that of the settings."""
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        greedy = app.text
        assert greedy.count("temperature") >= 6
        warm = await press(app, pilot, "t", "t", "k", "k")
        rows = _rows(warm)
        assert len(rows) >= 8
        assert "top k" in warm
        assert sum("top" in row for row in rows) == len(rows) - 2 - sum("never" in r for r in rows)
        assert "temperature 0.2, top k 2" in warm

    perform(_app(home, sampler), journey)
    assert [op for op, _ in sampler.asked].count("step") == 1, "settings need no forward pass"
    assert {fields["length"] for fields in asked(sampler, "cut")} == {2}


def test_run_five_and_to_the_end(home: Home) -> None:
    sampler = StepSampler()
    dials = SamplingControls(SamplingConfig(max_tokens=8))

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "f")
        assert len(sampler.sessions["s1"][1]) == 7
        await press(app, pilot, "x")
        assert len(sampler.sessions["s1"][1]) == 15

    perform(_app(home, sampler, dials), journey)


def test_escape_stops_a_run(home: Home) -> None:
    """A run of a thousand tokens that cannot be stopped, or an Escape that loses the screen."""
    sampler = StepSampler(seconds=0.002)
    dials = SamplingControls(SamplingConfig(max_tokens=5000))

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("x")
        await pilot.pause(0.05)
        await pilot.press("escape")
        await settle(app, pilot)
        assert isinstance(app.screen, StepScreen)

    perform(_app(home, sampler, dials), journey)
    assert 2 < len(sampler.sessions["s1"][1]) < 5000


def test_the_end_of_a_text_is_an_end(home: Home) -> None:
    """Tokens after the end, or an end that cannot be taken back."""
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "slash", *"eos", "enter")
        text = await press(app, pilot, "1")
        assert "The text has come to its end." in text
        await press(app, pilot, "enter", "space", "f")
        assert sampler.sessions["s1"][1] == [1, 3, 2]
        await press(app, pilot, "backspace")
        assert sampler.sessions["s1"][1] == [1, 3]

    perform(_app(home, sampler), journey)


def test_any_token_is_found_with_its_rank(home: Home) -> None:
    """A word far down that nobody can take; a search that cannot be left."""
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "slash", *"lang")
        text = await press(app, pilot, "enter")
        assert "1 token holds “lang”" in text
        assert [row[1] for row in _rows(text)] == ["language."]
        text = await press(app, pilot, "escape")
        assert len(_rows(text)) >= 8
        text = await press(app, pilot, "slash", *"zebra", "enter")
        assert "No token of the vocabulary holds “zebra”" in text
        assert len(_rows(text)) >= 8
        await press(app, pilot, "slash", "escape")
        assert isinstance(app.screen, StepScreen)

    perform(_app(home, sampler), journey)


def test_weights_change_and_the_place_stays(home: Home) -> None:
    """Watch it learn: a snapshot that begins at the prompt again, or another run's ids."""
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter", "2")
        text = await press(app, pilot, "comma", "comma")
        assert "step 1" in text.split("\n")[0]
        await press(app, pilot, "full_stop")

    perform(_app(home, sampler), journey)
    opened = [fields for fields in asked(sampler, "step") if "which" in fields]
    assert [fields["which"] for fields in opened] == ["last", "256", "1", "256"]
    chosen = _picks(sampler)
    assert [fields["chosen"] for fields in opened[1:]] == [chosen] * 3


def test_a_pinned_snapshot_stands_beside(home: Home) -> None:
    """A comparison of two places, or one that does not follow."""
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "comma", "comma", "equals_sign")
        text = await press(app, pilot, "l")
        assert "pinned: step 1 · greedy" in text
        assert "they part at token 1" in text
        text = await press(app, pilot, "enter")
        pinned, here = (ids for _, ids in list(sampler.sessions.values())[-2:])
        assert pinned == here
        text = await press(app, pilot, "backspace", "3")
        pinned, here = (ids for _, ids in list(sampler.sessions.values())[-2:])
        assert pinned == here
        text = await press(app, pilot, "equals_sign")
        assert "pinned" not in text

    app = perform(_app(home, sampler), journey)
    assert app.troubles == []


def test_the_corpus_has_its_column(home: Home) -> None:
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "no index yet · press i to build" in app.text
        text = await press(app, pilot, "i")
        assert "12 of 14 after 3" in text or "12/14 ·3" in text
        assert "the last 3 tokens stand there 14 times" in text
        before = len(sampler.asked)
        await press(app, pilot, "i")
        assert len(sampler.asked) == before, "once there, it is not built again"

    perform(_app(home, sampler), journey)


def test_a_session_that_is_gone_is_opened_at_the_same_place(home: Home) -> None:
    """A walk that is lost because the sampler put it away."""
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter", "enter")
        sampler.fail["step"] = InputError("The session 's1' is not open any more.", "Open it.")
        await press(app, pilot, "enter")
        assert len(app.troubles) == 1
        await press(app, pilot, "enter")
        assert len(sampler.sessions["s2"][1]) == 5

    perform(_app(home, sampler), journey)


def test_an_unknown_word_is_said_and_another_text_can_be_begun(home: Home) -> None:
    sampler = StepSampler()
    app = StageApp(home, sampler, StepScreen("lang", "last", "unknown"))

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "unknown" in str(app.troubles[0])
        await press(app, pilot, "e")
        app.screen.query_one(Input).value = "Python"
        text = await press(app, pilot, "enter")
        assert len(_rows(text)) >= 8

    perform(app, journey)


def test_the_seed_is_what_space_draws_with(home: Home) -> None:
    sampler = StepSampler()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "Space draws with the seed" in await press(app, pilot, "s")

    perform(_app(home, sampler, WARM), journey)
    seeds = {fields["settings"]["seed"] for _, fields in sampler.asked if "settings" in fields}
    assert len(seeds) == 2


def test_a_text_is_data(home: Home) -> None:
    """Markup and control codes of a vocabulary that act on the terminal."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "[b]bold" in app.text
        assert "␛esc" in app.text
        assert "\x1b" not in app.text
        await press(app, pilot, "slash", *"[b]", "enter")
        assert "[b]bold" in await press(app, pilot, "1")

    perform(_app(home, StepSampler()), journey)


def test_every_key_says_what_it_does() -> None:
    for binding in StepScreen.BINDINGS:
        assert isinstance(binding, Binding)
        assert binding.tooltip, binding


def test_the_text_is_copied(home: Home) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter", "y")

    assert perform(_app(home, StepSampler()), journey).copied[0].startswith("Python ")


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
        await press(app, pilot, "t", "t", "k", "k", "k", "k", "enter", "down")
        assert_same_as_capture(app, f"step_{case['name']}")
        await press(app, pilot, "i", "comma", "comma", "equals_sign", "l")
        assert_same_as_capture(app, f"step_pinned_{case['name']}")

    look = case.get("look") or Terminal()
    perform(_app(home, StepSampler(), look=look), journey, case["size"])
