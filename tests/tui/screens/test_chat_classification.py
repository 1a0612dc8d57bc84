"""Chat with a run that labels texts, by keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.paths import Home
from core.server.protocol import ClassifyRequest, GenerateRequest, ScoreAtRequest
from tests.support.apps import SIZES, StageApp, play, press
from tests.support.captures import assert_same_as_capture
from tests.support.conversations import (
    chat_app,
    home_with_task,
    prompt_of,
    recorded_turns,
    send,
)
from tests.support.fake_server import LABELS, FakeServer, unknown_words
from tui.common.terminal import Terminal
from tui.screens.chat import ChatScreen
from tui.widgets.next_token_panel import NextTokenPanel
from tui.widgets.sampling_panel import SamplingPanel

WIDE = (140, 38)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run, whose task is to label texts."""
    return home_with_task(tmp_path, "pairs", "classify", LABELS)


@pytest.mark.parametrize("size", [*SIZES, WIDE])
def test_every_label_is_shown_with_its_probability(home: Home, size: tuple[int, int]) -> None:
    """Detects a label without a bar, a likeliest one without its mark, a generated reply."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "The soup was good")
        lines = [line for line in app.text.splitlines() if "%" in line]
        rows = {label: line for line in lines for label in LABELS if f" {label} " in line}
        assert "› good" in rows["good"]
        assert "70 %" in rows["good"]
        assert "10 %" in rows["bad"]
        assert "10 %" in rows["neutral"]
        assert rows["good"].count("━") > 5 * rows["bad"].count("━") > 0
        assert "other text" in app.text
        assert "step 500 · 12 ms" in app.text
        assert not app.screen.query_one(SamplingPanel).region
        assert not app.screen.query_one(NextTokenPanel).region

    assert play(chat_app(home, server), journey, size).errors == []
    (request,) = server.sent(ClassifyRequest)
    assert (request.run, request.text, request.explain) == ("lang", "The soup was good", False)
    assert not server.sent(GenerateRequest)
    assert not server.sent(ScoreAtRequest)
    (turn,) = recorded_turns(home)
    assert turn.text == "good"
    assert turn.labels == (("bad", 0.1), ("good", 0.7), ("neutral", 0.1))


def test_a_recorded_sentence_is_shown_with_its_bars(home: Home) -> None:
    """Detects bars that are lost when the chat is opened again, or too long for the screen."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "so good")

    async def reopened(app: StageApp, pilot: Pilot[None]) -> None:
        for width in (140, 80):
            await pilot.resize_terminal(width, 24)
            await pilot.pause()
            await pilot.pause()
            (line,) = [line for line in app.text.splitlines() if "› good" in line]
            assert line.rstrip(" │╮╯").endswith("70 %") or "70 %" in line[:95]

    server = FakeServer()
    play(chat_app(home, server), journey)
    play(chat_app(home, server), reopened)


@pytest.mark.parametrize("size", [*SIZES, WIDE])
def test_a_key_shows_which_word_decides(home: Home, size: tuple[int, int]) -> None:
    """Detects the word of another sentence, or points of the wrong sign."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "good soup")
        await send(app, pilot, "cold")
        await press(app, pilot, "escape", "up")
        text = await press(app, pilot, "o")
        assert "Why good" in text
        assert "“good” decides: without it, bad." in text
        row = next(line for line in text.splitlines() if "+60" in line)
        assert "good" in row
        prompt_of(app).focus()
        await send(app, pilot, "warm")
        assert "Why good" not in app.text, "it was about another sentence"

    play(chat_app(home, server), journey, size)
    (explained,) = [request for request in server.sent(ClassifyRequest) if request.explain]
    assert explained.text == "good soup"


def test_the_key_says_where_it_acts(tmp_path: Path) -> None:
    """Detects a key without effect and without a word."""
    home = home_with_task(tmp_path, "pairs", "translate")

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "is for runs that label texts" in await press(app, pilot, "escape", "o")

    play(chat_app(home, FakeServer()), journey)


def test_an_unknown_word_is_corrected(home: Home) -> None:
    """Detects a sentence that cannot be corrected as a prompt can."""
    server = FakeServer()
    server.refused["so god"] = unknown_words({"god": ["good"]})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "so god")
        assert "unknown word: god" in app.text
        await press(app, pilot, "1")
        assert "› good" in app.text

    play(chat_app(home, server), journey)


def test_the_screen_looks_as_captured(home: Home) -> None:
    """Detects a change of the look: bars, the word that decides, in ASCII too."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "The good soup was cold")
        await send(app, pilot, "It is bad or good")
        await press(app, pilot, "escape", "o")
        ascii = "_ascii" if app.terminal.is_ascii else ""
        assert_same_as_capture(app, f"classify_{app.size.width}x{app.size.height}{ascii}")

    play(chat_app(home, FakeServer()), journey, WIDE)
    play(chat_app(home, FakeServer()), journey)
    plain = StageApp(ChatScreen("lang"), home, FakeServer(), Terminal(charset="ascii"))
    play(plain, journey, (100, 24))
