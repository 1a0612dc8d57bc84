"""The Test screen by keys and mouse: figures, wrong answers, one of them closer, stopping."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from core.errors import InputError, StateError
from core.paths import Home
from core.run.directory import Run
from core.server.protocol import AccuracyRequest, IndexRequest, OriginRequest
from tests.support.app_runs import run_app, wait_until_still
from tests.support.apps import StageApp, play, press, settle
from tests.support.captures import assert_same_as_capture, screen_text
from tests.support.fake_server import FakeServer
from tests.support.reports import SURPRISES, answer_report, label_report
from tests.support.runs import make_run, run_record
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common.client import ServerError
from tui.common.messages import OpenChat, OpenInside, OpenStep, OpenTest
from tui.common.terminal import NO_COLOUR_THEME, Terminal
from tui.screens.accuracy import AccuracyScreen
from tui.screens.base import BaseScreen
from tui.widgets.wrong_list import WrongList

SIZES = [(60, 20), (80, 24), (110, 30), (140, 38), (200, 50)]
WIDE = (140, 38)
Journey = Callable[[StageApp, "Pilot[None]"], Awaitable[None]]


def make_task_run(home: Home, name: str = "feelings", reading: str = "pairs") -> None:
    """A run whose record has a task, with its best weights."""
    record = run_record(name)
    record["corpus"] |= {"reading": reading, "task": "classify", "labels": ["positive"]}
    run = make_run(home, name, record)
    run.best_weights.parent.mkdir()
    run.best_weights.write_bytes(b"weights")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A run with a task, and one that continues texts."""
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    make_task_run(home)
    make_run(home, "tales")
    return home


@pytest.fixture
def server() -> FakeServer:
    return FakeServer(report=label_report())


async def _look_up(app: StageApp, pilot: Pilot[None]) -> None:
    """Let the nearest training lines be found, and panels get their scrollbars."""
    server: FakeServer = app.client
    await wait_until_shown(pilot, lambda: server.sent(OriginRequest))
    before = ""
    while (text := app.text) != before:
        before = text
        await settle(app, pilot)


def _play(
    home: Home,
    server: FakeServer,
    journey: Journey,
    size: tuple[int, int] = WIDE,
    name: str = "feelings",
    terminal: Terminal | None = None,
) -> StageApp:
    return play(StageApp(AccuracyScreen(name), home, server, terminal), journey, size)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_shown_of_labels(size: tuple[int, int], home: Home, server: FakeServer) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await _look_up(app, pilot)
        assert_same_as_capture(app, f"accuracy_{size[0]}x{size[1]}")

    _play(home, server, journey, size)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), WIDE])
def test_what_is_shown_of_answers(size: tuple[int, int], home: Home, server: FakeServer) -> None:
    server.report = answer_report()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await _look_up(app, pilot)
        assert_same_as_capture(app, f"accuracy_answers_{size[0]}x{size[1]}")

    _play(home, server, journey, size)


def test_signs_in_place_of_colours_on_an_ascii_terminal(home: Home, server: FakeServer) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.client = server
        app.post_message(OpenTest("feelings"))
        await wait_until_shown(pilot, lambda: "line 1" in screen_text(app))
        await wait_until_still(app, pilot)
        assert screen_text(app).isascii()
        assert_same_as_capture(app, "accuracy_ascii_80x24")

    terminal = Terminal(charset="ascii", colour=False, theme=NO_COLOUR_THEME)
    run_app(home, journey, terminal=terminal)


def test_every_panel_is_reached_on_a_small_terminal(home: Home, server: FakeServer) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "Wrong answers" in app.text
        assert "Closer" in await press(app, pilot, "tab")
        assert "Not bad" not in await press(app, pilot, "tab")
        assert "What it mixes up" in await press(app, pilot, "tab")
        text = await press(app, pilot, "tab")
        assert "As sure as it should be?" in text
        assert "always “positive”" in text, "the accuracy stays"
        assert "Wrong answers" in await press(app, pilot, "tab")
        assert isinstance(app.screen.focused, WrongList)
        assert "As sure as it should be?" in await press(app, pilot, "shift+tab")

    _play(home, server, journey, (60, 20))


