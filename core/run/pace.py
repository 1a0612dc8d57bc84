"""Training speed and remaining time, from recent `step` events."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from core.run.events import Event

FORECAST_WINDOW_SECONDS = 60.0  # the forecast is based on so much recent progress
SMOOTHING_SECONDS = 5.0  # time constant of the displayed speed


class _StepTime(NamedTuple):
    step: int
    time: float  # Unix seconds
    elapsed: float  # seconds of training


class Pace:
    """Speed and forecast, fed with `step` events.

    The forecast uses the wall time between two events rather than the time spent training, because
    evaluation and saving continue until the end too. `interrupt` leaves pauses out.
    """

    def __init__(self) -> None:
        self._tokens_per_second: float | None = None
        self._previous: _StepTime | None = None
        self._intervals: deque[tuple[int, float]] = deque()  # (steps, seconds)
        self._steps = 0
        self._seconds = 0.0

    @property
    def tokens_per_second(self) -> float | None:
        """Exponential moving average over the last seconds."""
        return self._tokens_per_second

    def interrupt(self) -> None:
        """Ignore the time until the next event, after a pause or a resume."""
        self._previous = None

    def add(self, event: Event) -> None:
        """Add a `step` event."""
        now = _StepTime(event.step, event.time, event.number("elapsed") or 0.0)
        previous, self._previous = self._previous, now
        seconds = 0.0
        if previous is not None and now.step > previous.step:
            # A clock that was set back must not make training look fast.
            seconds = max(now.time - previous.time, now.elapsed - previous.elapsed, 0.0)
            self._add_interval(now.step - previous.step, seconds)
        self._smooth(event.number("tokens_per_second"), seconds)

    def _add_interval(self, steps: int, seconds: float) -> None:
        self._intervals.append((steps, seconds))
        self._steps += steps
        self._seconds += seconds
        while (
            len(self._intervals) > 1
            and self._seconds - self._intervals[0][1] >= FORECAST_WINDOW_SECONDS
        ):
            steps, seconds = self._intervals.popleft()
            self._steps -= steps
            self._seconds -= seconds

    def _smooth(self, speed: float | None, seconds: float) -> None:
        if speed is None:
            return
        if self._tokens_per_second is None or seconds == 0.0:
            self._tokens_per_second = speed
            return
        weight = -math.expm1(-seconds / SMOOTHING_SECONDS)
        self._tokens_per_second += weight * (speed - self._tokens_per_second)

    def seconds_for(self, steps: int) -> float | None:
        """Seconds that this many steps will take; None before two steps have been timed."""
        if not self._steps:
            return None
        seconds = max(0, steps) * self._seconds / self._steps
        return seconds if math.isfinite(seconds) else None
