"""Listening to a trainer through its run's events, until it is gone."""

from __future__ import annotations

import time

from core.run import status
from core.run import store as runs
from core.system import locks
from core.run.event_log import EventTail
from core.run.events import Event
from core.run.directory import Run

LOOK_SECONDS = 0.1
FAR_LOOK_SECONDS = 1.0  # whether a distant trainer lives takes more than a look at its lock


class Listening:
    """What a run's trainer says, as it comes.

    Args:
        tail: where to begin; at the end of what was said so far if None.

    Attributes:
        over: the trainer is gone and all it said is read.
    """

    def __init__(self, run: Run, tail: EventTail | None = None) -> None:
        self._run = run
        self._tail = tail or EventTail.at_end(run.events)
        self.over = False

    def read(self) -> list[Event]:
        """What is new; waits a moment where nothing is."""
        if batch := self._tail.read():
            return batch
        here = locks.held(self._run.lock)
        if here or runs.status_of(self._run) in status.ALIVE:
            time.sleep(LOOK_SECONDS if here else FAR_LOOK_SECONDS)
            return []
        # It may have said its last word and gone between the two looks.
        batch = self._tail.read()
        self.over = not batch
        return batch
