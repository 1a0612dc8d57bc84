"""Clients of the model server.

`ModelClient` is what screens and commands use; `ServerClient` implements it by a child process
`python -m core.server` with JSON lines on its pipes; `BlockingClient` wraps it for commands without
an event loop. The process is started by the first request or by `start`, replaced once it has
exited, and ends with this one because its input ends. docs/server_protocol.md lists the messages.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, Protocol, Self, TypeVar

from core.errors import Cancelled, InputError, MiniGPTError
from core.paths import Home
from core.run.launch import environment
from core.system.files import JsonObject, make_private_folder, open_for_writing
from tui.common.sanitize import clean

if TYPE_CHECKING:
    from core.server.protocol import Request  # at run time by the first request, not at start-up

MODULE = "core.server"
MAX_LINE_BYTES = 2**24
MAX_LOG_BYTES = 1 << 20
ERROR_LOG_LINES = 8

ReplyT = TypeVar("ReplyT")
BatchT = TypeVar("BatchT")
MessageT_co = TypeVar("MessageT_co", covariant=True)
ResultT = TypeVar("ResultT")


class ServerError(MiniGPTError):
    """A request failed, as the model server reports it.

    Attributes:
        nearest: the most similar known words by unknown word, where such words are the reason.
        problems: what is wrong by setting, where settings are the reason.
    """

    def __init__(self, error: JsonObject) -> None:
        super().__init__(str(error.get("message")), str(error.get("hint") or ""))
        self.title = str(error.get("title") or MiniGPTError.title)
        self.exit_code = int(error.get("code", MiniGPTError.exit_code))
        self.nearest: dict[str, list[str]] = error.get("nearest") or {}
        self.problems: dict[str, str] = error.get("problems") or {}


class ServerExitedError(MiniGPTError):
    """The process ended during a request; the next request starts another."""

    title = "The model server has ended"


class ReplyStream(Protocol[MessageT_co]):
    """The messages of one request as they come; closing it cancels the request."""

    @property
    def id(self) -> int:
        """The id of the request, for `ModelClient.cancel`."""

    def __aiter__(self) -> AsyncIterator[MessageT_co]: ...

    def __anext__(self) -> Awaitable[MessageT_co]: ...

    def aclose(self) -> Awaitable[object]:
        """Cancel the request unless it has ended."""


class ModelClient(Protocol):
    """Typed access to a model server."""

    async def start(self) -> None:
        """Start the process before it is needed."""

    async def request(self, request: Request[ReplyT, Any]) -> ReplyT:
        """Send a request and return its last reply.

        Raises:
            ServerError: the request failed.
            Cancelled: it was cancelled before there was a result.
            ServerExitedError: the process ended meanwhile.
        """

    def stream(self, request: Request[ReplyT, BatchT]) -> ReplyStream[ReplyT | BatchT]:
        """Return the batches and the last reply of a request; the first `anext` sends it."""

    async def cancel(self, id: int) -> None:
        """Cancel a request; its last reply is still sent, with the tokens so far."""

    async def close(self) -> None:
        """End the process."""


class ServerReplies(AsyncIterator[ReplyT | BatchT], Generic[ReplyT, BatchT]):
    """The messages of one request to a `ServerClient`; see `ReplyStream`.

    Iterating raises `ServerError` if the request failed, `Cancelled` if it was cancelled before
    there was a result, `ServerExitedError` if the process ended.
    """

    def __init__(self, client: ServerClient, id: int, request: Request[ReplyT, BatchT]) -> None:
        self.id = id
        self._client, self._request = client, request
        self._queue: asyncio.Queue[tuple[ReplyT | BatchT | Exception, bool]] = asyncio.Queue()
        self._sent = self._over = False

    async def __anext__(self) -> ReplyT | BatchT:
        if self._over:
            raise StopAsyncIteration
        if not self._sent:
            self._sent = True
            await self._client._send(self, self._request)
        message, self._over = await self._queue.get()
        if isinstance(message, Exception):
            raise message
        return message

    def receive(self, values: JsonObject) -> None:
        """Add a message from the process.

        Raises:
            LookupError, TypeError, ValueError: it is not a reply to this request.
        """
        from core.server.protocol import reply_from_json

        done = bool(values.get("done"))
        if "error" in values:
            self._queue.put_nowait((ServerError(values["error"]), done))
        elif values.get("cancelled"):
            self._queue.put_nowait((Cancelled(), done))
        else:
            self._queue.put_nowait((reply_from_json(self._request, values), done))

    def fail(self, error: ServerExitedError) -> None:
        """End the stream with an error."""
        self._queue.put_nowait((error, True))

    async def aclose(self) -> None:
        """Cancel the request unless it has ended; later messages are dropped."""
        if self._sent and not self._over:
            self._client._abandon(self.id)
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


class ServerClient:
    """A model server in a child process, one at a time; for the tasks of one event loop.

    Args:
        home: where runs and the cache are.
        grace: seconds to wait for the process to end by itself, then after SIGTERM.
        warn: called with a message for the user, once, if the process has to run without a log.
    """

    def __init__(
        self, home: Home, grace: float = 0.3, warn: Callable[[str], object] = lambda _: None
    ) -> None:
        self._home, self._grace, self._warn = home, grace, warn
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._open: dict[int, ServerReplies[Any, Any]] = {}
        self._last_id = 0
        self._log_start = 0
        self._has_warned = False
        self._closed = False

    @property
    def log(self) -> Path:
        """The file with the process's standard error."""
        return self._home.cache / "server.log"

    @property
    def pid(self) -> int | None:
        """The process id; None while there is no process."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the process unless it is running; it loads torch at once.

        Raises:
            ServerExitedError: the system cannot start it, or this client was closed.
        """
        async with self._starting:
            if self._closed:
                raise ServerExitedError("The model server was closed.")
            if self._process is not None:
                return
            try:
                await self._start()
            except OSError as error:
                raise ServerExitedError(f"It could not be started: {error}.") from error

    async def _start(self) -> None:
        with self._open_log() as log:
            self._log_start = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *[sys.executable, "-m", MODULE],
                *["--root", str(self._home.root), "--cache", str(self._home.cache)],
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                # A folder of the user's named `core` must not be imported.
                cwd=self._home.cache if self._home.cache.is_dir() else os.sep,
                env=environment(),
                limit=MAX_LINE_BYTES,
                # Signals from the terminal's keys are for the app.
                start_new_session=True,
            )
        self._reader = asyncio.create_task(self._read_replies(self._process))

    def _open_log(self) -> BinaryIO:
        """The log, to append to; where nothing can be written, a file that keeps nothing."""
        try:
            make_private_folder(self._home.cache)
            too_large = self.log.exists() and self.log.stat().st_size > MAX_LOG_BYTES
            flags = os.O_TRUNC if too_large else os.O_APPEND
            log = os.fdopen(open_for_writing(self.log, flags), "ab")
        except OSError as error:
            if not self._has_warned:
                self._has_warned = True
                self._warn(
                    f"The model server runs without a log: {self.log} cannot be written: "
                    f"{error.strerror}."
                )
            return Path(os.devnull).open("ab")
        log.seek(0, os.SEEK_END)
        return log

    async def request(self, request: Request[ReplyT, Any]) -> ReplyT:
        """Send a request and return its last reply; see `ModelClient`."""
        async with self.stream(request) as replies:
            messages = [message async for message in replies]
        last: ReplyT = messages[-1]
        return last

    def stream(self, request: Request[ReplyT, BatchT]) -> ServerReplies[ReplyT, BatchT]:
        """Return the batches and the last reply of a request; see `ModelClient`."""
        self._last_id += 1
        return ServerReplies(self, self._last_id, request)

    async def cancel(self, id: int) -> None:
        """Cancel a request; its last reply is still sent, with the tokens so far."""
        from core.server.protocol import CancelRequest

        if id in self._open:
            await self.request(CancelRequest(target=id))

    async def _send(self, replies: ServerReplies[Any, Any], request: Request[Any, Any]) -> None:
        line = _encode(replies.id, request)
        if len(line) >= MAX_LINE_BYTES:
            raise InputError("The text is too long for one request.", "Shorten it.")
        await self.start()
        self._open[replies.id] = replies
        self._write(line)

    def _abandon(self, id: int) -> None:
        """Cancel a request without waiting for its last reply."""
        from core.server.protocol import CancelRequest

        if self._open.pop(id, None) is not None:
            self._last_id += 1
            self._write(_encode(self._last_id, CancelRequest(target=id)))

    def _write(self, line: str) -> None:
        # A process that has exited is noticed by `_read_replies`.
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(line.encode() + b"\n")

    async def _read_replies(self, process: asyncio.subprocess.Process) -> None:
        """Pass replies to their streams until the process ends, then end all open streams."""
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                self._dispatch(json.loads(line))
        except (OSError, ValueError, LookupError, TypeError):
            # Not the protocol: the process is of no more use.
            with suppress(ProcessLookupError):
                process.kill()
        code = await process.wait()
        self._process = None
        error = self._exit_error(code)
        waiting, self._open = list(self._open.values()), {}
        for replies in waiting:
            replies.fail(error)

    def _dispatch(self, values: JsonObject) -> None:
        replies = self._open.get(values["id"])
        if replies is not None:
            replies.receive(values)
            if values.get("done"):
                del self._open[values["id"]]

    def _exit_error(self, code: int) -> ServerExitedError:
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        lines = "".join(f"\n{line}" for line in self._last_log_lines())
        return ServerExitedError(f"It ended {how}.{lines}", "Try again: it is started anew.")

    def _last_log_lines(self) -> list[str]:
        try:
            with self.log.open("rb") as log:
                log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - (1 << 14)))
                text = log.read().decode(errors="replace")
        except OSError:
            return []
        return [line for line in text.splitlines() if line.strip()][-ERROR_LOG_LINES:]

    async def close(self) -> None:
        """End the process, within a second; open requests fail."""
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


