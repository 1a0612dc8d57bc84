"""Sentences and questions about what somebody or something is like, where it is, whose it is.

Each function returns a translation without its capital and its full stop; questions bring their
mark, in French after a blank. Its docstring gives an example.
"""

from __future__ import annotations

from data.generators import everyday
from data.generators.choices import (
    PEOPLE,
    ask,
    choose_definite,
    choose_holder,
    choose_owner,
    choose_place,
    join,
)
from data.generators.everyday import parse_table, spell_number
from data.generators.french import ADJECTIVES, NOUNS, PREDICATES_BY_NOUN_KIND, UNIDIOMATIC, Noun
from data.generators.phrases import (
    HAVE,
    NAMED,
    NUMBERS,
    OWNERS,
    PRONOUNS,
    THIRD,
    Subject,
    Translation,
    be,
    choose_adjective,
    choose_noun,
    choose_subject,
    conjugate,
    contract,
    elide,
    invert,
    is_countable,
    negate,
    noun_phrase,
)
from data.generators.templates import with_article
from data.generators.word_chooser import WordChooser

THINGS = {"thing", "text", "clothes"}
COUNTABLE = {"animal", "clothes", "thing", "text", "food", "vehicle", "craft", "opening"}
COMPARATIVES = parse_table(everyday.COMPARATIVES)
# Adjectives of one group are never both said of the same thing.
ALTERNATIVES = (
    {"big", "small"},
    {"long", "short"},
    {"old", "young", "new"},
    {"red", "yellow", "blue", "green", "white", "black", "grey", "pink"},
    {"hot", "cold", "fresh"},
    {"happy", "sad", "angry"},
    {"clean", "dirty"},
    {"slow", "fast"},
    {"difficult", "easy"},
)
NOT_GRADABLE = {"broken", "open", "closed", "ready", "late", "full", "empty", "delicious"}


def be_something(random: WordChooser) -> Translation:
    """ "The house is not very big." """
    subject, names = _choose_subject_and_predicates(random)
    name = random.choose_word([ADJECTIVES[name] for name in names]).en
    form = ADJECTIVES[name].inflect(subject.feminine, subject.plural)
    en, fr = be(subject)
    if random.random() < 0.25:
        en, fr = f"{en} not", f"{subject.fr} {elide('ne', fr.split()[-1])} pas"
    elif name not in NOT_GRADABLE and random.random() < 0.35:
        very, très = random.choice([("very", "très"), ("too", "trop"), ("very", "très")])
        return f"{en} {very} {name}", f"{fr} {très} {form}"
    return f"{en} {name}", f"{fr} {form}"


def be_two_things(random: WordChooser) -> Translation:
    """ "The soup is hot and delicious." """
    subject, names = _choose_subject_and_predicates(random)
    gradable = [ADJECTIVES[name] for name in names if name not in NOT_GRADABLE]
    if not gradable:
        return be_two_things(random)
    first = random.choose_word(gradable).en
    same = next((group for group in ALTERNATIVES if first in group), {first})
    others = [adjective for adjective in gradable if adjective.en not in same]
    if not others:
        return be_two_things(random)
    second = random.choose_word(others).en
    conjunction, et = random.choice([("and", "et"), ("but", "mais")])
    forms = [ADJECTIVES[name].inflect(subject.feminine, subject.plural) for name in (first, second)]
    en, fr = be(subject)
    return f"{en} {first} {conjunction} {second}", f"{fr} {forms[0]} {et} {forms[1]}"


def _choose_subject_and_predicates(random: WordChooser) -> tuple[Subject, list[str]]:
    kinds = [kind for kind, names in PREDICATES_BY_NOUN_KIND.items() if names]
    kind = random.choice([*kinds, "person", "person"])
    subject = random.choice([*PRONOUNS, *PRONOUNS, *NAMED])
    if kind not in PEOPLE or random.random() < 0.6:
        subject = choose_definite(random, {kind})
    return subject, [
        name
        for name in PREDICATES_BY_NOUN_KIND[kind].split()
        if (name, subject.noun) not in UNIDIOMATIC
    ]


