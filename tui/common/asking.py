"""The sampler for commands, which do one thing after another: its replies without `await`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self, TypeVar

from core.paths import Home
from tui.common.client import Json, Sampler, Talker

Result = TypeVar("Result")


class Asking:
    """A sampler's process while commands need it; Ctrl+C ends what is asked, and is raised.

    Args:
        home: where runs and the cache are.
        sampler: the way to the model; a process of its own unless given.
    """

    def __init__(self, home: Home, sampler: Talker | None = None) -> None:
        self.sampler: Talker = sampler or Sampler(home)
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

    def request(self, op: str, **fields: Any) -> Json:
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
