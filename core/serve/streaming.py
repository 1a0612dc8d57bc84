"""From the worker's thread to the client: whole replies, and streams of server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from core.serve.queue import Job, Worker
from core.serve.replies import Choice, ReplyFormat, Step
from core.system.files import JsonObject

ResultT = TypeVar("ResultT")

DISCONNECT = "http.disconnect"
END_OF_STREAM = b"data: [DONE]\n\n"
STREAM_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}


class ClientGoneError(Exception):
    """The client has closed its connection."""


class StepReader:
    """Runs a job and reads its steps in an event loop.

    Args:
        start: begins the work, as in `Job`.

    Attributes:
        last: the last step so far.
    """

    def __init__(
        self,
        worker: Worker[Step],
        client: str,
        start: Callable[[Callable[[], bool]], Iterator[Step]],
    ) -> None:
        self._loop, self._ready = asyncio.get_running_loop(), asyncio.Event()
        self._job = Job(client, start, self._notify)
        self.last: Step | None = None
        worker.submit(self._job)

    def _notify(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._ready.set)

    def cancel(self) -> None:
        """End the job before its next token."""
        self._job.cancel()

    async def steps(self) -> AsyncIterator[Step]:
        """The steps as they come.

        Raises:
            RequestError: the job failed.
        """
        has_ended = False
        while not has_ended:
            await self._ready.wait()
            self._ready.clear()
            has_ended = self._job.has_ended  # before the last steps are taken
            for step in self._job.take():
                self.last = step
                yield step
        if self._job.error is not None:
            raise self._job.error

    async def collect(self, count: int) -> list[Choice]:
        """Read all steps and return the choices.

        Args:
            count: of choices, all prompts together.

        Raises:
            RequestError: the job failed.
        """
        choices, texts = [Choice() for _ in range(count)], [[""] for _ in range(count)]
        async for step in self.steps():
            for delta in step.deltas:
                texts[delta.choice].append(delta.text)
                choices[delta.choice].tokens += delta.tokens
                choices[delta.choice].finish_reason = delta.finish_reason
        for choice, parts in zip(choices, texts, strict=True):
            choice.text = "".join(parts)
        return choices


async def unless_disconnected(request: Request, work: Awaitable[ResultT]) -> ResultT:
    """The result of some work, which is cancelled once the client disconnects.

    Args:
        request: its body was read.

    Raises:
        ClientGoneError: the client has disconnected.
    """

    async def wait_for_disconnect() -> None:
        while (await request.receive())["type"] != DISCONNECT:
            pass

    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(wait_for_disconnect())
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGoneError
        return working.result()
    finally:
        for task in (working, gone):
            task.cancel()


class EventStream(StreamingResponse):
    """A stream of server-sent events.

    Args:
        on_end: called once it has ended, also if the client disconnects.
    """

    def __init__(self, events: AsyncIterator[bytes], on_end: Callable[[], object]) -> None:
        super().__init__(events, media_type="text/event-stream", headers=STREAM_HEADERS)
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._on_end()


async def reply_events(
    steps: AsyncIterator[Step], count: int, form: ReplyFormat
) -> AsyncIterator[bytes]:
    """The events of a reply with a number of choices.

    Raises:
        RequestError: the job failed; the caller sends the error as a last event.
    """
    for chunk in form.first_chunks(count):
        yield to_event(chunk)
    last: Step | None = None
    async for last in steps:
        for chunk in form.chunks(last):
            yield to_event(chunk)
    for chunk in form.last_chunks(last):
        yield to_event(chunk)
    yield END_OF_STREAM


async def chain_first(first: Step | None, rest: AsyncIterator[Step]) -> AsyncIterator[Step]:
    """Steps of which the first was read already."""
    if first is not None:
        yield first
    async for step in rest:
        yield step


def to_event(value: JsonObject) -> bytes:
    """A JSON object as an event."""
    return b"data: " + to_json(value) + b"\n\n"


def to_json(value: JsonObject) -> bytes:
    """JSON in ASCII, so that a lone surrogate in a client's text is not an encoding error."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def json_response(value: JsonObject, status: int = 200) -> Response:
    """A JSON object as a response."""
    return Response(to_json(value), status, media_type="application/json")
