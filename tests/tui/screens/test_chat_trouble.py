"""The Chat screen when something fails: unknown words, a dead server, full disks, odd text."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.errors import InputError
from core.paths import Home
from core.run.directory import Run
from core.server.protocol import GenerateRequest
from tests.support.apps import SIZES, StageApp, play
from tests.support.conversations import (
    chat_app,
    check_for_newer,
    home_with_lang,
    make_turn,
    prompt_of,
    recorded_turns,
    send,
)
from tests.support.fake_server import REPLY_TOKENS, FakeServer, unknown_words
from tests.support.wait import wait_until_shown
from tui.chat.record import append
from tui.common.client import ServerExitedError
from tui.screens.chat_actions import READS_UNKNOWN


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return home_with_lang(tmp_path)


def test_similar_words_are_suggested_for_an_unknown_one(home: Home) -> None:
    """Detects a typo after which the whole prompt must be typed again."""
    unknown = unknown_words({"Pyton": ["Python", "Pylon"], "ios": []})
    server = FakeServer(refused={"see Pyton ios": unknown})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "see Pyton ios")
        assert prompt_of(app).text == "see Pyton ios"
        words = "0 as <unk>   1 Python   2 Pylon   and 1 more unknown"
        assert f"unknown word: Pyton   {words}" in app.text
        await pilot.press("x", "1")
        assert prompt_of(app).text == "see Pyton iosx1", "in a changed prompt digits are typed"
        await pilot.press("backspace", "backspace", "1")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "▌ see Python ios\n▌ is a popular" in app.text
        assert "unknown word" not in app.text
        assert prompt_of(app).text == ""

    app = play(chat_app(home, server), journey)
    assert app.errors == []
    assert [turn.prompt for turn in recorded_turns(home)] == ["see Python ios"]


def test_an_unknown_word_may_be_read_as_unk(home: Home) -> None:
    """Detects a prompt that can never be sent, and unknown words that are read silently."""
    server = FakeServer(refused={"xyz": unknown_words({"xyz": []})})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "xyz")
        assert prompt_of(app).has_focus
        assert prompt_of(app).text == "xyz"
        assert "unknown word: xyz   0 as <unk>" in app.text
        await pilot.press("0")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "▌ xyz\n▌ is a popular" in app.text
        assert READS_UNKNOWN in app.text
        await send(app, pilot, "xyz")

    assert play(chat_app(home, server), journey).errors == []
    requests = [r for r in server.requests if isinstance(r, GenerateRequest)]
    assert [request.allow_unknown for request in requests] == [False, True, True]


def test_a_dead_server_costs_only_the_rest_of_its_reply(home: Home) -> None:
    """Detects a screen that is closed or stuck because the server has died."""
    server = FakeServer(reply_error=ServerExitedError("It ended by signal 9.", "Try again."))

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "Python")
        assert "is a popular" in app.text
        assert "interrupted" in app.text
        assert prompt_of(app).text == "Python"
        server.reply_error = None
        await pilot.press("enter")
        await app.workers.wait_for_complete()

    app = play(chat_app(home, server), journey)
    assert [type(error) for error in app.errors] == [ServerExitedError]
    assert [turn.ended for turn in recorded_turns(home)] == ["failed", "end"]


def test_a_deleted_run_does_not_close_the_screen(home: Home) -> None:
    """Detects an exception because the run cannot be loaded."""
    server = FakeServer(refused={"lang": InputError("There is no run named 'lang'.", "Press o.")})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        for path in sorted((home.runs / "lang").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (home.runs / "lang").rmdir()
        check_for_newer(app)
        await pilot.press("comma", "escape", "comma", "full_stop", "b", "enter")
        await send(app, pilot, "a")

    app = play(chat_app(home, server), journey)
    assert {error.title for error in app.errors} <= {InputError.title, "Could not save"}
    assert all(error.hint for error in app.errors)


def test_an_unexpected_exception_is_shown(home: Home) -> None:
    """Detects a traceback instead of the screen."""
    server = FakeServer()
    server.tokens = [3]  # type: ignore[list-item]

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("a", "enter")
        await wait_until_shown(pilot, lambda: app.errors)
        server.tokens = list(REPLY_TOKENS)
        await send(app, pilot, "b")
        assert "▌ b\n▌ is a popular" in app.text

    assert "TypeError" in str(play(chat_app(home, server), journey).errors[0])


def test_chat_works_without_a_readable_record(home: Home) -> None:
    """Detects a full disk that ends the conversation, or an error at every turn."""
    Run(home.runs / "lang").chat.symlink_to("talk.jsonl")  # a cycle

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "a")
        await send(app, pilot, "b")
        assert app.text.count("is a popular") == 2

    titles = [error.title for error in play(chat_app(home, FakeServer()), journey).errors]
    assert titles == ["Damaged file", "Could not save"]


ODD = [
    "中文字符。",
    "e\u0301 ȩ\u0323",
    "👩‍💻 🇩🇪 ☺️",
    "שלום עולם",
    "[bold]b[/] [/] [@click=app.quit]q[/]",
    "\x1b]0;title\x07\x1b[31m red \x9b31m \x7f",
    "\u202eabc\u2066 \ud800 \x00 \r\n",
]


@pytest.mark.parametrize("size", SIZES)
def test_markup_and_control_codes_are_shown_as_text(home: Home, size: tuple[int, int]) -> None:
    """Detects markup that takes effect, an escape sequence that reaches the terminal, shifted
    lines.
    """
    server = FakeServer()
    for text in ODD:
        append(Run(home.runs / "lang").chat, make_turn(text, text, weights=text, ended=text))

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        for number, text in enumerate(ODD):
            server.tokens = [f" {text}", f"end{number}"]
            await send(app, pilot, text)
            assert not {"\x1b", "\x9b", "\x07", "\u202e", "\x00", "\x7f"} & set(app.text)
            assert f"end{number}" in app.text
            if "[@" in text:
                assert app.text.count("[@click=app.quit]") >= 2
            for strip in app.screen._compositor.render_strips(app.size):
                assert sum(segment.cell_length for segment in strip) == size[0]
        await pilot.press("escape", "y")

    app = play(chat_app(home, server), journey, size)
    assert app.errors == []
    assert all("\x1b" not in copied for _, copied in app.copied)
