"""Signals to whoever watches a trainer: they end the watching, or are passed on as a stop.

The handler only notes them; what is to be done is done by the loop that watches, which may be in
the middle of writing when a signal comes.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType, TracebackType
from typing import Self

from core.run import control_file as requests
from core.run import store as runs
from core.run.directory import Run
from tui.cli.console import say

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_a_terminal() -> bool:
    """Whether a person may be watching; a standard stream that was closed is no terminal."""
    return any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


class Leaving:
    """Heeds signals while it is entered; enter it before the trainer is started.

    A signal that is ignored from the start, as `nohup` has it, stays ignored.

    Args:
        stops: whether a first signal is passed on to the trainer as a stop.
        tied: whether the trainer ends with this process.
    """

    def __init__(self, *, stops: bool, tied: bool = False) -> None:
        self._stops = stops
        self.tied = tied
        self._noted: list[signal.Signals] = []

    def __enter__(self) -> Self:
        heeded = [number for number in WATCHED if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._note) for number in heeded}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _note(self, number: int, _: FrameType | None) -> None:
        self._noted.append(signal.Signals(number))

    def now(self, run: Run) -> bool:
        """Whether to end the watching; passes a first signal on instead, if that is wanted.

        A hang-up is nobody's wish to stop.
        """
        while self._noted:
            number = self._noted.pop(0)
            if not self._stops or number == signal.SIGHUP:
                return True
            self._stops = False
            runs.request(run, requests.STOP, reason=number.name)
            again = "ends it at once" if self.tied else "ends the watching only"
            say(f"{number.name}: {run.name} saves and stops; once more {again}.")
        return False
