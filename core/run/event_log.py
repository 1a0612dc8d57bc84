"""The file of events: the trainer's end, which appends, and the readers' ends.

Nothing here sleeps or watches: who follows a file decides how often to look.

What a trainer says: every event goes to its file and to whoever listens, and never long silence.

A `beat` is said after 20 quiet seconds, so that from another machine a silent trainer can be told
from a dead one.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from core.run.events import BEAT, TERMINAL, Event, decode, encode
from core.system.line_files import LineTail, has_unfinished_line, read_lines_backwards, write_all


class EventLog:
    """Appends events, one line each, in the file as soon as `emit` returns.

    Only the holder of the run's lock may open one. Safe to use from several threads.

    Args:
        path: the file; made if it is not there, and a torn last line is ended.
        clock: Unix seconds now.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        self._torn = has_unfinished_line(self._descriptor)
        self._clock = clock
        self._lock = threading.Lock()

    def emit(self, type: str, step: int, **fields: Any) -> None:
        """Appends an event of now; see `write`."""
        self.write(Event(type, self._clock(), step, fields))

    def write(self, event: Event) -> None:
        """Appends one event.

        Raises:
            OSError: it could not be written, for instance because the disk is full; the next
                one that can be starts on a line of its own.
        """
        text = encode(event.type, event.time, event.step, **event.fields)
        line = text.encode() + b"\n"
        with self._lock:
            data = b"\n" + line if self._torn else line
            self._torn = True
            write_all(self._descriptor, data)
            self._torn = False
            if event.type in TERMINAL:
                os.fsync(self._descriptor)

    def close(self) -> None:
        """Closes the file; nothing can be emitted afterwards."""
        os.close(self._descriptor)


class EventTail:
    """Events as they arrive, each once, from the start of the file.

    Attributes:
        restarts: how often the file was replaced or cut; what was folded before is void then.
        offset: bytes of the file read so far.
    """

    def __init__(self, path: Path) -> None:
        self._lines = LineTail(path)

    @classmethod
    def at_end(cls, path: Path) -> Self:
        """One that has read what is there already; the file may come later."""
        tail = cls(path)
        while tail.read():
            pass
        return tail

    @property
    def restarts(self) -> int:
        """How often reading began again at the start because the file was another one."""
        return self._lines.restarts

    @property
    def offset(self) -> int:
        """Bytes of the file read so far."""
        return self._lines.offset

    def read(self, most: int = 1 << 20) -> list[Event]:
        """The next batch, from about `most` bytes; empty when there is nothing new.

        Lines that are no events (torn, or zeroed by a power cut) are left out.
        """
        while lines := self._lines.read(most):
            events = [event for line in lines if (event := decode(line)) is not None]
            if events:
                return events
        return []


def events_backwards(path: Path, most: int | None = None) -> Iterator[Event]:
    """Events from the last to the first; `most` limits the bytes looked at, from the end."""
    return (
        event for line in read_lines_backwards(path, most) if (event := decode(line)) is not None
    )


QUIET_SECONDS = 20.0

Listener = Callable[[Event], None]


class EventEmitter:
    """Emits events; while it is entered, beats fill the silences.

    Args:
        log: where events are kept.
        listeners: are told each event, from one thread at a time, also where it cannot be kept.
        quiet: seconds of silence before a beat.

    Attributes:
        step: of the last event.
    """

    def __init__(
        self, log: EventLog, listeners: Sequence[Listener] = (), quiet: float = QUIET_SECONDS
    ) -> None:
        self._log, self._listeners, self._quiet = log, listeners, quiet
        self._said = time.monotonic()
        self.step = 0
        self._speaking = threading.Lock()
        self._over = threading.Event()
        self._beats = threading.Thread(target=self._beat, name="beats", daemon=True)

    def __call__(self, type: str, step: int, **fields: Any) -> None:
        """Says one event.

        Raises:
            OSError: it could not be kept.
        """
        self._said, self.step = time.monotonic(), step
        self._tell(type, step, fields)

    def _tell(self, type: str, step: int, fields: Mapping[str, Any]) -> None:
        event = Event(type, round(time.time(), 3), step, fields)
        with self._speaking:
            try:
                self._log.write(event)
            finally:
                for listen in self._listeners:
                    listen(event)

    def __enter__(self) -> Self:
        self._beats.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._beats.join()

    def _beat(self) -> None:
        while not self._over.wait(max(0.0, self._said + self._quiet - time.monotonic())):
            if time.monotonic() - self._said >= self._quiet:
                self._said = time.monotonic()
                # On a full disk there is no beat; the trainer itself meets the error and says it.
                with contextlib.suppress(OSError):
                    self._tell(BEAT, self.step, {})
