"""Noun phrases, subjects and verb phrases that say the same in English and in French.

A pair is always (English, French). Persons are numbered as the forms of a verb: je, tu, il, nous,
ils.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from data.generators.french import ADJECTIVES, NEVER, NOUNS, VOWELS, WITH_NOUN, Noun
from data.generators.templates import with_article

Pair = tuple[str, str]

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
    """Who or what does something.

    Attributes:
        person: number of the verb's form.
        feminine, plural: how an adjective after "is" agrees.
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


def vowel(text: str) -> bool:
    """Whether a French word begins with a vowel, or with the silent h of our nouns."""
    return text[0] in VOWELS


def elided(word: str, text: str) -> str:
    """`word` before `text`, without its vowel where French drops it: je ai -> j'ai."""
    return f"{word[:-1]}'{text}" if vowel(text) else f"{word} {text}"


def noun_phrase(
    random: Random, noun: Noun, *, plural: bool = False, article: str = "", adjective: str = ""
) -> Pair:
    """A noun with its determiner, and now and then with an adjective.

    Args:
        article: "the", "a", an owner or a number; empty for any that fits.
        adjective: an English adjective; empty for none.
    """
    en, fr = (noun.ens, noun.frs) if plural else (noun.en, noun.fr)
    if adjective:
        french = ADJECTIVES[adjective]
        form = french.agreed(noun.feminine, plural)
        if french.before and not plural and not noun.feminine and vowel(fr):
            form = french.liaison
        en, fr = f"{adjective} {en}", f"{form} {fr}" if french.before else f"{fr} {form}"
    return _determined(article or _any_article(random, noun, plural), en, fr, noun, plural)


def _any_article(random: Random, noun: Noun, plural: bool) -> str:
    if noun.kind == "family":
        return random.choice(list(OWNERS))
    if plural:
        return random.choice(["the", "the", *NUMBERS, *OWNERS])
    if noun.kind in UNCOUNTED:
        return random.choice(["the", "the", "my", "your", "our"])
    if noun.kind == "person" and noun.en not in ("friend", "neighbour", "teacher", "doctor"):
        return random.choice(["the", "a"])
    return random.choice(["the", "the", "a", "a", *OWNERS])


def _determined(article: str, en: str, fr: str, noun: Noun, plural: bool) -> Pair:
    if article in NUMBERS:
        return f"{article} {en}", f"{NUMBERS[article]} {fr}"
    if article == "a":
        return with_article(en), f"{'une' if noun.feminine else 'un'} {fr}"
    if article == "the":
        if plural:
            return f"the {en}", f"les {fr}"
        return f"the {en}", elided("la" if noun.feminine else "le", fr)
    masculine, feminine, several = OWNERS[article]
    if plural:
        return f"{article} {en}", f"{several} {fr}"
    owned = feminine if noun.feminine and not vowel(fr) else masculine
    return f"{article} {en}", f"{owned} {fr}"


def any_adjective(random: Random, noun: Noun) -> str:
    """An adjective that can stand with the noun, or none."""
    fitting = [name for name in WITH_NOUN[noun.kind].split() if (name, noun.en) not in NEVER]
    return random.choice(fitting) if fitting and random.random() < 0.35 else ""


def any_noun(random: Random, kinds: frozenset[str] | set[str]) -> Noun:
    """A noun of one of these kinds."""
    return random.choice([noun for noun in NOUNS if noun.kind in kinds])


def countable(noun: Noun) -> bool:
    """Whether there can be two of it, in both languages alike."""
    return noun.kind not in UNCOUNTED and noun.en not in ("father", "mother", "king", "queen")


def any_phrase(random: Random, kinds: frozenset[str] | set[str]) -> Pair:
    """A noun phrase of one of these kinds, in the singular or plural."""
    noun = any_noun(random, kinds)
    plural = countable(noun) and random.random() < 0.25
    return noun_phrase(random, noun, plural=plural, adjective=any_adjective(random, noun))


def any_subject(random: Random, kinds: frozenset[str] | set[str], pronouns: float) -> Subject:
    """A noun phrase of one of these kinds, or with the probability `pronouns` a pronoun."""
    if random.random() < pronouns:
        return random.choice(PRONOUNS)
    noun = any_noun(random, kinds)
    plural = countable(noun) and random.random() < 0.3
    en, fr = noun_phrase(random, noun, plural=plural, adjective=any_adjective(random, noun))
    person = THEY if plural else THIRD
    return Subject(en, fr, person, noun.feminine, plural, noun.kind, noun.en)


def conjugated(subject: Subject, en: str, ens: str, forms: tuple[str, ...]) -> Pair:
    """The subject with a verb: "en" or "ens" in English, one of the forms in French."""
    form = forms[subject.person]
    said = elided("je", form) if subject.fr == "je" else f"{subject.fr} {form}"
    return f"{subject.en} {ens if subject.person == THIRD else en}", said


def denied(subject: Subject, en: str, forms: tuple[str, ...]) -> Pair:
    """The subject with a verb that it does not do."""
    said = f"{subject.fr} {elided('ne', forms[subject.person])} pas"
    return f"{subject.en} {'does' if subject.person == THIRD else 'do'} not {en}", said
