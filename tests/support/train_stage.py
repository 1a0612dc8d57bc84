"""For tests of the Train screen: recorded runs, and an app of a few lines that shows one."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets._footer import FooterKey

from core.paths import Home
from core.run import store
from core.run.events import decode_object, encode
from core.system.locks import Lock
from core.system.machine import this_host
from tui.app import MiniGPTApp
from tui.common.messages import ErrorRaised, OpenTalk
from tui.common.terminal import Terminal
from tui.screens.train import TrainScreen

STYLES = Path(__file__).parents[2] / "tui" / "styles" / "app.tcss"
BEGAN = 1_700_000_000.0
TEXT = {"name": "poem", "sha256": "0" * 64, "reading": "lines", "encoding": "utf-8"}
RECORD = {
    "corpus": {**TEXT, "errors": "strict", "size": 1000},
    "train": {},
    "model": {},
    "seed": 0,
}
PREPARED = {
    "vocab_size": 134,
    "train_tokens": 90_000,
    "val_tokens": 10_000,
    "parameters": 809_088,
    "steps": 200,
    "steps_per_epoch": 20.0,
    "reference": {"on": "validation", "random": 4.9, "unigram": 3.96, "bigram": 1.47},
    "train": {"learning_rate": 0.001, "device": "cpu", "warmup_steps": 5},
}


class Story:
    """Writes a run's events, one a second of an invented clock."""

    def __init__(self, home: Path, name: str = "poem") -> None:
        self.home = Home(root=home, cache=home / "cache")
        self.lock: Lock
        self.run, self.lock = store.create_held(self.home, name, RECORD)
        os.utime(self.run.lock, (BEGAN, BEGAN))  # the trainer came before its words
        self.time = BEGAN

    def say(self, type: str, step: int = 0, **fields: Any) -> None:
        """One event."""
        self.time += 1.0
        with self.run.events.open("a") as file:
            file.write(encode(type, self.time, step, **fields) + "\n")

    def begin(self, *, here: bool = True, **prepared: Any) -> None:
        """Started and prepared."""
        host, boot = this_host().name, this_host().boot
        where = (host, boot) if here else ("far", "other")
        self.say("started", pid=1, host=where[0], boot=where[1])
        self.say("prepared", **{**PREPARED, **prepared})

    def learn(self, first: int, last: int, every: int = 1) -> None:
        """Reports of training; the loss falls from 4.9."""
        for step in range(first, last + 1, every):
            fields = {"train_loss": 0.4 + 4.5 * math.exp(-step / 40), "learning_rate": 0.001}
            speed = {"tokens_per_second": 4790.0, "memory": 376_000_000}
            self.say("step", step, epoch=step / 20, elapsed=step / 10, **fields, **speed)
            if step % 20 == 0:
                self.epoch(step)

    def epoch(self, step: int) -> None:
        """The end of a pass, with an evaluation before it."""
        loss, val = 0.4 + 4.5 * math.exp(-step / 40), 0.9 + 4.0 * math.exp(-step / 40)
        self.say("eval", step, val_loss=val, tokens=10_000, whole=False)
        row = {"train_loss": loss, "val_loss": val, "text": " was a man", "elapsed": step / 10}
        self.say("epoch", step, epoch=step // 20, **row)

    def snapshot(self, step: int, text: str, prompt: str = "There") -> None:
        """Weights kept, and what they say."""
        self.say("saved", step, kind="snapshot", bytes=1000)
        self.say("sample", step, prompt=prompt, text=text)

    def whole(self) -> None:
        """A run from the beginning to the end."""
        self.begin()
        self.snapshot(0, " the the the the")
        for step, text in ((32, " was a the"), (128, " was a man of the sea.")):
            self.learn(0 if step == 32 else 33, step)
            self.snapshot(step, text)
        self.learn(129, 200)
        self.say("saved", 200, kind="checkpoint", bytes=9000)
        self.say("finished", 200, elapsed=20.0, reason="all steps done", train_loss=0.43)
        self.lock.release()

    def asked(self) -> list[dict[str, Any]]:
        """The requests so far."""
        if not self.run.requests.exists():
            return []
        lines = self.run.requests.read_bytes().splitlines()
        return [found for line in lines if (found := decode_object(line)) is not None]


class Stage(App[None]):
    """Shows one screen, and remembers where that wants to go."""

    CSS_PATH = str(STYLES)
    HORIZONTAL_BREAKPOINTS = MiniGPTApp.HORIZONTAL_BREAKPOINTS
    VERTICAL_BREAKPOINTS = MiniGPTApp.VERTICAL_BREAKPOINTS

    def __init__(self, home: Home, name: str, look: Terminal) -> None:
        super().__init__()
        self.home, self.terminal, self.client = home, look, None
        self.animation_level = "none"
        self.went: list[str] = []
        self.troubles: list[str] = []
        self.train = TrainScreen(name)

    def on_mount(self) -> None:
        self.push_screen(Screen())
        self.push_screen(self.train)

    def on_open_talk(self, message: OpenTalk) -> None:
        self.went.append(f"talk {message.name} {message.weights}")

    def on_error_raised(self, message: ErrorRaised) -> None:
        self.troubles.append(str(message.error))


Act = Callable[[Stage, "Pilot[None]"], Awaitable[None]]


def play(
    story: Story, act: Act, *, size: tuple[int, int] = (80, 24), name: str = "", **look: Any
) -> None:
    """Shows a run, the story's own unless named, in a terminal of a size, and acts."""

    async def show() -> None:
        stage = Stage(story.home, name or story.run.name, Terminal(**look))
        async with stage.run_test(size=size) as pilot:
            await settled(stage, pilot)
            await act(stage, pilot)

    asyncio.run(show())


async def settled(stage: Stage, pilot: Pilot[None]) -> None:
    """Has the screen look once more, and waits until all is drawn."""
    await pilot.pause()
    stage.train._tailing.resume()
    while stage.train._reader.share < 1.0 and stage.train._reader.problem is None:
        await pilot.pause()
    await pilot.pause()


def text_of(stage: App[None]) -> str:
    """What stands on the terminal, as lines without the spaces at their ends."""
    strips = stage.screen._compositor.render_strips()
    return "\n".join("".join(part.text for part in strip).rstrip() for strip in strips) + "\n"


def shown(widget: Widget) -> str:
    """The text of one widget."""
    region = widget.region
    lines = text_of(widget.app).split("\n")[region.y : region.bottom]
    return "\n".join(line[region.x : region.right] for line in lines)


def live(story: Story, last: int = 60) -> Story:
    """A run in mid-training, whose trainer is alive."""
    story.begin()
    story.snapshot(0, " the the the")
    story.learn(1, last)
    return story


def title(stage: Stage) -> str:
    return text_of(stage).split("\n")[0].removeprefix(" minigpt-tui Train  ")


def footer(stage: Stage) -> set[str]:
    keys = [key.description for key in stage.screen.query(FooterKey)]
    assert len(keys) <= 6
    return set(keys)
