"""The process of the local server: started, followed by its events, and ended with this one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import BinaryIO, Protocol

from core.run.launch import environment
from core.serve.events import Event, Failed, ServeError, decode_event, error_of
from core.serve.launch import ServeArguments, check_arguments, command

MAX_LINE_BYTES = 1 << 20
END_TIMEOUT_S = 6.0  # after the end of its input, then after SIGTERM


class EventSource(Protocol):
    """A server and its events."""

    def events(self) -> AsyncIterator[Event]:
        """Start it and yield its events until it ends.

        Raises:
            MiniGPTError: it could not start, or has ended by itself.
        """

    async def close(self) -> None:
        """End it."""


class ServeProcess:
    """A child process `python -m core.serve`; it also ends when this process does.

    Args:
        errors: receives its standard error, closed with it; None for that of this process.
    """

    def __init__(self, arguments: ServeArguments, errors: BinaryIO | None = None) -> None:
        self._arguments, self._errors = arguments, errors
        self._process: asyncio.subprocess.Process | None = None
        self._is_closing = False

    async def events(self) -> AsyncIterator[Event]:
        """See `EventSource`."""
        check_arguments(self._arguments)
        process = await self._start()
        assert process.stdout is not None
        async for line in process.stdout:
            event = decode_event(line)
            if isinstance(event, Failed):
                raise error_of(event)
            if event is not None:
                yield event
        code = await process.wait()
        if not self._is_closing:
            raise ServeError(f"Its exit code is {code}.", "Start it again.")

    async def _start(self) -> asyncio.subprocess.Process:
        arguments = self._arguments
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *command(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=self._errors,
                limit=MAX_LINE_BYTES,
                # A folder of the user's named `core` must not be imported.
                cwd=cache if (cache := arguments.home.cache).is_dir() else os.sep,
                env=environment(),
                start_new_session=True,  # the terminal's signals are for this process
            )
        except OSError as error:
            raise ServeError(f"It could not be started: {error.strerror}.") from error
        assert process.stdin is not None
        process.stdin.write(arguments.to_line())
        return process

    async def close(self) -> None:
        """See `EventSource`."""
        self._is_closing = True
        if self._errors is not None:
            self._errors.close()
        process = self._process
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        for end in (process.terminate, process.kill):
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), END_TIMEOUT_S)
                return
            with suppress(ProcessLookupError):
                end()
        await process.wait()
