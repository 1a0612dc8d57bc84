"""The record of a run's conversations, talk.jsonl: one JSON object per line, one line per turn.

The turns of a conversation form a tree by their parents: an edited prompt is another child. The
file is append-only and also holds lines of other types (see `tui.explore.branches`). A turn is
removed by a line that names it, so that no other process loses what it appends meanwhile. Damaged
lines and lines of unknown types are skipped.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import DamagedError, StorageError
from core.run.events import decode_object, replace_non_finite
from core.system.files import open_for_writing
from core.system.line_files import (
    LineTooLongError,
    has_unfinished_line,
    read_lines_backwards,
    write_all,
)
from core.system.locks import exclusive
from tui.common.sanitize import json_line

TURN, REMOVED, SYSTEM = "turn", "removed", "system"
MAX_READ_BYTES = 1 << 25  # from the end of the file: a screen shows a few hundred turns

END = "end"
STOP = "stop"
LENGTH = "length"
CANCELLED = "cancelled"
FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A prompt with its reply; also the fields of a line.

    Attributes:
        prompt, text: as typed and as generated, unsanitized.
        weights: "last", "best" or the step of a snapshot, as requested.
        step: training step of the weights; None if unknown.
        settings: fields of a SamplingConfig.
        tokens, seconds: length and duration of the reply.
        speed: tokens per second after the prompt was read; None if unknown.
        ended: END, STOP, LENGTH, CANCELLED by the user, or FAILED.
        time: Unix seconds when it ended.
        id: unique in this file.
        parent: the turn before it in its conversation; None begins one.
        chances: of each token, the characters of its text and its probability; empty if unknown.
        conversation: the same for all turns of a conversation; empty for a prompt on its own.
        history: how many of the turns before it the model read.
        system: the system text that the model read; empty for none.
        labels: of a classified text, each label with its probability.
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
    chances: tuple[tuple[int, float], ...] = ()
    conversation: str = ""
    history: int = 0
    system: str = ""
    labels: tuple[tuple[str, float], ...] = ()


def append(path: Path, turn: Turn) -> None:
    """Append a turn.

    Raises:
        StorageError: it could not be written whole; readers skip a torn line.
    """
    append_line(path, {"type": TURN, **vars(turn)})


def remove(path: Path, id: str) -> None:
    """Remove a turn, for all readers of the record.

    Raises:
        StorageError: as `append`.
    """
    append_line(path, {"type": REMOVED, "id": id})


def append_system(path: Path, text: str) -> None:
    """Append the system text of the conversations to come; empty for none.

    Raises:
        StorageError: as `append`.
    """
    append_line(path, {"type": SYSTEM, "text": text})


def append_line(path: Path, values: dict[str, Any]) -> None:
    """Append a line of any type in one write.

    Raises:
        StorageError: as `append`.
    """
    line = json_line(replace_non_finite(values)).encode() + b"\n"
    try:
        # The folder is not created: a deleted run stays deleted.
        descriptor = open_for_writing(path)
        try:
            with exclusive(descriptor):
                write_all(descriptor, b"\n" + line if has_unfinished_line(descriptor) else line)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(
            f"The conversation cannot be saved to {path}: {error.strerror}.",
            "It stays on the screen until you quit; w writes it to a file of your choice.",
        ) from error


def read_last(path: Path, count: int) -> list[Turn]:
    """Read the last `count` turns, oldest first, see `read_record`."""
    return read_record(path, count).turns


class Record(NamedTuple):
    """The end of a record.

    Attributes:
        turns: oldest first.
        system: the system text of the conversations to come; empty for none.
    """

    turns: list[Turn]
    system: str = ""


def read_record(path: Path, count: int) -> Record:
    """Read the last `count` turns and the system text; both are empty if there is no file.

    Raises:
        DamagedError: the file exists and cannot be read.
    """
    turns: list[Turn] = []
    removed: set[str] = set()
    system: str | None = None
    try:
        for line in read_lines_backwards(path, MAX_READ_BYTES):
            removed |= {id for id in [removed_id(line)] if id is not None}
            system = system_text(line) if system is None else system
            turn = decode(line)
            if turn is not None and turn.id not in removed:
                turns.append(turn)
            if len(turns) >= count:
                break
    except LineTooLongError:
        pass  # what is before it is left out, like all that is older than the limit
    except OSError as error:
        raise DamagedError(
            f"Earlier turns in {path} cannot be read: {error.strerror}.",
            "You can continue; move the file away if this persists.",
        ) from error
    if system is None:  # it was set before the oldest of these turns
        system = turns[0].system if turns else ""
    return Record(turns[::-1], system)


def system_text(line: bytes) -> str | None:
    """The system text that a line sets; None for another type of line."""
    if b'"system"' not in line:
        return None
    value = decode_object(line)
    text = value.get("text") if value is not None and value.get("type") == SYSTEM else None
    return text if isinstance(text, str) else None


def removed_id(line: bytes) -> str | None:
    """The id of the turn that a line removes; None for another type of line."""
    if b'"removed"' not in line:
        return None
    value = decode_object(line)
    id = value.get("id") if value is not None and value.get("type") == REMOVED else None
    return id if isinstance(id, str) else None


def decode(line: bytes) -> Turn | None:
    """Parse a turn; None for a damaged line or another type of line."""
    value = decode_object(line)
    if value is None or value.get("type") != TURN:
        return None
    texts = [value.get(name) for name in ("id", "prompt", "text", "weights", "ended")]
    if not all(isinstance(text, str) for text in texts):
        return None
    id, prompt, text, weights, ended = map(str, texts)
    settings, parent = value.get("settings"), value.get("parent")
    conversation, system = value.get("conversation"), value.get("system")
    return Turn(
        prompt=prompt,
        text=text,
        weights=weights,
        step=integer(value.get("step")),
        settings=settings if isinstance(settings, dict) else {},
        tokens=integer(value.get("tokens")) or 0,
        seconds=number(value.get("seconds")),
        ended=ended,
        speed=number(value.get("speed")) or None,
        time=number(value.get("time")),
        id=id,
        parent=parent if isinstance(parent, str) else None,
        chances=_decode_chances(value.get("chances")),
        conversation=conversation if isinstance(conversation, str) else "",
        history=max(0, integer(value.get("history")) or 0),
        system=system if isinstance(system, str) else "",
        labels=_decode_labels(value.get("labels")),
    )


def _decode_labels(value: Any) -> tuple[tuple[str, float], ...]:
    """Labels with their probabilities; none if any of them is damaged."""
    if not isinstance(value, list):
        return ()
    labels = []
    for pair in value:
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            return ()
        labels.append((pair[0], min(1.0, max(0.0, number(pair[1])))))
    return tuple(labels)


def _decode_chances(value: Any) -> tuple[tuple[int, float], ...]:
    """Probabilities by token; none if any of them is damaged."""
    if not isinstance(value, list):
        return ()
    chances = []
    for pair in value:
        if not (isinstance(pair, list) and len(pair) == 2):
            return ()
        length, chance = integer(pair[0]), pair[1]
        if length is None or length < 0 or not isinstance(chance, int | float):
            return ()
        chances.append((length, number(chance)))
    return tuple(chances)


def integer(value: Any) -> int | None:
    """Return the value if it is an integer of at most 64 bits, else None."""
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return value if is_integer and abs(value) < 1 << 63 else None


def number(value: Any) -> float:
    """Return the value if it is a number of reasonable size, else 0."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1 << 63 else 0.0
