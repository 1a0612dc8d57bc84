"""Sums of two numbers below a hundred.

Some sums are held out together with their mirror image, so that 34+12 does not give 12+34 away.
"""

from __future__ import annotations

from random import Random

from data.generators.parts import Parts

SEED = 1
MAX_SUMMAND = 99
HELD_OUT_PAIRS = 250
EXAMPLE = (12, 34)  # the prompt of the description is held out, too


def generate() -> Parts:
    """Return every sum of two numbers from 0 to `MAX_SUMMAND` in random order, some held out."""
    random = Random(SEED)
    sums = [(a, b) for a in range(MAX_SUMMAND + 1) for b in range(MAX_SUMMAND + 1)]
    random.shuffle(sums)
    apart = {EXAMPLE, *[pair for pair in sums if pair[0] < pair[1]][: HELD_OUT_PAIRS - 1]}
    apart |= {(b, a) for a, b in apart}
    return Parts.of_lines(
        (_line(*pair) for pair in sums if pair not in apart),
        (_line(*pair) for pair in sums if pair in apart),
    )


def _line(a: int, b: int) -> str:
    return f"{a}+{b}={a + b}"
