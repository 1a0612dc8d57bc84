"""How long work tells of itself and is asked to stop."""

from __future__ import annotations

import time
from collections.abc import Callable

ProgressCallback = Callable[[int, int, str], None]
"""Called with what is done, the total and a phase in words, a few times a second at most."""

CancelCheck = Callable[[], bool]
"""Whether the work shall stop; asked a few times a second."""


def no_progress(done: int, total: int, phase: str) -> None:
    """A progress that tells nobody."""


def throttled(progress: ProgressCallback, seconds: float = 0.2) -> ProgressCallback:
    """A progress that passes on no more than so often; a new phase and its end at once."""
    last, phase_before = 0.0, ""

    def tell(done: int, total: int, phase: str) -> None:
        nonlocal last, phase_before
        now = time.monotonic()
        if phase != phase_before or done >= total or now - last >= seconds:
            last, phase_before = now, phase
            progress(done, total, phase)

    return tell


def never_cancelled() -> bool:
    """A stop that never comes."""
    return False
