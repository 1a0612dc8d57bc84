"""A curve in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

UNICODE_LEVELS = "▁▂▃▄▅▆▇█"
ASCII_LEVELS = "_.-=^"


def sparkline(values: Sequence[float], width: int, charset: str = "braille") -> str:
    """Draw the finite values with at most `width` characters; empty without values.

    The smallest value has the lowest level, the largest the highest.
    """
    points = [value for value in values if math.isfinite(value)]
    if not points or width < 1:
        return ""
    if len(points) > width:
        sampled = [points[number * len(points) // width] for number in range(width - 1)]
        points = [*sampled, points[-1]]
    levels = ASCII_LEVELS if charset == "ascii" else UNICODE_LEVELS
    low, high = min(points), max(points)
    span = high / 2 - low / 2  # halved, as the difference may exceed the largest float
    if span <= 0:
        return levels[0] * len(points)
    top = len(levels) - 1
    return "".join(levels[round((value / 2 - low / 2) / span * top)] for value in points)
