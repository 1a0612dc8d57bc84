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
    """Follows the runs that are being trained.

    Args:
        since: Unix seconds; runs that had ended before are never reported.
    """

    def __init__(self, home: Home, since: float) -> None:
        self._home = home
        self._followers: dict[str, RunFollower] = {}
        self._since: dict[str, float] = {}  # Unix seconds, where a run may be over by now
        self._polled_at = since
        self._is_first = True

    def poll(self) -> list[str]:
        """Look for trainings, read their events, and return a line for each that has ended.

        A run that a person has asked to stop is not among them.
        """
        polled_at = time.time()
        for run in list_runs(self._home):
            if run.name not in self._followers and self._may_be_training(run):
                self._followers[run.name] = RunFollower(run)
        self._polled_at, self._is_first = polled_at, False
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

    def _may_be_training(self, run: Run) -> bool:
        """Whether a run is being trained, here or elsewhere, or was since the last poll."""
        with suppress(DamagedError, OSError):
            if locks.is_held(run.lock):
                self._since[run.name] = 0.0
                return True
            changed_at = run.events.stat().st_mtime
            self._since[run.name] = self._polled_at
            if changed_at >= self._polled_at:
                return True
            is_recent = time.time() - changed_at <= MAX_SILENCE_SECONDS
            return self._is_first and is_recent and status_of(run) in LIVE_STATUSES
        return False

    def _poll_run(self, name: str) -> str | None:
        follower = self._followers[name]
        follower.poll(MAX_READ_SECONDS)
        is_gone = follower.problem is not None and not follower.is_held  # deleted or renamed
        if not is_gone and not follower.is_over:
            return None
        del self._followers[name]
        if is_gone or not self._has_trained(name, follower):
            return None
        return describe_end(name, follower.status, follower.history)

    def _has_trained(self, name: str, follower: RunFollower) -> bool:
        """Whether the last event, if any, is from this training.

        Otherwise the lock was acquired or the log written for something else, such as renaming or
        copying the run.
        """
        try:
            acquired_at = locks.acquired_at(Run(self._home.runs / name).lock)
        except DamagedError:
            return False
        begin = max(acquired_at, self._since[name])
        return not follower.history.time or follower.history.time >= begin - CLOCK_STEP_SECONDS
