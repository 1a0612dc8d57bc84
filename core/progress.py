"""Callbacks for long work: progress out, cancellation in."""

from __future__ import annotations

import time
from collections.abc import Callable

ProgressCallback = Callable[[int, int, str], None]
"""Receives units done, total units and the phase in words, a few times per second at most."""

CancelCheck = Callable[[], bool]
"""Returns True once the work should stop; polled a few times per second."""

PROGRESS_INTERVAL_S = 0.2


def no_progress(done: int, total: int, phase: str) -> None:
    """Ignore progress (the default callback)."""


def never_cancelled() -> bool:
    """Never cancel (the default check)."""
    return False


def throttled(
    progress: ProgressCallback, interval_s: float = PROGRESS_INTERVAL_S
) -> ProgressCallback:
    """Limit calls of `progress` to one per interval; a new phase and its end always pass."""
    last_call, last_phase = 0.0, ""

    def report(done: int, total: int, phase: str) -> None:
        nonlocal last_call, last_phase
        now = time.monotonic()
        if phase != last_phase or done >= total or now - last_call >= interval_s:
            last_call, last_phase = now, phase
            progress(done, total, phase)

    return report
