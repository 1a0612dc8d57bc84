"""Sentences with choices in them.

`{a|b|}` is one of its parts, nested as wanted; `[name]` is the slot of that name, `[Name]` the same
with a capital, `[a name]` with its article, `[A name]` with both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

_CHOICE = re.compile(r"\{([^{}]*)\}")
_SPOKEN_VOWEL = re.compile(r"[aeio]|u(?!s|ni)")
_SLOT = re.compile(r"\[(an? |An? )?(\w+)\]")


def expand(random: Random, template: str, slots: Mapping[str, str]) -> str:
    """The template with every choice made and every slot filled; blanks are squeezed."""
    while found := _CHOICE.search(template):
        chosen = random.choice(found[1].split("|"))
        template = template[: found.start()] + chosen + template[found.end() :]
    return " ".join(_SLOT.sub(lambda slot: _filled(slot, slots), template).split())


def _filled(slot: re.Match[str], slots: Mapping[str, str]) -> str:
    article, name = slot[1], slot[2]
    text = slots[name.lower()]
    if article:
        text = with_article(text)
    return capital(text) if (article or name)[0].isupper() else text


def with_article(noun: str) -> str:
    """The noun with "a" or "an" by its first letters."""
    return f"{'an' if _SPOKEN_VOWEL.match(noun) else 'a'} {noun}"


def capital(text: str) -> str:
    """The text with its first letter a capital one."""
    return text[:1].upper() + text[1:]


def choices(text: str) -> list[str]:
    """The entries of a text, parted by commas."""
    return text.split(",")


def deal(random: Random, lists: Mapping[str, str]) -> dict[str, str]:
    """A slot for each list of choices, and a second and third one: `food`, `food2`, `food3`.

    What is in them is different.
    """
    slots: dict[str, str] = {}
    for name, text in lists.items():
        values = choices(text)
        chosen = random.sample(values, min(3, len(values)))
        for number, value in enumerate(chosen):
            slots[name if number == 0 else f"{name}{number + 1}"] = value
    return slots
