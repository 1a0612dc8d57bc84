"""Simple English sentences with their French translation.

Sentences are generated from both grammars at once, so that articles, adjectives and verbs agree;
fixed phrases and single words come from a table. Questions and exclamations have an ordinary blank
before their mark in French.

Held out are sentences with two words that no sentence of the corpus has together: one pair of
words of the vocabulary in `RESERVED_SHARE` is reserved for them, whatever the forms of the words.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from zlib import crc32

from data.generators.everyday import (
    DAYS,
    MONTHS,
    SEASONS,
    WORDS,
    parse_phrases,
    parse_table,
    spell_number,
)
from data.generators.french import ADJECTIVES, NOUNS
from data.generators.generated_pairs import GeneratedPairs, Pair
from data.generators.phrases import NAMED, Translation, noun_phrase
from data.generators.sentences import SENTENCE_KINDS
from data.generators.templates import capitalize
from data.generators.verbs import VERBS
from data.generators.word_chooser import WordChooser

SEED = 2
SENTENCES = 6200
HELD_OUT = 300
RESERVED_SHARE = 8  # one pair of words in so many is reserved for the held-out part
HURRIED_SHARE = 0.06  # of the sentences lack the capital and the last mark in English
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


def generate() -> GeneratedPairs:
    """Generate the dictionary, the fixed phrases, and sentences, some of them held out."""
    random = WordChooser(SEED)
    corpus = {**_list_words(random), **_list_phrases()}
    random.take_words()
    fixed = {source.lower() for source in corpus}
    heldout: dict[str, str] = {}
    while len(corpus) < len(fixed) + SENTENCES or len(heldout) < 2 * HELD_OUT:
        for kind in SENTENCE_KINDS:
            sentence = kind(random)
            part = heldout if has_reserved_pair(random.take_words()) else corpus
            source, target = _write(random, sentence)
            is_new = source.lower() not in fixed and source not in corpus
            if is_new and (part is heldout or len(corpus) < len(fixed) + SENTENCES):
                part[source] = target
    rows = list(corpus.items())
    random.shuffle(rows)
    return GeneratedPairs(("source", "target"), tuple(rows), _select(random, rows, heldout))


def has_reserved_pair(words: list[str]) -> bool:
    """Whether two of these English base forms are reserved for the held-out part."""
    return any(
        crc32("|".join(pair).encode()) % RESERVED_SHARE == 0
        for pair in combinations(sorted(set(words)), 2)
    )


def split_words(text: str) -> list[str]:
    """Split a text in either language into words and marks, in lower case."""
    for mark in ".,?!":
        text = text.replace(mark, f" {mark} ")
    return text.lower().replace("'", "' ").split()


def _select(random: WordChooser, corpus: list[Pair], heldout: dict[str, str]) -> tuple[Pair, ...]:
    """Choose held-out sentences whose words are all known well."""
    counts = [Counter(word for row in corpus for word in split_words(row[side])) for side in (0, 1)]
    known = [
        row
        for row in heldout.items()
        if all(
            counts[side][word] >= MIN_WORD_COUNT
            for side in (0, 1)
            for word in split_words(row[side])
        )
    ]
    assert len(known) >= HELD_OUT, f"only {len(known)} of {HELD_OUT} sentences can be held out"
    return tuple(random.sample(known, HELD_OUT))


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
