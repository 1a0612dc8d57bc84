"""A timer that polls a `RunFollower` while a screen is visible."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.message_pump import MessagePump
from textual.timer import Timer

from core.run.follow import RunFollower

POLL_SECONDS = 0.25
REMOTE_POLL_SECONDS = 1.0
MAX_READ_SECONDS = 0.03  # of one poll, so that keys are handled in between
BACKLOG_POLL_SECONDS = 0.01


class FollowTimer:
    """Polls a run periodically and reports visible changes.

    A backlog is read in short pieces, but reported no more often than other changes.

    Args:
        node: owner of the timer, which ends with it.
        follower: polled.
        on_change: called when there is something new to show.
        period: seconds between two polls.
    """

    def __init__(
        self,
        node: MessagePump,
        follower: RunFollower,
        on_change: Callable[[], None],
        *,
        period: float = POLL_SECONDS,
    ) -> None:
        self._node, self._follower, self._on_change = node, follower, on_change
        self._period = period
        self._timer: Timer | None = None
        self._has_unreported, self._reported_at = False, float("-inf")

    @property
    def is_active(self) -> bool:
        return self._timer is not None

    def resume(self) -> None:
        """Poll now, and periodically from now on."""
        self.pause()
        self._poll()

    def pause(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _poll(self) -> None:
        is_visible = self._follower.poll(MAX_READ_SECONDS).is_visible
        self._has_unreported = is_visible or self._has_unreported
        is_behind = self._follower.share_read < 1.0
        now = time.monotonic()
        if self._has_unreported and (not is_behind or now - self._reported_at >= self._period):
            self._has_unreported, self._reported_at = False, now
            self._on_change()
        delay = BACKLOG_POLL_SECONDS if is_behind else self._period
        self._timer = self._node.set_timer(delay, self._poll, name="follow run")
