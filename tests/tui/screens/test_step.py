"""The Step screen by keys: choose, sample, undo, find, settings, weights, pin."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.events import MouseScrollDown
from textual.pilot import Pilot
from textual.widgets import Input

from core.config.configs import SamplingConfig
from core.errors import InputError
from core.paths import Home
from core.server.protocol import CutRequest, StepRequest
from tests.support.apps import StageApp, play, press, run_command, settle
from tests.support.captures import assert_same_as_capture
from tests.support.conversations import home_with_lang, run_with_weights
from tests.support.fake_server import FakeServer
from tui.common.sampling_settings import SamplingControls
from tui.common.terminal import Terminal
from tui.screens.cursor import CursorScreen
from tui.screens.dialogs import LineDialog
from tui.screens.step import END_OF_TEXT, StepScreen
from tui.widgets.candidate_table import CandidateTable

WARM = SamplingControls(SamplingConfig(temperature=1.0, seed=1))
WARMER = ("tab", "right", "right", "down")  # temperature 0.2; top k is chosen next


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return home_with_lang(tmp_path)


def _app(
    home: Home,
    server: FakeServer,
    controls: SamplingControls | None = None,
    terminal: Terminal | None = None,
) -> StageApp:
    screen = StepScreen("lang", "last", "Python", (), controls)
    return StageApp(screen, home, server, terminal)


def _rows(text: str) -> list[list[str]]:
    """The cells of each row of the table."""
    lines = text.split("\n")
    first = next(place for place, line in enumerate(lines) if "rank token" in line) + 1
    rows = [line.replace("›", " ").split() for line in lines[first:]]
    return [row for row in rows if row and row[0].isdecimal() and "%" in "".join(row)]


def _picks(server: FakeServer) -> list[object]:
    picks = [request.pick for request in server.sent(StepRequest)]
    return [pick for pick in picks if pick is not None]


def test_tokens_are_taken_sampled_and_undone(home: Home) -> None:
    """Detects a key that appends another token than it names."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "esc Back" in app.text
        text = await press(app, pilot, "enter")
        first = server.sessions["s1"][1][-1]
        assert "context 3/64" in text.split("\n")[0]
        await press(app, pilot, "3", "space")
        ids = server.sessions["s1"][1]
        assert (len(ids), ids[2]) == (5, first)
        text = await press(app, pilot, "backspace", "backspace", "backspace")
        assert server.sessions["s1"][1] == [1, 3]
        text = await press(app, pilot, "backspace")
        assert "Nothing to take back" in text
        assert server.sessions["s1"][1] == [1, 3]

    app = play(_app(home, server, WARM), journey)
    assert app.errors == []
    assert _picks(server)[2] == "sampler"
    assert all(isinstance(pick, int) for pick in _picks(server)[:2])


def test_fast_keys_act_one_after_another(home: Home) -> None:
    """A number that takes a row of an outdated table, or is lost."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        server.gates[StepRequest] = asyncio.Event()
        await pilot.press("enter", "enter", "space", "backspace")
        server.gates[StepRequest].set()
        await settle(app, pilot)

    play(_app(home, server), journey)
    assert len(server.sessions["s1"][1]) == 4


def test_removed_tokens_stay_with_the_name_of_the_setting(home: Home) -> None:
    """Detects tokens that vanish; a column that does not reflect the settings."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        greedy = app.text
        assert greedy.count("greedy") >= 6
        warm = await press(app, pilot, *WARMER, "right", "right", "shift+tab")
        rows = _rows(warm)
        assert len(rows) >= 8
        assert "top k" in warm
        assert sum("top" in row for row in rows) == len(rows) - 2 - sum(
            "special" in r for r in rows
        )
        assert "temp 0.2  top k 2 " in warm

    play(_app(home, server), journey)
    assert len(server.sent(StepRequest)) == 1, "settings need no forward pass"
    assert {request.length for request in server.sent(CutRequest)} == {2}


