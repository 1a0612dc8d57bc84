"""Chat with a run on conversations, by keys: history, branches, system text, other screens."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.paths import Home
from core.run.directory import Run
from core.server.protocol import GenerateRequest, InsideRequest, ScoreAtRequest, StepRequest
from tests.support.apps import SIZES, StageApp, play, press, run_command, settle
from tests.support.captures import assert_same_as_capture
from tests.support.conversations import (
    chat_app,
    home_with_task,
    make_turn,
    prompt_of,
    recorded_turns,
    run_with_weights,
    send,
)
from tests.support.fake_server import FakeServer, unknown_words
from tui.chat.record import append
from tui.common.messages import OpenInside, OpenStep, OpenTest
from tui.screens.chat import ChatScreen
from tui.screens.cursor import CursorScreen
from tui.screens.inside import InsideScreen
from tui.screens.origin import OriginScreen
from tui.screens.step import StepScreen
from tui.widgets.source_text import ReplyText

REPLY = " is a popular programming language."


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run, on conversations."""
    return home_with_task(tmp_path, "conversations", "converse")


def _sent(server: FakeServer) -> list[list[str]]:
    """The texts of the messages of each reply."""
    requests = server.sent(GenerateRequest)
    assert not any(request.prompt for request in requests)
    return [[one["content"] for one in request.messages or []] for request in requests]


@pytest.mark.parametrize("size", [*SIZES, (140, 38)])
def test_replies_depend_on_the_turns_before(home: Home, size: tuple[int, int]) -> None:
    """Detects a model that forgets, or a screen that does not say that it remembers."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "The model answers you, and reads the earlier" in app.text
        assert "conversation · context 64" in app.text
        await send(app, pilot, "I am Tom.")
        server.dropped = 1
        await send(app, pilot, "Who am I?")
        assert "1 earlier turn dropped" in app.text
        assert "context 7/64" in app.text

    assert play(chat_app(home, server), journey, size).errors == []
    assert _sent(server) == [["I am Tom."], ["I am Tom.", REPLY, "Who am I?"]]
    first, second = recorded_turns(home)
    assert (first.parent, first.history) == (None, 0)
    assert (second.parent, second.history) == (first.id, 0), "the only turn before was dropped"
    assert first.conversation == second.conversation != ""
    # What could come next is shown for what the model has read.
    assert server.sent(ScoreAtRequest)[-1].messages == [{"role": "user", "content": "Who am I?"}]


def test_nothing_is_sent_for_an_empty_prompt(home: Home) -> None:
    """Detects a message without text, which no conversation has."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "Type something first." in await press(app, pilot, "enter")

    play(chat_app(home, server), journey)
    assert server.sent(GenerateRequest) == []


def test_a_new_conversation_begins_below_a_rule(home: Home) -> None:
    """Detects a model that still reads the conversation before, or one that is deleted."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "new conversation already" in await press(app, pilot, "escape", "n")
        await send(app, pilot, "one")
        await send(app, pilot, "two")
        await press(app, pilot, "escape", "n")
        assert prompt_of(app).has_focus
        await send(app, pilot, "three")
        assert app.text.count("── new conversation ──") == 1
        assert app.text.index("two") < app.text.index("── new") < app.text.index("three")

    play(chat_app(home, server), journey)
    assert _sent(server)[2] == ["three"]
    assert [turn.prompt for turn in recorded_turns(home)] == ["one", "two", "three"]

    async def reopened(app: StageApp, pilot: Pilot[None]) -> None:
        assert "three" in app.text
        assert "two" not in app.text
        await send(app, pilot, "four")

    play(chat_app(home, server), reopened)
    assert _sent(server)[3] == ["three", REPLY, "four"]


def test_an_edited_turn_leaves_a_branch_to_go_back_to(home: Home) -> None:
    """Detects an old end that is lost, shown twice, or still read by the model."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        for prompt in ("one", "two", "three"):
            await send(app, pilot, prompt)
        await press(app, pilot, "escape", "up", "enter")
        assert prompt_of(app).text == "two"
        assert "stays as a branch" in app.text
        await send(app, pilot, "fold")
        assert "twofold" in app.text
        assert "three" not in app.text
        assert "branch 2 of 2" in app.text
        text = await press(app, pilot, "escape", "left")
        assert "three" in text
        assert "twofold" not in text
        assert "branch 1 of 2" in text
        assert app.screen.conversation.facts().used is None, "the other branch's, not this one's"
        assert "›two" in text
        assert "twofold" in await press(app, pilot, "right")
        assert "No other branch here" in await press(app, pilot, "up", "left")

    play(chat_app(home, server), journey)
    assert _sent(server)[3] == ["one", REPLY, "twofold"]
    one, two, _, edited = recorded_turns(home)
    assert two.parent == edited.parent == one.id


