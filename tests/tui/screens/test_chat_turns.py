"""The Chat screen: choosing, removing, finding and writing turns, and what is shown of tokens."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.events import MouseScrollUp
from textual.pilot import Pilot

from core.paths import Home
from core.run.directory import Run
from core.server.protocol import GenerateRequest, LoadRequest, ScoreAtRequest
from tests.support.apps import SIZES, StageApp, play, settle
from tests.support.conversations import (
    chat_app,
    home_with_lang,
    make_turn,
    prompt_of,
    recorded_turns,
    send,
)
from tests.support.fake_server import FakeServer, unknown_words
from tests.support.wait import wait_until_shown
from tui.chat.record import append
from tui.common.messages import OpenInside, OpenStep
from tui.screens.chat import ChatScreen
from tui.screens.dialogs import LineDialog
from tui.widgets.conversation_view import ConversationView
from tui.widgets.next_token_panel import NextTokenRows
from tui.widgets.sampling_panel import SamplingRows

WIDE = (140, 40)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return home_with_lang(tmp_path)


def _record(home: Home, *prompts: str) -> None:
    for prompt in prompts:
        append(Run(home.runs / "lang").chat, make_turn(prompt, f" after {prompt}"))


@pytest.mark.parametrize("size", [*SIZES, WIDE])
def test_uncertain_tokens_are_marked_also_later(home: Home, size: tuple[int, int]) -> None:
    """Detects marks that are lost in the record; a mark at a certain token."""
    server = FakeServer(tokens=[" foxes", " sleep", " in", " dens"], chances=[0.95, 0.4, 1, 0.04])
    marked = "▌ foxes sleep⁴ in dens!"

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "Where?")
        assert marked in app.text
        view = app.screen.query_one(ConversationView)
        assert "foxes sleep in dens\n" in view.text

    async def later(app: StageApp, pilot: Pilot[None]) -> None:
        assert marked in app.text

    play(chat_app(home, server), journey, size)
    play(chat_app(home, server), later, size)
    assert recorded_turns(home)[0].chances == ((6, 0.95), (6, 0.4), (3, 1), (5, 0.04))


def test_marks_are_not_copied(home: Home) -> None:
    """Detects raised digits in a text that was selected."""
    server = FakeServer(tokens=[" foxes", " sleep"], chances=[0.3, 0.05])

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "Where?")
        app.screen.query_one(ConversationView).text_select_all()
        await pilot.pause()
        selected = app.screen.get_selected_text() or ""
        assert "Where?\nfoxes sleep\n" in selected

    play(chat_app(home, server), journey)


@pytest.mark.parametrize("size", [*SIZES, WIDE])
def test_turns_grow_up_from_the_prompt(home: Home, size: tuple[int, int]) -> None:
    """Detects a short conversation at the top, far from the prompt."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "Python")
        view = app.screen.query_one(ConversationView)
        last = app.text.split("\n")[view.region.bottom - 1]
        assert "ended by itself" in last

    play(chat_app(home, FakeServer()), journey, size)


@pytest.mark.parametrize("size", [*SIZES, WIDE])
def test_keys_act_on_the_chosen_turn(home: Home, size: tuple[int, int]) -> None:
    """Detects a key that acts on another turn than the one that is marked."""
    _record(home, "one", "two", "three")
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape")
        assert "▌›three" in app.text
        await pilot.press("up", "y", "x", "i")
        assert "▌›two" in app.text
        await pilot.press("r")
        await settle(app, pilot)
        assert app.text.count("▌›two") == 1
        await pilot.press("up", "up", "enter")
        assert prompt_of(app).text == "two"
        assert prompt_of(app).has_focus
        assert "›three" not in app.text

    app = play(chat_app(home, server), journey, size)
    assert app.copied == [("reply", "after two")]
    assert app.posted(OpenStep)[0].prompt == app.posted(OpenInside)[0].prompt == "two after two"
    assert server.sent(GenerateRequest)[0].prompt == "two"


def test_a_click_chooses_a_turn_and_a_double_click_opens_it(home: Home) -> None:
    """Detects turns that do not answer the mouse."""
    _record(home, "one", "two")

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        y = next(y for y, line in enumerate(app.text.split("\n")) if "▌ one" in line)
        await pilot.click(offset=(4, y))
        await pilot.pause()
        assert "▌›one" in app.text
        await pilot.click(offset=(4, y), times=2)
        await pilot.pause()
        assert prompt_of(app).text == "one"

    play(chat_app(home, FakeServer()), journey)


