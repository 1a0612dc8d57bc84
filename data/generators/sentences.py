"""Kinds of simple sentences with the same meaning in English and French.

Each kind returns a translation without its capital and its full stop; questions and exclamations
bring their mark, in French after a blank. `SENTENCE_KINDS` says how often each is used.
"""

from __future__ import annotations

from collections.abc import Callable

from data.generators import everyday
from data.generators.everyday import parse_table, spell_number
from data.generators.french import ADJECTIVES, NOUNS, PREDICATES_BY_NOUN_KIND, UNIDIOMATIC, Noun
from data.generators.phrases import (
    HAVE,
    NAMED,
    NUMBERS,
    OWNERS,
    PRONOUNS,
    THEY,
    THIRD,
    Subject,
    Translation,
    be,
    choose_adjective,
    choose_noun,
    choose_phrase,
    choose_subject,
    conjugate,
    contract,
    elide,
    invert,
    is_countable,
    negate,
    noun_phrase,
    past,
)
from data.generators.templates import with_article
from data.generators.verbs import MODALS, VERBS, Verb
from data.generators.word_chooser import WordChooser

PEOPLE = {"person", "family"}
THINGS = {"thing", "text", "clothes"}
COUNTABLE = {"animal", "clothes", "thing", "text", "food", "vehicle", "craft", "opening"}
GO = ("vais", "vas", "va", "allons", "vont")
ANIMAL_VERBS = {
    *("sleep", "run", "walk", "swim", "jump", "wait", "play", "come", "eat", "see", "hear"),
    *("watch", "find", "arrive", "fall", "look for", "love"),
}
# Present and past look the same in "I read"; "wait the evening" means "wait for the evening".
SAME_IN_THE_PAST = {"read", "cut"}
NO_PLACE_AFTER = {"come", "leave", "travel", "arrive", "fall"}
NO_TIME_AFTER = {"wait"}
TASTES = {"love", "hate", "prefer", "know"}

PRESENT_TIMES = parse_table(everyday.PRESENT_TIMES)
PAST_TIMES = parse_table(everyday.PAST_TIMES)
FUTURE_TIMES = parse_table(everyday.FUTURE_TIMES)
FREQUENCIES = parse_table(everyday.FREQUENCIES)
FEELINGS = parse_table(everyday.FEELINGS)
HUMAN_FEELINGS = {"right", "wrong", "lucky"}
COMPARATIVES = parse_table(everyday.COMPARATIVES)
IMPERATIVES = parse_table(everyday.IMPERATIVES)
CITIES = parse_table(everyday.CITIES)
COUNTRIES = parse_table(everyday.COUNTRIES)
DAYS = parse_table(everyday.DAYS)
MONTHS = parse_table(everyday.MONTHS)

NEAR = {"near": "près de", "next to": "à côté de"}
OUTSIDE = {"behind": "derrière", "in front of": "devant"}
NEVER_IN = {"farm"}
HEAVENLY = {"star", "moon"}
HOLDS = {  # where things are put, by preposition
    "on": ("sur", "table chair bed"),
    "under": ("sous", "table chair bed"),
    "in": ("dans", "bag box suitcase cupboard kitchen room car"),
    "behind": ("derrière", "door television lamp computer"),
    "next to": ("à côté de", "lamp clock phone bottle bed window"),
}
# Adjectives of one group are never both said of the same thing.
ALTERNATIVES = (
    {"big", "small"},
    {"long", "short"},
    {"old", "young", "new", "modern"},
    {"red", "yellow", "blue", "green", "white", "black", "grey", "pink"},
    {"hot", "cold", "fresh"},
    {"happy", "sad", "angry"},
    {"clean", "dirty"},
    {"slow", "fast"},
    {"rich", "poor"},
    {"difficult", "easy"},
)
NOT_GRADABLE = {"broken", "open", "closed", "ready", "late", "full", "empty", "delicious"}


def _pick(random: WordChooser, table: dict[str, str]) -> Translation:
    return random.choice(list(table.items()))


def _join(*parts: Translation) -> Translation:
    return " ".join(part[0] for part in parts), " ".join(part[1] for part in parts)


