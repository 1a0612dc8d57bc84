"""The client of the sampler's process: asks, hears, starts it anew when it has died. No torch here.

See docs/server_protocol.md for requests and replies. The process is started by the
first request, or by `start`; it is gone with us, as its input ends then.

The sampler for commands, which do one thing after another: its replies without `await`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self, TypeVar, overload

from core.errors import Cancelled, InputError, MiniGPTError, StorageError
from core.paths import Home
from core.run.launch import environment
from core.server.protocol import (
    BatchT,
    CancelRequest,
    ReplyT,
    Request,
    reply_from_json,
    request_to_json,
)

LONGEST_LINE = 2**24
LARGEST_LOG = 1 << 20
LAST_LINES = 8
MODULE = "core.server"

Json = dict[str, Any]
MessageT = TypeVar("MessageT")
MessageCo = TypeVar("MessageCo", covariant=True)


class ServerError(MiniGPTError):
    """What the sampler said of a request that failed.

    Attributes:
        nearest: the nearest known words by unknown word, where that was it.
        problems: what is wrong by setting, where that was it.
    """

    def __init__(self, said: Json) -> None:
        super().__init__(str(said.get("message")), str(said.get("hint") or ""))
        self.title = str(said.get("title") or MiniGPTError.title)
        self.nearest: dict[str, list[str]] = said.get("nearest") or {}
        self.problems: dict[str, str] = said.get("problems") or {}


class ServerDied(MiniGPTError):  # noqa: N818 - it is what happened, as asyncio's CancelledError
    """The process ended in the middle of a request; the next one starts another."""

    title = "The model's process has ended"


class Replies(AsyncIterator[MessageT]):
    """The batches and the last reply to one request, in order.

    Closing it before the end cancels the request. Iterating raises ServerError if the request
    failed, Cancelled if it was cancelled before it had a result, ServerDied if the process ended.

    Args:
        client: sends the request when the first reply is awaited.
        id: of the request.
        request: its JSON fields.
        decode: converts a reply from JSON.
    """

    def __init__(
        self, client: ServerClient, id: int, request: Json, decode: Callable[[Json], MessageT]
    ) -> None:
        self.id = id
        self._client, self._request, self._decode = client, {"id": id, **request}, decode
        self._received: asyncio.Queue[tuple[MessageT | Exception, bool]] = asyncio.Queue()
        self._sent = self._over = False

    async def __anext__(self) -> MessageT:
        if self._over:
            raise StopAsyncIteration
        if not self._sent:
            self._sent = True
            await self._client._ask(self, self._request)
        message, self._over = await self._received.get()
        if isinstance(message, Exception):
            raise message
        return message

    def receive(self, message: Json) -> None:
        """Queue a reply from the process.

        Raises:
            LookupError, TypeError, ValueError: it is none.
        """
        done = bool(message.get("done"))
        if "error" in message:
            self._received.put_nowait((ServerError(message["error"]), done))
        elif message.get("cancelled"):
            self._received.put_nowait((Cancelled(), done))
        else:
            self._received.put_nowait((self._decode(message), done))

    def fail(self, error: ServerDied) -> None:
        """End the replies with an error."""
        self._received.put_nowait((error, True))

    async def aclose(self) -> None:
        """Cancels the request unless it has ended; nothing more is heard."""
        if self._sent and not self._over:
            self._client._forget(self.id)
        self._over = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


def _old_fields(message: Json) -> Json:
    """A reply with the field names of before, for callers that are not typed yet."""
    message |= message.pop("forecast", None) or {}
    names = {"weights": "which", "actual": "came", "attention_by_layer": "looks"}
    names |= {"ablation": "whole", "active": "found"}
    if "matches" in message:
        names["tokens"] = "found"
    if "rows" in message and not message.get("done"):
        names["rows"] = "came"
    return {names.get(name, name): value for name, value in message.items()}


def _new_fields(op: str, fields: Json) -> Json:
    """The fields of a request by their names of today, from callers that are not typed yet."""
    names = {"which": "weights", "firsts": "first_tokens", "off": "disabled_heads"}
    names |= {"scored": "with_scores", "least": "min_tokens", "places": "max_places"}
    return {"op": op, **{names.get(name, name): value for name, value in fields.items()}}


class Stream(Protocol[MessageCo]):
    """The replies to a request; closing it cancels the request."""

    @property
    def id(self) -> int:
        """The id to cancel the request by."""

    def __aiter__(self) -> AsyncIterator[MessageCo]: ...

    def __anext__(self) -> Awaitable[MessageCo]: ...

    def aclose(self) -> Awaitable[object]:
        """Cancels the request unless it has ended."""


class ModelClient(Protocol):
    """What the screens know of the sampler; tests have one that needs no process."""

    async def start(self) -> None:
        """Has the process ready before it is needed."""

    @overload
    async def request(self, op: Request[ReplyT, BatchT]) -> ReplyT: ...

    @overload
    async def request(self, op: str, **fields: Any) -> Json: ...

    @overload
    def stream(self, op: Request[ReplyT, BatchT]) -> Stream[ReplyT | BatchT]: ...

    @overload
    def stream(self, op: str, **fields: Any) -> Stream[Json]: ...

    async def cancel(self, id: int) -> None:
        """Ends a request, which then says what came of it."""

    async def close(self) -> None:
        """Ends the process."""


class ServerClient:
    """One sampler's process at a time; safe to use from several tasks of one loop.

    Args:
        home: where runs and the cache are.
        grace: seconds that a process is given to end by itself, and again when it is asked to.
    """

    def __init__(self, home: Home, grace: float = 0.3) -> None:
        self._home, self._grace = home, grace
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._open: dict[int, Replies[Any]] = {}
        self._last_id = 0
        self._log_began = 0
        self._closed = False

    @property
    def log(self) -> Path:
        """Where the process's error stream goes."""
        return self._home.cache / "sampler.log"

    @property
    def pid(self) -> int | None:
        """The process's number; None while there is none."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Starts the process unless it lives; it loads torch at once.

        Raises:
            StorageError: its folder or its log cannot be made.
            SamplerDied: the system has no process for it, or this was closed.
        """
        async with self._starting:
            if self._closed:
                raise ServerDied("The sampler was closed.")
            if self._process is not None:
                return
            try:
                await self._start()
            except OSError as error:
                raise ServerDied(f"It could not be started: {error}.") from error

    async def _start(self) -> None:
        with self._open_log() as log:
            self._log_began = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *[sys.executable, "-m", MODULE],
                *["--root", str(self._home.root), "--cache", str(self._home.cache)],
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                # No folder of the user's that has a name of ours is imported from there.
                cwd=self._home.cache,
                env=environment(),
                limit=LONGEST_LINE,
                # Keys pressed in a terminal are not meant for it.
                start_new_session=True,
            )
        self._reader = asyncio.create_task(self._listen(self._process))

    def _open_log(self) -> BinaryIO:
        try:
            self._home.cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            large = self.log.exists() and self.log.stat().st_size > LARGEST_LOG
            log = self.log.open("wb" if large else "ab")
        except OSError as error:
            raise StorageError(
                f"The sampler's log {self.log} cannot be written: {error.strerror}.",
                "Make room, or choose another folder with --home.",
            ) from error
        log.seek(0, os.SEEK_END)
        return log

    @overload
    async def request(self, op: Request[ReplyT, BatchT]) -> ReplyT: ...

    @overload
    async def request(self, op: str, **fields: Any) -> Json: ...

    async def request(self, op: Any, **fields: Any) -> Any:
        """Return the last reply to a request.

        Raises:
            ServerError: the request failed.
            ServerDied: the process ended.
            Cancelled: the request was cancelled before it had a result.
        """
        async with self.stream(op, **fields) as replies:
            return [message async for message in replies][-1]

    @overload
    def stream(self, op: Request[ReplyT, BatchT]) -> Replies[ReplyT | BatchT]: ...

    @overload
    def stream(self, op: str, **fields: Any) -> Replies[Json]: ...

    def stream(self, op: Any, **fields: Any) -> Any:
        """The replies to a request, which is sent when the first of them is awaited."""
        self._last_id += 1
        if isinstance(op, str):
            return Replies(self, self._last_id, _new_fields(op, fields), _old_fields)
        return Replies(self, self._last_id, request_to_json(op), partial(reply_from_json, op))

    async def cancel(self, id: int) -> None:
        """Ends a request: its last reply comes soon and says so, with what came till then."""
        if id in self._open:
            await self.request(CancelRequest(target=id))

    async def _ask(self, replies: Replies[Any], request: Json) -> None:
        line = json.dumps(request, separators=(",", ":"))
        if len(line) >= LONGEST_LINE:
            raise InputError("That is too long for one request.", "Shorten the text.")
        await self.start()
        self._open[replies.id] = replies
        self._write(line)

    def _forget(self, id: int) -> None:
        """Cancels a request that nobody listens to any more."""
        if self._open.pop(id, None) is not None:
            self._last_id += 1
            self._write(json.dumps({"id": self._last_id, "op": "cancel", "target": id}))

    def _write(self, line: str) -> None:
        # A process that has died is noticed where its replies are read.
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(line.encode() + b"\n")

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Hands replies to those who wait for them, until the process ends."""
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                self._hand_out(json.loads(line))
        except (OSError, ValueError, LookupError, TypeError):
            # Not what a sampler writes: it is of no use any more.
            with suppress(ProcessLookupError):
                process.kill()
        code = await process.wait()
        self._process = None
        died = self._death(code)
        waiting, self._open = list(self._open.values()), {}
        for replies in waiting:
            replies.fail(died)

    def _hand_out(self, said: Json) -> None:
        replies = self._open.get(said["id"])
        if replies is not None:
            if said.get("done"):
                del self._open[said["id"]]
            replies.receive(said)

    def _death(self, code: int) -> ServerDied:
        how = f"by signal {-code}" if code < 0 else f"with code {code}"
        lines = self._last_words()
        said = "".join(f"\n{line}" for line in lines)
        return ServerDied(f"It ended {how}.{said}", "Try again: another one is started.")

    def _last_words(self) -> list[str]:
        """The last lines the process wrote to its log."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(self._log_began, log.seek(0, os.SEEK_END) - (1 << 14)))
                text = log.read().decode(errors="replace")
        except OSError:
            return []
        return [line for line in text.splitlines() if line.strip()][-LAST_LINES:]

    async def close(self) -> None:
        """Ends the process, within a second; what is still asked for fails."""
        self._closed = True
        async with self._starting:
            process, reader = self._process, self._reader
        if process is None or reader is None or process.stdin is None:
            return
        process.stdin.close()
        for end in (process.terminate, process.kill):
            done, _ = await asyncio.wait([reader], timeout=self._grace)
            if done:
                return
            with suppress(ProcessLookupError):
                end()
        await asyncio.wait([reader], timeout=self._grace)


