"""Apps that run headless along a journey of keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from rich.segment import Segment
from textual.app import App
from textual.message import Message
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget

from core.errors import MiniGPTError
from core.paths import Home
from tests.support.captures import screen_text
from tui.app import MiniGPTApp
from tui.common.messages import CopyRequested, ErrorRaised
from tui.common.terminal import Terminal
from tui.common.theme import ThemedApp
from tui.common.user_config import UserConfig

STYLES = Path(__file__).parents[2] / "tui" / "styles" / "app.tcss"
SIZES = [(60, 20), (80, 24)]
MessageT = TypeVar("MessageT", bound=Message)


class StageApp(ThemedApp):
    """Shows one screen or one widget, and records the messages it posts.

    Args:
        first: what to show.
        home, client, terminal: as for the app, as far as the screen needs them.

    Attributes:
        messages: the messages of our own classes, oldest first.
    """

    CSS_PATH = str(STYLES)
    HORIZONTAL_BREAKPOINTS = MiniGPTApp.HORIZONTAL_BREAKPOINTS
    VERTICAL_BREAKPOINTS = MiniGPTApp.VERTICAL_BREAKPOINTS

    def __init__(
        self,
        first: Screen[None] | Widget,
        home: Home | None = None,
        client: Any = None,
        terminal: Terminal | None = None,
    ) -> None:
        super().__init__()
        self.home, self.client, self.terminal = home, client, terminal or Terminal()
        self.theme = self.terminal.theme
        self.user_config = UserConfig()
        self.animation_level = "none"
        self.set_class(self.terminal.is_ascii, "-ascii")
        self.messages: list[Message] = []
        self._first = first

    def on_mount(self) -> None:
        if isinstance(self._first, Screen):
            self.push_screen(self._first)
        else:
            self.mount(self._first)

    def record(self, message: Message) -> None:
        """Record a message of our own classes; it passes once per node it bubbles to."""
        ours = type(message).__module__.startswith("tui.")
        if ours and not any(message is recorded for recorded in self.messages):
            self.messages.append(message)

    def posted(self, kind: type[MessageT]) -> list[MessageT]:
        """Return the recorded messages of a class."""
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def errors(self) -> list[MiniGPTError]:
        """The errors that were raised."""
        return [message.error for message in self.posted(ErrorRaised)]

    @property
    def copied(self) -> list[tuple[str, str]]:
        """What was copied: a name and the text."""
        return [(message.what, message.text) for message in self.posted(CopyRequested)]

    @property
    def text(self) -> str:
        """The screen as plain lines."""
        return screen_text(self)


Journey = Callable[[StageApp, "Pilot[None]"], Awaitable[None]]
WidgetT = TypeVar("WidgetT", bound=Widget)


def play(app: StageApp, journey: Journey, size: tuple[int, int] = (80, 24)) -> StageApp:
    """Run the app along a journey, and return it."""

    async def run() -> None:
        async with app.run_test(size=size, message_hook=app.record) as pilot:
            await settle(app, pilot)
            await journey(app, pilot)

    asyncio.run(run())
    return app


def play_widget(
    widget: WidgetT,
    journey: Callable[[WidgetT, Pilot[None]], Awaitable[None]],
    *,
    size: tuple[int, int] = (80, 24),
    terminal: Terminal | None = None,
) -> StageApp:
    """Run an app with one widget along a journey, and return the app."""
    app = StageApp(widget, terminal=terminal)
    return play(app, lambda _, pilot: journey(widget, pilot), size)


async def settle(app: App[Any], pilot: Pilot[None]) -> None:
    """Let the app run until no worker is active."""
    await pilot.pause()
    await app.workers.wait_for_complete()
    await pilot.pause()


async def press(app: StageApp, pilot: Pilot[None], *keys: str) -> str:
    """Press keys, let the app settle, and return its text."""
    await pilot.press(*keys)
    await settle(app, pilot)
    return app.text


async def run_command(app: StageApp, pilot: Pilot[None], action: str) -> str:
    """Run an action that only the palette has, let the app settle, and return its text."""
    listed = getattr(app.screen, "COMMANDS_WITHOUT_KEY", ())
    assert action in [each for _, each in listed], "an action of the palette"
    await app.run_action(action, app.screen)
    await settle(app, pilot)
    return app.text


def widget_rows(widget: Widget) -> list[list[Segment]]:
    """Return what a widget with line rendering shows, row by row."""
    return [list(widget.render_line(y)) for y in range(widget.size.height)]


def widget_lines(widget: Widget) -> list[str]:
    """Return the rows as text, without trailing spaces."""
    return ["".join(part.text for part in row).rstrip() for row in widget_rows(widget)]
