"""Sums of two numbers below a hundred.

Sums are held out in both orders, so that 34+12 in the corpus does not give away 12+34.
"""

from __future__ import annotations

from random import Random

from data.generators.generated_pairs import GeneratedPairs, Pair

SEED = 1
MAX_SUMMAND = 99
HELD_OUT_SUMS = 250  # counting a sum and its mirror image once
EXAMPLE = (12, 34)  # the prompt of the description, held out too


def generate() -> GeneratedPairs:
    """Return every sum of two numbers from 0 to `MAX_SUMMAND` in random order, some held out."""
    random = Random(SEED)
    sums = [(a, b) for a in range(MAX_SUMMAND + 1) for b in range(MAX_SUMMAND + 1)]
    random.shuffle(sums)
    heldout = {EXAMPLE, *[pair for pair in sums if pair[0] < pair[1]][: HELD_OUT_SUMS - 1]}
    heldout |= {(b, a) for a, b in heldout}
    return GeneratedPairs(
        ("question", "answer"),
        tuple(_format_sum(*pair) for pair in sums if pair not in heldout),
        tuple(_format_sum(*pair) for pair in sums if pair in heldout),
    )


def _format_sum(a: int, b: int) -> Pair:
    return f"{a}+{b}", str(a + b)
