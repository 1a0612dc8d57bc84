"""Signals that ask a process to stop, remembered until it has something to stop."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

STOP_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})

StopFunction = Callable[[str], None]
"""Stops some work soon; gets the reason. Must be safe to call from a signal handler."""

RegisterStop = Callable[[StopFunction], object]
"""Takes the function that stops the work, as soon as there is one."""


class StopSignals:
    """Remember SIGINT, SIGTERM and SIGHUP until there is something to stop.

    Within the context the handlers are replaced: a KeyboardInterrupt raised in the middle of an
    import could be lost. A signal that is already ignored (`nohup`) stays ignored.

    Args:
        notify: called from the handler, after the work was asked to stop.
        once: restore the handlers at the first signal, so that a second one ends the process.

    Attributes:
        requested: the first signal received.
    """

    def __init__(
        self, notify: Callable[[signal.Signals], object] = lambda _: None, *, once: bool = False
    ) -> None:
        self._notify, self._once = notify, once
        self._stop: StopFunction | None = None
        self._pending: deque[signal.Signals] = deque()
        self._previous: dict[signal.Signals, Any] = {}
        self.requested: signal.Signals | None = None

    def __enter__(self) -> Self:
        for number in STOP_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def on_stop(self, stop: StopFunction) -> None:
        """Register the function that stops the work; call it at once after an earlier signal.

        It is called at every signal, always with the name of the first one.
        """
        self._stop = stop
        if self.requested:
            stop(self.requested.name)

    def pop(self) -> signal.Signals | None:
        """Remove and return the oldest signal not yet popped."""
        return self._pending.popleft() if self._pending else None

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self._once:
            self._restore()
        received = signal.Signals(number)
        self._pending.append(received)
        self.requested = self.requested or received
        if self._stop:
            self._stop(self.requested.name)
        self._notify(received)

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)


@contextmanager
def stop_signals_blocked() -> Iterator[None]:
    """Block the stop signals; a child started within inherits the block.

    Signals sent meanwhile are delivered once they are unblocked.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