def _ask(en: str, fr: str) -> Translation:
    return f"{en}?", f"{fr} ?"


def _choose_subject_and_verbs(
    random: WordChooser, pronouns: float = 0.45
) -> tuple[Subject, list[Verb]]:
    """Choose a subject and the verbs that suit it."""
    kinds = PEOPLE if random.random() < 0.7 else {"animal"}
    subject = choose_subject(random, kinds, pronouns if kinds is PEOPLE else 0.0)
    verbs = [verb for verb in VERBS if kinds is PEOPLE or verb.en in ANIMAL_VERBS]
    return subject, verbs


def _choose_intransitive(
    random: WordChooser, without: set[str] | None = None
) -> tuple[Subject, Verb]:
    subject, verbs = _choose_subject_and_verbs(random)
    return subject, random.choose_word(
        [verb for verb in verbs if not verb.objects and verb.en not in (without or ())]
    )


def _choose_transitive(
    random: WordChooser, without: set[str] | None = None
) -> tuple[Subject, Verb]:
    subject, verbs = _choose_subject_and_verbs(random)
    return subject, random.choose_word(
        [verb for verb in verbs if verb.objects and verb.en not in (without or ())]
    )


def _present(random: WordChooser, subject: Subject, verb: Verb) -> Translation:
    """Conjugate a verb in the present, in English often in the progressive form."""
    en, fr = conjugate(subject, verb.en, verb.ens, verb.forms)
    if not verb.is_state and random.random() < 0.35:
        en = f"{be(subject)[0]} {verb.gerund}"
    return en, fr


def _choose_definite(random: WordChooser, kinds: set[str], plurals: float = 0.35) -> Subject:
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


def _choose_owner(random: WordChooser, kinds: set[str]) -> Subject:
    """Choose one person, often by name."""
    if random.random() < 0.5:
        return random.choice(NAMED)
    return _choose_definite(random, kinds, plurals=0)


def _choose_place(random: WordChooser) -> Translation:
    """Choose where somebody is: "in the garden", "near the river"."""
    kind = "place" if random.random() < 0.75 else "nature"
    noun = random.choose_word(
        [noun for noun in NOUNS if noun.kind == kind and noun.en not in HEAVENLY]
    )
    en, fr = noun_phrase(random, noun, article=random.choice(["the", "the", "our"]))
    if noun.kind == "place" and noun.en not in NEVER_IN and random.random() < 0.6:
        return f"in {en}", f"dans {fr}"
    if random.random() < 0.5:
        near, près = _pick(random, NEAR)
        return f"{near} {en}", contract(près, fr)
    behind, derrière = _pick(random, OUTSIDE)
    return f"{behind} {en}", f"{derrière} {fr}"


def _choose_holder(random: WordChooser, thing: str) -> Translation:
    """Choose where a thing is, other than the thing itself: "on the table"."""
    preposition = random.choice(list(HOLDS))
    french, names = HOLDS[preposition]
    holder = random.choose_word(
        [noun for noun in NOUNS if noun.en in names.split() and noun.en != thing]
    )
    en, fr = noun_phrase(random, holder, article=random.choice(["the", "the", "my", "your"]))
    return f"{preposition} {en}", contract(french, fr) if french[-2:] == "de" else f"{french} {fr}"


def _choose_object(random: WordChooser, verb: Verb) -> Translation:
    """Choose an object; a definite one where "some" would be odd."""
    if verb.en not in TASTES:
        return choose_phrase(random, verb.objects)
    thing = _choose_definite(random, set(verb.objects))
    return thing.en, thing.fr


def act(random: WordChooser) -> Translation:
    """ "The baby cries." """
    subject, verb = _choose_intransitive(random)
    return _present(random, subject, verb)


def act_somewhere(random: WordChooser) -> Translation:
    """ "She works in the bank." """
    subject, verb = _choose_intransitive(random, NO_PLACE_AFTER)
    return _join(_present(random, subject, verb), _choose_place(random))


def act_sometime(random: WordChooser) -> Translation:
    """ "He arrives in the evening." """
    subject, verb = _choose_intransitive(random, NO_TIME_AFTER)
    return _join(_present(random, subject, verb), _pick(random, PRESENT_TIMES))