def test_a_turn_is_generated_again_in_its_place(home: Home) -> None:
    """Detects a second reply that reads the first one."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "one")
        await send(app, pilot, "two")
        assert "branch 2 of 2" in await press(app, pilot, "escape", "r")
        assert app.text.count("two") == 1

    play(chat_app(home, server), journey)
    assert _sent(server)[1] == _sent(server)[2]


def test_after_a_refusal_the_edited_turn_is_shown_again(home: Home) -> None:
    """Detects turns that an unknown word removes from the screen, or an edit that is forgotten."""
    server = FakeServer()
    server.refused["zzz"] = unknown_words({"zzz": ["two"]})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "one")
        await send(app, pilot, "last")
        await press(app, pilot, "escape", "up", "enter")
        prompt_of(app).text = "zzz"
        await press(app, pilot, "enter")
        assert "last" in app.text
        await press(app, pilot, "1")
        assert "last" not in app.text

    play(chat_app(home, server), journey)
    assert _sent(server)[-1] == ["two"]
    assert [turn.parent for turn in recorded_turns(home)][2] is None


def test_an_edit_ends_where_its_text_is_gone(home: Home) -> None:
    """Detects another prompt that takes the place of a turn unasked."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "one")
        await press(app, pilot, "escape", "enter", *["backspace"] * 3)
        await send(app, pilot, "two")
        assert "one" in app.text

    play(chat_app(home, server), journey)
    assert _sent(server)[1] == ["one", REPLY, "two"]


def test_a_removed_turn_takes_those_after_it_along(home: Home) -> None:
    """Detects an answer to what was never asked."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        for prompt in ("one", "two", "three"):
            await send(app, pilot, prompt)
        await press(app, pilot, "escape", "up", "d")
        assert "Remove “two” with its reply and the 1 turn after it?" in app.text
        await press(app, pilot, "y")
        assert "two" not in app.text
        assert "›one" in app.text
        prompt_of(app).focus()
        await send(app, pilot, "four")

    play(chat_app(home, server), journey)
    assert _sent(server)[-1] == ["one", REPLY, "four"]
    assert [turn.prompt for turn in recorded_turns(home)] == ["one", "four"]


def test_no_turn_is_removed_while_a_reply_may_depend_on_it(home: Home) -> None:
    """Detects a reply without its prompt, below another one."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "one")
        gate = server.gates[GenerateRequest] = asyncio.Event()
        await pilot.press(*"two", "enter", "tab", "up", "d")
        await pilot.pause()
        assert isinstance(app.screen, ChatScreen)
        assert "Esc stops it" in app.text
        gate.set()
        await settle(app, pilot)
        assert all(prompt in app.text for prompt in ("one", "two"))

    play(chat_app(home, server), journey)
    assert [turn.prompt for turn in recorded_turns(home)] == ["one", "two"]


