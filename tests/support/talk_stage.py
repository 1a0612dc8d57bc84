"""For tests of Talk: a sampler that says what a test wants, and an app that shows the screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot

from core.errors import InputError, MiniGPTError
from core.paths import Home
from core.run.directory import Run
from tui.common.messages import CopyRequested, ErrorRaised
from tui.common.terminal import Terminal
from tui.screens.talk import TalkScreen
from tui.talk.record import Turn, read_last
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

    CSS_PATH = str(Path(__file__).parents[2] / "tui" / "styles" / "app.tcss")

    def __init__(self, home: Home, sampler: FakeSampler, which: str = "last") -> None:
        super().__init__()
        self.home, self.client, self.terminal = home, sampler, Terminal()
        self.animation_level = "none"
        self.which = which
        self.troubles: list[MiniGPTError] = []
        self.copied: list[tuple[str, str]] = []

    def on_mount(self) -> None:
        self.push_screen(TalkScreen("lang", self.which))

    def on_error_raised(self, message: ErrorRaised) -> None:
        self.troubles.append(message.error)

    def on_copy_requested(self, message: CopyRequested) -> None:
        self.copied.append((message.what, message.text))

    @property
    def text(self) -> str:
        """The screen as plain lines."""
        strips = self.screen._compositor.render_strips(self.size)
        return "\n".join("".join(s.text for s in strip).rstrip() for strip in strips)

    @property
    def prompt(self) -> Prompt:
        return self.screen.query_one(Prompt)


def library(root: Path) -> Home:
    """With the run lang: newest weights and snapshots of the steps 0, 1, 256."""
    home = Home(root=root, cache=root / "cache")
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


def look(app: TalkApp) -> None:
    """What the screen does every two seconds."""
    assert isinstance(app.screen, TalkScreen)
    app.screen.look_for_newer()
