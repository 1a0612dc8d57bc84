"""Noun phrases, subjects and verb phrases with the same meaning in English and French.

A translation is a pair (English, French). Persons are numbered like verb forms: je, tu, il, nous,
ils.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from data.generators.french import (
    ADJECTIVES,
    ADJECTIVES_BY_NOUN_KIND,
    NOUNS,
    UNIDIOMATIC,
    VOWELS,
    Noun,
)
from data.generators.templates import with_article

Translation = tuple[str, str]

THIRD, THEY = 2, 4
OWNERS: dict[str, tuple[str, str, str]] = {
    "my": ("mon", "ma", "mes"),
    "your": ("ton", "ta", "tes"),
    "his": ("son", "sa", "ses"),
    "her": ("son", "sa", "ses"),
    "our": ("notre", "notre", "nos"),
}
NUMBERS = {"two": "deux", "three": "trois", "four": "quatre"}
UNCOUNTED = {"dish", "drink"}


@dataclass(frozen=True)
class Subject:
    """A grammatical subject.

    Attributes:
        person: index of the verb form.
        feminine, plural: agreement of an adjective after "is".
        kind: of the noun; "person" for a pronoun.
        noun: the English noun, or the pronoun.
    """

    en: str
    fr: str
    person: int
    feminine: bool
    plural: bool
    kind: str
    noun: str


PRONOUNS = (
    Subject("I", "je", 0, False, False, "person", "I"),
    Subject("you", "tu", 1, False, False, "person", "you"),
    Subject("he", "il", THIRD, False, False, "person", "he"),
    Subject("she", "elle", THIRD, True, False, "person", "she"),
    Subject("we", "nous", 3, False, True, "person", "we"),
    Subject("they", "ils", THEY, False, True, "person", "they"),
)


def starts_with_vowel(text: str) -> bool:
    """Whether a French word begins with a vowel or a silent h."""
    return text[0] in VOWELS


def elide(word: str, text: str) -> str:
    """Put a word before a text, with elision: je + ai -> j'ai."""
    return f"{word[:-1]}'{text}" if starts_with_vowel(text) else f"{word} {text}"


def noun_phrase(
    random: Random, noun: Noun, *, plural: bool = False, article: str = "", adjective: str = ""
) -> Translation:
    """Build a noun phrase.

    Args:
        article: "the", "a", a possessive or a number; empty to choose one.
        adjective: in English; empty for none.
    """
    en, fr = (noun.ens, noun.frs) if plural else (noun.en, noun.fr)
    if adjective:
        french = ADJECTIVES[adjective]
        form = french.inflect(noun.feminine, plural)
        if french.before and not plural and not noun.feminine and starts_with_vowel(fr):
            form = french.liaison
        en, fr = f"{adjective} {en}", f"{form} {fr}" if french.before else f"{fr} {form}"
    return _add_determiner(article or _choose_article(random, noun, plural), en, fr, noun, plural)


def _choose_article(random: Random, noun: Noun, plural: bool) -> str:
    if noun.kind == "family":
        return random.choice(list(OWNERS))
    if plural:
        return random.choice(["the", "the", *NUMBERS, *OWNERS])
    if noun.kind in UNCOUNTED:
        return random.choice(["the", "the", "my", "your", "our"])
    if noun.kind == "person" and noun.en not in ("friend", "neighbour", "teacher", "doctor"):
        return random.choice(["the", "a"])
    return random.choice(["the", "the", "a", "a", *OWNERS])


def _add_determiner(article: str, en: str, fr: str, noun: Noun, plural: bool) -> Translation:
    if article in NUMBERS:
        return f"{article} {en}", f"{NUMBERS[article]} {fr}"
    if article == "a":
        return with_article(en), f"{'une' if noun.feminine else 'un'} {fr}"
    if article == "the":
        if plural:
            return f"the {en}", f"les {fr}"
        return f"the {en}", elide("la" if noun.feminine else "le", fr)
    masculine, feminine, plural_form = OWNERS[article]
    if plural:
        return f"{article} {en}", f"{plural_form} {fr}"
    possessive = feminine if noun.feminine and not starts_with_vowel(fr) else masculine
    return f"{article} {en}", f"{possessive} {fr}"


def choose_adjective(random: Random, noun: Noun) -> str:
    """Choose an adjective that suits the noun, or none."""
    suitable = [
        name
        for name in ADJECTIVES_BY_NOUN_KIND[noun.kind].split()
        if (name, noun.en) not in UNIDIOMATIC
    ]
    return random.choice(suitable) if suitable and random.random() < 0.35 else ""


def choose_noun(random: Random, kinds: frozenset[str] | set[str]) -> Noun:
    """Choose a noun of one of these kinds."""
    return random.choice([noun for noun in NOUNS if noun.kind in kinds])


def is_countable(noun: Noun) -> bool:
    """Whether there can be several of it."""
    return noun.kind not in UNCOUNTED and noun.en not in ("father", "mother", "king", "queen")


def choose_phrase(random: Random, kinds: frozenset[str] | set[str]) -> Translation:
    """Choose a noun phrase of one of these kinds, singular or plural."""
    noun = choose_noun(random, kinds)
    plural = is_countable(noun) and random.random() < 0.25
    return noun_phrase(random, noun, plural=plural, adjective=choose_adjective(random, noun))


def choose_subject(random: Random, kinds: frozenset[str] | set[str], pronouns: float) -> Subject:
    """Choose a noun phrase of one of these kinds, or with probability `pronouns` a pronoun."""
    if random.random() < pronouns:
        return random.choice(PRONOUNS)
    noun = choose_noun(random, kinds)
    plural = is_countable(noun) and random.random() < 0.3
    en, fr = noun_phrase(random, noun, plural=plural, adjective=choose_adjective(random, noun))
    person = THEY if plural else THIRD
    return Subject(en, fr, person, noun.feminine, plural, noun.kind, noun.en)


def conjugate(subject: Subject, en: str, ens: str, forms: tuple[str, ...]) -> Translation:
    """Conjugate a verb with a subject: "en" or "ens" in English, one of the forms in French."""
    form = forms[subject.person]
    french = elide("je", form) if subject.fr == "je" else f"{subject.fr} {form}"
    return f"{subject.en} {ens if subject.person == THIRD else en}", french


def negate(subject: Subject, en: str, forms: tuple[str, ...]) -> Translation:
    """Negate a verb with a subject."""
    french = f"{subject.fr} {elide('ne', forms[subject.person])} pas"
    return f"{subject.en} {'does' if subject.person == THIRD else 'do'} not {en}", french
