"""Keys one after the other: each finds the screen as the one before left it.

Textual hands keys on as they arrive, to what has the focus then. Where several arrive at once (over
a slow line, on a busy machine) the letters after `/` would act as commands, for the line they
belong to has no focus yet. Escape with a letter behind it comes in as Alt and the letter then, and
would be typed; as no letter is bound with Alt, it is taken for what it was.
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

LONGEST_WAIT = 0.5  # seconds; whatever had the key may be gone, and says nothing any more


class Settled(Message):
    """Has gone where a key went, behind it.

    Args:
        number: of the key.
        screen: the one that it was sent to; None on the first way, which the key itself takes.
    """

    def __init__(self, number: int, screen: Screen[object] | None) -> None:
        super().__init__()
        self.number, self.screen = number, screen


class OrderedKeys(App[None]):
    """An app that gives a key away once the one before has done its work."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Key | Paste] = deque()
        self._number = 0  # of the key that is on its way
        self._timer: asyncio.TimerHandle | None = None  # while one is

    async def on_event(self, event: Event) -> None:
        """Keys and pastes wait for their turn."""
        if not isinstance(event, Key | Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self._waiting.extend(_as_pressed(event))
        if self._timer is None:
            await self._next_key()

    async def _next_key(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self.screen_stack:
            way: Widget = self.focused or self.screen
            event = self._waiting.popleft()
            await super().on_event(event)
            if isinstance(event, Key) and way.check_consume_key(event.key, event.character):
                continue  # a letter, typed: nothing else becomes of it
            self._number += 1
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(LONGEST_WAIT, self._let_next, self._number)
            way.post_message(Settled(self._number, None))
            return

    def on_settled(self, message: Settled) -> None:
        """Sends word to the screen, which may be a new one; the second time it is settled."""
        if message.number != self._number or not self.screen_stack:
            return
        if message.screen is self.screen:
            self._let_next(message.number)
        else:
            self.screen.post_message(Settled(message.number, self.screen))

    def _let_next(self, number: int) -> None:
        if number == self._number:
            self._number += 1
            self.call_later(self._next_key)


def _as_pressed(event: Key | Paste) -> list[Key | Paste]:
    if isinstance(event, Key) and event.key.startswith("alt+") and event.character:
        letter = event.character
        return [Key("escape", None), Key(_character_to_key(letter), letter)]
    return [event]
