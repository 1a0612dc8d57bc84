"""A curve in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Dots of a braille cell, from the lowest row up, in its left and its right column.
BRAILLE_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
BLANK_BRAILLE = 0x2800
UNICODE_LEVELS = "▁▂▃▄▅▆▇█"
ASCII_LEVELS = "_.-=^"


def sparkline(values: Sequence[float], width: int, charset: str = "braille") -> str:
    """Draw the finite values with at most `width` characters; empty without values.

    The smallest value has the lowest level, the largest the highest. Braille has two points and
    four levels in a character and joins them to a line.
    """
    points = [value for value in values if math.isfinite(value)]
    if not points or width < 1:
        return ""
    width *= 2 if charset == "braille" else 1
    if len(points) > width:
        sampled = [points[number * len(points) // width] for number in range(width - 1)]
        points = [*sampled, points[-1]]
    if charset == "braille":
        return _braille_line(points)
    levels = ASCII_LEVELS if charset == "ascii" else UNICODE_LEVELS
    low, high = min(points), max(points)
    span = high / 2 - low / 2  # halved, as the difference may exceed the largest float
    if span <= 0:
        return levels[0] * len(points)
    top = len(levels) - 1
    return "".join(levels[round((value / 2 - low / 2) / span * top)] for value in points)


def _braille_line(points: Sequence[float]) -> str:
    low, high = min(points), max(points)
    span = high / 2 - low / 2
    top = len(BRAILLE_DOTS[0]) - 1
    levels = [round((p / 2 - low / 2) / span * top) if span > 0 else 0 for p in points]
    cells = [BLANK_BRAILLE] * ((len(levels) + 1) // 2)
    for index, level in enumerate(levels):
        previous = levels[index - 1] if index else level
        low_dot, high_dot = min(level, previous + 1), max(level, previous - 1)
        for dot in range(low_dot, high_dot + 1):
            cells[index // 2] |= BRAILLE_DOTS[index % 2][dot]
    return "".join(map(chr, cells))
