"""The Inside screen by keys and mouse: tokens, layers, heads, panels, and heads switched off."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.events import MouseScrollUp
from textual.pilot import Pilot

from core.errors import InputError
from core.paths import Home
from core.server.protocol import InsideRequest
from tests.support.apps import StageApp, play, press, settle
from tests.support.captures import assert_same_as_capture
from tests.support.conversations import home_with_lang, home_with_task
from tests.support.fake_server import FakeServer
from tui.common.messages import OpenChat, OpenInside, OpenStep
from tui.common.terminal import Terminal
from tui.explore.inside_layout import NAME_CELLS
from tui.explore.inside_view import InsideView
from tui.screens.inside import InsideScreen
from tui.screens.step import StepScreen
from tui.widgets.head_maps import HeadMaps
from tui.widgets.heat_map import AttentionMap, HeatMap, LensMap

WIDE = (140, 38)
MAX_KEYS = 20


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return home_with_lang(tmp_path)


def _app(home: Home, server: FakeServer, terminal: Terminal | None = None) -> StageApp:
    screen = InsideScreen("lang", "last", "Python is a", [6, 7])
    return StageApp(screen, home, server, terminal)


def _long_app(home: Home, server: FakeServer, at: int | None = None) -> StageApp:
    """A text of 200 tokens."""
    return StageApp(
        InsideScreen("lang", "last", None, [1, *([3, 4, 5, 6] * 50)][:200], at), home, server
    )


def _last(server: FakeServer) -> InsideRequest:
    return server.sent(InsideRequest)[-1]


def _view(app: StageApp) -> InsideView:
    assert isinstance(app.screen, InsideScreen)
    assert app.screen.view is not None
    return app.screen.view


def _choice(app: StageApp) -> tuple[int, int, int | None]:
    view = _view(app)
    return view.at, view.layer, view.head


def test_tokens_layers_and_heads_are_on_keys_without_a_request(home: Home) -> None:
    """Detects a key that shows something else than it names."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        count = len(server.requests)
        assert _choice(app) == (5, 2, 0)
        assert "token 3 of 6" in await press(app, pilot, "left", "left", "left")
        assert "head 2/2" in await press(app, pilot, "h")
        assert "layer 1/3" in await press(app, pilot, "up", "up")
        assert _choice(app) == (2, 0, 1)
        assert "head mean/2" in await press(app, pilot, "h")
        await press(app, pilot, "H", "H", "down", "home")
        assert _choice(app) == (0, 1, 0)
        await press(app, pilot, "end")
        assert _choice(app) == (5, 1, 0)
        assert len(server.requests) == count, "the reply has all of it"

    play(_app(home, server), journey)


def test_a_key_at_the_end_says_why_it_does_nothing(home: Home) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        for key, note in (
            ("right", "This is the last token of the context."),
            ("down", "This is the last layer."),
        ):
            await press(app, pilot, key)
            assert [each.message for each in app._notifications][-1] == note
        await press(app, pilot, "home", "up", "up", "left")
        assert "This is the first token" in [each.message for each in app._notifications][-1]

    play(_app(home, FakeServer()), journey)


def test_only_the_last_of_fast_keys_is_requested(home: Home) -> None:
    """Detects a lost key, or a request for every head passed."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        gate = server.gates[InsideRequest] = asyncio.Event()
        before = len(server.sent(InsideRequest))
        await pilot.press("o", "h", "o", "up", "o")
        gate.set()
        await press(app, pilot)
        assert _last(server).disabled_heads == [[1, 1], [2, 0], [2, 1]]
        assert len(server.sent(InsideRequest)) == before + 2

    play(_app(home, server), journey)


def test_heads_are_disabled_and_enabled(home: Home) -> None:
    """Detects a disabled head that is not shown; the mean disables all heads of the layer."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        text = await press(app, pilot, "o")
        assert _last(server).disabled_heads == [[2, 0]]
        assert "off: 3.1 · " in text
        assert "62 % → 31 %" in text
        assert "›3.1 off" in text
        await press(app, pilot, "H", "o")
        assert _last(server).disabled_heads == [[2, 0], [2, 1]]
        await press(app, pilot, "o")
        assert _last(server).disabled_heads == []
        await press(app, pilot, "h", "o", "up", "o")
        assert _last(server).disabled_heads == [[1, 0], [2, 0]]
        text = await press(app, pilot, "O")
        assert _last(server).disabled_heads == []
        assert "no head is off" in text

    play(_app(home, server), journey)


