"""Talk by keys: prompts, replies, what is kept, at three sizes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from core.paths import Home
from core.run.directory import Run
from tests.support.talk_stage import (
    CAPTURES,
    LANG,
    SIZES,
    FakeSampler,
    TalkApp,
    UnknownError,
    generated,
    library,
    play,
    record,
    say,
    turn_of,
    until,
)
from tui.common.messages import OpenStep
from tui.screens.talk import TalkScreen
from tui.talk.keys import BINDINGS
from tui.talk.record import append


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with one run."""
    return library(tmp_path)


@pytest.mark.parametrize("size", SIZES)
def test_a_prompt_is_gone_on_with_and_kept(home: Home, size: tuple[int, int]) -> None:
    """The first five minutes: typing Python says that it is a popular programming language."""
    sampler = FakeSampler()

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        assert app.prompt.has_focus
        await pilot.press(*"Pyth")
        await say(app, pilot, "on")
        assert "Python is a popular programming language." in app.text
        assert app.text.count("it does not answer") == 1
        assert "newest, step 500 · greedy · 5 tokens · 100/s" in app.text
        assert "7/64" in app.text or "7 of 64" in app.text
        assert app.prompt.has_focus
        assert app.prompt.text == ""

    app = play(TalkApp(home, sampler), journey, size)
    assert app.troubles == []
    (turn,) = record(home)
    assert (turn.prompt, turn.text) == ("Python", "".join(LANG))
    assert (turn.weights, turn.step, turn.ended, turn.tokens) == ("last", 500, "end", 5)
    assert turn.settings["temperature"] == 0.0
    assert generated(sampler)[0]["run"] == "lang"


def test_two_turns_again_and_edit(home: Home) -> None:
    """A turn that replaces the one before; an edit that loses the prompt."""
    sampler = FakeSampler()

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "Python")
        await say(app, pilot, "Java")
        await pilot.press("escape", "r")
        await app.workers.wait_for_complete()
        await pilot.press("e")
        await pilot.pause()
        assert app.prompt.has_focus
        assert app.prompt.text == "Java"
        await say(app, pilot, "s")
        assert app.text.count("is a popular") == 4

    play(TalkApp(home, sampler), journey)
    assert [turn.prompt for turn in record(home)] == ["Python", "Java", "Java", "Javas"]


def test_an_empty_prompt_is_a_prompt(home: Home) -> None:
    """A model that may not begin by itself; a reply that begins with a blank."""

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "")
        assert "› is a popular" in app.text

    play(TalkApp(home, FakeSampler()), journey)
    assert record(home)[0].prompt == ""


def test_earlier_turns_are_there_and_damaged_ones_left_out(home: Home) -> None:
    """A talk that is forgotten, or that one torn line makes unreadable."""
    talk = Run(home.runs / "lang").talk
    for number in range(40):
        append(talk, turn_of(f"prompt-{number}", f" reply-{number}"))
        if number == 20:
            with talk.open("ab") as file:
                file.write(b'{"type": "turn", "torn\n\x00\x00\n')

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        assert "prompt-39 reply-39" in app.text
        assert "prompt-0 " not in app.text
        for _ in range(20):
            await pilot.press("pageup")
        await pilot.pause()
        assert "prompt-0 reply-0" in app.text
        assert "it does not answer" in app.text
        assert app.prompt.has_focus

    assert play(TalkApp(home, FakeSampler()), journey).troubles == []


def test_it_looks_as_it_should(home: Home) -> None:
    """A change of the layout that nobody looked at; the capture is committed."""
    sampler = FakeSampler(refuse={"I lvoe": UnknownError({"lvoe": ["love", "more"]})})
    append(Run(home.runs / "lang").talk, turn_of("Data", " science is a hot topic"))
    wanted = (CAPTURES / "talk_80x24.txt").read_text().rstrip("\n")

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "Python")
        await say(app, pilot, "I lvoe")
        assert app.text == wanted

    play(TalkApp(home, sampler), journey)


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
def test_a_reply_is_stopped_and_kept_and_what_comes_late_is_not(home: Home, key: str) -> None:
    """A stop that loses what came, or a token of it in the next reply."""
    sampler = FakeSampler(free=2)

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await pilot.press(*"Python", "enter")
        await until(pilot, lambda: "Python is a" in app.text)
        await pilot.press(key)
        assert isinstance(app.screen, TalkScreen)
        assert app.prompt.has_focus
        sampler.gate.set()
        sampler.tokens = [" said", " twice."]
        await say(app, pilot, "Next")
        assert "Next said twice." in app.text
        assert "programming" not in app.text
        assert sampler.closed == 2

    play(TalkApp(home, sampler), journey)
    stopped, after = record(home)
    assert (stopped.text, stopped.ended, stopped.tokens) == (" is a", "cancelled", 2)
    assert after.text == " said twice."