def act_often(random: WordChooser) -> Translation:
    """ "They often laugh." """
    subject, verb = _choose_intransitive(random)
    often, souvent = _pick(random, FREQUENCIES)
    en, fr = conjugate(subject, verb.en, verb.ens, verb.forms)
    return f"{subject.en} {often}{en.removeprefix(subject.en)}", f"{fr} {souvent}"


def not_act(random: WordChooser) -> Translation:
    """ "I do not swim.", "I never swim." """
    subject, verb = _choose_intransitive(random)
    if random.random() < 0.6:
        return negate(subject, verb.en, verb.forms)
    french = f"{subject.fr} {elide('ne', verb.forms[subject.person])} jamais"
    return f"{subject.en} never {verb.ens if subject.person == THIRD else verb.en}", french


def do(random: WordChooser) -> Translation:
    """ "Your sister reads a long book." """
    subject, verb = _choose_transitive(random)
    return _join(_present(random, subject, verb), _choose_object(random, verb))


def not_do(random: WordChooser) -> Translation:
    """ "We do not know this hotel.", "He does not eat any bread." """
    subject, verb = _choose_transitive(random)
    noun = choose_noun(random, verb.objects)
    start = negate(subject, verb.en, verb.forms)
    if noun.kind in ("dish", "drink", "food") and verb.en not in TASTES:
        en, fr = (noun.ens, noun.frs) if is_countable(noun) else (noun.en, noun.fr)
        return _join(start, (f"any {en}", elide("de", fr)))
    article = "my" if noun.kind == "family" else "the"
    thing = noun_phrase(random, noun, article=article, adjective=choose_adjective(random, noun))
    return _join(start, thing)


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
        subject = _choose_definite(random, {kind})
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
    subject, other = _choose_definite(random, {kind}), _choose_definite(random, {kind})
    while other.noun == subject.noun:
        other = _choose_definite(random, {kind})
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
        subject = _choose_definite(random, {*PEOPLE, "animal"} if alive else THINGS)
    place = _choose_place(random) if alive else _choose_holder(random, subject.noun)
    return _join(be(subject), place)


def there_is(random: WordChooser) -> Translation:
    """ "There are two ducks in the garden." """
    alive = random.random() < 0.5
    noun = choose_noun(random, {"animal", "person"} if alive else THINGS | {"food"})
    plural = is_countable(noun) and random.random() < 0.5
    article = random.choice([random.choice(list(NUMBERS)), "some"]) if plural else "a"
    thing = noun_phrase(random, noun, plural=plural, article=article)
    there = ("there are" if plural else "there is", "il y a")
    place = _choose_place(random) if alive else _choose_holder(random, noun.en)
    return _join(there, thing, place)


def where(random: WordChooser) -> Translation:
    """ "Where is my hat?" """
    subject = _choose_definite(random, {noun.kind for noun in NOUNS} - {"body"})
    are, sont = ("are", "sont") if subject.plural else ("is", "est")
    return _ask(f"where {are} {subject.en}", f"où {sont} {subject.fr}")


def ask_whether(random: WordChooser) -> Translation:
    """ "Do you see the bridge?", "Did he eat the cake?" """
    subject = random.choice([*PRONOUNS, *PRONOUNS, *NAMED])
    verb = random.choose_word([verb for verb in VERBS if verb.objects])
    noun = choose_noun(random, verb.objects)
    article = random.choice(["my", "your"] if noun.kind == "family" else ["the", "this"])
    thing = noun_phrase(random, noun, article=article, adjective=choose_adjective(random, noun))
    if random.random() < 0.3:
        did, french = "did", past(subject, verb)[1]
    else:
        did = "does" if subject.person == THIRD else "do"
        french = conjugate(subject, verb.en, verb.ens, verb.forms)[1]
    return _ask(
        f"{did} {subject.en} {verb.en} {thing[0]}", f"est-ce {elide('que', french)} {thing[1]}"
    )