def test_a_session_is_opened_again_after_an_error(home: Home) -> None:
    """Detects a screen that is stuck after a failed request."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        server.failures[InsideRequest] = InputError(
            "The session 's1' is not open any more.", "Open it."
        )
        await press(app, pilot, "o")
        assert len(app.errors) == 1
        await press(app, pilot, "left")
        assert _last(server).session == "s2"
        assert _view(app).at == 4

    play(_app(home, server), journey)


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
def test_narrow_screens_show_one_panel_at_a_time_and_the_names_of_all_heads(
    home: Home, size: tuple[int, int]
) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        for keys, title, other in (
            ((), "› What each layer predicts", "looks at"),
            (("tab",), "› Layer 3, head 1 looks at", "What each layer"),
        ):
            text = await press(app, pilot, *keys)
            assert title in text
            assert other not in text
            assert "›3.1 repeat" in text
        text = await press(app, pilot, "tab")
        assert "› All heads" in text
        assert "looks at" not in text
        assert "▀" in text
        assert "› What each layer" in await press(app, pilot, "tab")
        assert "› All heads" in await press(app, pilot, "shift+tab")

    play(_app(home, FakeServer()), journey, size)


@pytest.mark.parametrize("size", [WIDE, (80, 50), (200, 50)])
def test_larger_screens_show_all_panels(home: Home, size: tuple[int, int]) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        for title in ("What each layer predicts", "Layer 3, head 1 looks at", "All heads", "▀"):
            assert title in app.text

    play(_app(home, FakeServer()), journey, size)


def test_enter_shows_the_focused_panel_alone_and_escape_all_again(home: Home) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        text = await press(app, pilot, "tab", "enter")
        assert "› Layer 3, head 1 looks at" in text
        assert "What each layer predicts" not in text
        assert "All heads" not in text
        text = await press(app, pilot, "escape")
        assert "What each layer predicts" in text
        assert "All heads" in text
        assert isinstance(app.screen, InsideScreen)
        await press(app, pilot, "enter", "enter")
        assert "All heads" in app.text

    play(_app(home, FakeServer()), journey, WIDE)


def test_both_maps_share_their_rows_in_a_long_text(home: Home) -> None:
    """Only rows around the token are requested, and the title names those shown."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        view = _view(app)
        assert (view.first, view.count, view.at) == (68, 64, 100)
        lens, attention = (app.screen.query_one(kind) for kind in (LensMap, AttentionMap))
        rows = lens.size.height - 1
        assert rows == attention.size.height - 1
        assert f"tokens {101 - rows + 1:,}–101 of 200" in app.text
        assert [str(lens.token_of_row(y)) for y in (1, rows)] == [str(101 - rows), "100"]
        assert attention.token_of_row(1) == 101 - rows
        count = len(server.requests)
        await press(app, pilot, "pageup")
        assert (view.at, len(server.requests)) == (100 - rows, count)
        await press(app, pilot, "home")
        assert (view.at, view.first, len(server.requests)) == (0, 0, count + 1)
        assert f"tokens 1–{rows} of 200" in app.text
        await press(app, pilot, "end")
        assert (view.at, view.first, view.count) == (199, 136, 64)

    play(_long_app(home, server, 100), journey, WIDE)


def test_the_wheel_scrolls_both_maps_and_requests_what_lies_beyond(home: Home) -> None:
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        view, lens = _view(app), app.screen.query_one(LensMap)
        top = lens.token_of_row(1)
        assert top is not None
        await pilot._post_mouse_events([MouseScrollUp], lens, button=0, offset=(20, 3))
        await settle(app, pilot)
        assert lens.token_of_row(1) == top - 2
        assert app.screen.query_one(AttentionMap).token_of_row(1) == top - 2
        assert view.at == 199, "the chosen token stays"
        count = len(server.requests)
        for _ in range(40):
            await pilot._post_mouse_events([MouseScrollUp], lens, button=0, offset=(20, 3))
        await settle(app, pilot)
        assert len(server.requests) == count + 1
        assert view.at == 135
        assert view.first < 135

    play(_long_app(home, server), journey, WIDE)


