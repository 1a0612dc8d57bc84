"""Short exchanges between A and B, a whole one on each line."""

from __future__ import annotations

from random import Random

from data.generators.parts import Parts
from data.generators.small_talk import LISTS, TALKS
from data.generators.templates import choices, deal, expand

SEED = 5
LINES = 3500

_NUMBERS = choices("zero,one,two,three,four,five,six,seven,eight,nine,ten,eleven,twelve")


def generate() -> Parts:
    """Different exchanges, about as many of each kind as there are ways to say it."""
    random = Random(SEED)
    lines: dict[str, None] = {}
    attempt = 0
    while len(lines) < LINES:
        slots = deal(random, LISTS) | _worked_out(random)
        lines[expand(random, TALKS[attempt % len(TALKS)], slots)] = None
        attempt += 1
    shuffled = list(lines)
    random.shuffle(shuffled)
    return Parts.of_lines(shuffled)


def _worked_out(random: Random) -> dict[str, str]:
    """Clock times, prices and days that follow from each other."""
    hour, price, back = random.randrange(1, 10), random.randrange(4, 10), random.randrange(1, 4)
    days = choices(LISTS["day"])
    today = random.randrange(len(days))
    return {
        "age": _NUMBERS[random.randrange(6, 13)],
        "age2": _NUMBERS[random.randrange(6, 13)],
        "hour": _NUMBERS[hour],
        "later": _NUMBERS[hour + random.randrange(1, 4)],
        "price": _NUMBERS[price],
        "less": _NUMBERS[price - random.randrange(1, 3)],
        "paid": _NUMBERS[price + back],
        "back": _NUMBERS[back],
        "today": days[today],
        "tomorrow": days[(today + 1) % len(days)],
    }
