"""Opinions and plain facts with their sentiment, which no single word decides.

"not bad at all" is positive, "far from fresh" negative, "neither good nor bad" neutral, and after
"but" the last word counts. All adjectives but the everyday ones are reserved: each for one of three
families of constructions, in which the corpus shows only other words and the held-out part shows
it. Facts are held out by combinations of a thing and a sentence that the corpus lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from data.generators.generated_pairs import GeneratedPairs, Pair
from data.generators.neutral_sentences import (
    BALANCED,
    FACT_NOUNS,
    FACT_VALUES,
    FACTS,
    FAINT_PRAISE,
    FAINT_REMARKS,
)
from data.generators.opinion_frames import (
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    REMARKS,
    STATED,
    VERDICTS,
    list_reserving,
    list_turned,
)
from data.generators.opinion_writer import RESERVED, OpinionWriter, split_words, uncapitalize
from data.generators.templates import expand, split_choices

SEED = 3
OPINIONS, FACT_ROWS, FAINT_ROWS = 3800, 800, 700
HELD_OUT_OPINIONS, HELD_OUT_FACTS, HELD_OUT_BALANCED = 240, 60, 40
HELD_OUT_FACT_MODULUS = 7  # every seventh combination of thing and sentence
HASTE_SHARE = 0.06


def generate() -> GeneratedPairs:
    """Generate opinions of both verdicts and neutral sentences; some of each are held out."""
    random = Random(SEED)
    writer = OpinionWriter(random, heldout=False)
    corpus: dict[str, str] = {}
    _collect(corpus, OPINIONS, lambda label: _write_opinion(random, writer, label))
    _collect(corpus, FACT_ROWS, lambda _: _write_facts(random, heldout=False), [NEUTRAL])
    _collect(corpus, FAINT_ROWS, lambda _: _write_faint(random, writer), [NEUTRAL])
    new = OpinionWriter(random, heldout=True)
    heldout: dict[str, str] = {}
    _collect(heldout, HELD_OUT_OPINIONS, lambda label: _write_new(random, new, label))
    _add_unused(heldout, lambda label: new.write(label, list_reserving(label)))
    _collect(heldout, HELD_OUT_FACTS, lambda _: _write_fact(random, heldout=True), [NEUTRAL])
    _collect(heldout, HELD_OUT_BALANCED, lambda _: new.write(POSITIVE, BALANCED), [NEUTRAL])
    return GeneratedPairs(("text", "label"), _shuffle(random, corpus), _shuffle(random, heldout))


def _shuffle(random: Random, rows: Mapping[str, str]) -> tuple[Pair, ...]:
    shuffled = list(rows.items())
    random.shuffle(shuffled)
    return tuple(shuffled)


def _collect(
    rows: dict[str, str],
    count: int,
    write: Callable[[str], str],
    labels: Sequence[str] = (POSITIVE, NEGATIVE),
) -> None:
    """Add `count` new sentences, with all labels in turn."""
    total = len(rows) + count
    while len(rows) < total:
        label = labels[len(rows) % len(labels)]
        rows.setdefault(write(label), label)


def _add_unused(rows: dict[str, str], write: Callable[[str], str]) -> None:
    """Add sentences until every reserved word occurs."""
    unused = set(RESERVED).difference(*map(split_words, rows))
    while unused:
        for label in (POSITIVE, NEGATIVE):
            text = write(label)
            if unused.intersection(split_words(text)):
                rows[text] = label
                unused.difference_update(split_words(text))


def _write_opinion(random: Random, writer: OpinionWriter, label: str) -> str:
    """Write an opinion in any construction, sometimes with a second sentence or in haste."""
    structure = random.random()
    if structure < 0.42:
        text = writer.write(label, STATED)
    elif structure < 0.74:
        text = writer.write(label, list_turned(label))
    elif structure < 0.83:
        text = writer.write(label, VERDICTS[label])
    elif structure < 0.94:
        text = writer.write_contrast(label)
    else:
        text = f"{writer.write(label, STATED)} {random.choice(REMARKS[label])}"
    addition = random.random()
    if addition < 0.03:
        text = f"{_write_fact(random, heldout=False)} {text}"
    elif addition < 0.06:
        text = random.choice(REMARKS[label])
    return _write_in_haste(random, text)


def _write_in_haste(random: Random, text: str) -> str:
    """Leave out the capital and the stop of a few sentences, as people do when they type."""
    return uncapitalize(text).removesuffix(".") if random.random() < HASTE_SHARE else text


def _write_new(random: Random, writer: OpinionWriter, label: str) -> str:
    """Write an opinion in a construction that is not plain."""
    if random.random() < 0.8:
        return writer.write(label, list_reserving(label))
    return writer.write_contrast(label)


def _write_facts(random: Random, *, heldout: bool) -> str:
    """Write a fact, or two of them."""
    text = _write_fact(random, heldout=heldout)
    structure = random.random()
    if structure < 0.1:
        text = f"{text} {_write_fact(random, heldout=heldout)}"
    elif structure < 0.25:
        join = random.choice((" and", ", but"))
        second = uncapitalize(_write_fact(random, heldout=heldout))
        text = f"{text.removesuffix('.')}{join} {second}"
    return _write_in_haste(random, text)


def _write_fact(random: Random, *, heldout: bool) -> str:
    while True:
        kind = random.choice(list(FACTS))
        nouns, frames = split_choices(FACT_NOUNS[kind]), FACTS[kind]
        i, j = random.randrange(len(nouns)), random.randrange(len(frames))
        if ((i + j) % HELD_OUT_FACT_MODULUS == 0) == heldout:
            slots = {name: random.choice(values) for name, values in FACT_VALUES.items()}
            return expand(random, frames[j], {**slots, "x": nouns[i]})


def _write_faint(random: Random, writer: OpinionWriter) -> str:
    structure = random.random()
    if structure < 0.1:
        return random.choice(FAINT_REMARKS)
    frames = FAINT_PRAISE if structure < 0.6 else BALANCED
    text = writer.write(POSITIVE, frames)
    if random.random() < 0.1:
        text = f"{_write_fact(random, heldout=False)} {text}"
    return _write_in_haste(random, text)