def ask_about(random: WordChooser) -> Translation:
    """ "Why are you crying?", "Where does he sleep?", "When do they leave?" """
    subject = random.choice(PRONOUNS[1:])
    word, mot = random.choice([("why", "pourquoi"), ("where", "où"), ("when", "quand")])
    verb = random.choose_word(
        [
            verb
            for verb in VERBS
            if not verb.objects and not (word == "where" and verb.en in NO_PLACE_AFTER)
        ]
    )
    if random.random() < 0.4:
        pronoun, _, are = be(subject)[0].rpartition(" ")
        return _ask(f"{word} {are} {pronoun} {verb.gerund}", f"{mot} {invert(subject, verb.forms)}")
    does = "does" if subject.person == THIRD else "do"
    return _ask(f"{word} {does} {subject.en} {verb.en}", f"{mot} {invert(subject, verb.forms)}")


def ask_what(random: WordChooser) -> Translation:
    """ "What are you reading?" """
    subject = random.choice(PRONOUNS[1:])
    verb = random.choose_word(
        [verb for verb in VERBS if verb.objects & {"food", "drink", "text", "thing", "clothes"}]
    )
    french = elide("que", invert(subject, verb.forms))
    if not verb.is_state and random.random() < 0.5:
        pronoun, _, are = be(subject)[0].rpartition(" ")
        return _ask(f"what {are} {pronoun} {verb.gerund}", french)
    does = "does" if subject.person == THIRD else "do"
    return _ask(f"what {does} {subject.en} {verb.en}", french)


def ask_who(random: WordChooser) -> Translation:
    """ "Who is dancing in the street?", "Who wants the soup?" """
    verb = random.choose_word(
        [verb for verb in VERBS if verb.en not in (NO_PLACE_AFTER - {"leave"})]
    )
    form = verb.forms[THIRD]
    if not verb.objects:
        return _ask(*_join((f"who is {verb.gerund}", f"qui {form}"), _choose_place(random)))
    noun = choose_noun(random, verb.objects)
    article = random.choice(["my", "your"] if noun.kind == "family" else ["the", "this"])
    return _ask(
        *_join((f"who {verb.ens}", f"qui {form}"), noun_phrase(random, noun, article=article))
    )


def want_to(random: WordChooser) -> Translation:
    """ "She wants to dance.", "We cannot open the window." """
    subject, verbs = _choose_subject_and_verbs(random)
    en, ens, to, forms = random.choice(MODALS)
    verb = random.choose_word([verb for verb in verbs if verb.en not in ("want", "know", "love")])
    if to:
        to = f" {to}"
    english, french = conjugate(subject, en, ens, forms)
    if random.random() < 0.25 and en != "must":
        english, french = negate(subject, en, forms)
        if en == "can":
            english = f"{subject.en} cannot"
    start = f"{english}{to} {verb.en}", f"{french} {verb.infinitive}"
    return _join(start, _choose_object(random, verb)) if verb.objects else start


def can_you(random: WordChooser) -> Translation:
    """ "Can you close the door?" """
    subject = random.choice(PRONOUNS[1:])
    can = random.choice([MODALS[0], MODALS[3], MODALS[3]])
    verb = random.choose_word([verb for verb in VERBS if not verb.is_state])
    start = f"{can[0]} {subject.en} {verb.en}"
    if can[2]:
        does = "does" if subject.person == THIRD else "do"
        start = f"{does} {subject.en} {can[0]} to {verb.en}"
    french = f"{invert(subject, can[3])} {verb.infinitive}"
    if not verb.objects:
        return _ask(start, french)
    return _ask(*_join((start, french), _choose_object(random, verb)))


def have(random: WordChooser) -> Translation:
    """ "My uncle has three goats." """
    subject = choose_subject(random, PEOPLE, 0.6)
    noun = choose_noun(random, (COUNTABLE - {"opening"}) | {"family"})
    plural = is_countable(noun) and random.random() < 0.5
    article = random.choice([*NUMBERS, "some"]) if plural else "a"
    if plural and noun.kind == "family":
        article = random.choice(list(NUMBERS))
    thing = noun_phrase(
        random, noun, plural=plural, article=article, adjective=choose_adjective(random, noun)
    )
    return _join(conjugate(subject, "have", "has", HAVE), thing)


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
    return _ask(
        f"how many {noun.ens} {does} {subject.en} have",
        f"combien {elide('de', noun.frs)} {invert(subject, HAVE)}",
    )


