"""Talk by keys: settings and weights, in command mode and while typing."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.paths import Home
from core.run.directory import Run
from tests.support.talk_stage import (
    FakeSampler,
    TalkApp,
    generated,
    library,
    look,
    make_run,
    play,
    record,
    say,
    until,
)
from tui.screens.talk import TalkScreen


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return library(tmp_path)


def test_settings_in_command_mode(home: Home) -> None:
    """A key that turns another setting than it says; greedy that cannot be had back."""
    sampler = FakeSampler()

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", *"tttTkkPmuNs")
        for row in ("Temperature 0.2", "Top k 2", "Top p 0.99", "Min p 0.01"):
            assert row in " ".join(app.text.split())
        await pilot.press("i")
        await say(app, pilot, "a")
        await pilot.press("escape", "g", "i")
        await say(app, pilot, "b")

    play(TalkApp(home, sampler), journey, (200, 50))
    turned, greedy = (fields["settings"] for fields in generated(sampler))
    assert turned["temperature"] == 0.2
    assert (turned["top_k"], turned["top_p"], turned["min_p"]) == (2, 0.99, 0.01)
    assert (turned["repetition_penalty"], turned["max_tokens"]) == (1.05, 20)
    assert greedy["temperature"] == 0.0
    assert greedy["max_tokens"] == 20


def test_settings_while_typing(home: Home) -> None:
    """Settings that cost leaving the prompt, or that type letters into it."""
    sampler = FakeSampler()

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await pilot.press("a", "f3", "f3", "f8", "f7", "b", "f6", "f7", "f7")
        assert app.prompt.text == "ab"
        assert "temperature 0.2, top k 2, 50 tokens" in app.text
        await pilot.press("f8", "f8")
        assert "F6 and F7 turn Min p" in app.text
        await pilot.press("enter")
        await app.workers.wait_for_complete()
        await pilot.press("f2", "c", "ctrl+s")
        assert app.prompt.text == "c"
        await pilot.press("enter")
        await app.workers.wait_for_complete()

    play(TalkApp(home, sampler), journey)
    turned, greedy = (fields["settings"] for fields in generated(sampler))
    assert (turned["temperature"], turned["top_k"]) == (0.2, 2)
    assert greedy["temperature"] == 0.0


def test_chance_says_something_new_unless_the_seed_is_kept(home: Home) -> None:
    """Asking again that gives the same text; a seed that cannot be had again."""
    sampler = FakeSampler()

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await pilot.press("f3")
        await say(app, pilot, "a")
        await pilot.press("escape", "r")
        await app.workers.wait_for_complete()
        await pilot.press("s", "r")
        await app.workers.wait_for_complete()

    play(TalkApp(home, sampler), journey)
    first, again, kept = (fields["settings"]["seed"] for fields in generated(sampler))
    assert first != again
    assert kept == again


def test_snapshots_newest_and_best(home: Home) -> None:
    """A reply that does not know which weights made it; an end of the list that raises."""
    sampler = FakeSampler()

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "full_stop")
        assert "These are the newest weights." in app.text
        await pilot.press("comma")
        await app.workers.wait_for_complete()
        assert "lang · step 256" in app.text
        await pilot.press("comma", "comma", "comma")
        assert "There is none that is older." in app.text
        await pilot.press("i")
        await say(app, pilot, "a")
        await pilot.press("f10", "f10", "f10")
        await app.workers.wait_for_complete()
        assert "lang · newest, step 500" in app.text
        await pilot.press("f12")
        assert "No best weights" in app.text
        best = Run(home.runs / "lang").best_weights
        best.parent.mkdir()
        best.write_bytes(b"weights")
        await pilot.press("f12")
        await say(app, pilot, "b")
        assert "step 0 · greedy" in app.text
        assert "best, step 300 · greedy" in app.text
        await pilot.press("ctrl+l")
        await app.workers.wait_for_complete()
        assert "lang · newest" in app.text

    play(TalkApp(home, sampler), journey)
    assert [(turn.weights, turn.step) for turn in record(home)] == [("0", 0), ("best", 300)]


def test_a_snapshot_is_opened_by_its_step(home: Home) -> None:
    """Train's strip of samples that opens the newest weights instead."""

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "a")
        assert "lang · step 256" in app.text

    sampler = FakeSampler()
    play(TalkApp(home, sampler, which="256"), journey)
    assert generated(sampler)[0]["which"] == "256"


def test_newest_follows_a_training_and_says_so(home: Home) -> None:
    """Yesterday's weights that still speak while it trains."""
    sampler = FakeSampler()

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        sampler.step = 600
        new = home.runs / "lang" / "new"
        new.write_bytes(b"newer weights")
        new.replace(Run(home.runs / "lang").weights)
        look(app)
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "newest, step 600" in app.text
        assert "Newer weights were saved" in app.text
        before = len(sampler.asked)
        look(app)
        assert len(sampler.asked) == before

    play(TalkApp(home, sampler), journey)


def test_another_run_without_leaving(home: Home) -> None:
    """A reply that is written into the talk of another run."""
    make_run(home, "poems")
    empty = make_run(home, "empty")
    empty.weights.unlink()

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "a")
        await pilot.press("ctrl+o")
        await until(pilot, lambda: "poems" in app.text)
        assert "empty" not in app.text
        await pilot.press("escape", "ctrl+o")
        await until(pilot, lambda: "poems" in app.text)
        await pilot.press("up" if app.text.rindex("poems") < app.text.rindex("lang ") else "down")
        await pilot.press("enter")
        await until(pilot, lambda: "Now with poems." in app.text)
        await say(app, pilot, "b")
        assert "poems · newest, step 500 · greedy" in app.text

    play(TalkApp(home, FakeSampler()), journey)
    assert [turn.prompt for turn in record(home)] == ["a"]
    assert [turn.prompt for turn in record(home, "poems")] == ["b"]


def test_nothing_is_drawn_when_nothing_changed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle screen that sends bytes over a slow line."""

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "a")
        screen = app.screen
        assert isinstance(screen, TalkScreen)
        drawn: list[object] = []
        for widget in screen.query("*"):
            if widget is app.prompt:
                continue  # its cursor may blink
            monkeypatch.setattr(widget, "refresh", lambda *a, **k: drawn.append(a))
        look(app)
        screen.show_facts()
        assert drawn == []

    play(TalkApp(home, FakeSampler()), journey, (120, 40))
