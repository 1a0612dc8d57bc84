"""Noun phrases, subjects and verb phrases with the same meaning in English and French.

A translation is a pair (English, French). Persons are numbered like verb forms: je, tu, il, nous,
ils.
"""

from __future__ import annotations

from dataclasses import dataclass

from data.generators.french import (
    ADJECTIVES,
    ADJECTIVES_BY_NOUN_KIND,
    NOUNS,
    UNIDIOMATIC,
    VOWELS,
    Noun,
)
from data.generators.templates import with_article
from data.generators.verbs import Verb
from data.generators.word_chooser import WordChooser

Translation = tuple[str, str]

THIRD, THEY = 2, 4
OWNERS: dict[str, tuple[str, str, str]] = {
    "my": ("mon", "ma", "mes"),
    "your": ("ton", "ta", "tes"),
    "his": ("son", "sa", "ses"),
    "her": ("son", "sa", "ses"),
    "our": ("notre", "notre", "nos"),
    "their": ("leur", "leur", "leurs"),
}
NUMBERS = {
    "two": "deux",
    "three": "trois",
    "four": "quatre",
    "five": "cinq",
    "six": "six",
    "seven": "sept",
    "eight": "huit",
    "nine": "neuf",
    "ten": "dix",
}
UNCOUNTED = {"dish", "drink"}
SINGLE = {"father", "mother", "husband", "wife", "king", "queen", "moon", "back", "nose", "head"}
_CONTRACTIONS = {
    ("à", "le"): "au",
    ("à", "les"): "aux",
    ("de", "le"): "du",
    ("de", "les"): "des",
}
BE = ("suis", "es", "est", "sommes", "sont")
HAVE = ("ai", "as", "a", "avons", "ont")


@dataclass(frozen=True)
class Subject:
    """A grammatical subject.

    Attributes:
        person: index of the verb form.
        feminine, plural: agreement of an adjective after "is".
        kind: of the noun; "person" for a pronoun or a name.
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
NAMED = tuple(
    Subject(name, name, THIRD, feminine, False, "person", name)
    for feminine, names in (
        (False, "Paul Tom Leo Peter Hugo Martin Sam Max Louis David"),
        (True, "Anna Marie Lucy Emma Julie Alice Sarah Nina Laura Clara"),
    )
    for name in names.split()
)


def starts_with_vowel(text: str) -> bool:
    """Whether a French word begins with a vowel or a silent h."""
    return text[0].lower() in VOWELS


def elide(word: str, text: str) -> str:
    """Put a word before a text, with elision: je + ai -> j'ai."""
    return f"{word[:-1]}'{text}" if starts_with_vowel(text) else f"{word} {text}"


def contract(preposition: str, phrase: str) -> str:
    """Put "à" or "de", alone or at the end of a preposition, before a noun phrase.

    With "le" and "les" it becomes one word, before a vowel "de" loses its own.
    """
    *start, last = preposition.split()
    article, _, rest = phrase.partition(" ")
    if merged := _CONTRACTIONS.get((last, article)):
        return " ".join([*start, merged, rest])
    return " ".join([*start, elide(last, phrase) if last == "de" else f"{last} {phrase}"])


def noun_phrase(
    random: WordChooser,
    noun: Noun,
    *,
    plural: bool = False,
    article: str = "",
    adjective: str = "",
) -> Translation:
    """Build a noun phrase.

    Args:
        article: "the", "a", "some", "this", a possessive or a number; empty to choose one.
        adjective: in English; empty for none.
    """
    en, fr = (noun.ens, noun.frs) if plural else (noun.en, noun.fr)
    article = article or _choose_article(random, noun, plural, adjective)
    if adjective:
        french = ADJECTIVES[adjective]
        form = french.inflect(noun.feminine, plural)
        if french.before and not plural and not noun.feminine and starts_with_vowel(fr):
            form = french.liaison
        en, fr = f"{adjective} {en}", f"{form} {fr}" if french.before else f"{fr} {form}"
        if article == "some" and plural and french.before:
            return f"some {en}", elide("de", fr)
    return _add_determiner(article, en, fr, noun, plural)


def _choose_article(random: WordChooser, noun: Noun, plural: bool, adjective: str) -> str:
    if noun.en == "moon":
        return "the"
    if noun.kind in ("family", "body"):
        return random.choice(list(OWNERS))
    if plural:
        number = random.choice(list(NUMBERS))
        some = "the" if adjective else "some"  # "some good apples", "de bonnes pommes", are rare
        return random.choice(["the", "the", "the", number, some, "this", *OWNERS])
    if noun.kind in UNCOUNTED:
        return random.choice(["the", "the", "some", "some", "my", "your", "our", "this"])
    if noun.kind in ("nature", "place"):
        return random.choice(["the", "the", "the", "a", "a", "this", "our"])
    if noun.kind == "person" and noun.en not in ("friend", "neighbour", "teacher", "doctor"):
        return random.choice(["the", "the", "a", "a", "this"])
    return random.choice(["the", "the", "the", "a", "a", "this", *OWNERS])


