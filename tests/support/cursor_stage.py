"""For tests of the cursor: the sampler of `step_stage`, asked for places of a text and for ways."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from textual.pilot import Pilot

from core.errors import InputError
from core.paths import Home
from core.run.directory import Run
from tests.support.step_stage import CHANCES, WORDS, Json, StageApp, StepSampler
from tui.common.sampling_settings import SamplingControls
from tui.common.terminal import Terminal
from tui.explore.branches import Branch, read_branches
from tui.screens.cursor import CursorScreen

IDS = [1, 3, 4, 5, 6]  # Python is a popular
TEXT = "Python is a popular"


class Ways:
    """The replies to a fork: the first token of each way, and all of them.

    Args:
        sampler: whom it asks.
        id: its own.
        fields: what was asked.
    """

    def __init__(self, sampler: CursorSampler, id: int, fields: Json) -> None:
        self.id, self._sampler, self._fields = id, sampler, fields
        self._begun, self._over = False, False

    def __aiter__(self) -> AsyncIterator[Json]:
        return self

    async def __anext__(self) -> Json:
        if self._over:
            raise StopAsyncIteration
        if not self._begun and "fork" not in self._sampler.fail:
            self._begun = True
            rows = self._sampler.ways(self.id, **self._fields)["rows"]
            return {"came": [row["tokens"][:1] for row in rows]}
        self._over = True
        if self._sampler.forks is not None:
            await self._sampler.forks.wait()
        if "fork" in self._sampler.fail:
            raise self._sampler.fail.pop("fork")
        return self._sampler.ways(self.id, **self._fields)

    async def aclose(self) -> None:
        """Nothing is kept."""


@dataclass
class CursorSampler(StepSampler):
    """Looks at places, and grows ways.

    Attributes:
        forks: waited for before ways are answered; open by default.
        cancelled: the ids of requests that were.
    """

    forks: asyncio.Event | None = None
    cancelled: list[int] = field(default_factory=list)
    _last: int = 0

    def stream(self, op: str, **fields: Any) -> Any:
        if op != "fork":
            return super().stream(op, **fields)
        self.asked.append((op, fields))
        self._last += 1
        return Ways(self, self._last, fields)

    async def cancel(self, id: int) -> None:
        self.cancelled.append(id)
        if self.forks is not None:
            self.forks.set()

    def _look(
        self,
        run: str,
        which: str,
        device: str,
        settings: Json,
        top: int,
        prompt: str = "",
        ids: list[int] | None = None,
        at: int | None = None,
        scored: bool = False,
    ) -> Json:
        words = prompt.split()
        if "unknown" in words:
            raise InputError("Not in the vocabulary: the word 'unknown'.", "Use known words.")
        all = [1, *(WORDS.index(word) for word in words)] if ids is None else ids
        place = len(all) if at is None else at
        self.sessions["look"] = which, all[:place]
        found = self._view("look", {"settings": settings, "top": top})
        came = self._token(which, place, all[place], settings) if place < len(all) else None
        return {**found, "came": came} | ({"tokens": self._told(which, all)} if scored else {})

    def _told(self, which: str, ids: list[int]) -> list[list[Any]]:
        """Every token with its text and its log-probability."""
        found: list[list[Any]] = []
        for place, id in enumerate(ids):
            chance = CHANCES[self._order(which, place).index(id)]
            text = "" if id < 3 else f"{' ' if place > 1 else ''}{WORDS[id]}"
            found.append([id, text, math.log(chance) if place else None])
        return found

    def ways(
        self, id: int, run: str, which: str, device: str, ids: list[int], **fields: Any
    ) -> Json:
        """The reply to a fork; row r of those that are drawn begins with the r-th likeliest."""
        stopped = id in self.cancelled
        length = min(fields["tokens"], 1 if stopped else 3)
        order = self._order(which, len(ids))
        firsts = fields.get("firsts") or [order[r % 3] for r in range(fields["count"])]
        rows = []
        for first in firsts:
            row = [first]
            while row[-1] != 2 and len(row) < length:
                row.append(self._best(which, len(ids) + len(row)))
            told = self._told(which, [*ids, *row])[len(ids) :]
            tokens = [[id, text, math.exp(score)] for id, text, score in told]
            rows.append({"tokens": tokens, "text": "", "ended": row[-1] == 2})
        return {"session": None, "reason": "cancelled" if stopped else "length", "rows": rows}


def cursor_app(
    home: Home,
    sampler: CursorSampler,
    dials: SamplingControls | None = None,
    look: Terminal | None = None,
) -> StageApp:
    return StageApp(home, sampler, CursorScreen("lang", "last", TEXT, (), dials), look)


def kept(home: Home) -> list[Branch]:
    """The branches in the run's file."""
    return list(read_branches(Run(home.runs / "lang").talk).branches)


def screen_of(app: StageApp) -> CursorScreen:
    assert isinstance(app.screen, CursorScreen)
    return app.screen


def path_of(app: StageApp) -> str:
    """The text of the path one is on."""
    return "".join(token.text for token in screen_of(app).cursor.path)


async def until(pilot: Pilot[None], true: Any) -> None:
    """Lets the app go on until something holds."""
    for _ in range(200):
        if true():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came")
