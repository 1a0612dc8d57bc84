"""Axes of a chart: linear and logarithmic scales, units, round ticks and their labels. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tui.plot.canvas import FloatArray

STEPS, EPOCHS, TOKENS, SECONDS = "steps", "epochs", "tokens", "time"  # units of the x axis
TICK_STEPS = (1, 2, 2.5, 5, 10)
LOG_TICK_STEPS = (1, 1.5, 2, 3, 5, 7)
CLOCK_TICK_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200)
RELATIVE_TOLERANCE = 1e-9
MAX_AXIS_HALVINGS = 60
MIN_POSITIVE = 1e-300  # below it, shares and ticks round to 0


@dataclass(frozen=True)
class AxisScale:
    """Maps values from `low` to `high` to the unit interval; both are positive if `log`."""

    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """The position of a value: 0 at the low end, 1 at the high end."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return (value - low) / ((high - low) or 1.0)

    def shares(self, values: FloatArray) -> FloatArray:
        """The positions of many values, (N,)."""
        low, high = self.low, self.high
        if self.log:
            low, high, values = math.log10(low), math.log10(high), np.log10(values)
        return np.asarray((values - low) / ((high - low) or 1.0))

    def value(self, share: float) -> float:
        """The value at a position."""
        if not self.log:
            return self.low + share * (self.high - self.low)
        low, high = math.log10(self.low), math.log10(self.high)
        return float(10.0 ** (low + share * (high - low)))

    def ticks(self, limit: int) -> list[float]:
        """About `limit` round values."""
        return (log_ticks if self.log else linear_ticks)(self.low, self.high, limit)


def padded_scale(low: float, high: float, log: bool) -> AxisScale:
    """A scale from `low` to `high`, padded if they are equal; `log` needs `MIN_POSITIVE`."""
    if high - low > max(RELATIVE_TOLERANCE * abs(high), MIN_POSITIVE):
        return AxisScale(low, high, log)
    pad = abs(low) * 0.05 if abs(low) >= MIN_POSITIVE else 0.5
    return AxisScale(low / 1.05 if log else low - pad, high * 1.05 if log else high + pad, log)


def axis_end(last: float, planned: float | None) -> float:
    """Where the x axis of a run ends that is planned to end at `planned`.

    The plan, halved as long as the half still holds the last point: a run at its beginning fills
    its chart, and the axis changes rarely.
    """
    if planned is None or not last < planned < math.inf:
        return last
    for _ in range(MAX_AXIS_HALVINGS):
        if planned / 2 < last or planned / 2 < 1:
            break
        planned /= 2
    return planned


def linear_ticks(low: float, high: float, limit: int, *, whole: bool = False) -> list[float]:
    """About `limit` evenly spaced round values from `low` to `high`.

    Args:
        whole: only whole numbers.
    """
    if not high > low:
        return [low]
    raw = (high - low) / max(1, limit)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    steps = (step * magnitude for step in TICK_STEPS)
    step = next(step for step in steps if step >= raw * (1 - RELATIVE_TOLERANCE))
    if whole and step != int(step):
        step = math.ceil(step) if step > 1 else 1.0
        step = 5.0 if step == 3 else step  # in place of 2.5
    return _multiples(low, high, step)


def _multiples(low: float, high: float, step: float) -> list[float]:
    first = math.ceil(low / step - RELATIVE_TOLERANCE)
    last = math.floor(high / step + RELATIVE_TOLERANCE)
    return [number * step for number in range(first, last + 1)]


def log_ticks(low: float, high: float, limit: int) -> list[float]:
    """Round values on a logarithmic axis; evenly spaced ones if it is too short for those."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if len(exponents) > limit else LOG_TICK_STEPS
    values = (float(f"{step}e{exponent}") for exponent in exponents for step in steps)
    ticks = [value for value in values if low <= value <= high]
    if len(ticks) < min(3, limit):
        return [tick for tick in linear_ticks(low, high, limit) if tick > 0]
    return ticks[:: max(1, math.ceil(len(ticks) / max(1, limit)))]


def position_ticks(scale: AxisScale, limit: int, unit: str) -> list[float]:
    """About `limit` round values of an x axis; whole ones, but for epochs less than two apart."""
    if unit == SECONDS and not scale.log:
        raw = (scale.high - scale.low) / max(1, limit)
        steps = (step for step in CLOCK_TICK_STEPS_S if step >= raw)
        days = math.ceil(raw / 86400) * 86400
        return _multiples(scale.low, scale.high, next(steps, days))
    if unit == EPOCHS and scale.high - scale.low < 2:
        return scale.ticks(limit)
    if scale.log:
        return _whole(scale.ticks(limit))
    return linear_ticks(scale.low, scale.high, limit, whole=True)


def _whole(values: Iterable[float]) -> list[float]:
    return [value for value in values if value == int(value)]


def position_label(value: float, unit: str) -> str:
    """Format a value of an x axis: 1,500 steps, epoch 2.5, 12M tokens, 1:30 of time."""
    if unit == SECONDS:
        return clock(value)
    if unit == TOKENS or abs(value) >= 1e9:
        return tick_label(value)
    return f"{value:,.0f}" if value == int(value) else f"{value:.4g}"


def clock(seconds: float) -> str:
    """A time as 0:05, 12:30 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def tick_label(value: float) -> str:
    """Format a tick: 2.5, 400, 12k, 3M."""
    size = abs(value)
    for limit, divisor, unit in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if size >= limit:
            return f"{value / divisor:g}{unit}"
    return f"{value:.4g}"
