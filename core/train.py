"""The trainer's process: `python -m core.train ROOT CACHE RUN LOCK MORE`, started by `core.launch`.

It takes the lock over, works at low priority, and turns SIGTERM and SIGINT into a stop that saves.
A hang-up is nothing to it. Signals that come before there is something to stop are obeyed then:
it is born with them blocked, and they are remembered while torch is being imported.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from core.errors import MiniGPTError
from core.launch import HELD_BACK
from core.locks import adopt
from core.more import More
from core.paths import Home
from core.run import Run

NICE = 10


class Stops:
    """Signals that ask for a stop, remembered until there is something to be stopped."""

    def __init__(self) -> None:
        self._asked: list[str] = []
        self._stop: Callable[[str], None] | None = None
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)

    def _handle(self, number: int, _: FrameType | None) -> None:
        self._asked.append(signal.Signals(number).name)
        if self._stop:
            self._stop(self._asked[0])

    def tell(self, stop: Callable[[str], None]) -> None:
        """Whom to tell, from now on and of what came before."""
        self._stop = stop
        if self._asked:
            stop(self._asked[0])


def main(arguments: list[str]) -> str | None:
    """Trains a run; what its events could not say, for the log."""
    root, cache, name, descriptor, more = arguments
    stops = Stops()
    home = Home(root=Path(root), cache=Path(cache))
    run = Run(home.runs / name)
    lock = adopt(int(descriptor))
    if lock is None:
        return f"Another trainer has the run {name}."
    os.nice(NICE)
    from core.training import train

    try:
        train(home, run, lock, on_control=stops.tell, more=More(**json.loads(more)))
    except MiniGPTError as error:
        return f"{error.title}: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