def test_five_tokens_or_all_are_sampled(home: Home) -> None:
    """Detects a key that samples another number of tokens."""
    server = FakeServer()
    controls = SamplingControls(SamplingConfig(max_tokens=8))

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await run_command(app, pilot, "sample_some")
        assert len(server.sessions["s1"][1]) == 7
        await run_command(app, pilot, "sample_to_end")
        assert len(server.sessions["s1"][1]) == 15

    play(_app(home, server, controls), journey)


def test_escape_stops_sampling(home: Home) -> None:
    """Detects thousands of tokens that cannot be stopped, or an Escape that closes the screen."""
    server = FakeServer(delay_s=0.002)
    controls = SamplingControls(SamplingConfig(max_tokens=5000))

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await app.run_action("sample_to_end", app.screen)
        await pilot.pause(0.05)
        await pilot.press("escape")
        await settle(app, pilot)
        assert isinstance(app.screen, StepScreen)

    play(_app(home, server, controls), journey)
    assert 2 < len(server.sessions["s1"][1]) < 5000


def test_nothing_is_appended_after_the_end_of_the_text(home: Home) -> None:
    """Detects tokens after the end, or an end that cannot be undone."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "slash", *"eos", "enter")
        text = await press(app, pilot, "1")
        assert END_OF_TEXT in text
        await press(app, pilot, "enter", "space")
        await run_command(app, pilot, "sample_some")
        assert server.sessions["s1"][1] == [1, 3, 2]
        await press(app, pilot, "backspace")
        assert server.sessions["s1"][1] == [1, 3]

    play(_app(home, server), journey)


def test_any_token_of_the_vocabulary_is_found(home: Home) -> None:
    """Detects an unlikely token that cannot be taken; a search that cannot be closed."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "slash", *"lang")
        text = await press(app, pilot, "enter")
        assert "1 token contains “lang”" in text
        assert [row[1] for row in _rows(text)] == ["language."]
        text = await press(app, pilot, "escape")
        assert len(_rows(text)) >= 8
        text = await press(app, pilot, "slash", *"zebra", "enter")
        assert "No token contains “zebra”" in text
        assert app.screen.query_one(Input).value == "zebra"
        text = await press(app, pilot, *["backspace"] * 5, *"lang", "enter")
        assert "1 token contains “lang”" in text
        await press(app, pilot, "escape", "slash", "escape")
        assert isinstance(app.screen, StepScreen)
        assert app.errors == []

    play(_app(home, server), journey)


def test_other_weights_keep_the_text(home: Home) -> None:
    """Detects a snapshot that starts at the prompt again, or with other ids."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter", "2")
        text = await press(app, pilot, "comma", "comma")
        assert "step 1" in text.split("\n")[0]
        await press(app, pilot, "full_stop")

    play(_app(home, server), journey)
    opened = [request for request in server.sent(StepRequest) if request.session is None]
    assert [request.weights for request in opened] == ["last", "256", "1", "256"]
    chosen = _picks(server)
    assert [request.chosen for request in opened[1:]] == [chosen] * 3


def test_a_pinned_snapshot_is_compared(home: Home) -> None:
    """Detects a comparison of two positions, or one that stays behind."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "comma", "comma", "equals_sign")
        text = await run_command(app, pilot, "newest")
        assert "pinned: step 1 · greedy" in text
        assert "they part at token 1" in text
        text = await press(app, pilot, "enter")
        pinned, here = (ids for _, ids in list(server.sessions.values())[-2:])
        assert pinned == here
        text = await press(app, pilot, "backspace", "3")
        pinned, here = (ids for _, ids in list(server.sessions.values())[-2:])
        assert pinned == here
        text = await press(app, pilot, "equals_sign")
        assert "pinned" not in text

    app = play(_app(home, server), journey)
    assert app.errors == []


