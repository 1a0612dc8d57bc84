"""The Chat screen by keys: settings and weights, in command mode and while typing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.paths import Home
from core.run.directory import Run
from core.server.protocol import GenerateRequest
from tests.support.apps import StageApp, play, settle
from tests.support.conversations import (
    chat_app,
    check_for_newer,
    home_with_lang,
    prompt_of,
    recorded_turns,
    run_with_weights,
    save_newer_weights,
    send,
)
from tests.support.fake_server import FakeServer
from tests.support.wait import wait_until_shown
from tui.screens.chat import ChatScreen
from tui.widgets.sampling_panel import SamplingRows
from tui.widgets.weights_panel import WeightsRow


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return home_with_lang(tmp_path)


@pytest.mark.parametrize("size", [(140, 40), (80, 24)])
def test_settings_are_changed_in_their_panel(home: Home, size: tuple[int, int]) -> None:
    """Detects a panel whose settings are not those of the reply; no way back to greedy."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        app.screen.query_one(SamplingRows).focus()
        await pilot.press("right", "right", "down", "1", "2", "enter", "down", "left", "left")
        await pilot.press("escape")
        assert prompt_of(app).has_focus
        await send(app, pilot, "a")
        await pilot.press("escape", "g", "enter", "ctrl+u")
        await send(app, pilot, "b")

    play(chat_app(home, server), journey, size)
    changed, greedy = (request.settings for request in server.sent(GenerateRequest))
    assert (changed.temperature, changed.top_k, changed.top_p) == (0.2, 12, 0.95)
    assert greedy.temperature == 0.0
    assert greedy.max_tokens == changed.max_tokens


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (60, 20)])
def test_a_greedy_reply_that_loops_is_noticed(home: Home, size: tuple[int, int]) -> None:
    """Detects a loop without a word, or a key that tries no other settings."""
    server = FakeServer(tokens=[" on", " and"] * 20)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "go")
        assert "Greedy decoding repeats itself" in " ".join(app.text.split())
        assert any(
            each.binding.key == "f3" and each.binding.show
            for each in app.screen.active_bindings.values()
        )
        server.tokens = [" home."]
        await pilot.press("f3")
        await settle(app, pilot)
        assert "Greedy decoding" not in app.text
        assert "temperature 0.8, top p 0.95" in app.text

    play(chat_app(home, server), journey, size)
    greedy, warmer = server.sent(GenerateRequest)
    assert greedy.settings.temperature == 0.0
    assert (warmer.prompt, warmer.settings.temperature, warmer.settings.top_p) == ("go", 0.8, 0.95)


def test_f3_acts_only_on_the_last_reply_and_if_it_loops(home: Home) -> None:
    """Detects F3 that changes settings without a word, stops a normal reply or takes an old one."""
    gate = asyncio.Event()
    server = FakeServer(free_tokens=1, gates={GenerateRequest: gate})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        screen = app.screen
        assert isinstance(screen, ChatScreen)

        async def is_refused() -> bool:
            screen.show_note("")
            await pilot.press("f3")
            await pilot.pause()
            return (
                "F3 acts after a greedy reply" in app.text and screen.conversation.controls.greedy
            )

        assert await is_refused()
        await pilot.press("a", "enter")
        await wait_until_shown(pilot, lambda: "▌ is" in app.text)
        assert await is_refused()
        assert screen.conversation.reply is not None
        gate.set()
        await settle(app, pilot)
        assert await is_refused()
        server.tokens = [" on", " and"] * 20
        await send(app, pilot, "go")
        server.tokens = [" home."]
        await pilot.press("escape", "up")
        assert "▌›a" in app.text
        await pilot.press("f3")
        await settle(app, pilot)

    play(chat_app(home, server), journey)
    assert [request.prompt for request in server.sent(GenerateRequest)] == ["a", "go", "go"]


