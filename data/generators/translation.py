"""Simple English sentences with their French translation.

Sentences are generated from both grammars at once, so that articles, adjectives and verbs agree;
fixed phrases and single words come from a table. Questions and exclamations have an ordinary blank
before their mark in French.

Held out are sentences with two words that no sentence of the corpus has together: one pair of
words of the vocabulary in `RESERVED_SHARE` is reserved for them, whatever the forms of the words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain, combinations, zip_longest
from zlib import crc32

from data.generators.everyday import (
    COMPARATIVES,
    DAYS,
    MONTHS,
    SEASONS,
    WORDS,
    parse_phrases,
    parse_table,
    spell_number,
)
from data.generators.french import ADJECTIVES, ADJECTIVES_BY_NOUN_KIND, NOUNS
from data.generators.generated_pairs import GeneratedPairs, Pair
from data.generators.phrases import (
    NAMED,
    Translation,
    choose_adjective,
    choose_noun,
    is_countable,
    noun_phrase,
)
from data.generators.sentences import SENTENCE_KINDS
from data.generators.templates import capitalize
from data.generators.verbs import VERBS
from data.generators.word_chooser import WordChooser

SEED = 2
SENTENCES = 5800
NOUN_PHRASES = 900
HELD_OUT = 300
RESERVED_SHARE = 8  # one pair of words in so many is reserved for the held-out part
HURRIED_SHARE = 0.06  # of the sentences lack the capital and the last mark in English
MAX_TRIES = 5  # to find a new sentence of a kind
MIN_WORD_COUNT = 5  # of every word of a held-out sentence, in the corpus
CONTRACTIONS = {
    "do not": "don't",
    "does not": "doesn't",
    "did not": "didn't",
    "is not": "isn't",
    "are not": "aren't",
    "cannot": "can't",
    "I am": "I'm",
    "you are": "you're",
    "we are": "we're",
    "they are": "they're",
    "he is": "he's",
    "she is": "she's",
    "it is": "it's",
    "I would": "I'd",
}
# The base form of every form of an English noun, verb or adjective.
BASE_FORMS: dict[str, str] = {
    **{name: name for name in ADJECTIVES},
    **parse_table(COMPARATIVES),
    **{form.replace(" ", "-"): noun.en for noun in NOUNS for form in (noun.en, noun.ens)},
    **{
        form.split()[0]: verb.en
        for verb in VERBS
        for form in (verb.en, verb.ens, verb.past, verb.gerund)
    },
}


def generate() -> GeneratedPairs:
    """Generate the dictionary, fixed phrases, noun phrases and sentences, some of them held out."""
    random = WordChooser(SEED)
    corpus = {**_list_words(random), **_list_phrases()}
    fixed = {source.lower() for source in corpus}
    while len(corpus) < len(fixed) + NOUN_PHRASES:
        source, target = _name_thing(random)
        if not _has_reserved_pair(source):
            corpus[source] = target
    candidates: list[list[Pair]] = [[] for _ in SENTENCE_KINDS]
    while len(corpus) < len(fixed) + NOUN_PHRASES + SENTENCES:
        for kind, reserved in zip(SENTENCE_KINDS, candidates, strict=True):
            for _ in range(MAX_TRIES):
                source, target = _write(random, kind(random))
                if _has_reserved_pair(source):
                    reserved.append((source, target))
                elif source.lower() not in fixed and source not in corpus:
                    corpus[source] = target
                    break
    rows = tuple(random.sample(list(corpus.items()), len(corpus)))
    return GeneratedPairs(("source", "target"), rows, _select(rows, candidates))


def find_word_pairs(source: str) -> set[tuple[str, str]]:
    """Return all pairs of nouns, verbs and adjectives of an English sentence, in base form."""
    words = source.replace("ice cream", "ice-cream").replace("'s ", " ").rstrip(".?!").lower()
    found = {BASE_FORMS[word] for word in words.replace(",", "").split() if word in BASE_FORMS}
    return set(combinations(sorted(found), 2))


def _has_reserved_pair(source: str) -> bool:
    """Whether two of its words are reserved for the held-out part."""
    return any(
        crc32("|".join(pair).encode()) % RESERVED_SHARE == 0 for pair in find_word_pairs(source)
    )


def split_words(text: str) -> list[str]:
    """Split a text in either language into words and marks, in lower case."""
    for mark in ".,?!":
        text = text.replace(mark, f" {mark} ")
    return text.lower().replace("'", "' ").split()


def _select(corpus: Iterable[Pair], candidates: Iterable[list[Pair]]) -> tuple[Pair, ...]:
    """Choose held-out sentences whose words are all known well, of every kind in turn."""
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for row in corpus:
        for text, counter in zip(row, counts, strict=True):
            counter.update(split_words(text))
    heldout: dict[str, str] = {}
    for row in chain.from_iterable(zip_longest(*candidates)):
        if row is not None and all(
            counter[word] >= MIN_WORD_COUNT
            for text, counter in zip(row, counts, strict=True)
            for word in split_words(text)
        ):
            heldout[row[0]] = row[1]
        if len(heldout) == HELD_OUT:
            break
    assert len(heldout) == HELD_OUT, f"only {len(heldout)} of {HELD_OUT} can be held out"
    return tuple(heldout.items())


def _write(random: WordChooser, sentence: Translation) -> Pair:
    """Write a sentence with its capital and its mark, in English perhaps with contractions."""
    english, french = sentence
    if random.random() < 0.4:
        for full, short in CONTRACTIONS.items():
            if f" {english} ".startswith(f" {full} ") or (
                "not" in full and f" {full} " in f" {english} "
            ):
                english = f" {english} ".replace(f" {full} ", f" {short} ", 1).strip()
                break
    if english[-1] not in "?!":
        english, french = f"{english}.", f"{french}."
    if random.random() < HURRIED_SHARE:
        return _hurry(english), capitalize(french)
    return capitalize(english), capitalize(french)


def _hurry(english: str) -> str:
    """Leave out the capital and the last mark, as somebody in a hurry does."""
    return english.rstrip(".?!")


def _name_thing(random: WordChooser) -> Translation:
    """Choose a noun with an adjective, as given alone: "the big house"."""
    noun = choose_noun(random, {kind for kind, names in ADJECTIVES_BY_NOUN_KIND.items() if names})
    plural = is_countable(noun) and random.random() < 0.3
    adjective = choose_adjective(random, noun, 1)
    return noun_phrase(random, noun, plural=plural, adjective=adjective)


def _list_words(random: WordChooser) -> dict[str, str]:
    """List nouns with their article, verbs, adjectives, numbers and small words, as given alone."""
    words = parse_table(WORDS)
    for noun in NOUNS:
        en, fr = noun_phrase(random, noun, article="the")
        words[en] = fr
        words.setdefault(noun.en, noun.fr)
    for verb in VERBS:
        words.setdefault(f"to {verb.en}", verb.infinitive)
    words |= {name: adjective.forms[0] for name, adjective in ADJECTIVES.items()}
    words |= dict(spell_number(number) for number in range(70))
    return words | parse_table(DAYS) | parse_table(MONTHS) | parse_table(SEASONS)


def _list_phrases() -> dict[str, str]:
    """List the fixed phrases, each also as somebody in a hurry types it."""
    phrases = parse_phrases()
    phrases |= {f"My name is {name.en}.": f"Je m'appelle {name.fr}." for name in NAMED}
    for day, jour in parse_table(DAYS).items():
        phrases[f"Today is {day}."] = f"Aujourd'hui, c'est {jour}."
    for source, target in list(phrases.items()):
        hurried = source if source.startswith("I ") else source[0].lower() + source[1:]
        phrases.setdefault(_hurry(hurried), target)
    return phrases
