"""Short English sentences with their French translation.

Generated from both grammars at once, so that articles, adjectives and verbs agree.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from data.generators.french import ADJECTIVES, NOUNS, PREDICATES_BY_NOUN_KIND, UNIDIOMATIC
from data.generators.generated_text import GeneratedText, hold_out
from data.generators.phrases import (
    NUMBERS,
    PRONOUNS,
    THEY,
    THIRD,
    Subject,
    Translation,
    choose_adjective,
    choose_noun,
    choose_phrase,
    choose_subject,
    conjugate,
    elide,
    is_countable,
    negate,
    noun_phrase,
)
from data.generators.verbs import MODALS, VERBS, Verb

SEED = 2
LINES = 5000
HELD_OUT = 300

PEOPLE = {"person", "family"}
BE = ("suis", "es", "est", "sommes", "sont")
HAVE = ("ai", "as", "a", "avons", "ont")
ANIMAL_VERBS = {
    "sleep",
    "run",
    "walk",
    "swim",
    "jump",
    "wait",
    "play",
    "come",
    "eat",
    "see",
    "hear",
}
ANIMAL_VERBS |= {"watch", "follow", "find", "love"}
ANIMATE_PLACES = {
    "in the garden": "dans le jardin",
    "in the house": "dans la maison",
    "in the kitchen": "dans la cuisine",
    "in the forest": "dans la forêt",
    "in the park": "dans le parc",
    "in the street": "dans la rue",
    "under the tree": "sous l'arbre",
    "behind the house": "derrière la maison",
    "near the river": "près de la rivière",
    "on the beach": "sur la plage",
}
HUMAN_PLACES = {
    "at school": "à l'école",
    "at the market": "au marché",
    "at home": "à la maison",
    "in the village": "dans le village",
}
OBJECT_PLACES = {
    "on the table": "sur la table",
    "under the bed": "sous le lit",
    "in the bag": "dans le sac",
    "in the kitchen": "dans la cuisine",
    "on the chair": "sur la chaise",
    "in front of the door": "devant la porte",
    "in my room": "dans ma chambre",
}
TIMES = {
    "today": "aujourd'hui",
    "every day": "tous les jours",
    "in the morning": "le matin",
    "in the evening": "le soir",
    "at night": "la nuit",
    "in summer": "en été",
    "in winter": "en hiver",
    "now": "maintenant",
    "with my friends": "avec mes amis",
    "with us": "avec nous",
}
FREQUENCIES = {"often": "souvent", "always": "toujours", "sometimes": "parfois"}
FEELINGS = {
    "hungry": "faim",
    "thirsty": "soif",
    "cold": "froid",
    "afraid": "peur",
    "right": "raison",
}

NOT_GRADABLE = {"broken", "open", "closed", "ready"}


def generate() -> GeneratedText:
    """Generate translations, some of them held out, in words that the corpus contains."""
    random = Random(SEED)
    lines: dict[str, None] = {}
    while len(lines) < LINES:
        kind = SENTENCE_KINDS[len(lines) % len(SENTENCE_KINDS)]
        en, fr = kind(random)
        lines[f"en: {en} / fr: {fr}"] = None
    shuffled = list(lines)
    random.shuffle(shuffled)
    return hold_out(random, shuffled, HELD_OUT)


def _pick(random: Random, table: dict[str, str]) -> Translation:
    return random.choice(list(table.items()))


def _join(left: Translation, right: Translation) -> Translation:
    return f"{left[0]} {right[0]}", f"{left[1]} {right[1]}"


def _choose_subject_and_verbs(random: Random, pronouns: float = 0.4) -> tuple[Subject, list[Verb]]:
    """Choose a subject and the verbs that suit it."""
    kinds = PEOPLE if random.random() < 0.7 else {"animal"}
    subject = choose_subject(random, kinds, pronouns if kinds is PEOPLE else 0.0)
    verbs = [verb for verb in VERBS if kinds is PEOPLE or verb.en in ANIMAL_VERBS]
    return subject, verbs


def _choose_intransitive(random: Random) -> tuple[Subject, Verb]:
    subject, verbs = _choose_subject_and_verbs(random)
    return subject, random.choice([verb for verb in verbs if not verb.objects])


def _choose_transitive(random: Random) -> tuple[Subject, Verb]:
    subject, verbs = _choose_subject_and_verbs(random)
    return subject, random.choice([verb for verb in verbs if verb.objects])


def _conjugate_verb(subject: Subject, verb: Verb) -> Translation:
    return conjugate(subject, verb.en, verb.ens, verb.forms)


def _is(subject: Subject) -> Translation:
    en = {"I": "am", "you": "are", "we": "are"}.get(subject.en, "is")
    en = "are" if subject.person == THEY else en
    return f"{subject.en} {en}", f"{subject.fr} {BE[subject.person]}"


def _act(random: Random) -> Translation:
    subject, verb = _choose_intransitive(random)
    return _conjugate_verb(subject, verb)


def _act_somewhere(random: Random) -> Translation:
    subject, verb = _choose_intransitive(random)
    while verb.en in ("come", "leave", "travel"):
        subject, verb = _choose_intransitive(random)
    table = ANIMATE_PLACES if subject.kind == "animal" else ANIMATE_PLACES | HUMAN_PLACES
    return _join(_conjugate_verb(subject, verb), _pick(random, table))


def _act_sometime(random: Random) -> Translation:
    subject, verb = _choose_intransitive(random)
    while verb.en == "wait":  # "attendre le soir" is to wait for the evening
        subject, verb = _choose_intransitive(random)
    table = dict(list(TIMES.items())[:-2]) if subject.kind == "animal" else TIMES
    return _join(_conjugate_verb(subject, verb), _pick(random, table))


def _act_often(random: Random) -> Translation:
    subject, verb = _choose_intransitive(random)
    often, souvent = _pick(random, FREQUENCIES)
    en, fr = _conjugate_verb(subject, verb)
    return f"{subject.en} {often}{en.removeprefix(subject.en)}", f"{fr} {souvent}"


def _not_act(random: Random) -> Translation:
    subject, verb = _choose_intransitive(random)
    if random.random() < 0.6:
        return negate(subject, verb.en, verb.forms)
    french = f"{subject.fr} {elide('ne', verb.forms[subject.person])} jamais"
    return f"{subject.en} never {verb.ens if subject.person == THIRD else verb.en}", french


def _do(random: Random) -> Translation:
    subject, verb = _choose_transitive(random)
    return _join(_conjugate_verb(subject, verb), choose_phrase(random, verb.objects))


def _not_do(random: Random) -> Translation:
    subject, verb = _choose_transitive(random)
    noun = choose_noun(random, verb.objects)
    article = "my" if noun.kind == "family" else "the"
    thing = noun_phrase(random, noun, article=article, adjective=choose_adjective(random, noun))
    return _join(negate(subject, verb.en, verb.forms), thing)


def _be(random: Random) -> Translation:
    kind = random.choice(list(PREDICATES_BY_NOUN_KIND))
    subject = random.choice(PRONOUNS)
    if kind not in PEOPLE or random.random() < 0.7:
        subject = _choose_definite(random, {kind})
    names = [
        name
        for name in PREDICATES_BY_NOUN_KIND[kind].split()
        if (name, subject.noun) not in UNIDIOMATIC
    ]
    name = random.choice(names)
    form = ADJECTIVES[name].inflect(subject.feminine, subject.plural)
    if random.random() < 0.25:
        french = f"{subject.fr} {elide('ne', BE[subject.person])} pas"
        return f"{_is(subject)[0]} not {name}", f"{french} {form}"
    if name not in NOT_GRADABLE and random.random() < 0.3:
        return _join(_is(subject), (f"very {name}", f"très {form}"))
    return _join(_is(subject), (name, form))


def _choose_definite(random: Random, kinds: set[str]) -> Subject:
    """Choose a definite person or thing: "the", "my" and "your", never "a"."""
    noun = choose_noun(random, kinds)
    plural = is_countable(noun) and random.random() < 0.3
    articles = ["the", "my", "your", "our"]
    if noun.kind in PEOPLE:
        articles = ["the"] if noun.kind == "person" else ["my", "your", "his", "her"]
    en, fr = noun_phrase(random, noun, plural=plural, article=random.choice(articles))
    person = THEY if plural else THIRD
    return Subject(en, fr, person, noun.feminine, plural, noun.kind, noun.en)


def _be_somewhere(random: Random) -> Translation:
    alive = random.random() < 0.5
    subject = _choose_definite(
        random, {*PEOPLE, "animal"} if alive else {"thing", "text", "clothes"}
    )
    table = (
        OBJECT_PLACES
        if not alive
        else ANIMATE_PLACES
        if subject.kind == "animal"
        else ANIMATE_PLACES | HUMAN_PLACES
    )
    return _join(_is(subject), _choose_place(random, table, subject.noun))


def _choose_place(random: Random, table: dict[str, str], noun: str) -> Translation:
    """Choose a place other than the thing itself: no table on the table."""
    return _pick(random, {key: value for key, value in table.items() if noun not in key})


def _there_is(random: Random) -> Translation:
    alive = random.random() < 0.5
    noun = choose_noun(
        random, {"animal", "person"} if alive else {"thing", "text", "clothes", "food"}
    )
    plural = random.random() < 0.4
    article = random.choice(list(NUMBERS)) if plural else "a"
    thing = noun_phrase(random, noun, plural=plural, article=article)
    table = ANIMATE_PLACES if alive else OBJECT_PLACES
    there = ("there are" if plural else "there is", "il y a")
    return _join(_join(there, thing), _choose_place(random, table, noun.en))


def _where(random: Random) -> Translation:
    subject = _choose_definite(random, {noun.kind for noun in NOUNS} - {"person"})
    are, sont = ("are", "sont") if subject.plural else ("is", "est")
    return f"where {are} {subject.en} ?", f"où {sont} {subject.fr} ?"


def _question(random: Random) -> Translation:
    subject = random.choice(PRONOUNS)
    verb = random.choice([verb for verb in VERBS if verb.objects])
    noun = choose_noun(random, verb.objects)
    article = "my" if noun.kind == "family" else "the"
    thing = noun_phrase(random, noun, article=article, adjective=choose_adjective(random, noun))
    does = "does" if subject.person == THIRD else "do"
    form = verb.forms[subject.person]
    french = elide("je", form) if subject.fr == "je" else f"{subject.fr} {form}"
    return (
        f"{does} {subject.en} {verb.en} {thing[0]} ?",
        f"est-ce {elide('que', french)} {thing[1]} ?",
    )


def _modal(random: Random) -> Translation:
    subject, verbs = _choose_subject_and_verbs(random)
    en, ens, to, forms = random.choice(MODALS)
    verb = random.choice([verb for verb in verbs if verb.en not in ("want", "know", "love")])
    start = conjugate(subject, en, ens, forms)
    start = (
        f"{start[0]} {to} {verb.en}" if to else f"{start[0]} {verb.en}",
        f"{start[1]} {verb.infinitive}",
    )
    return _join(start, choose_phrase(random, verb.objects)) if verb.objects else start


def _have(random: Random) -> Translation:
    subject = choose_subject(random, PEOPLE, 0.6)
    noun = choose_noun(random, {"animal", "clothes", "thing", "text", "vehicle", "food", "family"})
    plural = random.random() < 0.5 and noun.en not in ("father", "mother")
    article = random.choice(list(NUMBERS)) if plural else "a"
    thing = noun_phrase(
        random, noun, plural=plural, article=article, adjective=choose_adjective(random, noun)
    )
    return _join(conjugate(subject, "have", "has", HAVE), thing)


def _feel(random: Random) -> Translation:
    subject = choose_subject(random, {"person", "family", "animal"}, 0.4)
    names = [name for name in FEELINGS if name != "right" or subject.kind != "animal"]
    name = random.choice(names)
    french = conjugate(subject, "", "", HAVE)[1]
    return f"{_is(subject)[0]} {name}", f"{french} {FEELINGS[name]}"


SENTENCE_KINDS: tuple[Callable[[Random], Translation], ...] = (
    *(_act, _act_somewhere, _act_sometime, _act_often, _not_act, _modal),
    *(_do, _do, _do, _not_do, _be, _be, _be_somewhere, _there_is, _where, _question, _have),
    *(_feel, _modal),
)