def feel(random: WordChooser) -> Translation:
    """ "The dog is thirsty." """
    subject = choose_subject(random, {"person", "family", "animal"}, 0.5)
    feelings = {
        en: fr
        for en, fr in FEELINGS.items()
        if subject.kind != "animal" or en not in HUMAN_FEELINGS
    }
    name, french = _pick(random, feelings)
    return f"{be(subject)[0]} {name}", f"{conjugate(subject, '', '', HAVE)[1]} {french}"


def hurt(random: WordChooser) -> Translation:
    """ "My head hurts." """
    noun = choose_noun(random, {"body"})
    plural = is_countable(noun) and random.random() < 0.5
    owner, person = random.choice([("my", 0), ("my", 0), ("your", 1), ("his", 2), ("her", 3)])
    subject = PRONOUNS[person]
    en = noun_phrase(random, noun, plural=plural, article=owner)[0]
    fr = noun_phrase(random, noun, plural=plural, article="the")[1]
    ache = conjugate(subject, "", "", HAVE)[1]
    return f"{en} {'hurt' if plural else 'hurts'}", f"{ache} mal {contract('à', fr)}"


def did(random: WordChooser) -> Translation:
    """ "She came yesterday.", "He did not wait." """
    subject, verb = _choose_intransitive(random, NO_TIME_AFTER)
    sentence = past(subject, verb, negative=random.random() < 0.2)
    return _join(sentence, _pick(random, PAST_TIMES)) if random.random() < 0.6 else sentence


def did_something(random: WordChooser) -> Translation:
    """ "The wolf ate an egg." """
    subject, verb = _choose_transitive(random, SAME_IN_THE_PAST)
    sentence = past(subject, verb, negative=random.random() < 0.15)
    noun = choose_noun(random, verb.objects)
    article = "my" if noun.kind == "family" else random.choice(["the", "this", "your"])
    if noun.kind in ("person", "nature", "place"):
        article = "the"
    plural = is_countable(noun) and random.random() < 0.3
    thing = noun_phrase(
        random, noun, plural=plural, article=article, adjective=choose_adjective(random, noun, 0.2)
    )
    return _join(sentence, thing)


def will(random: WordChooser) -> Translation:
    """ "We are going to travel next week.", "I am going to buy a car." """
    subject, verbs = _choose_subject_and_verbs(random)
    verb = random.choose_word([verb for verb in verbs if not verb.is_state])
    fr = conjugate(subject, "", "", GO)[1]
    start = f"{be(subject)[0]} going to {verb.en}", f"{fr} {verb.infinitive}"
    if verb.objects:
        return _join(start, _choose_object(random, verb))
    if verb.en in NO_TIME_AFTER:
        return start
    return _join(start, _pick(random, FUTURE_TIMES))


def go(random: WordChooser) -> Translation:
    """ "I am going to the market." """
    subject = choose_subject(random, PEOPLE, 0.6)
    noun = choose_noun(random, {"place"})
    place, lieu = noun_phrase(random, noun, article="the")
    en, fr = conjugate(subject, "go", "goes", GO)
    if random.random() < 0.5:
        en = f"{be(subject)[0]} going"
    sentence = f"{en} to {place}", f"{fr} {contract('à', lieu)}"
    times = FUTURE_TIMES if "going" in en else PRESENT_TIMES
    return _join(sentence, _pick(random, times)) if random.random() < 0.4 else sentence


def command(random: WordChooser) -> Translation:
    """ "Open the window!", "Do not take this lamp!" """
    english, french = _pick(random, IMPERATIVES)
    verb = random.choose_word([verb for verb in VERBS if verb.en == english])
    noun = choose_noun(random, verb.objects)
    article = random.choice(["my", "your"] if noun.kind == "family" else ["the", "this", "my"])
    if noun.kind in ("nature", "place", "person"):
        article = "the"
    thing = noun_phrase(
        random, noun, article=article, adjective=choose_adjective(random, noun, 0.2)
    )
    if random.random() < 0.3:
        return f"do not {english} {thing[0]}!", f"{elide('ne', french)} pas {thing[1]} !"
    if random.random() < 0.3:
        return f"{english} {thing[0]}, please", f"{french} {thing[1]}, s'il te plaît"
    return f"{english} {thing[0]}!", f"{french} {thing[1]} !"


