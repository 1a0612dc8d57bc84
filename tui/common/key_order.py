"""Keys handled strictly one after the other.

Textual forwards each key on arrival to the widget that has the focus at that moment. When several
arrive at once (slow connection, busy machine), the letters after `/` would act as commands because
the filter line has no focus yet. `SequentialKeysApp` holds each key back until the previous one
was handled. Escape directly followed by a letter arrives as Alt plus that letter; as no binding
uses Alt with a letter, it is split into the two keys again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from textual.app import App
from textual.events import Event, Key, Paste
from textual.keys import _character_to_key
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget


class SequentialKeysApp(App[None]):
    """An app that forwards a key only after the previous one was handled."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._queue: deque[Key | Paste] = deque()
        self._is_handling = False  # a key is on its way

    async def on_event(self, event: Event) -> None:
        """Queue keys and pastes, handle all other events at once."""
        if not isinstance(event, Key | Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self._queue.extend(split_alt(event))
        if not self._is_handling:
            await self._forward_next()

    async def _forward_next(self) -> None:
        self._is_handling = False
        while self._queue and self.screen_stack:
            receiver: Widget = self.focused or self.screen
            event = self._queue.popleft()
            await super().on_event(event)
            if isinstance(event, Key) and receiver.check_consume_key(event.key, event.character):
                continue  # typed into an input: it cannot change the focus
            self._is_handling = True
            self._follow(iter(receiver.ancestors_with_self), None)
            return

    def _follow(self, nodes: Iterator[MessagePump], screen: Screen[object] | None) -> None:
        """Pass through the message queues that the key passes; behind it in each, it was handled.

        The active screen comes last, which the key may have opened: its queue is read once it is
        mounted. Queues that are closing already are skipped.

        Args:
            nodes: whose queues are still to be passed.
            screen: the screen among them; None on the way of the key itself.
        """
        for node in nodes:
            if node.call_later(self._follow, nodes, screen):
                return
        if screen is not self.screen:
            self._follow(iter([self.screen, self]), self.screen)
        else:
            self.call_later(self._forward_next)


def split_alt(event: Key | Paste) -> list[Key | Paste]:
    """Split Alt plus a letter into Escape and the letter; other events stay as they are."""
    if isinstance(event, Key) and event.key.startswith("alt+") and event.character:
        letter = event.character
        return [Key("escape", None), Key(_character_to_key(letter), letter)]
    return [event]
