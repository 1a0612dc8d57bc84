"""How fast a run goes and how long it will take, from what it did lately."""

from __future__ import annotations

import math
from collections import deque

from core.run.events import Event

WINDOW_SECONDS = 60.0  # of progress that the forecast looks back on
SMOOTH_SECONDS = 5.0  # within which the shown rate forgets


class Pace:
    """Speed and forecast, fed with `step` events.

    The forecast uses the time between two events, not that of training alone, because evaluating
    and saving go on until the end too. Pauses are left out by `interrupt`.
    """

    def __init__(self) -> None:
        self._rate: float | None = None
        self._before: tuple[int, float, float] | None = None
        self._pieces: deque[tuple[int, float]] = deque()
        self._steps = 0
        self._seconds = 0.0

    @property
    def rate(self) -> float | None:
        """Tokens a second, an exponential mean over the last seconds."""
        return self._rate

    def interrupt(self) -> None:
        """Leaves out the time until the next event: a pause, or another life of the run."""
        self._before = None

    def add(self, event: Event) -> None:
        """Takes a `step` event in."""
        elapsed = event.number("elapsed") or 0.0
        before, self._before = self._before, (event.step, event.time, elapsed)
        seconds = 0.0
        if before is not None and event.step > before[0]:
            # A clock that was put back must not make it look fast.
            seconds = max(event.time - before[1], elapsed - before[2], 0.0)
            self._remember(event.step - before[0], seconds)
        self._smooth(event.number("tokens_per_second"), seconds)

    def _remember(self, steps: int, seconds: float) -> None:
        self._pieces.append((steps, seconds))
        self._steps += steps
        self._seconds += seconds
        while len(self._pieces) > 1 and self._seconds - self._pieces[0][1] >= WINDOW_SECONDS:
            steps, seconds = self._pieces.popleft()
            self._steps -= steps
            self._seconds -= seconds

    def _smooth(self, rate: float | None, seconds: float) -> None:
        if rate is None:
            return
        if self._rate is None or seconds == 0.0:
            self._rate = rate
            return
        weight = -math.expm1(-seconds / SMOOTH_SECONDS)
        self._rate += weight * (rate - self._rate)

    def seconds_for(self, steps: int) -> float | None:
        """Seconds that so many steps will take; None before there is anything to go by."""
        if not self._steps:
            return None
        seconds = max(0, steps) * self._seconds / self._steps
        return seconds if math.isfinite(seconds) else None