def test_corpus_counts_are_shown_once_there_is_an_index(home: Home) -> None:
    """Detects counts that are missing, or an index that is built twice."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "no index yet, k builds it" in app.text
        text = await press(app, pilot, "k")
        assert "12 of 14 after 3" in text or "12/14 ·3" in text
        assert "the last 3 tokens occur 14 times" in text
        before = len(server.requests)
        assert "exists already" in await press(app, pilot, "k")
        assert len(server.requests) == before, "it is built only once"

    play(_app(home, server), journey)


def test_a_session_is_opened_again_after_an_error(home: Home) -> None:
    """Detects a text that is lost because a request failed."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter", "enter")
        server.failures[StepRequest] = InputError(
            "The session 's1' is not open any more.", "Open it."
        )
        await press(app, pilot, "enter")
        assert len(app.errors) == 1
        await press(app, pilot, "enter")
        assert len(server.sessions["s2"][1]) == 5

    play(_app(home, server), journey)


def test_after_an_unknown_word_the_text_can_be_edited(home: Home) -> None:
    """Detects a screen that is stuck after its first request failed."""
    server = FakeServer()
    app = StageApp(StepScreen("lang", "last", "unknown"), home, server)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "unknown" in str(app.errors[0])
        await press(app, pilot, "f2")
        app.screen.query_one(Input).value = "Python"
        text = await press(app, pilot, "enter")
        assert len(_rows(text)) >= 8

    play(app, journey)


def test_a_refused_text_stays_in_its_dialog_and_the_old_one_on_the_screen(home: Home) -> None:
    """Detects a typed text that is lost for one unknown word."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        before = _rows(app.text)
        text = await press(app, pilot, "f2", "end", *" unknown", "enter")
        assert "Not in the vocabulary: the word 'unknown'." in text
        assert app.screen.query_one(Input).value == "Python unknown"
        await press(app, pilot, "escape")
        assert _rows(app.text) == before
        await press(app, pilot, "enter", "f2", "end", *" unknown", "enter", *["backspace"] * 8)
        assert isinstance(app.screen, LineDialog)
        await press(app, pilot, "enter")
        assert isinstance(app.screen, StepScreen)
        assert "Python" in app.text
        assert app.errors == []

    play(_app(home, server), journey)


def test_another_seed_is_drawn(home: Home) -> None:
    """Detects a seed that is announced and not used."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "seed 1" in app.text
        await press(app, pilot, "tab", "up", *["down"] * 5, "right")
        await press(app, pilot, "space")

    play(_app(home, server, WARM), journey)
    seeds = {request.settings.seed for request in server.sent(StepRequest)}
    seeds |= {request.settings.seed for request in server.sent(CutRequest)}
    assert len(seeds) == 2


def test_markup_and_control_codes_are_shown_as_text(home: Home) -> None:
    """Detects markup and control codes of a vocabulary that take effect."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "[b]bold" in app.text
        assert "␛esc" in app.text
        assert "\x1b" not in app.text
        await press(app, pilot, "slash", *"[b]", "enter")
        assert "[b]bold" in await press(app, pilot, "1")

    play(_app(home, FakeServer()), journey)


def test_every_key_has_a_tooltip() -> None:
    """Detects a key that the help does not explain."""
    for binding in StepScreen.BINDINGS:
        assert isinstance(binding, Binding)
        assert binding.tooltip, binding


def test_the_text_is_copied(home: Home) -> None:
    """Detects a copy of only the prompt."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter")
        await run_command(app, pilot, "copy")

    assert play(_app(home, FakeServer()), journey).copied[0][1].startswith("Python ")


CAPTURES: list[dict[str, Any]] = [
    {"name": "80x24", "size": (80, 24)},
    {"name": "60x20", "size": (60, 20)},
    {"name": "140x38", "size": (140, 38)},
    {"name": "200x50", "size": (200, 50)},
    {
        "name": "ascii_80x24",
        "size": (80, 24),
        "terminal": Terminal(charset="ascii", colour=False),
    },
]


@pytest.mark.parametrize("case", CAPTURES, ids=lambda case: case["name"])
def test_the_screen_looks_as_captured(home: Home, case: dict[str, Any]) -> None:
    """Detects an unintended change of layout or wording."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, *WARMER, *["right"] * 4, "shift+tab", "enter", "down")
        assert_same_as_capture(app, f"step_{case['name']}")
        await press(app, pilot, "k", "comma", "comma", "equals_sign")
        await run_command(app, pilot, "newest")
        assert_same_as_capture(app, f"step_pinned_{case['name']}")

    play(_app(home, FakeServer(), terminal=case.get("terminal")), journey, case["size"])


def test_a_click_selects_the_row_it_hits(home: Home) -> None:
    """Rows ignored clicks."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(CandidateTable)
        assert table.selected == table.rows[0]
        await pilot.click(CandidateTable, offset=(10, 3))
        assert table.selected == table.rows[2]
        await pilot.click(CandidateTable, offset=(10, 0))
        assert table.selected == table.rows[2], "the header is no row"

    play(_app(home, FakeServer()), journey)


