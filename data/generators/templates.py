"""Templates of sentences with choices and slots.

`{a|b|}` is one of its alternatives, possibly nested; `[name]` is the slot of that name, `[Name]`
the same with a capital, `[a name]` with its article, `[A name]` with both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

_CHOICE = re.compile(r"\{([^{}]*)\}")
_SPOKEN_VOWEL = re.compile(r"[aeio]|u(?!s|ni[^mn])|hon|hour")
_SLOT = re.compile(r"\[(an? |An? )?(\w+)\]")


def expand(random: Random, template: str, slots: Mapping[str, str]) -> str:
    """Make every choice and fill every slot; runs of blanks become one."""
    while match := _CHOICE.search(template):
        chosen = random.choice(match[1].split("|"))
        template = template[: match.start()] + chosen + template[match.end() :]
    return " ".join(_SLOT.sub(lambda slot: _fill(slot, slots), template).split())


def _fill(slot: re.Match[str], slots: Mapping[str, str]) -> str:
    article, name = slot[1], slot[2]
    text = slots[name.lower()]
    if article:
        text = with_article(text)
    return capitalize(text) if (article or name)[0].isupper() else text


def find_slots(template: str) -> list[str]:
    """Return the names of the slots of a template, in order."""
    return [match[2].lower() for match in _SLOT.finditer(template)]


def with_article(noun: str) -> str:
    """Put "a" or "an" before a noun, by its first letters."""
    return f"{'an' if _SPOKEN_VOWEL.match(noun) else 'a'} {noun}"


def capitalize(text: str) -> str:
    """Capitalize the first letter."""
    return text[:1].upper() + text[1:]


def split_choices(text: str) -> list[str]:
    """Split a list at its commas."""
    return text.split(",")


def draw_slots(random: Random, lists: Mapping[str, str]) -> dict[str, str]:
    """Draw up to three distinct entries of each list: the slots `food`, `food2`, `food3`."""
    slots: dict[str, str] = {}
    for name, text in lists.items():
        values = split_choices(text)
        chosen = random.sample(values, min(3, len(values)))
        for number, value in enumerate(chosen):
            slots[name if number == 0 else f"{name}{number + 1}"] = value
    return slots