def test_an_edit_ends_where_its_turn_is_removed(home: Home) -> None:
    """Detects a prompt that leaves all turns before it on another branch."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        for prompt in ("one", "two"):
            await send(app, pilot, prompt)
        await press(app, pilot, "escape", "enter", "escape", "d", "y")
        assert prompt_of(app).text == "two"
        prompt_of(app).focus()
        await press(app, pilot, "enter")

    play(chat_app(home, server), journey)
    assert _sent(server)[-1] == ["one", REPLY, "two"]
    one, two = recorded_turns(home)
    assert two.parent == one.id


def test_history_and_system_text_are_commands(home: Home) -> None:
    """Detects a system text that is lost, and history that is sent though it is off."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "one")
        await run_command(app, pilot, "system")
        await pilot.press(*"Be kind.", "enter")
        await settle(app, pilot)
        assert "system text: Be kind." in app.text
        assert "History off" in await run_command(app, pilot, "history")
        assert "conversation · history off" in app.text
        await send(app, pilot, "two")
        assert "History on" in await run_command(app, pilot, "history")
        await send(app, pilot, "three")

    play(chat_app(home, server), journey)
    assert _sent(server)[1:] == [
        ["Be kind.", "two"],
        ["Be kind.", "one", REPLY, "two", REPLY, "three"],
    ]

    async def reopened(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "escape", "n")
        await send(app, pilot, "four")

    play(chat_app(home, server), reopened)
    assert _sent(server)[-1] == ["Be kind.", "four"]


def test_another_run_says_what_it_does(home: Home) -> None:
    """Detects a conversation that continues with a run on texts, or its words for the prompt."""
    run_with_weights(home, "prose")
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "one")
        assert isinstance(app.screen, ChatScreen)
        app.screen.use_weights("prose", "last")
        await settle(app, pilot)
        assert "Switched to prose." in app.text
        assert "continues your text" in app.text
        assert prompt_of(app).placeholder.startswith("Begin a text.")
        await send(app, pilot, "two")

    play(chat_app(home, server), journey)
    second = server.sent(GenerateRequest)[1]
    assert (second.prompt, second.messages) == ("two", None)


