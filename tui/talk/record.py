"""What was said to a run's model: its file of talk, one JSON object a line, one line a turn.

Other kinds of line may stand between them (`tui.explore.branches` has one). Lines are only ever
added.
Those that cannot be read, and those of kinds this version does not know, are left out.
Knows no screen and no model.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import DamagedError, StorageError
from core.run.events import decode_object, replace_non_finite
from core.system.line_files import has_unfinished_line, read_lines_backwards, write_all
from core.system.locks import exclusive
from tui.common.sanitize import json_line

TURN = "turn"
MOST_BYTES = 1 << 25  # looked at from the end: a screen shows a few hundred turns of some length

END = "end"
STOP = "stop"
LENGTH = "length"
CANCELLED = "cancelled"
FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A prompt and what the model went on with.

    Attributes:
        prompt, text: as typed and as generated, nothing cleaned.
        weights: "last", "best" or the step of a snapshot, as they were asked for.
        step: of the weights; None where it is not known.
        settings: fields of a SamplingConfig.
        tokens, seconds: how many came, in what time.
        speed: tokens a second once the prompt was read; None where it is not known.
        ended: END, STOP, LENGTH, CANCELLED by the person, or FAILED.
        time: Unix seconds when it ended.
        id: its name in this file.
        parent: the turn whose text it goes on from; None begins anew.
    """

    prompt: str
    text: str
    weights: str
    step: int | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    tokens: int
    seconds: float
    ended: str
    time: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    speed: float | None = None
    parent: str | None = None


def append(path: Path, turn: Turn) -> None:
    """Adds a turn in one write, on a line of its own.

    Raises:
        StorageError: it could not be written whole; a torn line is left out by readers.
    """
    append_line(path, {"type": TURN, **vars(turn)})


def append_line(path: Path, values: dict[str, Any]) -> None:
    """Adds a line of any kind in one write.

    Raises:
        StorageError: as `append`.
    """
    line = json_line(replace_non_finite(values)).encode() + b"\n"
    try:
        # The folder is not made: a run that is gone stays gone.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        try:
            with exclusive(descriptor):
                write_all(descriptor, b"\n" + line if has_unfinished_line(descriptor) else line)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(
            f"This talk cannot be kept in {path}: {error.strerror}.",
            "It stays on the screen until you leave; copy what you need (Y copies all of it).",
        ) from error


def read_last(path: Path, count: int) -> list[Turn]:
    """The last `count` turns, oldest first; none if nothing was ever said.

    Raises:
        DamagedError: there is something, and it cannot be read.
    """
    found: list[Turn] = []
    try:
        for line in read_lines_backwards(path, MOST_BYTES):
            turn = decode(line)
            if turn is not None:
                found.append(turn)
            if len(found) >= count:
                break
    except OSError as error:
        raise DamagedError(
            f"The earlier talk in {path} cannot be read: {error.strerror}.",
            "You can go on talking; move the file away if it stays like this.",
        ) from error
    return found[::-1]


def decode(line: bytes) -> Turn | None:
    """The turn in a line; None for a damaged one and for other kinds of line."""
    value = decode_object(line)
    if value is None or value.get("type") != TURN:
        return None
    texts = [value.get(name) for name in ("id", "prompt", "text", "weights", "ended")]
    if not all(isinstance(text, str) for text in texts):
        return None
    id, prompt, text, weights, ended = map(str, texts)
    settings, parent = value.get("settings"), value.get("parent")
    return Turn(
        prompt=prompt,
        text=text,
        weights=weights,
        step=whole(value.get("step")),
        settings=settings if isinstance(settings, dict) else {},
        tokens=whole(value.get("tokens")) or 0,
        seconds=number(value.get("seconds")),
        ended=ended,
        speed=number(value.get("speed")) or None,
        time=number(value.get("time")),
        id=id,
        parent=parent if isinstance(parent, str) else None,
    )


def whole(value: Any) -> int | None:
    """A whole number that arithmetic can take, or None."""
    plain = isinstance(value, int) and not isinstance(value, bool)
    return value if plain and abs(value) < 1 << 63 else None


def number(value: Any) -> float:
    """A number, or 0."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain and abs(value) < 1 << 63 else 0.0
