"""Texts of the Cursor screen: from Chat, from Step, typed; and other weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Paste
from textual.pilot import Pilot

from core.config.configs import SamplingConfig
from core.paths import Home
from core.run.directory import Run
from core.server.protocol import ScoreAtRequest
from tests.support.apps import StageApp, play, press, run_command
from tests.support.conversations import chat_app, home_with_lang, make_turn, recorded_branches
from tests.support.cursors import TEXT, cursor_app, cursor_screen, path_text
from tests.support.fake_server import FakeServer
from tui.chat.record import append, read_last
from tui.common.messages import OpenBlank
from tui.common.sampling_settings import SamplingControls
from tui.screens import cursor
from tui.screens.chat import ChatScreen
from tui.screens.cursor import CursorScreen
from tui.screens.step import StepScreen
from tui.widgets.prompt import Prompt

WARM = SamplingControls(SamplingConfig(temperature=1.0, seed=1), fixed=True)

OLDER_TEXT, NEWER_TEXT = "change_text(-1)", "change_text(1)"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return home_with_lang(tmp_path)


def test_other_weights_have_their_own_probabilities(home: Home) -> None:
    """Detects probabilities of the previous weights."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "left", "comma", "comma")
        cursor = cursor_screen(app).cursor
        assert server.sent(ScoreAtRequest)[-1].weights == "1"
        assert server.sent(ScoreAtRequest)[-1].with_scores
        there = [one for one in cursor.chances if one is not None]
        await press(app, pilot, "full_stop", "full_stop")
        assert [one for one in cursor.chances if one is not None] != there

    play(cursor_app(home, server), journey)


def test_a_typed_text_is_scored_and_branched(home: Home) -> None:
    """Detects a typed text that is not recorded, or replaces the previous one."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "f2")
        app.screen.query_one(Prompt).insert("a Python")
        text = await press(app, pilot, "enter")
        assert "a Python[ ]" in text
        assert "perplexity" in text
        await press(app, pilot, "left", "up", "up", "enter")
        assert "Python is a popular[ ]" in await run_command(app, pilot, OLDER_TEXT)
        assert "This is the first text." in await run_command(app, pilot, OLDER_TEXT)
        assert "a ‹2›Python[ ]" in await run_command(app, pilot, NEWER_TEXT)

    app = play(cursor_app(home, FakeServer()), journey)
    assert app.errors == []
    assert [branch.parent is None for branch in recorded_branches(home)] == [True, False]


def test_a_pasted_text_is_opened_and_unknown_words_are_an_error(home: Home) -> None:
    """Detects a paste that is ignored, or one that closes the present text."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        app.post_message(Paste("unknown"))
        assert "Python is a popular[ ]" in await press(app, pilot)
        app.post_message(Paste("\ufeffa Python"))
        assert "a Python[ ]" in await press(app, pilot)

    app = play(cursor_app(home, FakeServer()), journey)
    assert len(app.errors) == 1


def test_a_refused_text_stays_in_its_dialog_and_the_old_one_on_the_screen(home: Home) -> None:
    """Detects a typed text that is lost for one unknown word."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        text = await press(app, pilot, "f2", *"a unknown", "enter")
        assert "Not in the vocabulary: the word 'unknown'." in text
        assert app.screen.query_one(Prompt).text == "a unknown"
        await press(app, pilot, *["backspace"] * 8, "enter")
        assert path_text(app) == "a"
        await press(app, pilot, "f2", *"unknown", "enter", "escape")
        assert path_text(app) == "a"

    app = play(cursor_app(home, FakeServer()), journey)
    assert app.errors == []


def test_step_opens_it_with_its_text(home: Home) -> None:
    """Detects another text than in Step."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter")
        await run_command(app, pilot, "cursor")
        assert isinstance(app.screen, CursorScreen)
        assert path_text(app).startswith("Python ")
        await press(app, pilot, "escape")
        assert isinstance(app.screen, StepScreen)

    first = StepScreen("lang", "last", "Python")
    play(StageApp(first, home, server), journey)


def test_chat_opens_it_with_the_last_reply_and_older_ones(home: Home) -> None:
    """Detects branches of another turn; turns that are damaged by branches in their file."""
    chat = Run(home.runs / "lang").chat
    first, last = make_turn("Python", " is"), make_turn("Python", " is a")
    append(chat, first)
    append(chat, last)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "escape", "v")
        assert path_text(app) == "Python is a"
        await press(app, pilot, "left", "up", "up", "enter")
        await run_command(app, pilot, OLDER_TEXT)
        assert path_text(app) == "Python is"
        assert cursor_screen(app).cursor.tree.root(cursor_screen(app).cursor.branch).typed == 2
        await run_command(app, pilot, NEWER_TEXT)
        assert path_text(app) == "Python is a"
        assert "‹2›" in app.text
        assert "Python\n▌ is a" in await press(app, pilot, "escape")
        assert isinstance(app.screen, ChatScreen)
        text = await press(app, pilot, "v")
        assert "‹2›" in text

    for _ in range(2):
        app = play(chat_app(home, FakeServer()), journey)
        assert app.errors == []
    assert read_last(chat, 10) == [first, last]
    root, branch = recorded_branches(home)
    assert (root.turn, branch.parent) == (last.id, root.id)


def test_it_does_not_open_without_a_turn(home: Home) -> None:
    """Detects a screen without a text."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "escape", "v")
        assert isinstance(app.screen, ChatScreen)

    play(chat_app(home, FakeServer()), journey)


def test_chat_and_cursor_show_the_same_text(home: Home) -> None:
    """Detects a blank that one of them drops where prompt and reply meet."""
    record = Run(home.runs / "lang").chat
    for turn in (make_turn("Python ", " is"), make_turn("Python", " is")):
        append(record, turn)
    server = FakeServer(tokens=[" is", " a"])

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        app.screen.query_one(Prompt).insert("Python ")
        assert "▌ Python\n▌ is a\n" in await press(app, pilot, "enter")
        await press(app, pilot, "escape", "v")
        for _ in range(2):
            await run_command(app, pilot, OLDER_TEXT)
        assert "Python  is" in [request.prompt for request in server.sent(ScoreAtRequest)]

    assert play(chat_app(home, server), journey).errors == []


def test_blank_opens_with_the_text_and_an_encoder_of_the_same_corpus(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detects a key that opens Blank with the decoder itself, or that fails without an encoder."""
    encoders: list[str | None] = [None, "lang-encoder"]
    monkeypatch.setattr(cursor, "find_encoder", lambda *_: encoders.pop(0))

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        text = await press(app, pilot, "f")
        assert "No encoder of this text yet" in text
        assert app.posted(OpenBlank) == []
        await press(app, pilot, "f")

    app = play(cursor_app(home, FakeServer()), journey)
    (message,) = app.posted(OpenBlank)
    assert (message.name, message.text) == ("lang-encoder", TEXT)
    assert app.errors == []