def test_an_item_opens_in_step_and_inside_with_its_messages(home: Home, server: FakeServer) -> None:
    server.report = answer_report()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter")
        await press(app, pilot, *["down"] * 4, "i")
        await press(app, pilot, "x")

    app = _play(home, server, journey)
    first, second = app.posted(OpenStep)
    (inside,) = app.posted(OpenInside)
    assert (first.name, first.weights, first.prompt) == ("feelings", "last", "What is 3+4 ?")
    assert first.messages == [{"role": "user", "content": "What is 3+4 ?"}]
    assert [message["content"] for message in inside.messages or []] == [
        "My name is Mia.",
        "Hello, Mia!",
        "What is my name ?",
    ]
    assert second.messages == inside.messages


def test_the_mouse_chooses_and_opens_an_item(home: Home, server: FakeServer) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        rows = app.screen.query_one(WrongList)
        await pilot.click(rows, offset=(5, 3))
        await settle(app, pilot)
        assert "“It does what it says, and nothing more.”" in app.text
        assert not app.posted(OpenStep)
        await pilot.click(rows, offset=(5, 3), times=2)
        await settle(app, pilot)

    app = _play(home, server, journey)
    assert [message.prompt for message in app.posted(OpenStep)] == [
        "It does what it says, and nothing more."
    ]


def test_answers_are_found_by_text_and_by_how_sure_it_was(home: Home, server: FakeServer) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        text = await press(app, pilot, "f")
        assert "Wrong answers it was 75 % sure of: 5 of 10" in text
        assert "You will laugh" not in text
        assert "You will laugh" in await press(app, pilot, "f")
        text = await press(app, pilot, "slash", *"TOO Q", "enter")
        assert "Wrong answers with “TOO Q”: 1 of 10" in text
        assert "“Almost too quiet.”" in text, "the item is shown closer"
        assert isinstance(app.screen.focused, WrongList)
        assert "No wrong answer matches" in await press(app, pilot, "f")
        assert not app.posted(OpenStep)
        await press(app, pilot, "enter")
        text = await press(app, pilot, "escape")
        assert "Quietly wonderful." in text
        assert "“The ending surprised me.”" in text
        assert isinstance(app.screen, AccuracyScreen), "the first Esc shows all again"

    app = _play(home, server, journey)
    assert not app.posted(OpenStep), "there is no item under the cursor"


def test_a_stopped_test_shows_no_figures(home: Home, server: FakeServer) -> None:
    """Detects the accuracy of the first items, which may not be typical, taken for a result."""
    server.gates[AccuracyRequest] = asyncio.Event()
    app = StageApp(AccuracyScreen("feelings"), home, server)

    async def run() -> None:
        async with app.run_test(size=WIDE, message_hook=app.record) as pilot:
            await wait_until_shown(pilot, lambda: "50 of 100 items" in app.text)
            assert "45 right so far" in app.text
            await pilot.press("escape")
            await settle(app, pilot)
            assert server.cancelled == [1]
            text = app.text
            assert "Stopped" in text
            assert "right so far" not in text
            assert "%" not in text
            server.gates.clear()
            assert "90.0 %" in await press(app, pilot, "r")

    asyncio.run(run())


def test_other_weights_are_tested(home: Home, server: FakeServer) -> None:
    run = Run(home.runs / "feelings")
    for step in (100, 200):
        weights = run.snapshot_weights(step)
        weights.parent.mkdir(parents=True)
        weights.write_bytes(b"weights")

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "best weights, step 300" in await press(app, pilot, "b")
        assert "step 200 weights" in await press(app, pilot, "comma")
        assert "newest weights" in await press(app, pilot, "full_stop")
        await press(app, pilot, "comma", "t", "enter")

    app = _play(home, server, journey)
    sent = [request.weights for request in server.sent(AccuracyRequest)]
    assert sent == ["last", "best", "200", "last", "200"]
    assert app.posted(OpenChat)[0].weights == "200"
    assert app.posted(OpenStep)[0].weights == "200"