def _encode(id: int, request: Request[Any, Any]) -> str:
    from core.server.protocol import request_to_json

    return json.dumps({"id": id, **request_to_json(request)}, separators=(",", ":"))


def _print_warning(text: str) -> None:
    import click

    click.echo(clean(text), err=True)


class BlockingClient:
    """A model client for commands, without `await`; Ctrl+C cancels the request and is raised.

    Args:
        home: where runs and the cache are.
        client: the client to wrap; a `ServerClient` unless given.
    """

    def __init__(self, home: Home, client: ModelClient | None = None) -> None:
        self.client: ModelClient = client or ServerClient(home, warn=_print_warning)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._runner.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self.client.close())
        self._runner.close()

    def wait(self, result: Awaitable[ResultT]) -> ResultT:
        """Run an awaitable to its end."""

        async def run() -> ResultT:
            return await result

        return self._runner.run(run())

    def request(self, request: Request[ReplyT, Any]) -> ReplyT:
        """Send a request and return its last reply.

        Raises:
            MiniGPTError: the request failed.
        """
        return self.wait(self.client.request(request))

    def stream(
        self, request: Request[ReplyT, BatchT], handle: Callable[[ReplyT | BatchT], None]
    ) -> None:
        """Send a request and call `handle` with every batch and the last reply.

        Raises:
            MiniGPTError: the request failed.
        """

        async def run() -> None:
            replies = self.client.stream(request)
            async with aclosing(replies):
                async for message in replies:
                    handle(message)

        self._runner.run(run())