def would_like(random: WordChooser) -> Translation:
    """ "I would like some water, please." """
    kinds = {"food", "dish", "drink", "clothes", "thing"}
    noun = choose_noun(random, kinds)
    plural = is_countable(noun) and random.random() < 0.5
    article = random.choice([*NUMBERS, "some", "some"]) if plural else "a"
    if not is_countable(noun):
        article = "some"
    thing = noun_phrase(random, noun, plural=plural, article=article)
    if random.random() < 0.3:
        thing = noun_phrase(
            random,
            noun,
            plural=plural,
            article=article,
            adjective=choose_adjective(random, noun, 1),
        )
    start = ("I would like", "je voudrais")
    if random.random() < 0.3:
        start = ("we would like", "nous voudrions")
    sentence = _join(start, thing)
    if random.random() < 0.5:
        return f"{sentence[0]}, please", f"{sentence[1]}, s'il vous plaît"
    return sentence


def like(random: WordChooser) -> Translation:
    """ "I like coffee.", "She does not like cats." """
    subject = choose_subject(random, PEOPLE, 0.7)
    noun = choose_noun(random, {"food", "dish", "drink", "animal"})
    en = noun.ens if is_countable(noun) else noun.en
    fr = noun_phrase(random, noun, plural=is_countable(noun), article="the")[1]
    forms = ("aime", "aimes", "aime", "aimons", "aiment")
    start = conjugate(subject, "like", "likes", forms)
    if random.random() < 0.35:
        start = negate(subject, "like", forms)
    return f"{start[0]} {en}", f"{start[1]} {fr}"


def like_better(random: WordChooser) -> Translation:
    """ "Do you want tea or coffee?", "I like apples and pears." """
    kind = random.choice(["food", "dish", "drink"])
    first, second = choose_noun(random, {kind}), choose_noun(random, {kind})
    while first.en == second.en:
        second = choose_noun(random, {kind})
    (en, fr), (other, autre) = (
        noun_phrase(random, noun, plural=is_countable(noun), article="the")
        for noun in (first, second)
    )
    en, other = en.removeprefix("the "), other.removeprefix("the ")
    if random.random() < 0.4:
        return _ask(
            f"do you want {en} or {other}",
            f"est-ce que tu veux {contract('de', fr)} ou {contract('de', autre)}",
        )
    subject = random.choice([*PRONOUNS, *NAMED])
    start = conjugate(subject, "like", "likes", ("aime", "aimes", "aime", "aimons", "aiment"))
    return f"{start[0]} {en} and {other}", f"{start[1]} {fr} et {autre}"


def give_to(random: WordChooser) -> Translation:
    """ "He gives the flowers to my mother." """
    subject = choose_subject(random, PEOPLE, 0.7)
    verb = random.choose_word(
        [verb for verb in VERBS if verb.en in ("give", "show", "sell", "bring")]
    )
    thing = choose_phrase(random, {"thing", "clothes"})
    receiver = _choose_definite(random, PEOPLE)
    start = _present(random, subject, verb)
    return _join(start, thing, (f"to {receiver.en}", contract("à", receiver.fr)))


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
        return _join(
            start, noun_phrase(random, noun, plural=plural, article=random.choice(articles))
        )
    owner = _choose_owner(random, PEOPLE)
    en = noun.ens if plural else noun.en
    fr = noun_phrase(random, noun, plural=plural, article="the")[1]
    return _join(start, (f"{owner.en}'s {en}", f"{fr} {contract('de', owner.fr)}"))


def owned_thing_is(random: WordChooser) -> Translation:
    """ "My brother's car is red." """
    thing = _choose_definite(random, {"clothes", "vehicle", "thing", "animal"})
    names = [
        name
        for name in PREDICATES_BY_NOUN_KIND[thing.kind].split()
        if (name, thing.noun) not in UNIDIOMATIC
    ]
    adjective = random.choose_word([ADJECTIVES[name] for name in names])
    owner = _choose_owner(random, {"family"})
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
        *("teacher", "doctor", "farmer", "baker", "student", "writer", "painter", "dentist"),
        *("waiter", "singer", "nurse"),
    }
    either = {"doctor", "teacher", "writer", "dentist"}
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


