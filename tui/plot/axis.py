"""Axes of a chart: linear and logarithmic scales with round ticks. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tui.plot.canvas import FloatArray

TICK_STEPS = (1, 2, 2.5, 5, 10)
LOG_TICK_STEPS = (1, 1.5, 2, 3, 5, 7)
RELATIVE_TOLERANCE = 1e-9


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
        return (value - low) / (high - low)

    def shares(self, values: FloatArray) -> FloatArray:
        """The positions of many values, (N,)."""
        low, high = self.low, self.high
        if self.log:
            low, high, values = math.log10(low), math.log10(high), np.log10(values)
        return np.asarray((values - low) / (high - low))

    def ticks(self, limit: int) -> list[float]:
        """About `limit` round values."""
        return (log_ticks if self.log else linear_ticks)(self.low, self.high, limit)


def padded_scale(low: float, high: float, log: bool) -> AxisScale:
    """A scale from `low` to `high`, padded if they are equal."""
    if high - low > RELATIVE_TOLERANCE * abs(high):
        return AxisScale(low, high, log)
    pad = abs(low) * 0.05 or 0.5
    return AxisScale(low / 1.05 if log else low - pad, high * 1.05 if log else high + pad, log)


def linear_ticks(low: float, high: float, limit: int) -> list[float]:
    """About `limit` evenly spaced round values from `low` to `high`."""
    if not high > low:
        return [low]
    raw = (high - low) / max(1, limit)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    steps = (step * magnitude for step in TICK_STEPS)
    step = next(step for step in steps if step >= raw * (1 - RELATIVE_TOLERANCE))
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


def tick_label(value: float) -> str:
    """Format a tick: 2.5, 400, 12k, 3M."""
    size = abs(value)
    for limit, divisor, unit in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if size >= limit:
            return f"{value / divisor:g}{unit}"
    return f"{value:.4g}"
