"""Questions with answers: about facts, and about short tales.

The corpus shows each fact in three of its phrasings; of some facts a fourth is held out, which the
corpus shows with other facts. Of the tales it lacks
pairs of a person and a thing, which are held out (see `data.generators.tales`).
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from data.generators.facts import FACT_GROUPS, NUMBERS, SEQUENCES, FactGroup, Sequence
from data.generators.generated_pairs import GeneratedPairs, Pair
from data.generators.tales import tell
from data.generators.templates import expand

SEED = 4
TALE_ROWS = 3200
HELD_OUT_FACTS = 170
HELD_OUT_TALES = 170
MAX_ADDEND = 5
PHRASINGS_SHOWN = 3  # of each fact
SUMS = (
    "What is [i] plus [j]?",
    "How much is [i] and [j]?",
    "What is [i_digits] + [j_digits]?",
    "Can you tell me the sum of [i] and [j]?",
)
DIFFERENCES = (
    "What is [sum] minus [j]?",
    "How much is [sum] minus [j]?",
    "What is [sum_digits] - [j_digits]?",
    "If I take [j] from [sum], what is left?",
)


def generate() -> GeneratedPairs:
    """Generate facts in most of their phrasings, and many tales with a question."""
    random = Random(SEED)
    facts = list(list_facts())
    _check_answers(pair for fact in facts for pair in fact)
    for fact in facts:
        random.shuffle(fact)
    corpus = {pair: None for fact in facts for pair in fact[:PHRASINGS_SHOWN]}
    heldout = {fact[PHRASINGS_SHOWN]: None for fact in random.sample(facts, HELD_OUT_FACTS)}
    _add_tales(corpus, random, TALE_ROWS, heldout=False)
    _add_tales(heldout, random, HELD_OUT_TALES, heldout=True)
    return GeneratedPairs(
        ("question", "answer"), _shuffle(random, corpus), _shuffle(random, heldout)
    )


def _shuffle(random: Random, pairs: dict[Pair, None]) -> tuple[Pair, ...]:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    return tuple(shuffled)


def _add_tales(pairs: dict[Pair, None], random: Random, count: int, *, heldout: bool) -> None:
    total = len(pairs) + count
    while len(pairs) < total:
        pairs[tell(random, heldout=heldout)] = None


def _check_answers(pairs: Iterator[Pair]) -> None:
    answers: dict[str, str] = {}
    for question, answer in pairs:
        assert answers.setdefault(question, answer) == answer, question


def list_facts() -> Iterator[list[Pair]]:
    """Yield the pairs of each fact and direction, one per phrasing."""
    for group in FACT_GROUPS:
        yield from _ask_about_group(group)
    for sequence in SEQUENCES:
        yield from _ask_about_sequence(sequence)
    numbers = NUMBERS.split()
    for i in range(MAX_ADDEND + 1):
        for j in range(MAX_ADDEND + 1):
            slots = {"i": numbers[i], "j": numbers[j], "sum": numbers[i + j]}
            slots |= {"i_digits": str(i), "j_digits": str(j), "sum_digits": str(i + j)}
            yield [_format(question, "[Sum].", slots) for question in SUMS]
            yield [_format(question, "[I].", slots) for question in DIFFERENCES]


def _ask_about_group(group: FactGroup) -> Iterator[list[Pair]]:
    for fact in group.facts.split(", "):
        x, *z, y = fact.split(":") if ":" in fact else fact.split(" ", 1)
        slots = {"x": x, "y": y, "z": z[0] if z else ""}
        if group.forward:
            yield [_format(question, group.y, slots) for question in group.forward]
        if group.backward:
            yield [_format(question, group.x, slots) for question in group.backward]


def _ask_about_sequence(sequence: Sequence) -> Iterator[list[Pair]]:
    names = sequence.names.split()
    following = [*names[1:], names[0]] if sequence.cyclic else names[1:]
    for name, next_name in zip(names, following, strict=False):
        yield [
            _format(question, "[Y].", {"x": name, "y": next_name}) for question in sequence.after
        ]
        yield [
            _format(question, "[Y].", {"x": next_name, "y": name}) for question in sequence.before
        ]


def _format(question: str, answer: str, slots: dict[str, str]) -> Pair:
    # There are no choices in these: nothing is drawn.
    return expand(Random(0), question, slots), expand(Random(0), answer, slots)
