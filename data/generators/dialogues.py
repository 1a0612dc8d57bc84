"""Short dialogues between A and B, one per line."""

from __future__ import annotations

from random import Random

from data.generators.generated_text import GeneratedText
from data.generators.small_talk import DIALOGUES, LISTS
from data.generators.templates import draw_slots, expand, split_choices

SEED = 5
LINES = 3500

_NUMBERS = split_choices("zero,one,two,three,four,five,six,seven,eight,nine,ten,eleven,twelve")


def generate() -> GeneratedText:
    """Generate distinct dialogues, about equally many from each template."""
    random = Random(SEED)
    lines: dict[str, None] = {}
    attempt = 0
    while len(lines) < LINES:
        slots = draw_slots(random, LISTS) | _draw_numbers(random)
        lines[expand(random, DIALOGUES[attempt % len(DIALOGUES)], slots)] = None
        attempt += 1
    shuffled = list(lines)
    random.shuffle(shuffled)
    return GeneratedText.from_lines(shuffled)


def _draw_numbers(random: Random) -> dict[str, str]:
    """Draw ages, and clock times, prices and days that are consistent with each other."""
    hour, price, back = random.randrange(1, 10), random.randrange(4, 10), random.randrange(1, 4)
    days = split_choices(LISTS["day"])
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