def test_a_turn_is_removed_from_the_record_too(home: Home) -> None:
    """Detects a removed turn that comes back, one that goes without a question, or all of them."""
    _record(home, "one", "two", "three")

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "up", "d")
        await settle(app, pilot)
        assert "Remove the turn “two”" in app.text
        await pilot.press("n", "d", "y")
        await settle(app, pilot)
        assert "after two" not in app.text
        assert "after three" in app.text

    play(chat_app(home, FakeServer()), journey)
    assert [turn.prompt for turn in recorded_turns(home)] == ["one", "three"]


def test_the_turn_next_to_a_removed_one_is_chosen(home: Home) -> None:
    """Detects a removal after which keys act on no turn, or on another than the marked one."""
    _record(home, "one", "two", "three")

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "last")
        assert isinstance(app.screen, ChatScreen)
        app.screen.add_note("A note.")
        await pilot.press("escape", "up", "up")
        for chosen in ("▌›three", "▌›last", "▌›one"):
            await pilot.press("d", "y")
            await settle(app, pilot)
            assert chosen in app.text
            assert app.text.count("▌›") == 1

    play(chat_app(home, FakeServer()), journey)
    assert [turn.prompt for turn in recorded_turns(home)] == ["one"]


def test_a_prompt_without_a_reply_is_removed_at_once(home: Home) -> None:
    """Detects a failed prompt that stays, or a turn that goes with it."""
    _record(home, "one")
    server = FakeServer(refused={"I lvoe": unknown_words({"lvoe": ["love"]})})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "I lvoe")
        await pilot.press("escape", "d")
        await pilot.pause()
        assert "lvoe." not in app.text
        assert "unknown word" not in app.text
        assert "after one" in app.text

    play(chat_app(home, server), journey)
    assert [turn.prompt for turn in recorded_turns(home)] == ["one"]


@pytest.mark.parametrize("size", SIZES)
def test_the_conversation_is_searched(home: Home, size: tuple[int, int]) -> None:
    """Detects a match that is not shown, or a search that ends at the first one."""
    _record(home, "fox one", *map(str, range(20)), "Fox two", "last")

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "slash", *"fox", "enter")
        await settle(app, pilot)
        assert "▌›Fox two" in app.text
        assert "1 of 2 with “fox”" in app.text
        await pilot.press("slash", "enter")
        await settle(app, pilot)
        assert "▌›fox one" in app.text
        await pilot.press("slash", "enter")
        await settle(app, pilot)
        assert "▌›Fox two" in app.text
        await pilot.press("slash", "ctrl+u", *"wolf", "enter")
        await settle(app, pilot)
        assert "No turn contains “wolf”." in app.text

    play(chat_app(home, FakeServer()), journey, size)


def test_the_conversation_is_written_to_a_file(home: Home, tmp_path: Path) -> None:
    """Detects an empty file, a file that is overwritten, or a refusal without a reason."""
    _record(home, "one", "two")
    path = tmp_path / "talk.md"

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "w", "ctrl+u", *str(path), "enter")
        await settle(app, pilot)
        assert "Written to" in app.text
        await pilot.press("w", "ctrl+u", *str(path), "enter")
        await settle(app, pilot)
        assert "exists already" in " ".join(app.text.split())

    play(chat_app(home, FakeServer()), journey)
    assert "after one" in path.read_text()


@pytest.mark.parametrize("size", [*SIZES, WIDE])
def test_a_prompt_sent_while_loading_is_answered_when_ready(
    home: Home, size: tuple[int, int]
) -> None:
    """Detects loading that is not seen, a prompt that is lost, or an empty turn after Esc."""
    server = FakeServer(gates={LoadRequest: asyncio.Event(), GenerateRequest: asyncio.Event()})

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press(*"Python", "enter")
        await wait_until_shown(pilot, lambda: "waiting for the weights" in app.text)
        assert "Loading weights… newest, 7 B" in app.text
        await pilot.press("escape")
        await pilot.pause()
        assert "waiting" not in app.text
        assert "▌ Python" not in app.text
        assert prompt_of(app).text == "Python"
        await pilot.press("enter")
        server.gates[LoadRequest].set()
        server.gates[GenerateRequest].set()
        await settle(app, pilot)
        assert "▌ is a popular" in app.text
        assert "Loading" not in app.text

    async def run() -> None:
        app = chat_app(home, server)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await journey(app, pilot)

    asyncio.run(run())
    assert [turn.text[:3] for turn in recorded_turns(home)] == [" is"]


