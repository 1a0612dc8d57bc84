"""For tests of widgets: an app that shows one, in a terminal of a size, and acts by keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

from tui.common.terminal import Terminal

SIZES = [(60, 20), (80, 24), (200, 50)]
Shown = TypeVar("Shown", bound=Widget)


class WidgetApp(App[None]):
    """Shows one widget.

    Attributes:
        look: as the real app has it.
        said: the messages of our widgets, oldest first.
    """

    def __init__(self, widget: Widget, look: Terminal) -> None:
        super().__init__()
        self.terminal = look
        self.theme = look.theme
        self.animation_level = "none"
        self.said: list[Message] = []
        self._widget = widget

    def compose(self) -> ComposeResult:
        """The widget alone."""
        yield self._widget

    def hear(self, message: Message) -> None:
        """Remembers what our widgets say; a message comes by once for each one it bubbles to."""
        ours = type(message).__module__.startswith("tui.")
        if ours and not any(message is said for said in self.said):
            self.said.append(message)


def perform(
    widget: Shown,
    act: Callable[[Shown, Pilot[None]], Awaitable[None]],
    *,
    size: tuple[int, int] = (80, 24),
    look: Terminal | None = None,
) -> WidgetApp:
    """Shows a widget, acts, and gives the app back when it is over."""
    app = WidgetApp(widget, look or Terminal())

    async def show() -> None:
        async with app.run_test(size=size, message_hook=app.hear) as pilot:
            await pilot.pause()
            await act(widget, pilot)

    asyncio.run(show())
    return app


def rows_of(widget: Widget) -> list[list[Segment]]:
    """What a widget that draws lines shows, row by row."""
    return [list(widget.render_line(y)) for y in range(widget.size.height)]


def lines_of(widget: Widget) -> list[str]:
    """The same as text, without blanks at the ends."""
    return ["".join(part.text for part in row).rstrip() for row in rows_of(widget)]
