"""A minimal app that shows the Train screen of one run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets._footer import FooterKey

from core.paths import Home
from tests.support.runs import ScriptedRun
from tui.app import MiniGPTApp
from tui.common.messages import ErrorRaised, OpenTalk
from tui.common.terminal import Terminal
from tui.screens.train import TrainScreen

STYLES = Path(__file__).parents[2] / "tui" / "styles" / "app.tcss"


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
    story: ScriptedRun, act: Act, *, size: tuple[int, int] = (80, 24), name: str = "", **look: Any
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
    stage.train.follow_timer.resume()
    follower = stage.train.follower
    while follower.share_read < 1.0 and follower.problem is None:
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


def title(stage: Stage) -> str:
    return text_of(stage).split("\n")[0].removeprefix(" minigpt-tui Train  ")


def footer(stage: Stage) -> set[str]:
    keys = [key.description for key in stage.screen.query(FooterKey)]
    assert len(keys) <= 6
    return set(keys)
