"""For tests of what the sampler answers: tiny models, and asking in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.paths import Home
from core.progress import never_cancelled
from core.server import protocol
from core.server.codec import to_json
from core.server.dispatch import Dispatcher
from tests.support.runs import tiny_run

Json = dict[str, Any]


def tiny_home(folder: Path) -> Home:
    """Two tiny runs, of words and of characters."""
    found = Home(root=folder, cache=folder / "cache")
    tiny_run(found, "words", snapshots=(0, 4))
    tiny_run(found, "chars", "char", "text", context=16)
    return found


class Asker:
    """Asks by name, as a request would, and keeps what was said before the last reply."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher = dispatcher
        self.heard: list[Json] = []
        self.cancelled: Callable[[], bool] = never_cancelled
        self.last_id = 0

    def __call__(self, op: str, **fields: Any) -> Json:
        self.last_id += 1
        self.heard = []
        ask = protocol.parse_request(op, fields)
        reply = self.dispatcher.answer(self.last_id, ask, self._hear, lambda: self.cancelled())
        found: Json = to_json(reply)
        json.dumps([found, self.heard], allow_nan=False)
        return found

    def _hear(self, batch: Any) -> None:
        self.heard.append(to_json(batch))

    def cancel_after(self, batches: int) -> None:
        self.cancelled = lambda: len(self.heard) >= batches
