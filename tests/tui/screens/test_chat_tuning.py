"""The Chat screen by keys: settings and weights, in command mode and while typing."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.paths import Home
from core.run.directory import Run
from core.server.protocol import GenerateRequest
from tests.support.apps import StageApp, play
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


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return home_with_lang(tmp_path)


def test_letters_change_settings_in_command_mode(home: Home) -> None:
    """Detects a key that changes another setting than documented; no way back to greedy."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", *"tttTkkPmuNs")
        for row in ("Temperature 0.2", "Top k 2", "Top p 0.99", "Min p 0.01"):
            assert row in " ".join(app.text.split())
        await pilot.press("i")
        await send(app, pilot, "a")
        await pilot.press("escape", "g", "i")
        await send(app, pilot, "b")

    play(chat_app(home, server), journey, (120, 40))
    changed, greedy = (request.settings for request in server.sent(GenerateRequest))
    assert changed.temperature == 0.2
    assert (changed.top_k, changed.top_p, changed.min_p) == (2, 0.99, 0.01)
    assert (changed.repetition_penalty, changed.max_tokens) == (1.05, 20)
    assert greedy.temperature == 0.0
    assert greedy.max_tokens == 20


def test_function_keys_change_settings_while_typing(home: Home) -> None:
    """Settings that cannot be changed without leaving the prompt, or that type into it."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("a", "f3", "f3", "f8", "f7", "b", "f6", "f7", "f7")
        assert prompt_of(app).text == "ab"
        assert "temperature 0.2, top k 2, 50 tokens" in app.text
        await pilot.press("f8", "f8")
        assert "F6 and F7 change Min p" in app.text
        await pilot.press("enter")
        await app.workers.wait_for_complete()
        await pilot.press("f2", "c", "ctrl+s")
        assert prompt_of(app).text == "c"
        await pilot.press("enter")
        await app.workers.wait_for_complete()

    play(chat_app(home, server), journey)
    changed, greedy = (request.settings for request in server.sent(GenerateRequest))
    assert (changed.temperature, changed.top_k) == (0.2, 2)
    assert greedy.temperature == 0.0


def test_each_reply_draws_a_seed_unless_it_is_fixed(home: Home) -> None:
    """Detects the same text again at a temperature above 0; a seed that cannot be repeated."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("f3")
        await send(app, pilot, "a")
        await pilot.press("escape", "r")
        await app.workers.wait_for_complete()
        await pilot.press("s", "r")
        await app.workers.wait_for_complete()

    play(chat_app(home, server), journey)
    first, again, fixed = (request.settings.seed for request in server.sent(GenerateRequest))
    assert first != again
    assert fixed == again


def test_snapshots_newest_and_best_weights_are_on_keys(home: Home) -> None:
    """Detects a reply labelled with other weights; an exception at the ends of the list."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "full_stop")
        assert "These are the newest weights." in app.text
        await pilot.press("comma")
        await app.workers.wait_for_complete()
        assert "lang · step 256" in app.text
        await pilot.press("comma", "comma", "comma")
        assert "No older snapshot." in app.text
        await pilot.press("i")
        await send(app, pilot, "a")
        await pilot.press("f10", "f10", "f10")
        await app.workers.wait_for_complete()
        assert "lang · newest, step 500" in app.text
        await pilot.press("f12")
        assert "No best weights" in app.text
        best = Run(home.runs / "lang").best_weights
        best.parent.mkdir()
        best.write_bytes(b"weights")
        await pilot.press("f12")
        await send(app, pilot, "b")
        assert "step 0 · greedy" in app.text
        assert "best, step 300 · greedy" in app.text
        await pilot.press("ctrl+l")
        await app.workers.wait_for_complete()
        assert "lang · newest" in app.text

    play(chat_app(home, server), journey)
    assert [(turn.weights, turn.step) for turn in recorded_turns(home)] == [("0", 0), ("best", 300)]


def test_a_snapshot_is_opened_by_its_step(home: Home) -> None:
    """Detects newest weights where a snapshot was requested."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "a")
        assert "lang · step 256" in app.text

    server = FakeServer()
    play(chat_app(home, server, weights="256"), journey)
    assert server.sent(GenerateRequest)[0].weights == "256"


def test_newer_weights_are_loaded_during_training(home: Home) -> None:
    """Replies by outdated weights while the run is being trained."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        save_newer_weights(home, server)
        check_for_newer(app)
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "newest, step 600" in app.text
        assert "Newer weights loaded" in app.text
        before = len(server.requests)
        check_for_newer(app)
        assert len(server.requests) == before

    play(chat_app(home, server), journey)


def test_another_run_is_chosen_within_the_screen(home: Home) -> None:
    """Detects a reply that is recorded with another run."""
    run_with_weights(home, "poems")
    empty = run_with_weights(home, "empty")
    empty.weights.unlink()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "a")
        await pilot.press("ctrl+o")
        await wait_until_shown(pilot, lambda: "poems" in app.text)
        assert "empty" not in app.text
        await pilot.press("escape", "ctrl+o")
        await wait_until_shown(pilot, lambda: "poems" in app.text)
        await pilot.press("up" if app.text.rindex("poems") < app.text.rindex("lang ") else "down")
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "Switched to poems." in app.text)
        await send(app, pilot, "b")
        assert "poems · newest, step 500 · greedy" in app.text

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
