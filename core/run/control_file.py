"""Control requests: lines that interfaces append to a file and the trainer reads.

A request takes effect at a later step; the event that answers it repeats its id.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.run.events import decode_object, replace_non_finite
from core.system.files import open_for_writing
from core.system.line_files import LineTail, LineTooLongError, has_unfinished_line, write_all
from core.system.locks import exclusive

STOP = "stop"
SAVE = "save"
PAUSE = "pause"
CONTINUE = "continue"
CHANGE = "change"
TYPES = frozenset({STOP, SAVE, PAUSE, CONTINUE, CHANGE})


@dataclass(frozen=True)
class ControlRequest:
    """One request to a trainer.

    Attributes:
        id: repeated by the event that answers it.
        type: one of TYPES.
        time: Unix seconds when it was written.
        fields: everything else; for "change" the new values by name under `changes`.
    """

    id: str
    type: str
    time: float
    fields: Mapping[str, Any] = field(default_factory=dict)


def append_request(path: Path, type: str, **fields: Any) -> str:
    """Append a request in one write, on a line of its own, and return its id.

    Raises:
        OSError: it could not be written in full; the trainer skips the torn line.
    """
    assert type in TYPES, type
    id = uuid.uuid4().hex
    line = json.dumps(
        replace_non_finite({"id": id, "type": type, "time": time.time(), **fields})
    ).encode()
    descriptor = open_for_writing(path)
    try:
        with exclusive(descriptor):
            prefix = b"\n" if has_unfinished_line(descriptor) else b""
            write_all(descriptor, prefix + line + b"\n")
    finally:
        os.close(descriptor)
    return id


class RequestReader:
    """Reads each request once, without those sent to an earlier trainer of the run.

    Args:
        path: the file; may be missing.
        start: length of the file when the trainer's lock was taken; what is before is skipped.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self._lines = LineTail(path, start)

    def read(self) -> list[ControlRequest]:
        """The requests since the last call, oldest first."""
        requests = []
        try:
            while lines := self._lines.read():
                requests += [request for line in lines if (request := decode_request(line))]
        except LineTooLongError:  # no request is that long; those after it still count
            self._lines.take_unfinished_line()
        return requests


def decode_request(line: bytes) -> ControlRequest | None:
    """The request in a line; None if the line is broken or its type is unknown."""
    value = decode_object(line)
    if value is None:
        return None
    id, type, time = value.pop("id", None), value.pop("type", None), value.pop("time", None)
    if not isinstance(id, str) or not isinstance(type, str) or not isinstance(time, int | float):
        return None
    return ControlRequest(id, type, time, value) if type in TYPES else None