def _add_determiner(article: str, en: str, fr: str, noun: Noun, plural: bool) -> Translation:
    if article in NUMBERS:
        return f"{article} {en}", f"{NUMBERS[article]} {fr}"
    if article == "a":
        return with_article(en), f"{'une' if noun.feminine else 'un'} {fr}"
    the = "les" if plural else "la" if noun.feminine else "le"
    french = elide(the, fr) if not plural else f"les {fr}"
    if article == "the":
        return f"the {en}", french
    if article == "some":
        return f"some {en}", contract("de", french)
    if article == "this":
        before_vowel = "cet" if starts_with_vowel(fr) else "ce"
        this = "ces" if plural else "cette" if noun.feminine else before_vowel
        return f"{'these' if plural else 'this'} {en}", f"{this} {fr}"
    masculine, feminine, plural_form = OWNERS[article]
    if plural:
        return f"{article} {en}", f"{plural_form} {fr}"
    possessive = feminine if noun.feminine and not starts_with_vowel(fr) else masculine
    return f"{article} {en}", f"{possessive} {fr}"


def choose_adjective(random: WordChooser, noun: Noun, probability: float = 0.3) -> str:
    """Choose an adjective that suits the noun, or none."""
    suitable = [
        ADJECTIVES[name]
        for name in ADJECTIVES_BY_NOUN_KIND[noun.kind].split()
        if (name, noun.en) not in UNIDIOMATIC
    ]
    return random.choose_word(suitable).en if suitable and random.random() < probability else ""


def choose_noun(random: WordChooser, kinds: frozenset[str] | set[str]) -> Noun:
    """Choose a noun of one of these kinds."""
    return random.choose_word([noun for noun in NOUNS if noun.kind in kinds])


def is_countable(noun: Noun) -> bool:
    """Whether there can be several of it."""
    return noun.kind not in UNCOUNTED and noun.en not in SINGLE


def choose_phrase(random: WordChooser, kinds: frozenset[str] | set[str]) -> Translation:
    """Choose a noun phrase of one of these kinds, singular or plural."""
    noun = choose_noun(random, kinds)
    plural = is_countable(noun) and random.random() < 0.3
    adjective = choose_adjective(random, noun)
    return noun_phrase(random, noun, plural=plural, adjective=adjective)


def choose_subject(
    random: WordChooser, kinds: frozenset[str] | set[str], pronouns: float
) -> Subject:
    """Choose a noun phrase of one of these kinds, or with probability `pronouns` a pronoun.

    One in five pronouns is a name instead.
    """
    if random.random() < pronouns:
        return random.choice(NAMED if random.random() < 0.2 else PRONOUNS)
    noun = choose_noun(random, kinds)
    plural = is_countable(noun) and random.random() < 0.35
    en, fr = noun_phrase(
        random, noun, plural=plural, adjective=choose_adjective(random, noun, 0.15)
    )
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


def be(subject: Subject) -> Translation:
    """Put "to be" after a subject."""
    en = {"I": "am", "you": "are", "we": "are"}.get(subject.en, "is")
    en = "are" if subject.person == THEY else en
    return f"{subject.en} {en}", f"{subject.fr} {BE[subject.person]}"


def agree(participle: str, subject: Subject) -> str:
    """Make a participle after "être" agree with the subject."""
    return f"{participle}{'e' if subject.feminine else ''}{'s' if subject.plural else ''}"


def past(subject: Subject, verb: Verb, *, negative: bool = False) -> Translation:
    """Put a verb in the past: "I ate" -> "j'ai mangé", "she came" -> "elle est venue"."""
    auxiliary = (BE if verb.is_motion else HAVE)[subject.person]
    participle = agree(verb.participle, subject) if verb.is_motion else verb.participle
    if negative:
        french = f"{subject.fr} {elide('ne', auxiliary)} pas {participle}"
        return f"{subject.en} did not {verb.en}", french
    start = elide("je", auxiliary) if subject.fr == "je" else f"{subject.fr} {auxiliary}"
    return f"{subject.en} {verb.past}", f"{start} {participle}"


def invert(subject: Subject, forms: tuple[str, ...]) -> str:
    """Put a French pronoun after its verb: "dors-tu", "mange-t-il"."""
    form = forms[subject.person]
    link = "-t-" if subject.person == THIRD and form[-1] in "ae" else "-"
    return f"{form}{link}{subject.fr}"
