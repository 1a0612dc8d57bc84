"""The Sources screen by keys: copied passages, their places, and the corpus there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.attribution import passages
from core.errors import InputError
from core.paths import Home
from core.run.directory import Run
from core.server.protocol import IndexRequest, OriginRequest
from tests.support.apps import SIZES, StageApp, play, settle
from tests.support.captures import assert_same_as_capture
from tests.support.conversations import chat_app, home_with_lang, make_turn, send
from tests.support.fake_server import ORIGIN, FakeServer
from tests.support.wait import wait_until_shown
from tui.chat.record import append
from tui.common.terminal import Terminal
from tui.screens.chat import ChatScreen
from tui.screens.origin import OriginScreen, PassageScreen


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A run with one turn; its corpus has forty lines."""
    home = home_with_lang(tmp_path)
    append(Run(home.runs / "lang").chat, make_turn("Python", ORIGIN.text))
    lines = ["Python is a popular programming language.", "I love to code in the dark."]
    lines += [f"Line {number} is of no interest." for number in range(3, 41)]
    (tmp_path / "corpus.txt").write_text("\n".join(lines) + "\n")
    return home


def make_server(home: Home) -> FakeServer:
    """Return a server whose places are in the test's own file."""
    file, starts = home.root / "corpus.txt", [0]
    for line in file.read_text().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    spans = []
    for span in ORIGIN.spans:
        places = [
            replace(place, file=str(file), offset=starts[place.line - 1] + len(place.before))
            for place in span.places
        ]
        spans.append(replace(span, places=places))
    return FakeServer(origin=replace(ORIGIN, spans=spans))


async def open_sources(app: StageApp, pilot: Pilot[None]) -> None:
    """Open the screen and wait for its figures."""
    await pilot.press("escape", "s")
    await wait_until_shown(pilot, lambda: isinstance(app.screen, OriginScreen))
    await settle(app, pilot)


@pytest.mark.parametrize("size", SIZES)
def test_copied_passages_are_shown_with_their_lines(home: Home, size: tuple[int, int]) -> None:
    """Detects a line number of another passage."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await open_sources(app, pilot)
        words = " ".join(app.text.split())
        assert (
            "82% of 11 tokens copied · longest copy 5 · 2 of 10 bigrams are new · 1 of 2" in words
        )
        assert "5 tokens, once" in app.text
        assert "› line 1" in app.text
        await pilot.press("right")
        assert "4 tokens, 12 times" in app.text
        assert "› line 2" in app.text
        assert "and 10 more" in app.text
        await pilot.press("p")
        assert "› line 30" in app.text
        await pilot.press("left")
        assert "5 tokens, once" in app.text
        await pilot.press("escape")
        assert isinstance(app.screen, ChatScreen)

    assert play(chat_app(home, make_server(home)), journey, size).errors == []


def test_the_screens_look_as_captured(home: Home) -> None:
    """Detects an unintended change of layout or wording."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await open_sources(app, pilot)
        await pilot.press("right")
        assert_same_as_capture(app, "origin_80x24")
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: isinstance(app.screen, PassageScreen))
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert_same_as_capture(app, "passage_80x24")

    play(chat_app(home, make_server(home)), journey)


def test_marks_are_ascii_on_an_ascii_terminal(home: Home) -> None:
    """Detects marks that the terminal cannot show."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        app.terminal = Terminal(charset="ascii")
        await open_sources(app, pilot)
        assert "<is a popular programming language.> I do <love to code" in " ".join(
            app.text.split()
        )

    play(chat_app(home, make_server(home)), journey)


def test_enter_opens_the_corpus_and_scrolling_reads_more(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detects a whole file in memory; the wrong line marked."""
    monkeypatch.setattr(passages, "BYTES_BEFORE_LINE", 300)
    monkeypatch.setattr(passages, "BYTES_AFTER_LINE", 300)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await open_sources(app, pilot)
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "Line 5 is" in app.text)
        assert " 1 Python ‹is a popular programming language.›" in app.text
        assert "Line 20" not in app.text
        for _ in range(20):
            await pilot.press("pagedown")
            await app.workers.wait_for_complete()
            await pilot.pause()
        assert "40 Line 40 is of no interest." in app.text
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: "Python" in app.text)
        await pilot.press("escape")
        assert isinstance(app.screen, OriginScreen)

    assert play(chat_app(home, make_server(home)), journey).errors == []


def test_minimum_length_and_reply_are_on_keys(home: Home) -> None:
    """Detects passages of another reply than the one shown."""
    server = make_server(home)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "Java")
        await open_sources(app, pilot)
        assert "reply 2 of 2" in app.text
        await pilot.press("up")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "reply 1 of 2" in app.text
        await pilot.press("plus")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "1 of 1" in app.text
        await pilot.press("plus")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "No passage of 6 or more" in app.text

    play(chat_app(home, server), journey)
    requests = server.sent(OriginRequest)
    assert [(request.run, request.min_tokens) for request in requests] == [
        ("lang", 4), ("lang", 4), ("lang", 5), ("lang", 6),
    ]  # fmt: skip
    assert requests[1].text == ORIGIN.text


def test_progress_is_shown_and_escape_cancels(home: Home) -> None:
    """Minutes without progress, or work that continues after Escape."""
    server = make_server(home)
    server.gates[IndexRequest] = asyncio.Event()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "s")
        await wait_until_shown(pilot, lambda: "Sorting the text: 50%" in app.text)
        assert "is a popular programming" in app.text
        await pilot.press("escape")
        await wait_until_shown(pilot, lambda: server.cancelled)

    assert play(chat_app(home, server), journey).errors == []


def test_a_missing_corpus_is_an_error(home: Home) -> None:
    """Detects a screen that waits forever."""
    server = make_server(home)
    server.failures[IndexRequest] = InputError("The text x is no longer there.", "Put it back.")

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await open_sources(app, pilot)
        assert "no longer there" in app.text

    assert [str(one) for one in play(chat_app(home, server), journey).errors]


def test_it_does_not_open_without_a_turn(tmp_path: Path) -> None:
    """Detects a screen without a reply."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "s")
        await pilot.pause()
        assert isinstance(app.screen, ChatScreen)

    play(chat_app(home_with_lang(tmp_path), FakeServer()), journey)