def test_a_click_chooses_token_layer_or_head(home: Home) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        lens, attention, heads = (
            app.screen.query_one(kind) for kind in (LensMap, AttentionMap, HeadMaps)
        )
        await pilot.click(lens, offset=(NAME_CELLS + 20, 2))
        await settle(app, pilot)
        assert _choice(app) == (1, 0, 0)
        await pilot.click(attention, offset=(3, 4))
        await settle(app, pilot)
        assert _choice(app) == (3, 0, 0)
        assert "› Layer 1, head 1 looks at" in app.text, "the panel has the focus"
        view = _view(app)
        grid = heads.grid(view, *heads.size)
        line, start = grid.place(1, 1)
        await pilot.click(heads, offset=(start + 3, line * grid.rows + 2))
        await settle(app, pilot)
        assert _choice(app) == (3, 1, 1)
        assert "› All heads" in app.text
        await pilot.click(lens, offset=(3, 0))
        await settle(app, pilot)
        assert _choice(app) == (3, 1, 1), "a header without a layer"

    play(_app(home, FakeServer()), journey, WIDE)


def test_a_double_click_opens_the_map_of_a_head_and_closes_it(home: Home) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        heads = app.screen.query_one(HeadMaps)
        _, start = heads.grid(_view(app), *heads.size).place(0, 1)
        await pilot.double_click(heads, offset=(start + 2, 2))
        await settle(app, pilot)
        assert _choice(app) == (5, 0, 1)
        assert "› Layer 1, head 2 looks at" in app.text
        assert "All heads" not in app.text
        await pilot.double_click(AttentionMap, offset=(2, 2))
        await settle(app, pilot)
        assert "All heads" in app.text
        app.screen.query_one(HeadMaps).focus()
        await press(app, pilot, "enter")
        _, start = heads.grid(_view(app), *heads.size).place(0, 0)
        await pilot.double_click(heads, offset=(start + 2, 2))
        await settle(app, pilot)
        assert "› Layer 1, head 1 looks at" in app.text
        assert "All heads" not in app.text

    play(_app(home, FakeServer()), journey, WIDE)


@pytest.mark.parametrize(
    "size",
    [(60, 20), (80, 24), (109, 30), (80, 50), (100, 36), (110, 24), WIDE, (200, 50), (300, 90)],
)
def test_the_chosen_token_is_in_view_at_every_size(home: Home, size: tuple[int, int]) -> None:
    """Both maps show the same rows, and no row of them is hidden."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        for key in ("home", "pagedown", "tab", "up", "enter", "end", "pageup"):
            await press(app, pilot, key)
            rows = [
                [each.token_of_row(y) for y in range(1, each.size.height)]
                for each in app.screen.query(HeatMap)
                if each.size.height and not isinstance(each, HeadMaps)
            ]
            assert rows
            assert all(each == rows[0] for each in rows)
            assert _view(app).at in rows[0]

    play(_long_app(home, FakeServer(), 100), journey, size)


def test_step_chat_and_copy_start_from_what_is_shown(home: Home) -> None:
    """Step gets the typed text at the last token, else the ids up to the chosen one."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "x", "left", "left", "x", "t")
        first, second = app.posted(OpenStep)
        assert (first.prompt, list(first.chosen)) == ("Python is a", [6, 7])
        assert (second.prompt, list(second.chosen)) == ("Python is a", [])
        assert [each.name for each in app.posted(OpenChat)] == ["lang"]
        await press(app, pilot, "y", "tab", "y", "tab", "y")
        assert [what for what, _ in app.copied] == ["predictions", "attention", "patterns"]
        assert app.copied[0][1].startswith("token\tinput\t1\t2\t3\n<sos>\t")

    play(_app(home, FakeServer()), journey)


