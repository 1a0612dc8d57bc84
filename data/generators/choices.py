"""Choosing subjects, verbs, objects and places that suit each other, in both languages."""

from __future__ import annotations

from data.generators import everyday
from data.generators.everyday import parse_table
from data.generators.french import NOUNS
from data.generators.phrases import (
    NAMED,
    OWNERS,
    THEY,
    THIRD,
    Subject,
    Translation,
    be,
    choose_noun,
    choose_phrase,
    choose_subject,
    conjugate,
    contract,
    is_countable,
    noun_phrase,
)
from data.generators.verbs import VERBS, Verb
from data.generators.word_chooser import WordChooser

PEOPLE = {"person", "family"}
ANIMAL_VERBS = {
    *("sleep", "run", "walk", "swim", "wait", "play", "come", "eat", "see", "hear"),
    *("watch", "find", "arrive", "fall", "look for", "love"),
}
NO_TIME_AFTER = {"wait"}  # "attendre le soir" is to wait for the evening
TASTES = {"love", "prefer", "know"}  # not followed by "some"
PRESENT_TIMES = parse_table(everyday.PRESENT_TIMES)
PAST_TIMES = parse_table(everyday.PAST_TIMES)
NEAR = {"near": "près de", "next to": "à côté de"}
OUTSIDE = {"behind": "derrière", "in front of": "devant"}
NEVER_IN = {"farm"}
HOLDS = {  # where things are put, by preposition
    "on": ("sur", "table chair bed"),
    "under": ("sous", "table chair bed"),
    "in": ("dans", "bag box suitcase kitchen room car"),
    "behind": ("derrière", "door television lamp computer"),
    "next to": ("à côté de", "lamp clock phone bottle bed window"),
}


def pick(random: WordChooser, table: dict[str, str]) -> Translation:
    """Choose an entry of a table."""
    return random.choice(list(table.items()))


def join(*parts: Translation) -> Translation:
    """Join translations that have the same order in both languages."""
    return " ".join(part[0] for part in parts), " ".join(part[1] for part in parts)


def ask(en: str, fr: str) -> Translation:
    """Add question marks."""
    return f"{en}?", f"{fr} ?"


def choose_subject_and_verbs(
    random: WordChooser, pronouns: float = 0.45
) -> tuple[Subject, list[Verb]]:
    """Choose a subject and the verbs that suit it."""
    kinds = PEOPLE if random.random() < 0.7 else {"animal"}
    subject = choose_subject(random, kinds, pronouns if kinds is PEOPLE else 0.0)
    verbs = [verb for verb in VERBS if kinds is PEOPLE or verb.en in ANIMAL_VERBS]
    return subject, verbs


def choose_intransitive(
    random: WordChooser, without: set[str] | None = None
) -> tuple[Subject, Verb]:
    """Choose a subject and an intransitive verb, none of `without`."""
    subject, verbs = choose_subject_and_verbs(random)
    return subject, random.choose_word(
        [verb for verb in verbs if not verb.objects and verb.en not in (without or ())]
    )


def choose_transitive(random: WordChooser, without: set[str] | None = None) -> tuple[Subject, Verb]:
    """Choose a subject and a transitive verb, none of `without`."""
    subject, verbs = choose_subject_and_verbs(random)
    return subject, random.choose_word(
        [verb for verb in verbs if verb.objects and verb.en not in (without or ())]
    )


def present(random: WordChooser, subject: Subject, verb: Verb) -> Translation:
    """Conjugate a verb in the present, in English often in the progressive form."""
    en, fr = conjugate(subject, verb.en, verb.ens, verb.forms)
    if not verb.is_state and random.random() < 0.35:
        en = f"{be(subject)[0]} {verb.gerund}"
    return en, fr


def choose_definite(random: WordChooser, kinds: set[str], plurals: float = 0.35) -> Subject:
    """Choose a definite person or thing: "the", "this", "my" and "your", never "a"."""
    noun = choose_noun(random, kinds)
    plural = is_countable(noun) and random.random() < plurals
    articles = ["the", "the", "this", "my", "your", "our"]
    if noun.kind in ("family", "body"):
        articles = list(OWNERS)
    elif noun.kind in ("person", "nature", "place"):
        articles = ["the"] if noun.en == "moon" else ["the", "the", "this"]
    en, fr = noun_phrase(random, noun, plural=plural, article=random.choice(articles))
    person = THEY if plural else THIRD
    return Subject(en, fr, person, noun.feminine, plural, noun.kind, noun.en)


def choose_owner(random: WordChooser, kinds: set[str]) -> Subject:
    """Choose one person, often by name."""
    if random.random() < 0.5:
        return random.choice(NAMED)
    return choose_definite(random, kinds, plurals=0)


def choose_place(random: WordChooser) -> Translation:
    """Choose where somebody is: "in the garden", "near the river"."""
    kind = "place" if random.random() < 0.75 else "nature"
    noun = random.choose_word([noun for noun in NOUNS if noun.kind == kind and noun.en != "moon"])
    en, fr = noun_phrase(random, noun, article=random.choice(["the", "the", "our"]))
    if noun.kind == "place" and noun.en not in NEVER_IN and random.random() < 0.6:
        return f"in {en}", f"dans {fr}"
    if random.random() < 0.5:
        near, près = pick(random, NEAR)
        return f"{near} {en}", contract(près, fr)
    behind, derrière = pick(random, OUTSIDE)
    return f"{behind} {en}", f"{derrière} {fr}"


def choose_holder(random: WordChooser, thing: str) -> Translation:
    """Choose where a thing is, other than the thing itself: "on the table"."""
    preposition = random.choice(list(HOLDS))
    french, names = HOLDS[preposition]
    holder = random.choose_word(
        [noun for noun in NOUNS if noun.en in names.split() and noun.en != thing]
    )
    en, fr = noun_phrase(random, holder, article=random.choice(["the", "the", "my", "your"]))
    return f"{preposition} {en}", contract(french, fr) if french[-2:] == "de" else f"{french} {fr}"


def choose_object(random: WordChooser, verb: Verb) -> Translation:
    """Choose an object; a definite one where "some" would be odd."""
    if verb.en not in TASTES:
        return choose_phrase(random, verb.objects)
    thing = choose_definite(random, set(verb.objects))
    return thing.en, thing.fr
