"""A minimal app that shows the Train screen of one run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets._footer import FooterKey

from core.paths import Home
from tests.support.apps import StageApp
from tests.support.captures import screen_text
from tests.support.runs import ScriptedRun
from tui.common.terminal import Terminal
from tui.screens.dialogs import ConfirmDialog
from tui.screens.train import TrainScreen


class TrainStage(StageApp):
    """Shows the Train screen of one run above an empty screen.

    Attributes:
        train: the screen.
    """

    def __init__(self, home: Home, name: str, terminal: Terminal) -> None:
        self.train = TrainScreen(name)
        super().__init__(self.train, home, terminal=terminal)

    def on_mount(self) -> None:
        self.push_screen(Screen())  # then Textual calls `StageApp.on_mount`


Act = Callable[[TrainStage, "Pilot[None]"], Awaitable[None]]


def play(
    story: ScriptedRun,
    act: Act,
    *,
    size: tuple[int, int] = (80, 24),
    name: str = "",
    **terminal: Any,
) -> None:
    """Show a run, by default the script's own, and act."""

    async def show() -> None:
        stage = TrainStage(story.home, name or story.run.name, Terminal(**terminal))
        async with stage.run_test(size=size, message_hook=stage.record) as pilot:
            await settled(stage, pilot)
            await act(stage, pilot)

    asyncio.run(show())


async def settled(stage: TrainStage, pilot: Pilot[None]) -> None:
    """Have the screen read all events, and wait until they are shown."""
    await pilot.pause()
    stage.train.follow_timer.resume()
    follower = stage.train.follower
    while follower.share_read < 1.0 and follower.problem is None:
        await pilot.pause()
    await pilot.pause()


def text_of(stage: App[None]) -> str:
    """Return the screen as plain lines, with a newline at the end."""
    return screen_text(stage) + "\n"


def shown(widget: Widget) -> str:
    """Return the text of one widget."""
    region = widget.region
    lines = text_of(widget.app).split("\n")[region.y : region.bottom]
    return "\n".join(line[region.x : region.right] for line in lines)


def title(stage: TrainStage) -> str:
    """Return the state of the run in the first row."""
    return text_of(stage).split("\n")[0].partition("Train ")[2].strip()


def footer(stage: TrainStage) -> set[str]:
    """Return what the shown keys do; which of them fit depends on the width."""
    return {key.description for key in stage.screen.query(FooterKey) if key.display}


async def stop(stage: TrainStage, pilot: Pilot[None]) -> None:
    """Press the key that stops, and confirm: the script's run was last saved long ago."""
    await pilot.press("s")
    await pilot.pause()
    assert isinstance(stage.screen, ConfirmDialog)
    await pilot.press("y")
    await pilot.pause()