def test_what_comes_next_is_unknown_in_a_new_conversation(home: Home) -> None:
    """Detects the next tokens of the conversation before."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "shown after the reply" in app.text
        await send(app, pilot, "one")
        assert "shown after the reply" not in app.text
        assert "shown after the reply" in await press(app, pilot, "escape", "n")

    play(chat_app(home, FakeServer()), journey, (140, 38))


def test_a_run_on_texts_has_no_conversations(tmp_path: Path) -> None:
    """Detects commands that change nothing and do not say so."""
    home = home_with_task(tmp_path, "text", "continue")

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "continues your text" in app.text
        await press(app, pilot, "escape", "n")
        assert "No conversation: The model continues your text" in app.text
        await run_command(app, pilot, "history")
        assert "No conversation:" in app.text

    play(chat_app(home, FakeServer()), journey)


def test_a_question_of_a_task_is_sent_on_its_own(tmp_path: Path) -> None:
    """Detects a task that is asked with the turns before, or as a text to be continued."""
    home = home_with_task(tmp_path, "pairs", "answer")
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "task answer · each question on its own" in app.text
        await send(app, pilot, "2 + 2?")
        await send(app, pilot, "3 + 3?")

    play(chat_app(home, server), journey, (120, 30))
    assert _sent(server) == [["2 + 2?"], ["3 + 3?"]]


def test_step_and_inside_open_in_the_conversation(home: Home) -> None:
    """Detects a reply that is looked at without what the model had read."""
    server = FakeServer()
    spoken = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": REPLY},
        {"role": "user", "content": "two"},
    ]

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "one")
        await send(app, pilot, "two")
        await press(app, pilot, "escape", "x", "i")
        (step,), (inside,) = app.posted(OpenStep), app.posted(OpenInside)
        assert step.messages == inside.messages == spoken
        assert list(step.chosen) == [7, 7, 7, 7, 7]
        await press(app, pilot, "up", "x")
        assert app.posted(OpenStep)[1].messages == spoken[:1]
        prompt_of(app).text = "three"
        prompt_of(app).focus()
        await settle(app, pilot)
        await app.run_action("step", app.screen)
        await settle(app, pilot)
        typed = app.posted(OpenStep)[2]
        assert typed.messages == [
            *spoken,
            {"role": "assistant", "content": REPLY},
            {"role": "user", "content": "three"},
        ]

    play(chat_app(home, server), journey)


def test_a_reply_of_an_earlier_session_is_opened_by_its_text(home: Home) -> None:
    """Detects a recorded reply that Step, Cursor and Sources show without its conversation."""
    record = Run(home.runs / "lang").chat
    append(record, make_turn("one", "Python is", id="a", conversation="c"))
    append(record, make_turn("two", "a popular", id="b", parent="a", conversation="c", history=1))
    whole = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "Python is"},
        {"role": "user", "content": "two"},
        {"role": "assistant", "content": "a popular"},
    ]
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "escape", "x")
        assert app.posted(OpenStep)[0].messages == whole
        await press(app, pilot, "v")
        assert isinstance(app.screen, CursorScreen)
        scored = [request.messages for request in server.sent(ScoreAtRequest)]
        assert whole[:3] in scored
        assert scored[-2] == whole
        await press(app, pilot, "escape", "s")
        assert isinstance(app.screen, OriginScreen)
        assert app.screen.query_one(ReplyText).text.startswith("› two\n")
        await press(app, pilot, "x")
        assert app.posted(OpenStep)[1].messages[:3] == whole[:3]

    assert play(chat_app(home, server), journey).errors == []


def test_step_shows_a_reply_on_a_line_of_its_own(home: Home) -> None:
    """Detects a reply that runs on from the prompt, or a prompt that is edited as part of it."""
    server = FakeServer()
    messages = [{"role": "user", "content": "Hello"}]
    screen = StepScreen("lang", "last", "Hello", (), None, messages)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "enter")
        await press(app, pilot, "f2")
        await pilot.press(*"Hello you", "enter")
        await settle(app, pilot)
        await press(app, pilot, "i")
        assert app.posted(OpenInside)[-1].messages == [{"role": "user", "content": "Hello you"}]

    play(StageApp(screen, home, server), journey, (100, 40))
    opened = [request for request in server.sent(StepRequest) if request.session is None]
    assert [request.prompt for request in opened] == ["", ""]
    assert screen.session.text_before == "Hello you\n"


def test_step_takes_a_prompt_as_the_message_of_a_user(home: Home) -> None:
    """Detects a prompt of Models or Train that the model is to continue."""
    server = FakeServer()
    play(StageApp(StepScreen("lang", "last", "Hello"), home, server), _nothing)
    assert server.sent(StepRequest)[0].messages == [{"role": "user", "content": "Hello"}]


async def _nothing(app: StageApp, pilot: Pilot[None]) -> None:
    assert app.errors == []


def test_t_tests_these_weights(home: Home) -> None:
    """Detects a key of the tour that does nothing in Chat."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "escape", "T")
        (opened,) = app.posted(OpenTest)
        assert (opened.name, opened.weights) == ("lang", "last")

    play(chat_app(home, FakeServer()), journey)


def test_inside_opens_step_at_any_token(home: Home) -> None:
    """Detects a step from a token of the user's message that adds a frame of its own."""
    server = FakeServer()
    messages = [{"role": "user", "content": "Python is a"}]
    screen = InsideScreen("lang", "last", "Python is a", [7], messages=messages)

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await press(app, pilot, "x")
        await press(app, pilot, "left", "left", "x")
        at_end, within = app.posted(OpenStep)
        assert (at_end.messages, at_end.chosen) == (messages, [7])
        assert (within.prompt, within.messages, within.chosen) == (None, None, [1, 3, 4])

    play(StageApp(screen, home, server), journey)
    assert server.sent(StepRequest)[0].messages == messages
    assert server.sent(InsideRequest)


def test_the_conversation_looks_as_captured(home: Home) -> None:
    """Detects a change of the look of a conversation with a branch and a system text."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await run_command(app, pilot, "system")
        await pilot.press(*"Be kind.", "enter")
        await send(app, pilot, "one")
        await press(app, pilot, "escape", "n")
        await send(app, pilot, "two")
        await press(app, pilot, "escape", "r")
        assert_same_as_capture(app, "conversation_140x38")

    play(chat_app(home, server), journey, (140, 38))
