"""Watching all runs of a home: which are being trained, how far they are, and which have ended."""

from __future__ import annotations

import time
from contextlib import suppress

from core.errors import DamagedError
from core.paths import Home
from core.run.directory import Run
from core.run.follow import RunFollower
from core.run.status import LIVE_STATUSES, MAX_SILENCE_SECONDS, status_of
from core.run.store import list_runs
from core.system import locks
from tui.common.run_end import describe_end, describe_progress

CLOCK_STEP_SECONDS = 0.01  # to which times of events and of files may be rounded
MAX_READ_SECONDS = 0.05  # of one poll per run; a long log is read in several


class RunWatcher:
    """Follows the runs that are being trained. Runs that had ended before are never reported."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._followers: dict[str, RunFollower] = {}
        self._polled_at: float | None = None  # Unix seconds
        self._changed: dict[str, int] = {}  # of logs that another machine may write to

    def poll(self) -> list[str]:
        """Look for trainings, read their events, and return a line for each that has ended.

        A run that a person has asked to stop is not among them.
        """
        polled_at = time.time()
        for run in list_runs(self._home):
            if run.name not in self._followers and self._is_training(run):
                self._followers[run.name] = RunFollower(run)
        self._polled_at = polled_at
        lines = [self._poll_run(name) for name in list(self._followers)]
        return [line for line in lines if line]

    @property
    def title(self) -> str | None:
        """The progress of the run that was started last; None if none is being trained."""
        training = [
            (follower.history.started_at or 0.0, name)
            for name, follower in self._followers.items()
            if follower.share_read == 1.0
        ]
        if not training:
            return None
        name = max(training)[1]
        follower = self._followers[name]
        return describe_progress(name, follower.status, follower.history, len(training) - 1)

    def _is_training(self, run: Run) -> bool:
        """Whether a run is being trained, or was between this poll and the last."""
        with suppress(DamagedError, OSError):
            if locks.is_held(run.lock):
                return True
            if self._polled_at is not None and locks.acquired_at(run.lock) >= self._polled_at:
                return True
            changed = run.events.stat().st_mtime_ns
            is_new = self._changed.get(run.name) != changed
            self._changed[run.name] = changed
            is_recent = time.time() - changed / 1e9 <= MAX_SILENCE_SECONDS
            return is_new and is_recent and status_of(run) in LIVE_STATUSES
        return False

    def _poll_run(self, name: str) -> str | None:
        follower = self._followers[name]
        follower.poll(MAX_READ_SECONDS)
        if follower.problem is not None and not follower.is_held:
            del self._followers[
                name
            ]  # deleted or renamed; of others the screens show what is wrong
            return None
        if not follower.is_over:
            return None
        del self._followers[name]
        if not self._has_trained(name, follower):
            return None
        return describe_end(name, follower.status, follower.history)

    def _has_trained(self, name: str, follower: RunFollower) -> bool:
        """Whether the last event, if any, is from since the lock was last acquired.

        Otherwise it was acquired for something else, such as renaming the run.
        """
        try:
            acquired_at = locks.acquired_at(Run(self._home.runs / name).lock)
        except DamagedError:
            return False
        time = follower.history.time
        return not time or time >= acquired_at - CLOCK_STEP_SECONDS