Result = TypeVar("Result")


class BlockingClient:
    """A sampler's process while commands need it; Ctrl+C ends what is asked, and is raised.

    Args:
        home: where runs and the cache are.
        sampler: the way to the model; a process of its own unless given.
    """

    def __init__(self, home: Home, sampler: ModelClient | None = None) -> None:
        self.sampler: ModelClient = sampler or ServerClient(home)
        self._loop = asyncio.Runner()

    def __enter__(self) -> Self:
        self._loop.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.run(self.sampler.close())
        self._loop.close()

    def wait(self, result: Awaitable[Result]) -> Result:
        """What comes of it."""

        async def whole() -> Result:
            return await result

        return self._loop.run(whole())

    @overload
    def request(self, op: Request[ReplyT, BatchT]) -> ReplyT: ...

    @overload
    def request(self, op: str, **fields: Any) -> Json: ...

    def request(self, op: Any, **fields: Any) -> Any:
        """The last reply.

        Raises:
            MiniGPTError: the request failed.
        """
        return self.wait(self.sampler.request(op, **fields))

    def hear(self, take: Callable[[Json], None], op: str, **fields: Any) -> None:
        """Every reply as it comes.

        Raises:
            MiniGPTError: the request failed.
        """

        async def whole(replies: AsyncIterator[Json]) -> None:
            async for said in replies:
                take(said)

        async def closing() -> None:
            async with aclosing(self.sampler.stream(op, **fields)) as replies:
                await whole(replies)

        self._loop.run(closing())