def test_a_double_click_takes_a_row_and_the_wheel_moves_the_cursor(home: Home) -> None:
    """Detects a table that only the keys can use."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        table = app.screen.query_one(CandidateTable)
        third = table.rows[2].id
        await pilot.click(CandidateTable, offset=(10, 3), times=2)
        await settle(app, pilot)
        assert server.sessions["s1"][1] == [1, 3, third]
        assert table.selected == table.rows[0]
        scroll = MouseScrollDown(table, 1, 1, 0, 1, 0, False, False, False)
        table.post_message(scroll)
        await settle(app, pilot)
        assert table.selected == table.rows[3]

    assert play(_app(home, server), journey).errors == []


def test_a_click_describes_a_taken_token_and_a_double_click_takes_it_back(home: Home) -> None:
    """Detects a path that cannot be pointed at."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter", "3", "enter")
        assert len(server.sessions["s1"][1]) == 5
        line = app.text.split("\n")[3]
        assert " #3 " in line
        await pilot.click("#taken", offset=(line.index("#3"), 1))
        assert "rank 3 · 3.1 bits" in app.text
        await pilot.click("#taken", offset=(line.index("#3"), 1), times=2)
        await settle(app, pilot)
        assert len(server.sessions["s1"][1]) == 3

    play(_app(home, server), journey)


@pytest.mark.parametrize("size", [(80, 24), (140, 38)])
def test_tab_goes_through_the_panels_and_each_acts(home: Home, size: tuple[int, int]) -> None:
    """Detects a panel without focus, or whose keys act elsewhere."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "› Next token" in app.text
        text = await press(app, pilot, "tab")
        assert "› Next token" not in text
        assert "←→ Change" in text
        text = await press(app, pilot, "1", ".", "5", "enter")
        assert server.sent(CutRequest)[-1].settings.temperature == 1.5
        assert len(server.sessions["s1"][1]) == 2, "Enter took the typed value, not a token"
        await press(app, pilot, "tab", "left")
        assert app.text.split("\n")[0].find("step 256") > 0
        text = await press(app, pilot, "tab")
        assert "› Next token" in text
        await press(app, pilot, "g")
        assert server.sent(CutRequest)[-1].settings.temperature == 0.0

    assert play(_app(home, server), journey, size).errors == []


def test_another_run_is_compared_at_the_same_text(home: Home) -> None:
    """Detects a comparison that replaces the run shown."""
    run_with_weights(home, "poem")
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter")
        text = await press(app, pilot, "c")
        assert "Compare with another run" in text
        await press(app, pilot, "up", "enter")
        text = await press(app, pilot, "down")
        assert "pinned" in text
        assert "lang › Step" in text.split("\n")[0]

    assert play(_app(home, server), journey).errors == []
    assert {request.run for request in server.sent(StepRequest) if request.session is None} == {
        "lang",
        "poem",
    }


@pytest.mark.parametrize("screen", [StepScreen, CursorScreen], ids=lambda kind: kind.__name__)
def test_a_screen_has_at_most_twenty_keys(screen: type[StepScreen | CursorScreen]) -> None:
    """Digits that take a row count as one; help, palette and Tab, of every screen, not at all."""
    bindings = [each for each in screen.BINDINGS if isinstance(each, Binding)]
    keys = {"digit" if each.key.isdecimal() else each.key for each in bindings} - {"tab"}
    assert len(keys) <= 20
    letters = {"t", "T", "k", "K", "p", "P", "m", "M", "n", "N", "U"} & keys
    assert letters <= {"k"}, "no letters for sampling settings"