def test_each_reply_draws_a_seed_unless_it_is_fixed(home: Home) -> None:
    """Detects the same text again at a temperature above 0; a seed that cannot be repeated."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        app.screen.query_one(SamplingRows).focus()
        await pilot.press("right", "escape")
        await send(app, pilot, "a")
        await pilot.press("escape", "r")
        await settle(app, pilot)
        app.screen.query_one(SamplingRows).focus()
        await pilot.press(*["down"] * 6, "4", "2", "enter", "r")
        await settle(app, pilot)

    play(chat_app(home, server), journey)
    first, again, fixed = (request.settings.seed for request in server.sent(GenerateRequest))
    assert first != again
    assert fixed == 42


def test_snapshots_newest_and_best_weights_are_on_keys(home: Home) -> None:
    """Detects a reply labelled with other weights; a silent key at the ends of the list."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "full_stop")
        assert "These are the newest weights." in app.text
        await pilot.press("comma")
        await settle(app, pilot)
        assert "256 ◆" in app.text
        await pilot.press("comma", "comma", "comma")
        assert "No older snapshot." in app.text
        await pilot.press("enter")
        await send(app, pilot, "a")
        await pilot.press("escape", "full_stop", "full_stop", "full_stop")
        await settle(app, pilot)
        assert "500 ◆ newest" in app.text
        await pilot.press("b")
        assert "No best weights" in app.text
        best = Run(home.runs / "lang").best_weights
        best.parent.mkdir()
        best.write_bytes(b"weights")
        await pilot.press("b", "enter", "ctrl+u")
        await send(app, pilot, "b")
        assert "step 0 · greedy" in app.text
        assert "step 300, best · greedy" in app.text

    play(chat_app(home, server), journey)
    assert [(turn.weights, turn.step) for turn in recorded_turns(home)] == [("0", 0), ("best", 300)]


@pytest.mark.parametrize("size", [(140, 40), (80, 24)])
def test_weights_are_chosen_with_the_mouse(home: Home, size: tuple[int, int]) -> None:
    """Detects weights in time that do not answer the mouse."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        row = app.screen.query_one(WeightsRow)
        lines = app.text.split("\n")
        y = next(y for y, line in enumerate(lines) if " 256 " in line)
        await pilot.click(offset=(lines[y].index("256") + 1, y))
        await settle(app, pilot)
        assert row.has_focus
        await pilot.press("escape")
        await send(app, pilot, "a")

    server = FakeServer()
    play(chat_app(home, server), journey, size)
    assert server.sent(GenerateRequest)[0].weights == "256"


def test_a_snapshot_is_opened_by_its_step(home: Home) -> None:
    """Detects newest weights where a snapshot was requested."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "a")
        assert "step 256 · greedy" in app.text

    server = FakeServer()
    play(chat_app(home, server, weights="256"), journey)
    assert server.sent(GenerateRequest)[0].weights == "256"


def test_newer_weights_are_loaded_during_training(home: Home) -> None:
    """Replies by outdated weights while the run is being trained."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        save_newer_weights(home, server)
        check_for_newer(app)
        await settle(app, pilot)
        assert "600 ◆ newest" in app.text
        assert "Newer weights loaded" in app.text
        before = len(server.requests)
        check_for_newer(app)
        await settle(app, pilot)
        assert len(server.requests) == before

    play(chat_app(home, server), journey)


def test_another_run_is_chosen_within_the_screen(home: Home) -> None:
    """Detects a reply that is recorded with another run."""
    run_with_weights(home, "poems")
    empty = run_with_weights(home, "empty")
    empty.weights.unlink()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "a")
        assert isinstance(app.screen, ChatScreen)
        app.screen.action_other_run()
        await wait_until_shown(pilot, lambda: "poems" in app.text)
        assert "empty" not in app.text
        await pilot.press("escape")
        assert isinstance(app.screen, ChatScreen)
        app.screen.action_other_run()
        await wait_until_shown(pilot, lambda: "poems" in app.text)
        await pilot.press("up" if app.text.rindex("poems") < app.text.rindex("lang ") else "down")
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "Switched to poems." in app.text)
        await send(app, pilot, "b")
        assert "poems · step 500 · greedy" in app.text

    play(chat_app(home, FakeServer()), journey)
    assert [turn.prompt for turn in recorded_turns(home)] == ["a"]
    assert [turn.prompt for turn in recorded_turns(home, "poems")] == ["b"]


def test_an_idle_screen_draws_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Detects an idle screen that sends bytes over a slow connection."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "a")
        screen = app.screen
        assert isinstance(screen, ChatScreen)
        drawn: list[object] = []
        for widget in screen.query("*"):
            if widget is prompt_of(app):
                continue  # its cursor may blink
            monkeypatch.setattr(widget, "refresh", lambda *a, **k: drawn.append(a))
        check_for_newer(app)
        screen.show_facts()
        assert drawn == []

    play(chat_app(home, FakeServer()), journey, (120, 40))