def two_act(random: WordChooser) -> Translation:
    """ "The cat and the dog sleep." """
    kind = random.choice(["animal", "family", "person"])
    first, second = _choose_definite(random, {kind}), _choose_definite(random, {kind})
    while first.noun == second.noun:
        second = _choose_definite(random, {kind})
    feminine = first.feminine and second.feminine
    both = Subject(
        f"{first.en} and {second.en}", f"{first.fr} et {second.fr}", THEY, feminine, True, kind, ""
    )
    verb = random.choose_word(
        [
            verb
            for verb in VERBS
            if not verb.objects and (kind != "animal" or verb.en in ANIMAL_VERBS)
        ]
    )
    return _present(random, both, verb)


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


def cost(random: WordChooser) -> Translation:
    """ "The hat costs thirty euros." """
    thing = _choose_definite(random, {"thing", "clothes", "food", "dish", "drink", "text"})
    if random.random() < 0.35:
        do_, coûtent = ("do", "coûtent") if thing.plural else ("does", "coûte")
        return _ask(f"how much {do_} {thing.en} cost", f"combien {coûtent} {thing.fr}")
    en, fr = spell_number(random.randrange(2, 70))
    costs, coûte = ("cost", "coûtent") if thing.plural else ("costs", "coûte")
    return f"{thing.en} {costs} {en} euros", f"{thing.fr} {coûte} {fr} euros"


def clock_time(random: WordChooser) -> Translation:
    """ "It is half past two.", "The train leaves at noon." """
    hour = random.randrange(1, 13)
    number, nombre = spell_number(hour)
    hours = f"{'une' if hour == 1 else nombre} heure{'s' if hour > 1 else ''}"
    exact = (f"{number} o'clock", hours)
    times = [
        exact,
        exact,
        (f"half past {number}", f"{hours} et demie"),
        (f"a quarter past {number}", f"{hours} et quart"),
        ("noon", "midi"),
        ("midnight", "minuit"),
    ]
    en, fr = random.choice(times)
    if random.random() < 0.4:
        return f"it is {en}", f"il est {fr}"
    if random.random() < 0.3:
        subject = random.choice(
            [
                Subject(
                    *noun_phrase(random, choose_noun(random, {"vehicle", "craft"}), article="the"),
                    THIRD,
                    False,
                    False,
                    "vehicle",
                    "",
                )
            ]
        )
        verb = random.choose_word(
            [v for v in VERBS if v.en in ("leave", "arrive") and not v.objects]
        )
    else:
        subject, verb = _choose_intransitive(random, NO_TIME_AFTER)
    return _join(_present(random, subject, verb), (f"at {en}", f"à {fr}"))


def weather(random: WordChooser) -> Translation:
    """ "It is cold today.", "It rained last week." """
    if random.random() < 0.35:
        start, times = _pick(random, parse_table(everyday.PAST_WEATHER)), PAST_TIMES
    else:
        start, times = _pick(random, parse_table(everyday.WEATHER)), PRESENT_TIMES
    end = _pick(random, times)
    if random.random() < 0.3:
        city, ville = _pick(random, CITIES)
        end = f"in {city}", f"à {ville}"
    elif random.random() < 0.2:
        month, mois = _pick(random, MONTHS)
        end = f"in {month}", f"en {mois}"
    return start if random.random() < 0.15 else _join(start, end)


def date(random: WordChooser) -> Translation:
    """ "Today is Monday.", "My birthday is in May." """
    if random.random() < 0.4:
        day, jour = _pick(random, DAYS)
        today, aujourdhui = random.choice(
            [("today", "aujourd'hui"), ("tomorrow", "demain"), ("today", "aujourd'hui")]
        )
        return f"{today} is {day}", f"{aujourdhui}, c'est {jour}"
    if random.random() < 0.4:
        month, mois = _pick(random, MONTHS)
        owner, french = random.choice(
            [("my", "mon"), ("your", "ton"), ("his", "son"), ("our", "notre")]
        )
        return f"{owner} birthday is in {month}", f"{french} anniversaire est en {mois}"
    day, jour = _pick(random, DAYS)
    subject, verb = _choose_intransitive(random, NO_TIME_AFTER)
    if random.random() < 0.5:
        return _join(_present(random, subject, verb), (f"every {day}", f"tous les {jour}s"))
    return _join(past(subject, verb), (f"on {day}", jour))


