"""Short English sentences with their French.

Made from both languages' grammar at once, so that articles, adjectives and verbs agree; the
sentences are of fifteen kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from data.generators.french import ADJECTIVES, AFTER_IS, NEVER, NOUNS
from data.generators.parts import Parts, hold_out
from data.generators.phrases import (
    NUMBERS,
    PRONOUNS,
    THEY,
    THIRD,
    Pair,
    Subject,
    any_adjective,
    any_noun,
    any_phrase,
    any_subject,
    conjugated,
    countable,
    denied,
    elided,
    noun_phrase,
)
from data.generators.verbs import MODALS, VERBS, Verb

SEED = 2
LINES = 5000
HELD_OUT = 300

PEOPLE = {"person", "family"}
BE = ("suis", "es", "est", "sommes", "sont")
HAVE = ("ai", "as", "a", "avons", "ont")
ANIMALS_DO = {"sleep", "run", "walk", "swim", "jump", "wait", "play", "come", "eat", "see", "hear"}
ANIMALS_DO |= {"watch", "follow", "find", "love"}
ALIVE = {
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
HUMAN = {
    "at school": "à l'école",
    "at the market": "au marché",
    "at home": "à la maison",
    "in the village": "dans le village",
}
RESTING = {
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
OFTEN = {"often": "souvent", "always": "toujours", "sometimes": "parfois"}
FEELINGS = {
    "hungry": "faim",
    "thirsty": "soif",
    "cold": "froid",
    "afraid": "peur",
    "right": "raison",
}

YES_OR_NO = {"broken", "open", "closed", "ready"}


def generate() -> Parts:
    """The pairs to learn, and others to check on, in words that were learnt."""
    random = Random(SEED)
    lines: dict[str, None] = {}
    while len(lines) < LINES:
        kind = KINDS[len(lines) % len(KINDS)]
        en, fr = kind(random)
        lines[f"en: {en} / fr: {fr}"] = None
    shuffled = list(lines)
    random.shuffle(shuffled)
    return hold_out(random, shuffled, HELD_OUT)


def _pick(random: Random, table: dict[str, str]) -> Pair:
    return random.choice(list(table.items()))


def _join(left: Pair, right: Pair) -> Pair:
    return f"{left[0]} {right[0]}", f"{left[1]} {right[1]}"


def _doer(random: Random, pronouns: float = 0.4) -> tuple[Subject, list[Verb]]:
    """Somebody, and the verbs that they can do."""
    kinds = PEOPLE if random.random() < 0.7 else {"animal"}
    subject = any_subject(random, kinds, pronouns if kinds is PEOPLE else 0.0)
    verbs = [verb for verb in VERBS if kinds is PEOPLE or verb.en in ANIMALS_DO]
    return subject, verbs


def _acting(random: Random) -> tuple[Subject, Verb]:
    subject, verbs = _doer(random)
    return subject, random.choice([verb for verb in verbs if not verb.objects])


def _doing_to(random: Random) -> tuple[Subject, Verb]:
    subject, verbs = _doer(random)
    return subject, random.choice([verb for verb in verbs if verb.objects])


def _does(subject: Subject, verb: Verb) -> Pair:
    return conjugated(subject, verb.en, verb.ens, verb.forms)


def _is(subject: Subject) -> Pair:
    en = {"I": "am", "you": "are", "we": "are"}.get(subject.en, "is")
    en = "are" if subject.person == THEY else en
    return f"{subject.en} {en}", f"{subject.fr} {BE[subject.person]}"


def _act(random: Random) -> Pair:
    subject, verb = _acting(random)
    return _does(subject, verb)


def _act_somewhere(random: Random) -> Pair:
    subject, verb = _acting(random)
    while verb.en in ("come", "leave", "travel"):
        subject, verb = _acting(random)
    table = ALIVE if subject.kind == "animal" else ALIVE | HUMAN
    return _join(_does(subject, verb), _pick(random, table))


def _act_sometime(random: Random) -> Pair:
    subject, verb = _acting(random)
    while verb.en == "wait":  # "attendre le soir" is to wait for the evening
        subject, verb = _acting(random)
    table = dict(list(TIMES.items())[:-2]) if subject.kind == "animal" else TIMES
    return _join(_does(subject, verb), _pick(random, table))


def _act_often(random: Random) -> Pair:
    subject, verb = _acting(random)
    often, souvent = _pick(random, OFTEN)
    en, fr = _does(subject, verb)
    return f"{subject.en} {often}{en.removeprefix(subject.en)}", f"{fr} {souvent}"


def _not_act(random: Random) -> Pair:
    subject, verb = _acting(random)
    if random.random() < 0.6:
        return denied(subject, verb.en, verb.forms)
    said = f"{subject.fr} {elided('ne', verb.forms[subject.person])} jamais"
    return f"{subject.en} never {verb.ens if subject.person == THIRD else verb.en}", said


def _do(random: Random) -> Pair:
    subject, verb = _doing_to(random)
    return _join(_does(subject, verb), any_phrase(random, verb.objects))


def _not_do(random: Random) -> Pair:
    subject, verb = _doing_to(random)
    noun = any_noun(random, verb.objects)
    article = "my" if noun.kind == "family" else "the"
    thing = noun_phrase(random, noun, article=article, adjective=any_adjective(random, noun))
    return _join(denied(subject, verb.en, verb.forms), thing)


def _be(random: Random) -> Pair:
    kind = random.choice(list(AFTER_IS))
    subject = random.choice(PRONOUNS)
    if kind not in PEOPLE or random.random() < 0.7:
        subject = _known(random, {kind})
    names = [name for name in AFTER_IS[kind].split() if (name, subject.noun) not in NEVER]
    name = random.choice(names)
    form = ADJECTIVES[name].agreed(subject.feminine, subject.plural)
    if random.random() < 0.25:
        said = f"{subject.fr} {elided('ne', BE[subject.person])} pas"
        return f"{_is(subject)[0]} not {name}", f"{said} {form}"
    if name not in YES_OR_NO and random.random() < 0.3:
        return _join(_is(subject), (f"very {name}", f"très {form}"))
    return _join(_is(subject), (name, form))


def _known(random: Random, kinds: set[str]) -> Subject:
    """A certain person or thing: "the", "my" and "your", never "a"."""
    noun = any_noun(random, kinds)
    plural = countable(noun) and random.random() < 0.3
    articles = ["the", "my", "your", "our"]
    if noun.kind in PEOPLE:
        articles = ["the"] if noun.kind == "person" else ["my", "your", "his", "her"]
    en, fr = noun_phrase(random, noun, plural=plural, article=random.choice(articles))
    person = THEY if plural else THIRD
    return Subject(en, fr, person, noun.feminine, plural, noun.kind, noun.en)


def _be_somewhere(random: Random) -> Pair:
    alive = random.random() < 0.5
    subject = _known(random, {*PEOPLE, "animal"} if alive else {"thing", "text", "clothes"})
    table = RESTING if not alive else ALIVE if subject.kind == "animal" else ALIVE | HUMAN
    return _join(_is(subject), _place(random, table, subject.noun))


def _place(random: Random, table: dict[str, str], noun: str) -> Pair:
    """A place that is not the thing itself: no table on the table."""
    return _pick(random, {key: value for key, value in table.items() if noun not in key})


def _there_is(random: Random) -> Pair:
    alive = random.random() < 0.5
    noun = any_noun(random, {"animal", "person"} if alive else {"thing", "text", "clothes", "food"})
    plural = random.random() < 0.4
    article = random.choice(list(NUMBERS)) if plural else "a"
    thing = noun_phrase(random, noun, plural=plural, article=article)
    table = ALIVE if alive else RESTING
    there = ("there are" if plural else "there is", "il y a")
    return _join(_join(there, thing), _place(random, table, noun.en))


def _where(random: Random) -> Pair:
    subject = _known(random, {noun.kind for noun in NOUNS} - {"person"})
    are, sont = ("are", "sont") if subject.plural else ("is", "est")
    return f"where {are} {subject.en} ?", f"où {sont} {subject.fr} ?"


def _question(random: Random) -> Pair:
    subject = random.choice(PRONOUNS)
    verb = random.choice([verb for verb in VERBS if verb.objects])
    noun = any_noun(random, verb.objects)
    article = "my" if noun.kind == "family" else "the"
    thing = noun_phrase(random, noun, article=article, adjective=any_adjective(random, noun))
    does = "does" if subject.person == THIRD else "do"
    form = verb.forms[subject.person]
    said = elided("je", form) if subject.fr == "je" else f"{subject.fr} {form}"
    return (
        f"{does} {subject.en} {verb.en} {thing[0]} ?",
        f"est-ce {elided('que', said)} {thing[1]} ?",
    )


def _modal(random: Random) -> Pair:
    subject, verbs = _doer(random)
    en, ens, to, forms = random.choice(MODALS)
    verb = random.choice([verb for verb in verbs if verb.en not in ("want", "know", "love")])
    done = verb.infinitive
    start = conjugated(subject, en, ens, forms)
    start = f"{start[0]} {to} {verb.en}" if to else f"{start[0]} {verb.en}", f"{start[1]} {done}"
    return _join(start, any_phrase(random, verb.objects)) if verb.objects else start


def _have(random: Random) -> Pair:
    subject = any_subject(random, PEOPLE, 0.6)
    noun = any_noun(random, {"animal", "clothes", "thing", "text", "vehicle", "food", "family"})
    plural = random.random() < 0.5 and noun.en not in ("father", "mother")
    article = random.choice(list(NUMBERS)) if plural else "a"
    thing = noun_phrase(
        random, noun, plural=plural, article=article, adjective=any_adjective(random, noun)
    )
    return _join(conjugated(subject, "have", "has", HAVE), thing)


def _feel(random: Random) -> Pair:
    subject = any_subject(random, {"person", "family", "animal"}, 0.4)
    names = [name for name in FEELINGS if name != "right" or subject.kind != "animal"]
    name = random.choice(names)
    said = conjugated(subject, "", "", HAVE)[1]
    return f"{_is(subject)[0]} {name}", f"{said} {FEELINGS[name]}"


KINDS: tuple[Callable[[Random], Pair], ...] = (
    *(_act, _act_somewhere, _act_sometime, _act_often, _not_act, _modal),
    *(_do, _do, _do, _not_do, _be, _be, _be_somewhere, _there_is, _where, _question, _have),
    *(_feel, _modal),
)
