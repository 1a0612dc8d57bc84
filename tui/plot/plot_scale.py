"""Axes: round numbers on a line, plain or logarithmic, and how they are written. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tui.plot.canvas import Floats

ROUND = (1, 2, 2.5, 5, 10)
LOG_STEPS = (1, 1.5, 2, 3, 5, 7)
CLOSE = 1e-9  # what differs by less than this share of its size is one number


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """At most about `most` round numbers from `low` to `high`."""
    if not high > low:
        return [low]
    raw = (high - low) / max(1, most)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(r * magnitude for r in ROUND if r * magnitude >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers for a logarithmic axis; plain ones where it spans too little for those."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if len(exponents) > most else LOG_STEPS
    numbers = (float(f"{step}e{exponent}") for exponent in exponents for step in steps)
    found = [number for number in numbers if low <= number <= high]
    if len(found) < min(3, most):
        return [tick for tick in nice_ticks(low, high, most) if tick > 0]
    return found[:: max(1, math.ceil(len(found) / max(1, most)))]


def written(number: float) -> str:
    """A tick: 2.5, 400, 12k, 3M."""
    size = abs(number)
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            return f"{number / (1e3 if unit == 'k' else limit):g}{unit}"
    return f"{number:.4g}"


@dataclass(frozen=True)
class Scale:
    """A line from `low` to `high`; logarithmic if `log`, and then both are above 0."""

    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value is: 0 at the low end, 1 at the high end."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return (value - low) / (high - low)

    def shares(self, values: Floats) -> Floats:
        """The same for many, (N,)."""
        low, high = self.low, self.high
        if self.log:
            low, high, values = math.log10(low), math.log10(high), np.log10(values)
        return np.asarray((values - low) / (high - low))

    def ticks(self, most: int) -> list[float]:
        """Round numbers on it."""
        return (log_ticks if self.log else nice_ticks)(self.low, self.high, most)


def widened(low: float, high: float, log: bool) -> Scale:
    """A scale that is never a point."""
    if high - low > CLOSE * abs(high):
        return Scale(low, high, log)
    room = abs(low) * 0.05 or 0.5
    return Scale(low / 1.05 if log else low - room, high * 1.05 if log else high + room, log)
