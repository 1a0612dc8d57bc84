"""Questions with their answers: about plain facts, and about what was just told.

Of a fact one way to ask is held out; what is held out of the told ones are other combinations.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from data.generators.facts import AROUND, ASKED, NUMBERS, Asked
from data.generators.parts import Parts, hold_out
from data.generators.templates import deal, expand

SEED = 4
LINES = 7000
HELD_OUT_FACTS = 150
HELD_OUT_TOLD = 150

LISTS = {
    "n": "Ann,Ben,Tom,Lily,Max,Nina,Sam,Eva,Paul,Rosa,Leo,Mia",
    "things": "apples,pears,nuts,coins,books,eggs,shells,stones",
    "thing": "ball,kite,hat,boat,cup,bag",
    "hue": "red,blue,green,yellow,white,black",
    "fur": "black,white,brown,grey",
    "place": "kitchen,garden,park,school,shop,forest,house,field",
    "food": "tea,milk,soup,bread,cheese,rice,cake,fish",
    "pet": "cat,dog,horse,rabbit,duck,goat",
    "more": "taller,older,faster,stronger",
}
LESS = {"taller": "shorter", "older": "younger", "faster": "slower", "stronger": "weaker"}
_HAVE = "[n] has [i] [things] . [n2] has [j] [things] ."
_GIVE = "[n] has [i] [things] . [n2] gives [n] {[j]|[j] more} ."
_TAKE = "[n] has [sum] [things] . [n2] takes {[j]|[j] of them} ."
_ARE = "[n] is in the [place] . [n2] is in the [place2] ."
_GO = "[n] was in the [place] . {now|then} [n] {went|walked|ran} to the [place2] ."
_OWN = "[n] has a [hue] [thing] . [n2] has a [hue2] [thing2] ."
_LIKE = "[n] likes [food] but [n2] likes [food2] ."
_PET = "the [pet] of [n] is [fur] . the [pet2] of [n2] is [fur2] ."
_MORE = "[n] is [more] than [n2] ."
TOLD: tuple[tuple[str, str], ...] = (
    (f"{_HAVE} Q: how many [things] {{has [n]|does [n] have}} ?", "[i]"),
    (f"{_HAVE} Q: how many [things] {{has [n2]|does [n2] have}} ?", "[j]"),
    (f"{_HAVE} Q: who has [i] [things] ?", "[n]"),
    (f"{_HAVE} Q: who has [j] [things] ?", "[n2]"),
    (f"{_GIVE} Q: how many [things] {{has [n]|does [n] have}} now ?", "[sum]"),
    (f"{_TAKE} Q: how many [things] {{has [n]|does [n] have}} now ?", "[i]"),
    (f"{_ARE} Q: where is [n] ?", "in the [place]"),
    (f"{_ARE} Q: where is [n2] ?", "in the [place2]"),
    (f"{_ARE} Q: who is in the [place] ?", "[n]"),
    (f"{_ARE} Q: who is in the [place2] ?", "[n2]"),
    (f"{_GO} Q: where is [n] now ?", "in the [place2]"),
    (f"{_GO} Q: where was [n] before ?", "in the [place]"),
    (f"{_OWN} Q: what does [n] have ?", "a [hue] [thing]"),
    (f"{_OWN} Q: what does [n2] have ?", "a [hue2] [thing2]"),
    (f"{_OWN} Q: who has the [thing] ?", "[n]"),
    (f"{_OWN} Q: who has the [thing2] ?", "[n2]"),
    (f"{_OWN} Q: what colour is the [thing] ?", "[hue]"),
    (f"{_OWN} Q: what colour is the [thing2] ?", "[hue2]"),
    (f"{_LIKE} Q: what does [n] like ?", "[food]"),
    (f"{_LIKE} Q: what does [n2] like ?", "[food2]"),
    (f"{_LIKE} Q: who likes [food] ?", "[n]"),
    (f"{_LIKE} Q: who likes [food2] ?", "[n2]"),
    (f"{_PET} Q: what colour is the [pet] ?", "[fur]"),
    (f"{_PET} Q: what colour is the [pet2] ?", "[fur2]"),
    (f"{_PET} Q: who has a [pet] ?", "[n]"),
    (f"{_PET} Q: which animal has [n2] ?", "a [pet2]"),
    (f"{_MORE} Q: who is [more] ?", "[n]"),
    (f"{_MORE} Q: who is [less] ?", "[n2]"),
)
SUMS = (
    "how much is [i] and [j] ?",
    "what is [i] plus [j] ?",
    "can you tell me the sum of [i] and [j] ?",
)


def generate() -> Parts:
    """Facts in most of their phrasings, and many small tales with a question."""
    random = Random(SEED)
    groups = list(_facts())
    facts = [line for group in groups for line in group]
    told = _told(random, LINES - len(facts))
    known = [random.choice(group) for group in groups if len(group) > 1]
    held = hold_out(random, facts + told, HELD_OUT_FACTS, known)
    rest = held.corpus.splitlines()
    given = set(told)
    more = hold_out(random, rest, HELD_OUT_TOLD, [line for line in rest if line in given])
    lines = more.corpus.splitlines()
    random.shuffle(lines)
    apart = (held.heldout + more.heldout).splitlines()
    random.shuffle(apart)
    return Parts.of_lines(lines, apart)


def _facts() -> Iterator[list[str]]:
    """The lines that ask for one fact in one direction, a list for each."""
    for asked in ASKED:
        yield from _pairs(asked)
    for names, after, before in AROUND:
        circle = names.split()
        for place, name in enumerate(circle):
            following = circle[(place + 1) % len(circle)]
            yield [_line(ask, following, {"x": name}) for ask in after]
            yield [_line(ask, name, {"x": following}) for ask in before]
    numbers = NUMBERS.split()
    for i, first in enumerate(numbers[:11]):
        for j, second in enumerate(numbers[:11]):
            slots = {"i": first, "j": second}
            yield [_line(ask, numbers[i + j], slots) for ask in SUMS]


def _pairs(asked: Asked) -> Iterator[list[str]]:
    for fact in asked.facts.split(", "):
        x, y = fact.split(":" if ":" in fact else " ", 1)
        slots = {"x": x, "y": y}
        if asked.forward:
            yield [_line(ask, asked.y, slots) for ask in asked.forward]
        if asked.backward:
            yield [_line(ask, asked.x, slots) for ask in asked.backward]


def _line(ask: str, answer: str, slots: dict[str, str]) -> str:
    # No choices in these, so nothing is drawn.
    return expand(Random(0), f"Q: {ask} A: {answer}", slots)


def _told(random: Random, count: int) -> list[str]:
    lines: dict[str, None] = {}
    attempt = 0
    while len(lines) < count:
        story, answer = TOLD[attempt % len(TOLD)]
        slots = deal(random, LISTS)
        i, j = random.sample(range(2, 10), 2)
        numbers = NUMBERS.split()
        slots |= {"i": numbers[i], "j": numbers[j], "sum": numbers[i + j]}
        slots["less"] = LESS[slots["more"]]
        lines[expand(random, f"{story} A: {answer}", slots)] = None
        attempt += 1
    return list(lines)
