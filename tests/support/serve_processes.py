"""Real processes of `minigpt-tui serve`, and many clients of one at once."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.support.runners import command

START_TIMEOUT_S = 120.0
WISH: dict[str, Any] = {"model": "words", "prompt": "the cat", "temperature": 0, "max_tokens": 16}


@dataclass
class ServeCommand:
    """The command, running.

    Attributes:
        events: what it has printed.
    """

    process: subprocess.Popen[str]
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return str(self.events[0]["address"])

    @property
    def server(self) -> psutil.Process:
        """The process that it started."""
        (child,) = psutil.Process(self.process.pid).children()
        return child

    def interrupt(self) -> int:
        """Press Ctrl+C; return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


@contextmanager
def serve_command(home: Path, *arguments: str) -> Iterator[ServeCommand]:
    """The command with a server that listens."""
    process = subprocess.Popen(
        command(home, "serve", *arguments, "--json"), stdout=subprocess.PIPE, text=True
    )
    serving = ServeCommand(process)
    is_listening = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            serving.events.append(json.loads(line))
            is_listening.set()
        is_listening.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert is_listening.wait(START_TIMEOUT_S)
        assert serving.events, f"it ended with exit code {process.wait()}"
        yield serving
    finally:
        process.kill()
        process.wait()
        reader.join(30)


@dataclass
class Load:
    """What many clients have seen.

    Attributes:
        statuses: number of responses by status.
        seconds: of each complete reply.
        tokens: generated in complete replies.
    """

    statuses: dict[int, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    tokens: int = 0
    abandoned: int = 0

    def count(self, status: int) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1


def load_server(address: str, clients: int, seconds: float, *, hostile: bool = True) -> Load:
    """Have clients send one request after another for some time.

    Args:
        hostile: one request of ten is broken, of 10 MB, half-sent, or a stream left early.
    """
    load = Load()

    async def run() -> None:
        end = time.monotonic() + seconds
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as http:
            await asyncio.gather(
                *(
                    _client(http, load, end, random.Random(n), hostile=hostile)
                    for n in range(clients)
                )
            )

    asyncio.run(run())
    return load


async def _client(
    http: httpx.AsyncClient, load: Load, end: float, choice: random.Random, *, hostile: bool
) -> None:
    while time.monotonic() < end:
        if hostile and choice.random() < 0.1:
            await choice.choice((_send_broken, _send_large, _send_half, _leave_stream))(http, load)
            continue
        start = time.monotonic()
        response = await http.post("/completions", json=WISH)
        load.count(response.status_code)
        if response.status_code == 200:
            load.seconds.append(time.monotonic() - start)
            load.tokens += response.json()["usage"]["completion_tokens"]


async def _send_broken(http: httpx.AsyncClient, load: Load) -> None:
    response = await http.post("/completions", content=b'{"prompt": "the')
    load.count(response.status_code)
    assert "error" in response.json()


async def _send_large(http: httpx.AsyncClient, load: Load) -> None:
    response = await http.post("/completions", content=b" " * 10_000_000)
    load.count(response.status_code)
    assert "error" in response.json()


async def _send_half(http: httpx.AsyncClient, load: Load) -> None:
    url = http.base_url
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\n{")
    with suppress(OSError):
        await writer.drain()
    writer.close()
    load.abandoned += 1


async def _leave_stream(http: httpx.AsyncClient, load: Load) -> None:
    wish = {**WISH, "stream": True, "max_tokens": 10_000}
    async with http.stream("POST", "/completions", json=wish) as response:
        async for _ in response.aiter_raw():
            break
    load.abandoned += 1


def memory_of(process: psutil.Process) -> int:
    """Its resident memory in bytes."""
    return int(process.memory_info().rss)
