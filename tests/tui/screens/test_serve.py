"""Serve: the address, requests as they come, and the end of the server with its screen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.errors import InputError
from core.paths import Home
from core.serve.launch import NotInstalledError, PortInUseError
from tests.support.app_runs import run_app
from tests.support.apps import Journey, StageApp
from tests.support.captures import assert_same_as_capture, screen_text
from tests.support.conversations import home_with_lang, home_with_task
from tests.support.serve_sources import (
    ADDRESS,
    ScriptedServers,
    listening,
    replied,
    requested,
)
from tests.support.wait import wait_until_shown
from tui.app import MiniGPTApp
from tui.common.terminal import Terminal
from tui.screens.dialogs import RunDialog
from tui.screens.models import ModelsScreen
from tui.screens.serve import ESC_TEXT, ServeScreen
from tui.widgets.request_list import RequestList


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_with_lang(tmp_path)


def play(app: StageApp, journey: Journey, size: tuple[int, int] = (80, 24)) -> StageApp:
    """Run the app along a journey; its worker ends only with the screen."""

    async def run() -> None:
        async with app.run_test(size=size, message_hook=app.record) as pilot:
            await journey(app, pilot)

    asyncio.run(run())
    return app


async def show(app: StageApp, pilot: Pilot[None], text: str) -> None:
    await wait_until_shown(pilot, lambda: text in app.text)


async def send(servers: ScriptedServers, pilot: Pilot[None], *events: object) -> None:
    """Let the newest server report events."""
    for event in events:
        servers.made[-1].script.put_nowait(event)  # type: ignore[arg-type]
    for _ in range(3):
        await pilot.pause()


@pytest.mark.parametrize(
    ("size", "is_ascii"),
    [((60, 20), False), ((80, 24), False), ((140, 38), False), ((80, 24), True)],
)
def test_it_shows_the_address_and_requests_as_they_come(
    home: Home, size: tuple[int, int], is_ascii: bool
) -> None:
    servers = ScriptedServers()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await show(app, pilot, ADDRESS)
        assert "No request yet." in app.text
        assert "listening" in app.text
        assert ESC_TEXT[:40] in app.text
        await send(servers, pilot, requested(1), requested(2, client="notebook [7]"))
        assert "in progress" in app.text
        refusal = replied(3, 400, message="The word 'zebra' is not in the vocabulary.")
        gone = replied(2, 499, completion_tokens=2, client="notebook [7]")
        await send(servers, pilot, replied(1), gone, refusal)
        await show(app, pilot, "3 requests")
        assert "3 + 16 tokens in 0.50 s" in app.text
        assert "client gone after 3 + 2 tokens" in app.text
        assert "400 The word" in app.text
        suffix = "_ascii" if is_ascii else ""
        assert_same_as_capture(app, f"serve_{size[0]}x{size[1]}{suffix}")

    terminal = Terminal(charset="ascii") if is_ascii else Terminal()
    app = StageApp(ServeScreen("lang", servers), home, terminal=terminal)
    play(app, journey, size)
    assert servers.made[0].arguments.runs == ("lang",)
    assert servers.made[0].arguments.host == "127.0.0.1"


def test_the_server_ends_with_its_screen(home: Home) -> None:
    """Detects a server that keeps running, unseen, after Esc."""
    servers = ScriptedServers()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await show(app, pilot, ADDRESS)
        assert not servers.made[0].is_closed
        app.pop_screen()
        await wait_until_shown(pilot, lambda: servers.made[0].is_closed)

    play(StageApp(ServeScreen("lang", servers), home), journey)


def test_the_address_and_an_example_are_copied(home: Home) -> None:
    servers = ScriptedServers()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await show(app, pilot, ADDRESS)
        await pilot.press("y", "e")
        await settle_soon(pilot)

    app = play(StageApp(ServeScreen("lang", servers), home), journey)
    assert app.copied[0] == ("address", ADDRESS)
    what, command = app.copied[1]
    assert what == "command"
    assert command.startswith(f"curl {ADDRESS}/completions -d '{{")


async def settle_soon(pilot: Pilot[None]) -> None:
    for _ in range(3):
        await pilot.pause()


def test_a_run_that_converses_has_an_example_of_a_chat(tmp_path: Path) -> None:
    home = home_with_task(tmp_path, "conversations", "converse")
    servers = ScriptedServers()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await show(app, pilot, "completions and chat")
        assert "/chat/completions" in app.text.replace("\n", "")

    play(StageApp(ServeScreen("lang", servers), home), journey, (140, 38))


@pytest.mark.parametrize(
    "error",
    [
        NotInstalledError("Serving needs the package starlette.", "Install it."),
        InputError("lang is an encoder: it fills in blanks.", "Serve another."),
    ],
)
def test_a_server_that_cannot_start_says_why(home: Home, error: InputError) -> None:
    servers = ScriptedServers(error)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await show(app, pilot, error.message)
        assert error.hint in app.text
        assert "stopped" in app.text
        await pilot.press("y")
        await settle_soon(pilot)

    app = play(StageApp(ServeScreen("lang", servers), home), journey)
    assert app.copied == []
    assert servers.made[0].is_closed


def test_another_port_is_taken_if_the_usual_one_is_in_use(home: Home) -> None:
    servers = ScriptedServers(PortInUseError("Port 8765 is in use."), listening())

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await show(app, pilot, ADDRESS)

    play(StageApp(ServeScreen("lang", servers), home), journey)
    assert [server.arguments.port for server in servers.made] == [8765, 0]
    assert servers.made[0].is_closed


def test_the_list_keeps_its_request_under_the_cursor(home: Home) -> None:
    servers = ScriptedServers()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await show(app, pilot, ADDRESS)
        await send(servers, pilot, *(requested(number) for number in range(1, 9)))
        rows = app.screen.query_one(RequestList)
        assert rows.cursor == 0, "it follows the newest"
        await pilot.press("down", "down")
        await send(servers, pilot, requested(9))
        assert rows.cursor == 3

    play(StageApp(ServeScreen("lang", servers), home), journey)


def test_the_palette_chooses_the_run(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = ScriptedServers()
    monkeypatch.setattr("tui.screens.serve.ServeScreen._start_process", lambda _, a: servers(a))

    async def journey(app: MiniGPTApp, pilot: Pilot[None]) -> None:
        await wait_until_shown(pilot, lambda: isinstance(app.screen, ModelsScreen))
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert "Serve" in titles
        await app.run_action("serve")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, RunDialog))
        await wait_until_shown(pilot, lambda: "lang" in screen_text(app))
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: ADDRESS in screen_text(app))
        await pilot.press("escape")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, ModelsScreen))
        await wait_until_shown(pilot, lambda: servers.made[0].is_closed)

    run_app(home, journey)
