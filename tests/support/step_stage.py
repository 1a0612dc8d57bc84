"""For tests of Step and Inside: a sampler that answers as the real one does, and the app around it.

Its model has ten words and always the same chances, shifted by one word at each place; the
snapshot 1 has them the other way round. Every reply has the fields that were recorded of a real
one; `tests/test_stepping.py` and `tests/test_inside.py` hold the real one to them.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.app import App
from textual.message import Message
from textual.pilot import Pilot
from textual.screen import Screen

from core.errors import ClosedError, InputError, MiniGPTError
from core.paths import Home
from tui.common.messages import CopyRequested, ErrorRaised, OpenInside
from tui.common.terminal import Terminal

Json = dict[str, Any]
WORDS = [
    "<pad>",
    "<sos>",
    "<eos>",
    "Python",
    "is",
    "a",
    "popular",
    "[b]bold",
    "\x1besc",
    "language.",
]
CHANCES = [0.5, 0.25, 0.12, 0.06, 0.03, 0.02, 0.01, 0.009, 0.001, 0.00001]
BEGUN = 2
LAYERS, HEADS = 3, 2


@dataclass
class StepSampler:
    """Sessions by name, each the ids it holds.

    Attributes:
        fail: raised by the next request of an operation, once.
        corpus: what the corpus says of each token; None is a text without an index.
        gate: waited for before each reply; open by default.
        seconds: before each reply.
        asked: every request, in order.
    """

    fail: dict[str, MiniGPTError] = field(default_factory=dict)
    corpus: list[int] | None = None
    gate: asyncio.Event | None = None
    seconds: float = 0.0
    asked: list[tuple[str, Json]] = field(default_factory=list)
    sessions: dict[str, tuple[str, list[int]]] = field(default_factory=dict)

    async def start(self) -> None:
        """There is no process."""

    async def close(self) -> None:
        """Nor does it end."""

    async def cancel(self, id: int) -> None:
        """Nothing takes long."""

    async def request(self, op: str, **fields: Any) -> Json:
        self.asked.append((op, fields))
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(self.seconds)
        if op in self.fail:
            raise self.fail.pop(op)
        reply: Json = getattr(self, f"_{op}")(**fields)
        return reply

    async def stream(self, op: str, **fields: Any) -> AsyncGenerator[Json, None]:
        self.asked.append((op, fields))
        yield {"finished": 5, "total": 10, "phase": "sorting the text"}
        await asyncio.sleep(0)
        self.corpus = [12, 0, 0, 0, 2, 0, 0, 0, 0, 0]
        yield {"how": "made", "tokens": 10, "done": True}

    def _load(self, run: str, which: str, device: str) -> Json:
        return {"name": run, "step": 500 if which == "last" else int(which), "context": 64}

    def _step(self, session: str | None = None, **fields: Any) -> Json:
        if session is None:
            session = f"s{len(self.sessions) + 1}"
            words = (fields["prompt"] or "").split()
            if "unknown" in words:
                raise InputError("Not in the vocabulary: the word 'unknown'.", "Use known words.")
            begun = [] if fields["prompt"] is None else [1]
            ids = [*begun, *(WORDS.index(word) for word in words), *fields.get("chosen", ())]
            self.sessions[session] = (fields["which"], ids)
        which, ids = self._of(session)
        picked = fields.get("pick")
        if picked is None:
            return self._view(session, fields)
        before = self._view(session, fields)
        id = before["choice"]["id"] if picked == "sampler" else picked
        token = self._token(which, len(ids), id, fields["settings"])
        ids.append(id)
        return self._view(session, fields) | {"picked": token}

    def _of(self, session: str) -> tuple[str, list[int]]:
        if session not in self.sessions:
            raise ClosedError(f"The session {session!r} is not open any more.", "Open it again.")
        return self.sessions[session]

    def _cut(self, session: str, length: int, **fields: Any) -> Json:
        del self._of(session)[1][length:]
        return self._view(session, fields)

    def _find(self, session: str, text: str, settings: Json) -> Json:
        which, ids = self._of(session)
        found = [id for id, word in enumerate(WORDS) if text in word]
        tokens = [self._token(which, len(ids), id, settings) for id in found]
        return {"session": session, "matches": len(found), "found": tokens}

    def _fork(self, session: str, count: int, tokens: int, settings: Json) -> Json:
        which, ids = self._of(session)
        row = [self._best(which, len(ids) + place) for place in range(tokens)]
        return {
            "session": session,
            "reason": "length",
            "rows": [{"tokens": [[id, f" {WORDS[id]}", 0.5] for id in row], "ended": False}],
        }

    def _inside(
        self,
        session: str,
        head: int | None,
        at: int | None,
        off: list[list[int]],
        layer: int = -1,
    ) -> Json:
        which, ids = self._of(session)
        last = len(ids) - 1 if at is None else at
        share = 1.0 if head is None else 0.25 * (head + 1)
        looks = [
            [share / (last + 1) if place <= last else 0.0 for place in range(len(ids))]
            for _ in range(LAYERS)
        ]
        for row in looks:
            row[0] += 1.0 - share
        best = self._best(which, last + 1)
        lens = [[best, WORDS[best], (depth + 1) / 10] for depth in range(LAYERS + 1)]
        return {
            "session": session,
            "window": [[place, id, WORDS[id]] for place, id in enumerate(ids)],
            "positions": [last],
            "lens": [lens],
            "looks": looks,
            "whole": [best, WORDS[best], 0.62, 0.62 - 0.31 * bool(off)],
            "layers": LAYERS,
            "heads": HEADS,
        }

    def _best(self, which: str, length: int) -> int:
        return self._order(which, length)[0]

    def _order(self, which: str, length: int) -> list[int]:
        """Ids from the likeliest on."""
        ids = [(place + length + 1) % 7 + 3 for place in range(7)] + [2, 0, 1]
        return ids[:7][::-1] + ids[7:] if which == "1" else ids

    def _token(self, which: str, length: int, id: int, settings: Json) -> Json:
        rank = self._order(which, length).index(id)
        greedy, kept = settings["temperature"] == 0, settings["top_k"] or 10
        removed = "special" if id < 2 else "top_k" if rank >= kept else None
        if greedy and rank and not removed:
            removed = "temperature"
        chance = 1.0 if greedy else CHANCES[rank]
        return {
            "id": id,
            "text": WORDS[id],
            "rank": rank + 1,
            "probability": CHANCES[rank],
            "chance": 0.0 if removed else chance,
            "removed": removed,
            "corpus": [self.corpus[rank], 14, 3] if self.corpus else None,
        }

    def _view(self, session: str, fields: Json) -> Json:
        which, ids = self._of(session)
        settings = fields["settings"]
        tokens = [self._token(which, len(ids), id, settings) for id in self._order(which, len(ids))]
        choice = tokens[0] if settings["temperature"] == 0 else tokens[settings["seed"] % 3]
        return {
            "session": session,
            "picked": None,
            "length": len(ids),
            "begun": BEGUN,
            "window_start": 0,
            "used": len(ids),
            "context": 64,
            "entropy": 2 * math.log(2),
            "loss": math.log(len(ids)),
            "corpus": {"length": 3, "count": 14} if self.corpus else None,
            "choice": choice,
            "top": tokens[: fields["top"]],
            "ended": len(ids) > BEGUN and ids[-1] == 2,
            "text": "".join(f" {WORDS[id]}" for id in ids[BEGUN:]),
        }


class StageApp(App[None]):
    """As much of the app as a screen needs; remembers what the screen posts."""

    CSS_PATH = str(Path(__file__).parents[2] / "tui" / "styles" / "app.tcss")

    def __init__(
        self, home: Home, sampler: StepSampler, first: Screen[None], look: Terminal | None = None
    ) -> None:
        super().__init__()
        self.home, self.client, self.terminal = home, sampler, look or Terminal()
        self.theme = self.terminal.theme
        self.animation_level = "none"
        self.first = first
        self.troubles: list[MiniGPTError] = []
        self.copied: list[str] = []
        self.went: list[Message] = []

    def on_mount(self) -> None:
        self.push_screen(self.first)

    def on_error_raised(self, message: ErrorRaised) -> None:
        self.troubles.append(message.error)

    def on_copy_requested(self, message: CopyRequested) -> None:
        self.copied.append(message.text)

    def on_open_inside(self, message: OpenInside) -> None:
        self.went.append(message)

    @property
    def text(self) -> str:
        """The screen as plain lines."""
        strips = self.screen._compositor.render_strips(self.size)
        return "\n".join("".join(s.text for s in strip).rstrip() for strip in strips)


Journey = Callable[[StageApp, "Pilot[None]"], Awaitable[None]]


def perform(app: StageApp, journey: Journey, size: tuple[int, int] = (80, 24)) -> StageApp:
    """Runs the app headless along a journey."""

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await settle(app, pilot)
            await journey(app, pilot)

    asyncio.run(run())
    return app


async def press(app: StageApp, pilot: Pilot[None], *keys: str) -> str:
    """Presses keys, waits until all was answered, and tells what is shown."""
    await pilot.press(*keys)
    await settle(app, pilot)
    return app.text


async def settle(app: StageApp, pilot: Pilot[None]) -> None:
    """Lets the app go on until nothing is under way."""
    await pilot.pause()
    await app.workers.wait_for_complete()
    await pilot.pause()


def asked(sampler: StepSampler, op: str) -> list[Json]:
    return [fields for name, fields in sampler.asked if name == op]
