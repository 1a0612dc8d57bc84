"""A curve in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.-=^"


def sparkline(values: Sequence[float], width: int, charset: str = "braille") -> str:
    """At most `width` characters; what is not finite is left out, and nothing gives nothing.

    The lowest value stands on the floor, the highest under the ceiling; a flat curve is flat.
    """
    found = [value for value in values if math.isfinite(value)]
    if not found or width < 1:
        return ""
    if len(found) > width:
        found = [found[number * len(found) // width] for number in range(width - 1)] + found[-1:]
    levels = PLAIN if charset == "ascii" else BLOCKS
    low, high = min(found), max(found)
    span = high / 2 - low / 2  # halves: the whole may be more than a float holds
    if span <= 0:
        return levels[0] * len(found)
    top = len(levels) - 1
    return "".join(levels[round((value / 2 - low / 2) / span * top)] for value in found)