def test_step_opens_it_with_the_chosen_tokens(home: Home) -> None:
    """Detects another text than in Step."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter", "i")

    app = StageApp(StepScreen("lang", "last", "Python"), home, server)
    (opened,) = play(app, journey).posted(OpenInside)
    chosen = server.sessions["s1"][1][2:]
    assert (opened.name, opened.prompt, list(opened.chosen)) == ("lang", "Python", chosen)


def test_it_starts_at_the_requested_token(home: Home) -> None:
    """Detects the last token instead; Cursor passes ids without a prompt."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "token 3 of 4" in app.text
        assert "›is" in app.text
        assert "popular" in app.text

    play(StageApp(InsideScreen("lang", "last", None, [1, 3, 4, 6], 2), home, server), journey)
    assert server.sessions["s1"][1] == [1, 3, 4, 6]


@pytest.mark.parametrize("size", [(80, 24), WIDE])
def test_control_codes_of_the_vocabulary_are_shown_as_text(
    home: Home, size: tuple[int, int]
) -> None:
    """Detects an escape sequence that reaches the terminal, or markup that is interpreted."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "\x1b" not in app.text
        assert "[b]bold" in app.text

    screen = InsideScreen("lang", "last", "Python", [7, 8, 7])
    play(StageApp(screen, home, FakeServer()), journey, size)


def test_every_key_has_a_tooltip_and_there_are_few(home: Home) -> None:
    """Detects a key that the help does not explain."""
    for binding in InsideScreen.BINDINGS:
        assert isinstance(binding, Binding)
        assert binding.tooltip, binding

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        keys = [key for key, binding in app.screen._bindings if binding.tooltip]
        assert len(keys) <= MAX_KEYS, "besides those of the whole application"

    play(_app(home, FakeServer()), journey)


NO_COLOUR = Terminal(colour=False, theme="ansi-dark")
CAPTURES: list[dict[str, Any]] = [
    {"name": "80x24", "size": (80, 24)},
    {"name": "60x20", "size": (60, 20), "keys": ("tab",)},
    {"name": "140x38", "size": WIDE},
    {"name": "200x50", "size": (200, 50)},
    {"name": "heads_80x24", "size": (80, 24), "keys": ("shift+tab",)},
    {"name": "no_colour_140x38", "size": WIDE, "terminal": NO_COLOUR},
    {
        "name": "ascii_80x24",
        "size": (80, 24),
        "terminal": Terminal(charset="ascii", colour=False, theme="ansi-dark"),
    },
]


@pytest.mark.parametrize("case", CAPTURES, ids=lambda case: case["name"])
def test_the_screen_looks_as_captured(home: Home, case: dict[str, Any]) -> None:
    """Detects an unintended change of layout or wording."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "h", "up", "o", *case.get("keys", ()))
        assert_same_as_capture(app, f"inside_{case['name']}")

    play(_app(home, FakeServer(), case.get("terminal")), journey, case["size"])


def test_an_encoder_looks_both_ways_and_never_at_padding(tmp_path: Path) -> None:
    """It has no session, and no keys that continue a text."""
    home, server = home_with_task(tmp_path, "lines", "fill"), FakeServer()
    app = StageApp(InsideScreen("lang", "last", None, [1, 3, 4, 5, 2]), home, server)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert _last(server).tokens == [1, 3, 4, 5, 2]
        assert _last(server).session is None
        await press(app, pilot, "tab")
        screen = app.text
        header = next(line for line in screen.splitlines() if "pad" in line)
        assert header.count("pad") == 3
        rows = screen.splitlines()[screen.splitlines().index(header) + 1 :][:5]
        assert all(row.count("2") == 5 for row in rows), "a fifth on each token, before and after"
        assert all(row[header.index("pad") :].strip(" │") == "" for row in rows)
        await press(app, pilot, "home", "o")
        assert _last(server).disabled_heads == [[2, 0]]
        await press(app, pilot, "x", "t")
        assert not app.posted(OpenStep)
        assert not app.posted(OpenChat)

    play(app, journey, WIDE)
