"""The Chat screen by keys: prompts, replies, and what is recorded."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from core.paths import Home
from core.run.directory import Run
from core.server.protocol import GenerateRequest
from tests.support.apps import SIZES, StageApp, play
from tests.support.captures import assert_same_as_capture
from tests.support.conversations import (
    chat_app,
    home_with_lang,
    make_turn,
    prompt_of,
    recorded_turns,
    send,
)
from tests.support.fake_server import REPLY_TOKENS, FakeServer, unknown_words
from tests.support.wait import wait_until_shown
from tui.chat.keys import BINDINGS
from tui.chat.record import append
from tui.common.messages import OpenStep
from tui.screens.chat import ChatScreen

TURN_LABELS = {"Back", "Help", "Type", "Turn", "Panels", "Again", "Copy", "Step", "Inside"} | {
    *("Sources", "Branches", "Find", "Remove")
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return home_with_lang(tmp_path)


@pytest.mark.parametrize("size", SIZES)
def test_a_prompt_is_continued_and_recorded(home: Home, size: tuple[int, int]) -> None:
    """Detects a reply that is not shown, or not written to the record."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert prompt_of(app).has_focus
        await pilot.press(*"Pyth")
        await send(app, pilot, "on")
        assert "▌ Python\n▌ is a popular programming language." in app.text
        assert app.text.count("it does not answer") == 1
        assert "step 500 · greedy · 5 tokens, 100/s · ended by itself" in app.text
        assert "context 7/64 · turn 1" in app.text
        assert prompt_of(app).has_focus
        assert prompt_of(app).text == ""

    app = play(chat_app(home, server), journey, size)
    assert app.errors == []
    (turn,) = recorded_turns(home)
    assert (turn.prompt, turn.text) == ("Python", "".join(REPLY_TOKENS))
    assert (turn.weights, turn.step, turn.ended, turn.tokens) == ("last", 500, "end", 5)
    assert turn.settings["temperature"] == 0.0
    assert server.sent(GenerateRequest)[0].run == "lang"


def test_a_prompt_is_sent_again_and_edited(home: Home) -> None:
    """Detects a turn that replaces the previous one; an edit that loses the prompt."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "Python")
        await send(app, pilot, "Java")
        await pilot.press("escape", "r")
        await app.workers.wait_for_complete()
        await pilot.press("enter")
        await pilot.pause()
        assert prompt_of(app).has_focus
        assert prompt_of(app).text == "Java"
        await send(app, pilot, "s")
        assert app.text.count("is a popular") == 4

    play(chat_app(home, server), journey)
    assert [turn.prompt for turn in recorded_turns(home)] == ["Python", "Java", "Java", "Javas"]


def test_an_empty_prompt_is_sent(home: Home) -> None:
    """Detects a model that cannot start by itself; a reply with a leading space."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "")
        assert "\n▌ is a popular" in app.text

    play(chat_app(home, FakeServer()), journey)
    assert recorded_turns(home)[0].prompt == ""


def test_earlier_turns_are_shown_and_damaged_lines_skipped(home: Home) -> None:
    """Detects turns that are lost, or made unreadable by one torn line."""
    record = Run(home.runs / "lang").chat
    for number in range(40):
        append(record, make_turn(f"prompt-{number}", f" reply-{number}"))
        if number == 20:
            with record.open("ab") as file:
                file.write(b'{"type": "turn", "torn\n\x00\x00\n')

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "▌ prompt-39\n▌ reply-39" in app.text
        assert "prompt-0\n" not in app.text
        for _ in range(20):
            await pilot.press("pageup")
        await pilot.pause()
        assert "▌ prompt-0\n▌ reply-0" in app.text
        assert "it does not answer" in app.text
        assert prompt_of(app).has_focus

    assert play(chat_app(home, FakeServer()), journey).errors == []


@pytest.mark.parametrize("size", SIZES)
def test_the_screen_looks_as_captured(home: Home, size: tuple[int, int]) -> None:
    """Detects an unintended change of layout or wording."""
    server = FakeServer(refused={"I lvoe": unknown_words({"lvoe": ["love", "more"]})})
    append(Run(home.runs / "lang").chat, make_turn("Data", " science is a hot topic"))

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "Python")
        await send(app, pilot, "I lvoe")
        assert_same_as_capture(app, f"chat_{size[0]}x{size[1]}")

    play(chat_app(home, server), journey, size)


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
def test_a_stopped_reply_is_recorded_without_later_tokens(home: Home, key: str) -> None:
    """Detects a stop that loses text, or late tokens in the next reply."""
    server = FakeServer(free_tokens=2, gates={GenerateRequest: asyncio.Event()})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press(*"Python", "enter")
        await wait_until_shown(pilot, lambda: "▌ is a" in app.text)
        await pilot.press(key)
        assert isinstance(app.screen, ChatScreen)
        assert prompt_of(app).has_focus
        server.gates[GenerateRequest].set()
        server.tokens = [" said", " twice."]
        await send(app, pilot, "Next")
        assert "▌ Next\n▌ said twice." in app.text
        assert "programming" not in app.text
        assert server.closed_streams == 2

    play(chat_app(home, server), journey)
    stopped, after = recorded_turns(home)
    assert (stopped.text, stopped.ended, stopped.tokens) == (" is a", "cancelled", 2)
    assert after.text == " said twice."


