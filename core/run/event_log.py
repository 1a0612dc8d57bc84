"""The event log: appending events, following them, and reading them backwards.

Nothing here sleeps or watches the file: readers decide how often to look.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from core.run.events import BEAT, END_EVENTS, STEP, Event, decode, encode
from core.system.files import file_size, open_for_writing
from core.system.line_files import LineTail, has_unfinished_line, read_lines_backwards, write_all

HEARTBEAT_SECONDS = 20.0  # idle time after which a `beat` is written

MAX_TAIL_BYTES = 1 << 24  # at the end of a log; hours of training, weeks of a pause

# Of `read_sparse_events`.
FREQUENT_LINES = tuple(f'{{"type":"{type}"'.encode() for type in (STEP, BEAT))
SPARSE_CHUNK_BYTES = 1 << 22
MAX_SPARSE_HEAD_BYTES = 1 << 26
MAX_SPARSE_TAIL_BYTES = 1 << 28

EventListener = Callable[[Event], None]


class Emit(Protocol):
    """Emit one event; `step` is the number of updates done."""

    def __call__(self, type: str, step: int, **fields: Any) -> None: ...


class EventLog:
    """Appends events to a file, one line each, written out when `emit` returns. Thread-safe.

    Only the process that holds the run's lock may open one.

    Args:
        path: the file; created if missing. A torn last line is ended.
        clock: returns Unix seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._descriptor = open_for_writing(path)
        self._torn = has_unfinished_line(self._descriptor)
        self._clock = clock
        self._lock = threading.Lock()

    def emit(self, type: str, step: int, **fields: Any) -> None:
        """Append an event with the current time; see `write`."""
        self.write(Event(type, self._clock(), step, fields))

    def write(self, event: Event) -> None:
        """Append one event.

        Raises:
            OSError: it could not be written, for instance because the disk is full. The next
                event starts on a line of its own.
        """
        line = encode(event.type, event.time, event.step, **event.fields).encode() + b"\n"
        with self._lock:
            data = b"\n" + line if self._torn else line
            self._torn = True
            write_all(self._descriptor, data)
            self._torn = False
            if event.type in END_EVENTS:
                os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class EventEmitter:
    """Write training events to the log and to listeners, with a heartbeat after idle seconds.

    The heartbeat thread runs inside the context manager. It lets readers on other machines tell a
    silent trainer from a dead one.

    Args:
        log: receives every event.
        listeners: called with each event, from one thread at a time, even if the log fails.
        idle_seconds: time without an event after which a `beat` is written.

    Attributes:
        step: of the last event.
    """

    def __init__(
        self,
        log: EventLog,
        listeners: Sequence[EventListener] = (),
        idle_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._log, self._listeners, self._idle_seconds = log, listeners, idle_seconds
        self._last_emit = time.monotonic()
        self.step = 0
        self._emit_lock = threading.Lock()
        self._closed = threading.Event()
        self._heartbeat = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __call__(self, type: str, step: int, **fields: Any) -> None:
        """Emit one event.

        Raises:
            OSError: it could not be written to the log.
        """
        self._last_emit, self.step = time.monotonic(), step
        self._emit(type, step, fields)

    def _emit(self, type: str, step: int, fields: Mapping[str, Any]) -> None:
        event = Event(type, round(time.time(), 3), step, fields)
        with self._emit_lock:
            try:
                self._log.write(event)
            finally:
                for listener in self._listeners:
                    listener(event)

    def __enter__(self) -> Self:
        self._heartbeat.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._heartbeat.join()

    def _beat(self) -> None:
        idle = self._idle_seconds
        while not self._closed.wait(max(0.0, self._last_emit + idle - time.monotonic())):
            if time.monotonic() - self._last_emit >= idle:
                self._last_emit = time.monotonic()
                # On a full disk the beat is lost; the next event of the trainer raises the error.
                with contextlib.suppress(OSError):
                    self._emit(BEAT, self.step, {})


class EventTail:
    """Reads events as they are appended, each once, from the start of the file."""

    def __init__(self, path: Path) -> None:
        self._lines = LineTail(path)

    @property
    def restarts(self) -> int:
        """How often reading restarted because the file was replaced or truncated.

        What was folded from earlier events is then void.
        """
        return self._lines.restarts

    @property
    def offset(self) -> int:
        """Bytes of the file read so far."""
        return self._lines.offset

    def read(self, batch_bytes: int = 1 << 20) -> list[Event]:
        """The next batch, from about `batch_bytes` bytes; empty if there is nothing new.

        Lines that are not events, such as those torn or zeroed by a power cut, are skipped.
        """
        while lines := self._lines.read(batch_bytes):
            events = [event for line in lines if (event := decode(line)) is not None]
            if events:
                return events
        return []


def read_events(path: Path) -> Iterator[Event]:
    """All events of a log, oldest first."""
    tail = EventTail(path)
    while events := tail.read():
        yield from events


def read_sparse_events(path: Path, curve_points: int = 0) -> Iterator[Event]:
    """The events of a log without most `step` and `beat` events, oldest first.

    Of consecutive ones only the last is kept. All others are parsed, which are few: a log of a
    million steps takes a fraction of a second. Of a very long log the middle is left out.

    Args:
        curve_points: keep about so many of the frequent events, evenly spread over the log.
    """
    tail = LineTail(path)
    frequent: bytes | None = None
    spacing = file_size(path) // curve_points if curve_points else None
    skipped = 0  # bytes of frequent events since the last one that was kept
    while lines := tail.read(SPARSE_CHUNK_BYTES):
        for line in lines:
            if line.startswith(FREQUENT_LINES):
                frequent = line
                skipped += len(line)
                if spacing is None or skipped < spacing:
                    continue
                skipped = 0
                if (event := decode(line)) is not None:
                    yield event
                frequent = None
                continue
            if frequent is not None and (event := decode(frequent)) is not None:
                yield event
            frequent = None
            if (event := decode(line)) is not None:
                yield event
        if MAX_SPARSE_HEAD_BYTES < tail.offset < path.stat().st_size - MAX_SPARSE_TAIL_BYTES:
            tail = LineTail(path, path.stat().st_size - MAX_SPARSE_TAIL_BYTES)
    if frequent is not None and (event := decode(frequent)) is not None:
        yield event


def events_backwards(path: Path, max_bytes: int = MAX_TAIL_BYTES) -> Iterator[Event]:
    """Events from the last to the first; `max_bytes` limits how far back to look."""
    lines = read_lines_backwards(path, max_bytes)
    return (event for line in lines if (event := decode(line)) is not None)
