"""What a trainer says: every event goes to its file and to whoever listens, and never long silence.

A `beat` is said after 20 quiet seconds, so that from another machine a silent trainer can be told
from a dead one.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from core.run.event_log import EventLog
from core.run.events import BEAT, Event

QUIET_SECONDS = 20.0

Listener = Callable[[Event], None]


class Voice:
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