def test_typing_goes_on_while_a_reply_comes(home: Home) -> None:
    """A prompt that is sent into a reply, or lost."""
    sampler = FakeSampler(free=1)

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await pilot.press("a", "enter")
        await until(pilot, lambda: "a is" in app.text)
        await pilot.press("b", "enter")
        assert app.prompt.text == "b"
        assert "Esc stops the reply" in app.text
        sampler.gate.set()
        await app.workers.wait_for_complete()
        await pilot.press("enter")
        await app.workers.wait_for_complete()

    play(TalkApp(home, sampler), journey)
    assert [turn.prompt for turn in record(home)] == ["a", "b"]


def test_a_thousand_tokens_a_second_drop_no_key(home: Home) -> None:
    """A stream that starves the prompt."""
    sampler = FakeSampler(tokens=[f" word{n}" for n in range(3000)], batch=15)
    typed = "the quick brown fox"

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await pilot.press("a", "enter")
        for key in typed:
            await pilot.press("space" if key == " " else key)
        assert app.prompt.text == typed
        await app.workers.wait_for_complete()
        await until(pilot, lambda: "word2999" in app.text)

    play(TalkApp(home, sampler), journey)
    assert record(home)[0].tokens == 3000


def test_leaving_keeps_what_came(home: Home) -> None:
    """A reply that is lost because the app was closed in the middle of it."""
    sampler = FakeSampler(free=2)

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await pilot.press(*"Python", "enter")
        await until(pilot, lambda: "Python is a" in app.text)

    play(TalkApp(home, sampler), journey)
    assert [(turn.text, turn.ended) for turn in record(home)] == [(" is a", "cancelled")]


def test_the_screen_needs_no_torch() -> None:
    """A first frame that waits for torch."""
    code = "import sys; sys.modules['torch'] = None; import tui.screens.talk"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_copying(home: Home) -> None:
    """A copy of something else than what is read."""

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "y", "Y", "e", "r")
        await pilot.press("i")
        await say(app, pilot, "Python")
        await say(app, pilot, "Java")
        await pilot.press("escape", "y", "Y")

    (reply, first), (talk, second) = play(TalkApp(home, FakeSampler()), journey).copied
    assert (reply, first) == ("reply", "is a popular programming language.")
    assert talk == "talk"
    assert second.count("is a popular programming language.") == 2
    assert "Java is" in second


def test_every_key_says_what_it_does_and_the_footer_is_short(home: Home) -> None:
    """A key in the footer that does nothing now; a footer that is cut off."""

    def footer(app: TalkApp) -> dict[str, str]:
        shown = app.screen.active_bindings.values()
        return {
            b.binding.key: b.binding.description
            for b in shown
            if b.binding.show and b.node is not app
        }

    def words(app: TalkApp) -> set[str]:
        return set(footer(app).values())

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        assert words(app) == {"Commands", "Greedy", "Setting"}
        await pilot.press("escape")
        assert footer(app)["escape"] == "Back"
        assert "r" not in footer(app)
        await pilot.press("i")
        await say(app, pilot, "a")
        await pilot.press("escape")
        assert footer(app)["r"] == "Again"
        assert words(app) == {"Back", "Keys", "Type", "Again", "Edit", "Copy", "Source"}
        sampler.free = 1
        await pilot.press("r")
        await until(pilot, lambda: app.text.count("a is") == 2)
        assert footer(app)["escape"] == "Stop"
        assert "r" not in footer(app)
        await pilot.press("escape")
        assert all(isinstance(bound, Binding) and bound.tooltip for bound in BINDINGS)

    sampler = FakeSampler()
    play(TalkApp(home, sampler), journey)


def test_step_begins_where_the_reply_ends_or_with_what_is_typed(home: Home) -> None:
    """A prompt that is lost on the way, or a reply that is taken apart by guesses at its tokens."""
    went: list[OpenStep] = []

    class App(TalkApp):
        def on_open_step(self, message: OpenStep) -> None:
            went.append(message)

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await pilot.press("escape", "x", "i")
        await say(app, pilot, "Python")
        await pilot.press("escape", "t", "x", "i", *"Java", "ctrl+t")
        await pilot.pause()
        assert app.prompt.text == "Java"

    play(App(home, FakeSampler()), journey)
    assert [(go.prompt, list(go.chosen)) for go in went] == [
        ("", []),
        ("Python", [7] * 5),
        ("Java", []),
    ]
    assert went[1].controls is not None
    assert went[1].controls.config.temperature == 0.1
