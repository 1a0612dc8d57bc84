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
TOLD_LINES = 2000
HELD_OUT_FACTS = 150
HELD_OUT_TOLD = 150
MOST = 5  # of what is added and taken away

LISTS = {
    "n": "Ann,Ben,Tom,Lily,Max,Nina,Sam,Rosa",
    "count": "two,three,four,five,six,seven,eight,nine",
    "things": "apples,pears,nuts,coins,books,eggs",
    "thing": "ball,kite,hat,boat,cup,bag",
    "hue": "red,blue,green,yellow,white,black",
    "fur": "black,white,brown,grey",
    "place": "kitchen,garden,park,school,shop,forest,house,field",
    "food": "tea,milk,soup,bread,cheese,rice,cake,fish",
    "pet": "cat,dog,horse,rabbit,duck,goat",
    "more": "taller,older,faster,stronger",
}
LESS = {"taller": "shorter", "older": "younger", "faster": "slower", "stronger": "weaker"}

# What is told; the question; the answer. Answers are whole sentences: to go on as the tale did is
# what a small model learns first.
_HAVE = "[n] has [count] [things] ."
_ARE = "[n] is in the [place] ."
_OWN = "[n] has a [hue] [thing] ."
_LIKE = "[n] likes [food] ."
TOLD: tuple[tuple[str, str, str], ...] = (
    (_HAVE, "how many [things] {has [n]|does [n] have}", "[n] has [count] [things]"),
    (_HAVE, "who has [count] [things]", "[n] has [count] [things]"),
    (_ARE, "where is [n]", "[n] is in the [place]"),
    (_ARE, "who is in the [place]", "[n] is in the [place]"),
    (_OWN, "what {has [n]|does [n] have}", "[n] has a [hue] [thing]"),
    (_OWN, "who has the [thing]", "[n] has the [thing]"),
    (_LIKE, "what does [n] like", "[n] likes [food]"),
    (_LIKE, "who likes [food]", "[n] likes [food]"),
    ("the [pet] of [n] is [fur] .", "what colour is the [pet] of [n]", "the [pet] of [n] is [fur]"),
    ("[n] is [more] than [n2] .", "who is [more]", "[n] is [more] than [n2]"),
    ("[n] is [more] than [n2] .", "who is [less]", "[n2] is [less] than [n]"),
    (
        "[n] was in the [place] . {now|then} [n] went to the [place2] .",
        "where is [n] now",
        "[n] is in the [place2] now",
    ),
    (
        "[n] has [i] [things] . [n2] gives [n] [j] more .",
        "how many [things] has [n] now",
        "[n] has [sum] [things] now",
    ),
    (
        "[n] has [sum] [things] . [n2] takes [j] of them .",
        "how many [things] has [n] now",
        "[n] has [i] [things] now",
    ),
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
    told = _told(random, TOLD_LINES)
    fact_parts = hold_out(random, facts, HELD_OUT_FACTS, [random.choice(group) for group in groups])
    told_parts = hold_out(random, told, HELD_OUT_TOLD)
    learnt = fact_parts.corpus.splitlines()
    lines = [*learnt, *map(_greeting, learnt), *told_parts.corpus.splitlines()]
    random.shuffle(lines)
    apart = (fact_parts.heldout + told_parts.heldout).splitlines()
    random.shuffle(apart)
    return Parts.of_lines(lines, apart)


def _greeting(line: str) -> str:
    """The question once more: a fact is learnt by meeting it often."""
    return line.replace("Q: ", "Q: hello , ", 1)


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
    for i in range(MOST + 1):
        for j in range(MOST + 1):
            slots = {"i": numbers[i], "j": numbers[j]}
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
        told, ask, answer = TOLD[attempt % len(TOLD)]
        slots = deal(random, LISTS) | _worked_out(random)
        slots["less"] = LESS[slots["more"]]
        lines[expand(random, f"{told} Q: {ask} ? A: {answer}", slots)] = None
        attempt += 1
    return list(lines)


def _worked_out(random: Random) -> dict[str, str]:
    numbers = NUMBERS.split()
    i, j = random.randrange(2, MOST + 1), random.randrange(1, MOST)
    return {"i": numbers[i], "j": numbers[j], "sum": numbers[i + j]}
