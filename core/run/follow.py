"""Following a run: new events, the history they fold into, the status, and why a run crashed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

from core.errors import DamagedError, MiniGPTError, StorageError
from core.run.directory import Run
from core.run.event_log import EventTail
from core.run.events import BEAT, Event, as_text, as_whole
from core.run.history import History
from core.run.status import (
    LIVE_STATUSES,
    STARTING,
    LockState,
    combine_status,
    is_this_machine,
    read_lock,
)
from core.system.machine import Host, count_oom_kills, this_host

BATCH_BYTES = 1 << 15
LOW_MEMORY_BYTES = 256 * 2**20


class RunUpdate(NamedTuple):
    """The result of one poll of a run.

    Attributes:
        events: those appended since the look before.
        is_visible: whether an interface has something new to show; a `beat` is nothing to show.
    """

    events: list[Event]
    is_visible: bool


class RunFollower:
    """Reads a run's events as they are appended, and derives its history and status.

    Args:
        run: may be missing; that is reported as a `problem`.
        clock: returns Unix seconds.
        timer: returns seconds of any origin, to limit how long a look takes.
        here: this machine; only tests pass another one.

    Attributes:
        history: folded from all events read so far.
        status: one of `status.STATUSES`, as of the last look that reached the end of the log.
        share_read: how much of the log has been read, 0 to 1; stays 1 once its end was reached.
        problem: why nothing (more) can be read, or None.
    """

    def __init__(
        self,
        run: Run,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
        here: Host | None = None,
    ) -> None:
        self._run, self._clock, self._timer, self._here = run, clock, timer, here
        self._tail = EventTail(run.events)
        self._lock = LockState(is_held=False)
        self.history = History()
        self.status = STARTING
        self.share_read = 0.0
        self.problem: MiniGPTError | None = None

    @property
    def is_held(self) -> bool:
        """Whether a trainer on this machine held the run's lock at the last poll."""
        return self._lock.is_held

    @property
    def is_over(self) -> bool:
        """Whether the trainer is gone and all its events have been read."""
        return self.share_read == 1.0 and not self.is_held and self.status not in LIVE_STATUSES

    def poll(self, max_seconds: float = math.inf) -> RunUpdate:
        """Read new events for at most about `max_seconds`."""
        before = (self.status, self.share_read, str(self.problem))
        new: list[Event] = []
        try:
            self._lock = read_lock(self._run)
            is_restarted = self._read_into(new, self._timer() + max_seconds)
            self.problem = self._find_problem() if self.share_read == 1.0 else None
        except DamagedError as error:
            is_restarted, self.problem = False, error
        except OSError as error:
            is_restarted = False
            self.problem = StorageError(f"{self._run.events} cannot be read: {error.strerror}.")
        if self.share_read == 1.0 and self.problem is None:
            self.status = combine_status(
                self.history.state,
                self.history.time or None,
                self._tail.offset,
                self._lock,
                self._is_remote,
                self._clock(),
            )
        is_visible = (
            is_restarted
            or any(event.type != BEAT for event in new)
            or before != (self.status, self.share_read, str(self.problem))
        )
        return RunUpdate(new, is_visible)

    def _read_into(self, new: list[Event], deadline: float) -> bool:
        """Read and fold events until the end of the log or the deadline.

        Returns whether the log was replaced by another file, in which case everything is reset.
        """
        while True:
            batch = self._tail.read(BATCH_BYTES)
            if self._tail.restarts:
                self.history, self._tail = History(), EventTail(self._run.events)
                self.share_read = 0.0
                return True
            if not batch:
                self.share_read = 1.0
                return False
            self.history.apply_all(batch)
            new += batch
            if self._timer() >= deadline:
                if self.share_read < 1.0:
                    size = self._run.events.stat().st_size
                    self.share_read = min(0.99, self._tail.offset / max(1, size))
                return False

    def _find_problem(self) -> MiniGPTError | None:
        run, has_events = self._run, bool(self.history.time)
        if not run.folder.is_dir():
            return StorageError(
                f"The folder of {run.name} is gone: {run.folder}",
                "It was deleted, renamed, or its disk is not mounted.",
            )
        is_noise = self._tail.offset > 0 and not has_events and not self.is_held
        if run.events.is_dir() or is_noise:
            return DamagedError(
                f"Nothing in {run.events} can be read.",
                "Restore the file from a copy. The model itself can still be used.",
            )
        if has_events and not run.events.exists():
            return DamagedError(
                f"{run.events} is gone.", "Its events so far are still shown; copy what you need."
            )
        return None

    def _is_remote(self) -> bool:
        host, boot = (as_text(self.history.started.get(name)) for name in ("host", "boot"))
        return not is_this_machine(host, boot, self._here)


def crash_reason(history: History, kills: int | None = None) -> str | None:
    """Why a trainer probably vanished; None if nothing indicates a reason.

    Args:
        kills: out-of-memory kills on the trainer's machine up to now; None looks them up if that
            is this machine in the same boot.
    """
    kills_before = as_whole(history.started.get("out_of_memory_kills"))
    if kills is None:
        is_this_boot = history.started.get("boot") == this_host().boot
        kills = count_oom_kills() if is_this_boot else 0
    was_killed = kills_before is not None and kills > kills_before
    free = history.free_memory
    if was_killed or (free is not None and free < LOW_MEMORY_BYTES):
        return "probably killed for lack of memory"
    return None