def compare(random: WordChooser) -> Translation:
    """ "My brother is stronger than Paul.", "The bus is as slow as the train." """
    kind = random.choice(["person", "animal", "animal", "vehicle", "thing", "clothes", "place"])
    fitting = [
        (more, ADJECTIVES[name])
        for more, name in COMPARATIVES.items()
        if name in PREDICATES_BY_NOUN_KIND[kind].split()
    ]
    subject, other = choose_definite(random, {kind}), choose_definite(random, {kind})
    while other.noun == subject.noun:
        other = choose_definite(random, {kind})
    fitting = [
        pair
        for pair in fitting
        if not {(pair[1].en, x.noun) for x in (subject, other)} & UNIDIOMATIC
    ]
    if not fitting:
        return compare(random)
    adjective = random.choose_word([pair[1] for pair in fitting])
    more = next(more for more, each in fitting if each is adjective)
    form = adjective.inflect(subject.feminine, subject.plural)
    en, fr = be(subject)
    if random.random() < 0.6:
        return f"{en} {more} than {other.en}", f"{fr} plus {form} {elide('que', other.fr)}"
    return (
        f"{en} as {adjective.en} as {other.en}",
        f"{fr} aussi {form} {elide('que', other.fr)}",
    )


def be_somewhere(random: WordChooser) -> Translation:
    """ "The keys are in my bag." """
    alive = random.random() < 0.5
    if alive and random.random() < 0.3:
        subject = random.choice([*PRONOUNS, *NAMED])
    else:
        subject = choose_definite(random, {*PEOPLE, "animal"} if alive else THINGS)
    place = choose_place(random) if alive else choose_holder(random, subject.noun)
    return join(be(subject), place)


def there_is(random: WordChooser) -> Translation:
    """ "There are two ducks in the garden." """
    alive = random.random() < 0.5
    noun = choose_noun(random, {"animal", "person"} if alive else THINGS | {"food"})
    plural = is_countable(noun) and random.random() < 0.5
    article = random.choice([random.choice(list(NUMBERS)), "some"]) if plural else "a"
    thing = noun_phrase(random, noun, plural=plural, article=article)
    there = ("there are" if plural else "there is", "il y a")
    place = choose_place(random) if alive else choose_holder(random, noun.en)
    return join(there, thing, place)


def where(random: WordChooser) -> Translation:
    """ "Where is my hat?" """
    subject = choose_definite(random, {noun.kind for noun in NOUNS} - {"body"})
    are, sont = ("are", "sont") if subject.plural else ("is", "est")
    return ask(f"where {are} {subject.en}", f"où {sont} {subject.fr}")


def have(random: WordChooser) -> Translation:
    """ "My uncle has three goats." """
    subject = choose_subject(random, PEOPLE, 0.6)
    noun = choose_noun(random, (COUNTABLE - {"opening"}) | {"family"})
    plural = is_countable(noun) and random.random() < 0.5
    article = random.choice([*NUMBERS, "some"]) if plural else "a"
    if plural and noun.kind == "family":
        article = random.choice(list(NUMBERS))
    adjective = "" if article == "some" else choose_adjective(random, noun)
    thing = noun_phrase(random, noun, plural=plural, article=article, adjective=adjective)
    return join(conjugate(subject, "have", "has", HAVE), thing)


def have_not(random: WordChooser) -> Translation:
    """ "I do not have a car." """
    subject = choose_subject(random, PEOPLE, 0.7)
    noun = choose_noun(random, COUNTABLE - {"opening", "food"})
    en, fr = negate(subject, "have", HAVE)
    return f"{en} {with_article(noun.en)}", f"{fr} {elide('de', noun.fr)}"


def how_many(random: WordChooser) -> Translation:
    """ "How many eggs do you have?" """
    subject = random.choice(PRONOUNS[1:])
    noun = choose_noun(random, COUNTABLE)
    does = "does" if subject.person == THIRD else "do"
    return ask(
        f"how many {noun.ens} {does} {subject.en} have",
        f"combien {elide('de', noun.frs)} {invert(subject, HAVE)}",
    )


