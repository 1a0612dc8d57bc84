"""For tests of screens: a sampler without a process that says what was recorded of a real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.errors import MiniGPTError

Json = dict[str, Any]

LOADED: Json = {
    "name": "lang", "which": "last", "step": 150, "device": "cpu", "device_name": "CPU, AVX2",
    "parameters": 808576, "context": 32, "vocab_size": 134, "layers": 4, "heads": 4,
    "architecture": "qwen3", "tokenizer": "word", "reading": "lines", "seconds": 0.02,
    "how": "loaded", "done": True,
}  # fmt: skip
REPLY: list[Json] = [
    {"tokens": [[7, " is", 0.99]], "window_start": 0, "count": 1, "seconds": 0.004},
    {
        "tokens": [
            [8, " a", 0.98], [9, " popular", 0.99], [10, " programming", 0.99],
            [11, " language.", 0.98], [2, "", 0.99],
        ],
        "window_start": 0, "count": 6, "seconds": 0.012,
    },
    {
        "reason": "end", "tokens": 6, "seconds": 0.0125, "tokens_per_second": 588.2, "used": 8,
        "context": 32, "text": " is a popular programming language.", "step": 150, "done": True,
    },
]  # fmt: skip
PROBED: Json = {
    "devices": [
        {
            "device": "cpu", "name": "CPU, AVX2", "free_memory": 8 << 30, "threads": 4,
            "bfloat16": False,
        }
    ],
    "parameters": 808576, "memory_bytes": 20 << 20, "free_memory": 8 << 30,
    "disk_bytes": 45 << 20, "free_disk": 100 << 30, "seconds_per_step": 0.02, "steps": 150,
    "seconds": 3.0, "reasons": ["tiny model, 0.81 M parameters (257 tokens to learn from, CPU)"],
    "done": True,
}  # fmt: skip
INDEXED: list[Json] = [
    {"phase": "counting lines", "finished": 0, "total": 1092},
    {"phase": "sorting the text", "finished": 121, "total": 242},
    {
        "how": "made", "tokens": 121, "bytes": 500, "depth": 64, "notes": [], "seconds": 0.004,
        "done": True,
    },
]  # fmt: skip
ORIGIN: Json = {
    "tokens": 11, "copied": 9, "share": 0.8181818181818182, "longest": 5, "bigrams": 10,
    "new_bigrams": 2,
    "spans": [
        {
            "begin": 0, "end": 5, "count": 1, "at_least": False, "from": 1, "to": 35,
            "places": [
                {
                    "file": "corpus.txt", "line": 1, "offset": 7, "before": "Python ",
                    "text": "is a popular programming language.", "after": "",
                }
            ],
        },
        {
            "begin": 7, "end": 11, "count": 12, "at_least": False, "from": 41, "to": 60,
            "places": [
                {
                    "file": "corpus.txt", "line": line, "offset": 20 * line, "before": "I ",
                    "text": "love to code in the", "after": " dark.",
                }
                for line in (2, 30)
            ],
        },
    ],
    "encoding": "utf-8", "errors": "strict", "notes": [],
    "text": " is a popular programming language. I do love to code in the rain.", "done": True,
}  # fmt: skip


@dataclass
class FakeSampler:
    """Answers each operation with its recorded replies.

    Attributes:
        replies: what is said to each operation, an error being raised in its place.
        gate: waited for before each reply of a stream; open by default.
        asked: every request, in order.
        cancelled: ids of requests that were cancelled or closed before their end.
    """

    replies: Mapping[str, Sequence[Json | MiniGPTError]] = field(
        default_factory=lambda: {"load": [LOADED], "generate": REPLY, "probe": [PROBED]}
    )
    gate: asyncio.Event | None = None
    asked: list[tuple[str, Json]] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    started: int = 0
    closed: int = 0

    async def start(self) -> None:
        self.started += 1

    async def request(self, op: str, **fields: Any) -> Json:
        found: Json = {}
        async for said in self.stream(op, **fields):
            found = said
        return found

    async def stream(self, op: str, **fields: Any) -> AsyncGenerator[Json, None]:
        self.asked.append((op, fields))
        id, over = len(self.asked), False
        try:
            for said in self.replies.get(op, [{"done": True}]):
                if self.gate is not None:
                    await self.gate.wait()
                await asyncio.sleep(0)
                over = isinstance(said, MiniGPTError) or "done" in said
                if isinstance(said, MiniGPTError):
                    raise said
                yield {"id": id, **said}
        finally:
            if not over:
                self.cancelled.append(id)

    async def cancel(self, id: int) -> None:
        self.cancelled.append(id)

    async def close(self) -> None:
        self.closed += 1
