"""The Sources screen by keys: copied passages, their places, and the corpus there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from textual.events import MouseScrollDown
from textual.message import Message
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
from tui.common.messages import CopyRequested, OpenChat, OpenInside, OpenStep
from tui.common.terminal import Terminal
from tui.screens.chat import ChatScreen
from tui.screens.corpus import PassageScreen
from tui.screens.origin import OriginScreen
from tui.widgets.source_text import ReplyText


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
        assert "82% of 11 tokens copied · longest copy 5 · 2 of 10 bigrams are new" in words
        assert "tokens or more · 1 of 2" in app.text
        assert "In the corpus once" in app.text
        assert "›    1  Python ‹is a popular" in app.text
        await pilot.press("right")
        assert "In the corpus 12 times, first 2 shown" in app.text
        assert "›    2  I ‹love to code in the› dark." in app.text
        await pilot.press("tab", "down")
        await pilot.pause()
        assert "›   30  I ‹love to code in the›" in app.text
        await pilot.press("left")
        assert "In the corpus once" in app.text
        await pilot.press("2")
        assert "tokens or more · 2 of 2" in app.text
        await pilot.press("escape")
        assert isinstance(app.screen, ChatScreen)

    assert play(chat_app(home, make_server(home)), journey, size).errors == []


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (140, 38), (200, 50)])
def test_the_screens_look_as_captured(home: Home, size: tuple[int, int]) -> None:
    """Detects an unintended change of layout or wording."""
    name = "{}x{}".format(*size)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await open_sources(app, pilot)
        await pilot.press("right")
        await pilot.pause()
        assert_same_as_capture(app, f"origin_{name}")
        await open_corpus(app, pilot)
        assert_same_as_capture(app, f"passage_{name}")

    play(chat_app(home, make_server(home)), journey, size)


async def open_corpus(app: StageApp, pilot: Pilot[None]) -> None:
    """Press Enter and wait for the lines."""
    await pilot.press("enter")
    await wait_until_shown(pilot, lambda: isinstance(app.screen, PassageScreen))
    await app.workers.wait_for_complete()
    await pilot.pause()


def test_tab_goes_through_the_panels_which_show_the_focus(home: Home) -> None:
    """Detects a panel that keys cannot reach, or a focus that is not seen."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await open_sources(app, pilot)
        for title in ("› Copied passages", "› In the corpus", "› Reply", "› Copied passages"):
            assert title in app.text
            await pilot.press("tab")
            await pilot.pause()

    play(chat_app(home, make_server(home)), journey, (140, 38))


@pytest.mark.parametrize("size", [(80, 24), (140, 38)])
def test_the_mouse_chooses_and_opens_passages_and_places(home: Home, size: tuple[int, int]) -> None:
    """Detects a click on another passage than the one under the pointer."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await open_sources(app, pilot)
        await pilot.click("#passages", offset=(6, 2))
        await pilot.pause()
        assert "tokens or more · 2 of 2" in app.text
        line = app.screen.query_one("#reply", ReplyText).text.index("is a popular")
        await pilot.click("#reply", offset=(line, 0))
        await pilot.pause()
        assert "tokens or more · 1 of 2" in app.text
        await pilot.click("#passages", offset=(6, 2))
        await pilot.click("#places", offset=(6, 2))
        await pilot.pause()
        assert "›   30" in app.text
        await pilot.click("#places", offset=(6, 2), times=2)
        await wait_until_shown(pilot, lambda: isinstance(app.screen, PassageScreen))

    assert play(chat_app(home, make_server(home)), journey, size).errors == []


def test_other_views_open_just_before_the_passage(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detects Step or Inside at another place than the chosen passage."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await open_sources(app, pilot)
        screen = app.screen
        assert isinstance(screen, OriginScreen)
        posted: list[Message] = []
        post_message = screen.post_message

        def post(message: Message) -> bool:
            if not isinstance(message, OpenStep | OpenInside | OpenChat | CopyRequested):
                return post_message(message)
            posted.append(message)
            return True

        monkeypatch.setattr(screen, "post_message", post)
        await pilot.press("right", "x", "i", "t", "y")
        step, inside, chat, copied = posted
        before = "Python" + ORIGIN.text[:41]
        assert isinstance(step, OpenStep)
        assert isinstance(inside, OpenInside)
        assert isinstance(chat, OpenChat)
        assert isinstance(copied, CopyRequested)
        assert (step.name, step.prompt, inside.prompt) == ("lang", before, before)
        assert chat.name == "lang"
        assert copied.text == "love to code in the"

    play(chat_app(home, make_server(home)), journey)


def test_a_key_that_cannot_act_says_why(home: Home) -> None:
    """Detects keys that do nothing without a word."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await open_sources(app, pilot)
        screen = app.screen
        assert isinstance(screen, OriginScreen)
        assert not screen.check_action("reply", (-1,))
        assert screen.explain_refusal("reply(-1)") == "This is the oldest reply."
        assert not screen.check_action("choose", (9,))
        assert screen.explain_refusal("choose(9)") == "Copied passages: 2, no more."

    play(chat_app(home, make_server(home)), journey)


def test_the_wheel_reads_more_of_the_corpus(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Detects a wheel that ends where the lines read end."""
    monkeypatch.setattr(passages, "BYTES_BEFORE_LINE", 300)
    monkeypatch.setattr(passages, "BYTES_AFTER_LINE", 900)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await open_sources(app, pilot)
        await open_corpus(app, pilot)
        assert "Line 40 is" not in app.text
        for _ in range(40):
            await pilot._post_mouse_events([MouseScrollDown], "#lines", button=0)
            await app.workers.wait_for_complete()
            await pilot.pause()
        assert "40 Line 40 is of no interest." in app.text

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
        await pilot.press("comma")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "reply 1 of 2" in app.text
        await pilot.press("plus")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "5 tokens or more · 1 of 1" in app.text
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