def test_all_items_are_tested_on_request(home: Home, server: FakeServer) -> None:
    server.report = label_report(available=5_000)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "100 of 5,000 held out" in app.text
        server.report = label_report()
        assert "100 held out" in await press(app, pilot, "a")

    _play(home, server, journey)
    assert [request.limit for request in server.sent(AccuracyRequest)] == [1000, None]


def test_the_index_is_built_on_a_key(home: Home, server: FakeServer) -> None:
    missing = ServerError(
        {"title": StateError.title, "message": "The text of feelings has no index yet."}
    )
    server.failures[OriginRequest] = missing

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: "k builds it" in app.text)
        await press(app, pilot, "k")
        await wait_until_shown(pilot, lambda: "line 1" in app.text)
        await press(app, pilot, "down", "down")
        await wait_until_shown(pilot, lambda: len(server.sent(OriginRequest)) == 3)

    _play(home, server, journey)
    assert [request.run for request in server.sent(IndexRequest)] == ["feelings"]
    texts = [request.text for request in server.sent(OriginRequest)]
    assert texts == [SURPRISES[0][0], SURPRISES[0][0], SURPRISES[2][0]]


def test_an_error_is_shown_in_place_of_figures(home: Home, server: FakeServer) -> None:
    server.failures[AccuracyRequest] = InputError("Nothing was held out.", "Name a file.")

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "Not tested: Nothing was held out. Name a file." in app.text
        assert "90.0 %" in await press(app, pilot, "r"), "r tries again"

    app = _play(home, server, journey)
    assert [error.message for error in app.errors] == ["Nothing was held out."]


def test_a_run_without_a_task_is_not_tested(home: Home, server: FakeServer) -> None:
    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "tales continues texts: no reply is right or wrong." in app.text

    _play(home, server, journey, name="tales")
    assert not server.requests


def test_a_model_without_mistakes(home: Home, server: FakeServer) -> None:
    report = label_report()
    server.report = replace(report, right=report.items, wrong=())

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "There is no wrong answer." in app.text
        await press(app, pilot, "enter", "slash")
        assert not app.posted(OpenStep)
        assert not app.screen.query_one("#find").display

    _play(home, server, journey)


def test_models_opens_it_for_runs_with_a_task(home: Home) -> None:
    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        client = app.client
        assert isinstance(client, FakeServer)
        client.report = label_report()
        await wait_until_shown(pilot, lambda: "feelings" in screen_text(app))
        await pilot.press("slash", *"tales", "enter", "T")
        await wait_until_shown(pilot, lambda: "continues texts" in screen_text(app))
        await pilot.press("escape", "slash", *"feel", "enter", "T")
        await wait_until_shown(pilot, lambda: "90.0 %" in screen_text(app))
        await pilot.press("escape")
        await wait_until_shown(pilot, lambda: not isinstance(app.screen, AccuracyScreen))

    run_app(home, journey, size=(140, 38))


def test_the_screen_has_few_keys() -> None:
    bindings = Binding.make_bindings([*AccuracyScreen.BINDINGS, *BaseScreen.BINDINGS])
    assert len({binding.key for binding in bindings}) <= 20


def test_leaving_the_screen_cancels_the_test(home: Home, server: FakeServer) -> None:
    server.gates[AccuracyRequest] = asyncio.Event()

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        app.client = server
        app.post_message(OpenTest("feelings"))
        await wait_until_shown(pilot, lambda: "50 of 100 items" in screen_text(app))
        app.pop_screen()
        await wait_until_shown(pilot, lambda: server.cancelled == [1])

    run_app(home, journey, size=WIDE)
