"""Questions with answers: about facts, and about short tales.

Of each fact one phrasing may be held out; of the tales, combinations that the corpus lacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from data.generators.facts import CYCLES, FACT_GROUPS, NUMBERS, FactGroup
from data.generators.generated_text import GeneratedText, hold_out
from data.generators.templates import draw_slots, expand

SEED = 4
TALE_LINES = 2000
HELD_OUT_FACTS = 150
HELD_OUT_TALES = 150
MAX_ADDEND = 5

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
CONVERSE = {"taller": "shorter", "older": "younger", "faster": "slower", "stronger": "weaker"}

# Tale, question, answer. Answers are whole sentences: a small model first learns to continue like
# the tale.
_HAVE = "[n] has [count] [things] ."
_ARE = "[n] is in the [place] ."
_OWN = "[n] has a [hue] [thing] ."
_LIKE = "[n] likes [food] ."
TALES: tuple[tuple[str, str, str], ...] = (
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


def generate() -> GeneratedText:
    """Generate facts in most of their phrasings, and many tales with a question."""
    random = Random(SEED)
    groups = list(_fact_questions())
    facts = [line for group in groups for line in group]
    tales = _make_tales(random, TALE_LINES)
    fact_text = hold_out(random, facts, HELD_OUT_FACTS, [random.choice(group) for group in groups])
    tale_text = hold_out(random, tales, HELD_OUT_TALES)
    fact_lines = fact_text.corpus.splitlines()
    lines = [*fact_lines, *map(_add_greeting, fact_lines), *tale_text.corpus.splitlines()]
    random.shuffle(lines)
    heldout = (fact_text.heldout + tale_text.heldout).splitlines()
    random.shuffle(heldout)
    return GeneratedText.from_lines(lines, heldout)


def _add_greeting(line: str) -> str:
    """Vary a question: a fact is learnt by repetition."""
    return line.replace("Q: ", "Q: hello , ", 1)


def _fact_questions() -> Iterator[list[str]]:
    """Yield the lines of each fact and direction, one per phrasing."""
    for group in FACT_GROUPS:
        yield from _pair_questions(group)
    for names, after, before in CYCLES:
        cycle = names.split()
        for index, name in enumerate(cycle):
            following = cycle[(index + 1) % len(cycle)]
            yield [_format(question, following, {"x": name}) for question in after]
            yield [_format(question, name, {"x": following}) for question in before]
    numbers = NUMBERS.split()
    for i in range(MAX_ADDEND + 1):
        for j in range(MAX_ADDEND + 1):
            slots = {"i": numbers[i], "j": numbers[j]}
            yield [_format(question, numbers[i + j], slots) for question in SUMS]


def _pair_questions(group: FactGroup) -> Iterator[list[str]]:
    for fact in group.facts.split(", "):
        x, y = fact.split(":" if ":" in fact else " ", 1)
        slots = {"x": x, "y": y}
        if group.forward:
            yield [_format(question, group.y, slots) for question in group.forward]
        if group.backward:
            yield [_format(question, group.x, slots) for question in group.backward]


def _format(question: str, answer: str, slots: dict[str, str]) -> str:
    # There are no choices in these: nothing is drawn.
    return expand(Random(0), f"Q: {question} A: {answer}", slots)


def _make_tales(random: Random, count: int) -> list[str]:
    lines: dict[str, None] = {}
    attempt = 0
    while len(lines) < count:
        tale, question, answer = TALES[attempt % len(TALES)]
        slots = draw_slots(random, LISTS) | _draw_numbers(random)
        slots["less"] = CONVERSE[slots["more"]]
        lines[expand(random, f"{tale} Q: {question} ? A: {answer}", slots)] = None
        attempt += 1
    return list(lines)


def _draw_numbers(random: Random) -> dict[str, str]:
    numbers = NUMBERS.split()
    i, j = random.randrange(2, MAX_ADDEND + 1), random.randrange(1, MAX_ADDEND)
    return {"i": numbers[i], "j": numbers[j], "sum": numbers[i + j]}