def belong(random: WordChooser) -> Translation:
    """ "This is my dog.", "It is Paul's hat.", "These are my father's shoes." """
    noun = choose_noun(random, COUNTABLE | {"family"})
    plural = is_countable(noun) and random.random() < 0.3
    start = (
        ("these are", "ce sont")
        if plural
        else random.choice(
            [("this is", "c'est"), ("it is", "c'est"), ("this is not", "ce n'est pas")]
        )
    )
    if noun.kind == "family" or random.random() < 0.5:
        owners = list(OWNERS)
        articles = owners if plural or noun.kind == "family" else [*owners, "a"]
        return join(
            start, noun_phrase(random, noun, plural=plural, article=random.choice(articles))
        )
    owner = choose_owner(random, PEOPLE)
    en = noun.ens if plural else noun.en
    fr = noun_phrase(random, noun, plural=plural, article="the")[1]
    return join(start, (f"{owner.en}'s {en}", f"{fr} {contract('de', owner.fr)}"))


def owned_thing_is(random: WordChooser) -> Translation:
    """ "My brother's car is red." """
    thing = choose_definite(random, {"clothes", "vehicle", "thing", "animal"})
    names = [
        name
        for name in PREDICATES_BY_NOUN_KIND[thing.kind].split()
        if (name, thing.noun) not in UNIDIOMATIC
    ]
    adjective = random.choose_word([ADJECTIVES[name] for name in names])
    owner = choose_owner(random, {"family"})
    noun = _find_noun(thing.noun)
    en, fr = noun_phrase(random, noun, plural=thing.plural, article="the")
    are, sont = ("are", "sont") if thing.plural else ("is", "est")
    return (
        f"{owner.en}'s {en.removeprefix('the ')} {are} {adjective.en}",
        f"{fr} {contract('de', owner.fr)} {sont} {adjective.inflect(thing.feminine, thing.plural)}",
    )


def _find_noun(english: str) -> Noun:
    return next(noun for noun in NOUNS if noun.en == english)


def work_as(random: WordChooser) -> Translation:
    """ "She is a nurse." """
    subject = random.choice([*PRONOUNS[:4], *NAMED])
    jobs = {
        *("teacher", "doctor", "farmer", "baker", "student", "dentist"),
        *("waiter", "singer", "nurse"),
    }
    either = {"doctor", "teacher", "dentist"}
    noun = random.choose_word(
        [
            noun
            for noun in NOUNS
            if noun.en in jobs and (noun.feminine == subject.feminine or noun.en in either)
        ]
    )
    en, fr = be(subject)
    if random.random() < 0.2:
        return f"{en} not {with_article(noun.en)}", (
            f"{subject.fr} {elide('ne', fr.split()[-1])} pas {noun.fr}"
        )
    return f"{en} {with_article(noun.en)}", f"{fr} {noun.fr}"


def be_named(random: WordChooser) -> Translation:
    """ "My name is Anna.", "His daughter's name is Julie." """
    name = random.choice(NAMED)
    if random.random() < 0.4:
        third = ("her", "elle s'appelle") if name.feminine else ("his", "il s'appelle")
        owner, french = random.choice([("my", "je m'appelle"), ("your", "tu t'appelles"), third])
        return f"{owner} name is {name.en}", f"{french} {name.fr}"
    noun = random.choose_word(
        [
            noun
            for noun in NOUNS
            if noun.feminine == name.feminine
            and (
                noun.kind == "family" or noun.en in ("friend", "cat", "dog", "teacher", "neighbour")
            )
        ]
    )
    en, fr = noun_phrase(random, noun, article=random.choice(list(OWNERS)))
    return f"{en}'s name is {name.en}", f"{fr} s'appelle {name.fr}"


def be_aged(random: WordChooser) -> Translation:
    """ "She is twelve years old." """
    subject = choose_subject(random, {"family"}, 0.6)
    en, fr = spell_number(random.randrange(2, 70))
    return f"{be(subject)[0]} {en} years old", f"{conjugate(subject, '', '', HAVE)[1]} {fr} ans"