def live_in(random: WordChooser) -> Translation:
    """ "I live in Paris.", "She comes from Italy.", "He lives in Canada." """
    subject = choose_subject(random, PEOPLE, 0.7)
    if random.random() < 0.35:
        city, ville = _pick(random, CITIES)
        live = conjugate(
            subject, "live", "lives", ("habite", "habites", "habite", "habitons", "habitent")
        )
        return f"{live[0]} in {city}", f"{live[1]} à {ville}"
    country, pays = _pick(random, COUNTRIES)
    if random.random() < 0.5:
        live = conjugate(subject, "live", "lives", ("vis", "vis", "vit", "vivons", "vivent"))
        place = contract("à", pays) if pays.startswith("le ") else f"en {_bare(pays)}"
        return f"{live[0]} in {country}", f"{live[1]} {place}"
    come = conjugate(subject, "come", "comes", ("viens", "viens", "vient", "venons", "viennent"))
    origin = contract("de", pays) if pays.startswith("le ") else elide("de", _bare(pays))
    return f"{come[0]} from {country}", f"{come[1]} {origin}"


def _bare(country: str) -> str:
    return country.removeprefix("la ").removeprefix("l'")


def speak(random: WordChooser) -> Translation:
    """ "We speak French.", "Do you speak Italian?" """
    subject = choose_subject(random, PEOPLE, 0.7)
    language, langue = _pick(random, parse_table(everyday.LANGUAGES))
    forms = ("parle", "parles", "parle", "parlons", "parlent")
    if subject in PRONOUNS[1:] and random.random() < 0.35:
        does = "does" if subject.person == THIRD else "do"
        return _ask(f"{does} {subject.en} speak {language}", f"{invert(subject, forms)} {langue}")
    start = conjugate(subject, "speak", "speaks", forms)
    if random.random() < 0.3:
        start = negate(subject, "speak", forms)
    return f"{start[0]} {language}", f"{start[1]} {langue}"


def object_pronoun(random: WordChooser) -> Translation:
    """ "I see her.", "We do not know them." """
    subject = random.choice([PRONOUNS[0], PRONOUNS[1], PRONOUNS[4], *NAMED[::3]])
    verb = random.choose_word([verb for verb in VERBS if verb.objects >= {"person"}])
    whom, pronoun = random.choice([("him", "le"), ("her", "la"), ("them", "les")])
    form = verb.forms[subject.person]
    french = elide(pronoun, form) if pronoun != "les" else f"les {form}"
    if random.random() < 0.3:
        en = negate(subject, verb.en, verb.forms)[0]
        return f"{en} {whom}", f"{subject.fr} ne {french} pas"
    return f"{_present(random, subject, verb)[0]} {whom}", f"{subject.fr} {french}"


# Kinds with more variety come more often.
SENTENCE_KINDS: tuple[Callable[[WordChooser], Translation], ...] = (
    *(act, act_somewhere, act_somewhere, act_sometime, act_often, not_act, two_act),
    *(do, do, do, do, do, not_do, not_do, did, did_something, did_something, did_something),
    *(be_something, be_something, be_something, be_two_things, compare, compare),
    *(be_somewhere, be_somewhere, there_is, there_is, where, where),
    *(ask_whether, ask_whether, ask_about, ask_what, ask_who, can_you, how_many),
    *(want_to, want_to, will, will, go, command, command, would_like, like, like_better),
    *(have, have, have_not, feel, hurt, give_to, belong, belong, owned_thing_is, work_as),
    *(
        be_named,
        be_named,
        be_aged,
        cost,
        cost,
        clock_time,
        weather,
        date,
        date,
        live_in,
        speak,
        object_pronoun,
    ),
)
