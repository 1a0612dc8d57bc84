"""Servers whose events a test writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from core.errors import MiniGPTError
from core.serve.events import Event, Listening, Replied, Requested
from core.serve.launch import ServeArguments
from tui.common.serve_process import EventSource

ADDRESS = "http://127.0.0.1:8765/v1"


class ScriptedServer:
    """A server that listens, and then does what is put into `script`: an event, or an error."""

    def __init__(self, arguments: ServeArguments, first: Event | MiniGPTError) -> None:
        self.arguments, self.is_closed = arguments, False
        self.script: asyncio.Queue[Event | MiniGPTError] = asyncio.Queue()
        self.script.put_nowait(first)

    async def events(self) -> AsyncIterator[Event]:
        """See `EventSource`."""
        while True:
            item = await self.script.get()
            if isinstance(item, MiniGPTError):
                raise item
            yield item

    async def close(self) -> None:
        self.is_closed = True


class ScriptedServers:
    """Makes servers, of which each begins with its own item.

    Attributes:
        made: the servers so far.
    """

    def __init__(self, *firsts: Event | MiniGPTError) -> None:
        self._firsts: Sequence[Event | MiniGPTError] = firsts or (listening(),)
        self.made: list[ScriptedServer] = []

    def __call__(self, arguments: ServeArguments) -> EventSource:
        server = ScriptedServer(arguments, self._firsts[len(self.made)])
        self.made.append(server)
        return server


def listening(model: str = "lang") -> Listening:
    """A server that serves a model."""
    return Listening(address=ADDRESS, models=[model])


def requested(id: int, path: str = "/v1/completions", client: str = "127.0.0.1") -> Requested:
    """A request that waits."""
    return Requested(id=id, path=path, model="lang", client=client, waiting=1)


def replied(id: int, status: int = 200, **fields: Any) -> Replied:
    """A request that has ended, by default with 16 tokens in half a second."""
    values: dict[str, Any] = {
        "path": "/v1/completions", "model": "lang", "client": "127.0.0.1", "prompt_tokens": 3,
        "completion_tokens": 16, "seconds": 0.5,
    }  # fmt: skip
    return Replied(id=id, status=status, **(values | fields))
