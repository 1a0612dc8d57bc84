"""Training speed and remaining time, from recent `step` events."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from core.run.events import Event

# The forecast is based on so much recent progress, but at most on the later half: the first steps
# are slower, and samples and snapshots follow each other closely.
FORECAST_WINDOW_SECONDS = 60.0
FORECAST_WINDOW_SHARE = 0.5
SMOOTHING_SECONDS = 5.0  # time constant of the displayed speed
# Beyond the time that passes, the time left changes by at most a third in so many seconds: between
# two looks at a display that is read once per second.
TIME_LEFT_SECONDS = 1.0
LAST_SECONDS = 10.0  # then it falls with the steps too: however wrong it was, it ends at zero
MAX_TIME_LEFT_CHANGE = 1 / 3
MIN_CHANGING_TIME_LEFT = 1.0  # seconds: an estimate near zero must be able to grow


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
        self._total_seconds = 0.0
        self._time_left: float | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """Exponential moving average over the last seconds."""
        return self._tokens_per_second

    @property
    def time_left(self) -> float | None:
        """Smoothed seconds left, as of the last `step` event; None before two steps were timed."""
        return self._time_left

    def restart_time_left(self, steps_left: int) -> None:
        """Forecast without regard to what was shown before, after a request to train longer."""
        self._time_left = self.seconds_for(steps_left)

    def interrupt(self) -> None:
        """Ignore the time until the next event, after a pause or a resume."""
        self._previous = None

    def add(self, event: Event, steps_left: int | None = None) -> None:
        """Add a `step` event, after which so many steps are left."""
        now = _StepTime(event.step, event.time, event.number("elapsed") or 0.0)
        previous, self._previous = self._previous, now
        seconds, done = 0.0, 0
        if previous is not None and now.step > previous.step:
            # A clock that was set back must not make training look fast.
            seconds = max(now.time - previous.time, now.elapsed - previous.elapsed, 0.0)
            done = now.step - previous.step
            self._add_interval(done, seconds)
        self._smooth(event.number("tokens_per_second"), seconds)
        if steps_left is not None:
            self._smooth_time_left(max(0, steps_left), done, seconds)

    def _add_interval(self, steps: int, seconds: float) -> None:
        self._intervals.append((steps, seconds))
        self._steps += steps
        self._seconds += seconds
        self._total_seconds += seconds
        window = min(FORECAST_WINDOW_SECONDS, FORECAST_WINDOW_SHARE * self._total_seconds)
        while len(self._intervals) > 1 and self._seconds - self._intervals[0][1] >= window:
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

    def _smooth_time_left(self, steps_left: int, done: int, passed: float) -> None:
        before, forecast = self._time_left, self.seconds_for(steps_left)
        if before is not None and forecast is not None:
            share = min(1.0, passed / TIME_LEFT_SECONDS)
            lowest = max(0.0, before - passed)
            if forecast < LAST_SECONDS:
                lowest = min(lowest, before * steps_left / max(1, steps_left + done))
            lowest *= (1 - MAX_TIME_LEFT_CHANGE) ** share
            highest = max(before, MIN_CHANGING_TIME_LEFT) * (1 + MAX_TIME_LEFT_CHANGE) ** share
            forecast = min(max(forecast, lowest), highest)
        self._time_left = forecast

    def seconds_for(self, steps: int) -> float | None:
        """Seconds that this many steps will take; None before two steps have been timed."""
        if not self._steps:
            return None
        seconds = max(0, steps) * self._seconds / self._steps
        return seconds if math.isfinite(seconds) else None
