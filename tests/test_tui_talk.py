"""Talk by keys, with a sampler that says what a test wants, at three sizes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.binding import Binding
from textual.pilot import Pilot

from core.errors import InputError, MiniGPTError
from core.paths import Home
from core.run import Run
from tui.look import Look
from tui.navigation import Copy, Trouble
from tui.screens.talk import TalkScreen
from tui.talk_keys import BINDINGS
from tui.talk_record import Turn, append, read_last
from tui.widgets.prompt import Prompt

CAPTURES = Path(__file__).parent / "captures"
SIZES = [(60, 20), (80, 24), (200, 50)]
LANG = [" is", " a", " popular", " programming", " language."]


class DeadError(MiniGPTError):
    """The sampler's process is gone."""


class UnknownError(InputError):
    """As the client makes it of a reply with unknown words."""

    def __init__(self, nearest: Mapping[str, list[str]]) -> None:
        super().__init__(f"Not in the vocabulary: {', '.join(nearest)}.", "Use known words.")
        self.nearest = nearest


@dataclass
class FakeSampler:
    """Says `tokens` in one batch a token; waits for `gate` before each after the first `free`.

    Attributes:
        step: of the newest weights.
        fail: raised at the end instead of a last message.
        asked: every request, in order.
    """

    tokens: list[str] = field(default_factory=lambda: list(LANG))
    step: int = 500
    free: int = 1 << 30
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    fail: MiniGPTError | None = None
    refuse: dict[str, MiniGPTError] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    closed: int = 0
    batch: int = 1

    async def request(self, op: str, **fields: Any) -> dict[str, Any]:
        self.asked.append((op, fields))
        if fields.get("run") in self.refuse:
            raise self.refuse[fields["run"]]
        return {"name": fields["run"], "step": self._step(fields["which"]), "context": 64}

    def _step(self, which: str) -> int:
        return {"last": self.step, "best": 300}.get(which) or int(which)

    async def stream(self, op: str, **fields: Any) -> AsyncIterator[dict[str, Any]]:
        self.asked.append((op, fields))
        if fields["prompt"] in self.refuse:
            raise self.refuse[fields["prompt"]]
        try:
            for start in range(0, len(self.tokens), self.batch):
                if start >= self.free:
                    await self.gate.wait()
                part = self.tokens[start : start + self.batch]
                yield {
                    "id": 1,
                    "tokens": [[7, text, 0.5] for text in part],
                    "window_start": 0,
                    "count": start + len(part),
                    "seconds": 0.01 * (start + len(part)),
                }
                await asyncio.sleep(0)
            if self.fail is not None:
                raise self.fail
            yield self._done(fields)
        finally:
            self.closed += 1

    def _done(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        count = len(self.tokens)
        return {
            "id": 1,
            "done": True,
            "reason": "end",
            "tokens": count,
            "seconds": 0.01 * count,
            "tokens_per_second": 100.0,
            "used": count + 2,
            "context": 64,
            "text": "".join(self.tokens),
            "step": self._step(fields["which"]),
        }


class TalkApp(App[None]):
    """As much of the app as the screen needs; remembers what the screen posts."""

    CSS_PATH = str(Path(__file__).parents[1] / "tui" / "styles" / "app.tcss")

    def __init__(self, home: Home, sampler: FakeSampler, which: str = "last") -> None:
        super().__init__()
        self.home, self.sampler, self.look = home, sampler, Look()
        self.animation_level = "none"
        self.which = which
        self.troubles: list[MiniGPTError] = []
        self.copied: list[tuple[str, str]] = []

    def on_mount(self) -> None:
        self.push_screen(TalkScreen("lang", self.which))

    def on_trouble(self, message: Trouble) -> None:
        self.troubles.append(message.error)

    def on_copy(self, message: Copy) -> None:
        self.copied.append((message.what, message.text))

    @property
    def text(self) -> str:
        """The screen as plain lines."""
        strips = self.screen._compositor.render_strips(self.size)
        return "\n".join("".join(s.text for s in strip).rstrip() for strip in strips)

    @property
    def prompt(self) -> Prompt:
        return self.screen.query_one(Prompt)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A library with the run lang: newest weights and snapshots of the steps 0, 1, 256."""
    home = Home(root=tmp_path, cache=tmp_path / "cache")
    make_run(home, "lang", (0, 1, 256))
    return home


def make_run(home: Home, name: str, steps: tuple[int, ...] = ()) -> Run:
    run = Run(home.runs / name)
    run.folder.mkdir(parents=True)
    run.record.write_text("{}")
    for path in (run.weights, *map(run.snapshot_weights, steps)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"weights")
    return run


Journey = Callable[[TalkApp, "Pilot[None]"], Awaitable[None]]


def play(app: TalkApp, journey: Journey, size: tuple[int, int] = (80, 24)) -> TalkApp:
    """Runs the app headless along a journey."""

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: isinstance(app.screen, TalkScreen))
            await app.workers.wait_for_complete()
            await pilot.pause()
            await journey(app, pilot)

    asyncio.run(run())
    return app


async def until(pilot: Pilot[None], true: Callable[[], object]) -> None:
    """Lets the app go on until something holds."""
    for _ in range(200):
        if true():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came")


async def say(app: TalkApp, pilot: Pilot[None], prompt: str) -> None:
    """Sends a prompt and waits for the end of the reply."""
    app.prompt.insert(prompt)
    await pilot.press("enter")
    await app.workers.wait_for_complete()
    await pilot.pause()


def record(home: Home, run: str = "lang") -> list[Turn]:
    return read_last(Run(home.runs / run).talk, 100)


def generated(sampler: FakeSampler) -> list[dict[str, Any]]:
    return [fields for op, fields in sampler.asked if op == "generate"]


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


def turn_of(prompt: str, text: str, **fields: Any) -> Turn:
    values: dict[str, Any] = {
        "weights": "best",
        "step": 300,
        "tokens": 3,
        "seconds": 0.1,
        "ended": "length",
        "speed": 30.0,
    }
    return Turn(prompt=prompt, text=text, **(values | fields))


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


# Settings


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


# Weights


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


def look(app: TalkApp) -> None:
    """What the screen does every two seconds."""
    assert isinstance(app.screen, TalkScreen)
    app.screen.look_for_newer()


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


def test_the_screen_needs_no_torch() -> None:
    """A first frame that waits for torch."""
    code = "import sys; sys.modules['torch'] = None; import tui.screens.talk"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])


# What goes wrong


def test_an_unknown_word_is_offered_its_nearest(home: Home) -> None:
    """A slip of the finger that costs typing everything again."""
    unknown = UnknownError({"Pyton": ["Python", "Pylon"], "ios": []})
    sampler = FakeSampler(refuse={"see Pyton ios": unknown})

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "see Pyton ios")
        assert app.prompt.text == "see Pyton ios"
        assert "never seen: Pyton   1 Python   2 Pylon   and 1 more unknown" in app.text
        await pilot.press("3")
        await pilot.press("1")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "see Python ios is a popular" in app.text
        assert "never seen" not in app.text
        assert app.prompt.text == ""

    app = play(TalkApp(home, sampler), journey)
    assert app.troubles == []
    assert [turn.prompt for turn in record(home)] == ["see Python ios"]


def test_a_word_like_no_other_is_said_with_what_to_do(home: Home) -> None:
    """An offer of nothing."""
    sampler = FakeSampler(refuse={"xyz": UnknownError({"xyz": []})})

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "xyz")
        assert app.prompt.has_focus
        assert app.prompt.text == "xyz"

    assert len(play(TalkApp(home, sampler), journey).troubles) == 1


def test_a_sampler_that_dies_costs_only_the_rest_of_its_reply(home: Home) -> None:
    """A screen that is gone, or stuck, because another process is."""
    sampler = FakeSampler(fail=DeadError("The model's process ended.", "Send it again."))

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "Python")
        assert "is a popular" in app.text
        assert "cut off" in app.text
        assert app.prompt.text == "Python"
        sampler.fail = None
        await pilot.press("enter")
        await app.workers.wait_for_complete()

    app = play(TalkApp(home, sampler), journey)
    assert [type(error) for error in app.troubles] == [DeadError]
    assert [turn.ended for turn in record(home)] == ["failed", "end"]


def test_a_run_that_cannot_be_loaded_or_is_gone(home: Home) -> None:
    """A damaged or deleted run that takes the screen with it."""
    sampler = FakeSampler(refuse={"lang": InputError("There is no run named 'lang'.", "Press o.")})

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        for path in sorted((home.runs / "lang").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (home.runs / "lang").rmdir()
        look(app)
        await pilot.press("comma", "escape", "comma", "full_stop", "b", "l", "i")
        await say(app, pilot, "a")

    app = play(TalkApp(home, sampler), journey)
    assert {error.title for error in app.troubles} <= {InputError.title, "It could not be saved"}
    assert all(error.hint for error in app.troubles)


def test_a_fault_of_our_own_is_said(home: Home) -> None:
    """A traceback in place of the screen."""
    sampler = FakeSampler()
    sampler.tokens = [3]  # type: ignore[list-item]

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await pilot.press("a", "enter")
        await until(pilot, lambda: app.troubles)
        sampler.tokens = list(LANG)
        await say(app, pilot, "b")
        assert "b is a popular" in app.text

    assert "TypeError" in str(play(TalkApp(home, sampler), journey).troubles[0])


def test_a_talk_that_cannot_be_kept_or_read_goes_on(home: Home) -> None:
    """A full disk or a read-only home that ends the talk, or nags at every turn."""
    Run(home.runs / "lang").talk.symlink_to("talk.jsonl")  # leads nowhere, round and round

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        await say(app, pilot, "a")
        await say(app, pilot, "b")
        assert app.text.count("is a popular") == 2

    titles = [error.title for error in play(TalkApp(home, FakeSampler()), journey).troubles]
    assert titles == ["A file is damaged", "It could not be saved"]


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
def test_any_text_is_shown_as_text(home: Home, size: tuple[int, int]) -> None:
    """Markup that is obeyed, an escape that reaches the terminal, a line that shifts the others."""
    sampler = FakeSampler()
    for text in ODD:
        append(Run(home.runs / "lang").talk, turn_of(text, text, weights=text, ended=text))

    async def journey(app: TalkApp, pilot: Pilot[None]) -> None:
        for number, text in enumerate(ODD):
            sampler.tokens = [f" {text}", f"end{number}"]
            await say(app, pilot, text)
            assert not {"\x1b", "\x9b", "\x07", "\u202e", "\x00", "\x7f"} & set(app.text)
            assert f"end{number}" in app.text
            if "[@" in text:
                assert app.text.count("[@click=app.quit]") >= 2
            for strip in app.screen._compositor.render_strips(app.size):
                assert sum(segment.cell_length for segment in strip) == size[0]
        await pilot.press("escape", "y", "Y")

    app = play(TalkApp(home, sampler), journey, size)
    assert app.troubles == []
    assert all("\x1b" not in copied for _, copied in app.copied)


# Keys


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
        assert words(app) == {"Back", "Keys", "Type", "Again", "Edit", "Copy"}
        sampler.free = 1
        await pilot.press("r")
        await until(pilot, lambda: app.text.count("a is") == 2)
        assert footer(app)["escape"] == "Stop"
        assert "r" not in footer(app)
        await pilot.press("escape")
        assert all(isinstance(bound, Binding) and bound.tooltip for bound in BINDINGS)

    sampler = FakeSampler()
    play(TalkApp(home, sampler), journey)


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
