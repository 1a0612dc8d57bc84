"""A client of the model server without a process: requests go to a dispatcher in this one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.paths import Home
from core.progress import never_cancelled
from core.server.codec import to_json
from core.server.dispatch import Dispatcher
from core.server.protocol import parse_request
from core.system.files import JsonObject
from tests.support.runs import tiny_run


def tiny_home(folder: Path) -> Home:
    """A home with two tiny runs: `words` with snapshots, and `chars`, a running text."""
    home = Home(root=folder, cache=folder / "cache")
    tiny_run(home, "words", snapshots=(0, 4))
    tiny_run(home, "chars", "char", "text", context=16)
    return home


class DirectClient:
    """Calls a dispatcher with the JSON fields of a request; returns the JSON of its reply.

    Attributes:
        batches: the JSON of the batches of the last request.
        cancelled: the cancel check of the requests that follow.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher = dispatcher
        self.batches: list[JsonObject] = []
        self.cancelled: Callable[[], bool] = never_cancelled
        self.last_id = 0

    def __call__(self, op: str, **fields: Any) -> JsonObject:
        self.last_id += 1
        self.batches = []
        request = parse_request(op, fields)
        reply: JsonObject = to_json(
            self.dispatcher.answer(
                self.last_id,
                request,
                lambda batch: self.batches.append(to_json(batch)),
                lambda: self.cancelled(),
            )
        )
        json.dumps([reply, self.batches], allow_nan=False)
        return reply

    def cancel_after(self, batches: int) -> None:
        """Cancel the requests that follow after so many batches."""
        self.cancelled = lambda: len(self.batches) >= batches
