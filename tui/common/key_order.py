"""Keys handled strictly one after the other.

Textual forwards each key on arrival to the widget that has the focus at that moment. When several
arrive at once (slow connection, busy machine), the letters after `/` would act as commands because
the filter line has no focus yet. `SequentialKeysApp` holds each key back until the previous one
was handled. Escape directly followed by a letter arrives as Alt plus that letter; as no binding
uses Alt with a letter, it is split into the two keys again.
"""

from __future__ import annotations

import asyncio
from collections import deque

from textual.app import App
from textual.events import Event, Key, Paste
from textual.keys import _character_to_key
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

HANDLED_TIMEOUT_S = 0.5  # the widget that received the key may have been removed


class KeyHandled(Message):
    """Follows a key through the message queues; when it returns to the app, the key was handled.

    Args:
        number: of the key.
        screen: the screen it was sent to; None on its first way, to the receiver of the key.
    """

    def __init__(self, number: int, screen: Screen[object] | None) -> None:
        super().__init__()
        self.number, self.screen = number, screen


class SequentialKeysApp(App[None]):
    """An app that forwards a key only after the previous one was handled."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._queue: deque[Key | Paste] = deque()
        self._number = 0  # of the key that is being handled
        self._timeout: asyncio.TimerHandle | None = None  # set while a key is being handled

    async def on_event(self, event: Event) -> None:
        """Queue keys and pastes, handle all other events at once."""
        if not isinstance(event, Key | Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self._queue.extend(split_alt(event))
        if self._timeout is None:
            await self._forward_next()

    async def _forward_next(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None
        while self._queue and self.screen_stack:
            receiver: Widget = self.focused or self.screen
            event = self._queue.popleft()
            await super().on_event(event)
            if isinstance(event, Key) and receiver.check_consume_key(event.key, event.character):
                continue  # typed into an input: it cannot change the focus
            self._number += 1
            loop = asyncio.get_running_loop()
            self._timeout = loop.call_later(HANDLED_TIMEOUT_S, self._finish, self._number)
            receiver.post_message(KeyHandled(self._number, None))
            return

    def on_key_handled(self, message: KeyHandled) -> None:
        """Send the message on to the active screen, which may be new; then finish the key."""
        if message.number != self._number or not self.screen_stack:
            return
        if message.screen is self.screen:
            self._finish(message.number)
        else:
            self.screen.post_message(KeyHandled(message.number, self.screen))

    def _finish(self, number: int) -> None:
        if number == self._number:
            self._number += 1
            self.call_later(self._forward_next)


def split_alt(event: Key | Paste) -> list[Key | Paste]:
    """Split Alt plus a letter into Escape and the letter; other events stay as they are."""
    if isinstance(event, Key) and event.key.startswith("alt+") and event.character:
        letter = event.character
        return [Key("escape", None), Key(_character_to_key(letter), letter)]
    return [event]