@pytest.mark.parametrize("size", [(80, 24), WIDE])
def test_the_next_tokens_are_those_after_the_text(home: Home, size: tuple[int, int]) -> None:
    """Detects tokens after another text; a choice that Step does not continue with."""
    server = FakeServer()

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        assert "entropy 2.0 bits · perplexity 4.0" in app.text
        assert "50.0%" in app.text
        await send(app, pilot, "Python")
        await settle(app, pilot)
        rows = app.screen.query_one(NextTokenRows)
        second = rows.tokens[1]
        rows.focus()
        await pilot.press("down", "enter")
        await pilot.pause()
        (step,) = app.posted(OpenStep)
        assert (step.prompt, list(step.chosen)) == ("Python", [*[7] * 5, second.id])
        await pilot.click(NextTokenRows, offset=(4, 2), times=2)
        await pilot.pause()
        assert app.posted(OpenStep)[1].chosen[-1] == rows.tokens[2].id

    play(chat_app(home, server), journey, size)
    request = server.sent(ScoreAtRequest)[-1]
    assert (request.prompt, request.chosen) == ("Python", [7] * 5)


def test_panels_are_reached_with_tab(home: Home) -> None:
    """Detects a panel that the keyboard cannot reach, or focus that nothing shows."""
    _record(home, "one")

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        titles = []
        for _ in range(4):
            await pilot.press("tab")
            await pilot.pause()
            titles += [name for name in TITLES if f"─ › {name}" in app.text]
        assert titles == [*TITLES]
        await pilot.press("tab")
        assert prompt_of(app).has_focus

    play(chat_app(home, FakeServer()), journey, WIDE)


TITLES = ("Chat", "Sampling", "Weights", "Next token")


def test_keys_that_cannot_act_say_why(home: Home) -> None:
    """Detects a silent key."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape")
        for key in ("r", "y", "s", "v", "equals_sign", "w", "d"):
            assert isinstance(app.screen, ChatScreen)
            app.screen.show_note("")
            await pilot.press(key)
            await pilot.pause()
            assert "Nothing has been said yet." in app.text, key

    play(chat_app(home, FakeServer()), journey)


@pytest.mark.parametrize("size", [(80, 24), WIDE])
def test_the_wheel_changes_what_is_under_the_pointer(home: Home, size: tuple[int, int]) -> None:
    """Detects panels that the wheel does not reach, or that change while one scrolls past."""

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        rows = app.screen.query_one(SamplingRows)

        async def wheel() -> None:
            await pilot._post_mouse_events([MouseScrollUp], SamplingRows, offset=(4, 0), button=0)
            await pilot.pause()

        await wheel()
        assert "greedy" in app.text.split("seed")[0]
        rows.focus()
        await wheel()
        assert " 0.1 " in app.text

    play(chat_app(home, FakeServer()), journey, size)


def test_actions_without_a_key_are_in_the_palette(home: Home) -> None:
    """Detects an action that lost its key and cannot be reached."""
    app = chat_app(home, FakeServer())

    async def journey(_: StageApp, pilot: Pilot[None]) -> None:
        assert isinstance(app.screen, ChatScreen)
        for _, action in ChatScreen.COMMANDS_WITHOUT_KEY:
            assert callable(getattr(app.screen, f"action_{action}"))
        await send(app, pilot, "Python")
        await app.run_action("copy_all", app.screen)
        await pilot.pause()

    play(app, journey)
    assert app.copied[0][0] == "conversation"


def test_a_surprise_in_a_dialog_is_shown(home: Home) -> None:
    """Detects an exception that ends the app."""

    def fail(_: str) -> None:
        raise RuntimeError("surprise")

    async def journey(app: StageApp, pilot: Pilot[None]) -> None:
        app.push_screen(LineDialog("Which?", "x", fail))
        await pilot.pause()
        await pilot.press("enter")
        await wait_until_shown(pilot, lambda: any("surprise" in str(e) for e in app.errors))
        assert isinstance(app.screen, LineDialog)

    play(chat_app(home, FakeServer()), journey)