def test_the_next_prompt_is_typed_during_a_reply(home: Home) -> None:
    """Detects a prompt that is sent during a reply, or lost."""
    server = FakeServer(free_tokens=1, gates={GenerateRequest: asyncio.Event()})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("a", "enter")
        await wait_until_shown(pilot, lambda: "▌ is" in app.text)
        await pilot.press("b", "enter")
        assert prompt_of(app).text == "b"
        assert "Esc stops the reply" in app.text
        server.gates[GenerateRequest].set()
        await app.workers.wait_for_complete()
        await pilot.press("enter")
        await app.workers.wait_for_complete()

    play(chat_app(home, server), journey)
    assert [turn.prompt for turn in recorded_turns(home)] == ["a", "b"]


def test_no_key_is_lost_at_a_thousand_tokens_per_second(home: Home) -> None:
    """Detects a stream of tokens that starves the prompt."""
    server = FakeServer(tokens=[f" word{n}" for n in range(3000)], batch=15)
    typed = "the quick brown fox"

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("a", "enter")
        for key in typed:
            await pilot.press("space" if key == " " else key)
        assert prompt_of(app).text == typed
        await app.workers.wait_for_complete()
        await wait_until_shown(pilot, lambda: "word2999" in app.text)

    play(chat_app(home, server), journey)
    assert recorded_turns(home)[0].tokens == 3000


def test_quitting_records_the_reply_so_far(home: Home) -> None:
    """Detects a reply that is lost because the app was closed during it."""
    server = FakeServer(free_tokens=2, gates={GenerateRequest: asyncio.Event()})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press(*"Python", "enter")
        await wait_until_shown(pilot, lambda: "▌ is a" in app.text)

    play(chat_app(home, server), journey)
    assert [(turn.text, turn.ended) for turn in recorded_turns(home)] == [(" is a", "cancelled")]


def test_the_screen_does_not_import_torch() -> None:
    """Detects a first frame that waits for torch to be imported."""
    code = "import sys; sys.modules['torch'] = None; import tui.screens.chat"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_the_reply_and_the_conversation_are_copied(home: Home) -> None:
    """Detects a copy of something else than what is shown."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "y", "r")
        await pilot.pause()
        assert "Nothing has been said yet." in app.text
        await pilot.press("enter")
        await send(app, pilot, "Python")
        await send(app, pilot, "Java")
        await pilot.press("escape", "y")
        assert isinstance(app.screen, ChatScreen)
        app.screen.action_copy_all()
        await pilot.pause()

    (reply, first), (conversation, second) = play(chat_app(home, FakeServer()), journey).copied
    assert (reply, first) == ("reply", "is a popular programming language.")
    assert conversation == "conversation"
    assert second.count("is a popular programming language.") == 2
    assert "Java is" in second


def test_every_key_has_a_tooltip_and_the_footer_only_possible_actions(home: Home) -> None:
    """Detects a key in the footer that does nothing at present; a footer that is cut off."""

    def footer(app: StageApp) -> dict[str, str]:
        shown = app.screen.active_bindings.values()
        return {
            b.binding.key: b.binding.description
            for b in shown
            if b.binding.show and b.node is not app
        }

    def labels(app: StageApp) -> set[str]:
        return set(footer(app).values())

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert labels(app) == {"Send", "Last prompt", "Panels", "Commands"}
        await pilot.press("escape")
        assert footer(app)["escape"] == "Back"
        assert "r" not in footer(app)
        await pilot.press("enter")
        await send(app, pilot, "a")
        await pilot.press("escape")
        assert footer(app)["r"] == "Again"
        assert labels(app) == TURN_LABELS
        server.free_tokens, server.gates[GenerateRequest] = 1, asyncio.Event()
        await pilot.press("r")
        await wait_until_shown(pilot, lambda: app.text.count("▌ is") == 2)
        assert footer(app)["escape"] == "Stop"
        assert "r" not in footer(app)
        await pilot.press("escape")
        assert all(isinstance(bound, Binding) and bound.tooltip for bound in BINDINGS)

    server = FakeServer()
    play(chat_app(home, server), journey)


def test_step_opens_at_the_end_of_the_reply_or_with_the_typed_text(home: Home) -> None:
    """Detects a lost prompt, or a reply that is tokenized anew instead of by its ids."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "x", "enter")
        await send(app, pilot, "Python")
        await pilot.press("escape", "x", "enter")
        assert prompt_of(app).text == "Python"
        prompt_of(app).text = ""
        await pilot.press("shift+tab", "shift+tab", "right", "escape")
        prompt_of(app).text = "Java"
        app.screen.set_focus(None)
        await pilot.press("x")
        await pilot.pause()
        assert prompt_of(app).text == "Java"

    opened = play(chat_app(home, FakeServer()), journey).posted(OpenStep)
    assert [(one.prompt, list(one.chosen)) for one in opened] == [
        ("", []),
        ("Python", [7] * 5),
        ("Java", []),
    ]
    assert opened[2].controls is not None
    assert opened[2].controls.config.temperature == 0.1
