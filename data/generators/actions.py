"""Sentences and questions about what somebody does, did or is going to do.

Each function returns a translation without its capital and its full stop; questions and
exclamations bring their mark, in French after a blank. Its docstring gives an example.
"""

from __future__ import annotations

from data.generators import everyday
from data.generators.choices import (
    ANIMAL_VERBS,
    NO_TIME_AFTER,
    PAST_TIMES,
    PEOPLE,
    PRESENT_TIMES,
    TASTES,
    ask,
    choose_definite,
    choose_intransitive,
    choose_object,
    choose_place,
    choose_subject_and_verbs,
    choose_transitive,
    join,
    pick,
    present,
)
from data.generators.everyday import parse_table
from data.generators.phrases import (
    NAMED,
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
from data.generators.verbs import MODALS, VERBS
from data.generators.word_chooser import WordChooser

GO = ("vais", "vas", "va", "allons", "vont")
SAME_IN_THE_PAST = {"read", "cut"}
NO_PLACE_AFTER = {"come", "leave", "travel", "arrive", "fall"}
FUTURE_TIMES = parse_table(everyday.FUTURE_TIMES)
FREQUENCIES = parse_table(everyday.FREQUENCIES)
IMPERATIVES = parse_table(everyday.IMPERATIVES)


def act(random: WordChooser) -> Translation:
    """ "The baby cries." """
    subject, verb = choose_intransitive(random)
    return present(random, subject, verb)


def act_somewhere(random: WordChooser) -> Translation:
    """ "She works in the bank." """
    subject, verb = choose_intransitive(random, NO_PLACE_AFTER)
    return join(present(random, subject, verb), choose_place(random))


def act_sometime(random: WordChooser) -> Translation:
    """ "He arrives in the evening." """
    subject, verb = choose_intransitive(random, NO_TIME_AFTER)
    return join(present(random, subject, verb), pick(random, PRESENT_TIMES))


def act_often(random: WordChooser) -> Translation:
    """ "They often laugh." """
    subject, verb = choose_intransitive(random)
    often, souvent = pick(random, FREQUENCIES)
    en, fr = conjugate(subject, verb.en, verb.ens, verb.forms)
    return f"{subject.en} {often}{en.removeprefix(subject.en)}", f"{fr} {souvent}"


def not_act(random: WordChooser) -> Translation:
    """ "I do not swim.", "I never swim." """
    subject, verb = choose_intransitive(random)
    if random.random() < 0.6:
        return negate(subject, verb.en, verb.forms)
    french = f"{subject.fr} {elide('ne', verb.forms[subject.person])} jamais"
    return f"{subject.en} never {verb.ens if subject.person == THIRD else verb.en}", french


def two_act(random: WordChooser) -> Translation:
    """ "The cat and the dog sleep." """
    kind = random.choice(["animal", "family", "person"])
    first, second = choose_definite(random, {kind}), choose_definite(random, {kind})
    while first.noun == second.noun:
        second = choose_definite(random, {kind})
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
    return present(random, both, verb)


def do(random: WordChooser) -> Translation:
    """ "Your sister reads a long book." """
    subject, verb = choose_transitive(random)
    return join(present(random, subject, verb), choose_object(random, verb))


def not_do(random: WordChooser) -> Translation:
    """ "We do not know this hotel.", "He does not eat any bread." """
    subject, verb = choose_transitive(random)
    noun = choose_noun(random, verb.objects)
    start = negate(subject, verb.en, verb.forms)
    if noun.kind in ("dish", "drink", "food") and verb.en not in TASTES:
        en, fr = (noun.ens, noun.frs) if is_countable(noun) else (noun.en, noun.fr)
        return join(start, (f"any {en}", elide("de", fr)))
    article = "my" if noun.kind == "family" else "the"
    thing = noun_phrase(random, noun, article=article, adjective=choose_adjective(random, noun))
    return join(start, thing)


def did(random: WordChooser) -> Translation:
    """ "She came yesterday.", "He did not wait." """
    subject, verb = choose_intransitive(random, NO_TIME_AFTER)
    sentence = past(subject, verb, negative=random.random() < 0.2)
    return join(sentence, pick(random, PAST_TIMES)) if random.random() < 0.6 else sentence


def did_something(random: WordChooser) -> Translation:
    """ "The dog ate an egg." """
    subject, verb = choose_transitive(random, SAME_IN_THE_PAST)
    sentence = past(subject, verb, negative=random.random() < 0.15)
    noun = choose_noun(random, verb.objects)
    article = "my" if noun.kind == "family" else random.choice(["the", "this", "your"])
    if noun.kind in ("person", "nature", "place"):
        article = "the"
    plural = is_countable(noun) and random.random() < 0.3
    thing = noun_phrase(
        random, noun, plural=plural, article=article, adjective=choose_adjective(random, noun, 0.2)
    )
    return join(sentence, thing)


def will(random: WordChooser) -> Translation:
    """ "We are going to travel next week.", "I am going to buy a car." """
    subject, verbs = choose_subject_and_verbs(random)
    verb = random.choose_word([verb for verb in verbs if not verb.is_state])
    fr = conjugate(subject, "", "", GO)[1]
    start = f"{be(subject)[0]} going to {verb.en}", f"{fr} {verb.infinitive}"
    if verb.objects:
        return join(start, choose_object(random, verb))
    if verb.en in NO_TIME_AFTER:
        return start
    return join(start, pick(random, FUTURE_TIMES))


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
    return join(sentence, pick(random, times)) if random.random() < 0.4 else sentence


def want_to(random: WordChooser) -> Translation:
    """ "She wants to dance.", "We cannot open the window." """
    subject, verbs = choose_subject_and_verbs(random)
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
    return join(start, choose_object(random, verb)) if verb.objects else start


def command(random: WordChooser) -> Translation:
    """ "Open the window!", "Do not take this lamp!" """
    english, french = pick(random, IMPERATIVES)
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


def give_to(random: WordChooser) -> Translation:
    """ "He gives the flowers to my mother." """
    subject = choose_subject(random, PEOPLE, 0.7)
    verb = random.choose_word(
        [verb for verb in VERBS if verb.en in ("give", "show", "sell", "bring")]
    )
    thing = choose_phrase(random, {"thing", "clothes"})
    receiver = choose_definite(random, PEOPLE)
    start = present(random, subject, verb)
    return join(start, thing, (f"to {receiver.en}", contract("à", receiver.fr)))


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
    return f"{present(random, subject, verb)[0]} {whom}", f"{subject.fr} {french}"


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
    return ask(
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
        return ask(f"{word} {are} {pronoun} {verb.gerund}", f"{mot} {invert(subject, verb.forms)}")
    does = "does" if subject.person == THIRD else "do"
    return ask(f"{word} {does} {subject.en} {verb.en}", f"{mot} {invert(subject, verb.forms)}")


def ask_what(random: WordChooser) -> Translation:
    """ "What are you reading?" """
    subject = random.choice(PRONOUNS[1:])
    verb = random.choose_word(
        [verb for verb in VERBS if verb.objects & {"food", "drink", "text", "thing", "clothes"}]
    )
    french = elide("que", invert(subject, verb.forms))
    if not verb.is_state and random.random() < 0.5:
        pronoun, _, are = be(subject)[0].rpartition(" ")
        return ask(f"what {are} {pronoun} {verb.gerund}", french)
    does = "does" if subject.person == THIRD else "do"
    return ask(f"what {does} {subject.en} {verb.en}", french)


def ask_who(random: WordChooser) -> Translation:
    """ "Who is dancing in the street?", "Who wants the soup?" """
    verb = random.choose_word(
        [verb for verb in VERBS if verb.en not in (NO_PLACE_AFTER - {"leave"})]
    )
    form = verb.forms[THIRD]
    if not verb.objects:
        return ask(*join((f"who is {verb.gerund}", f"qui {form}"), choose_place(random)))
    noun = choose_noun(random, verb.objects)
    article = random.choice(["my", "your"] if noun.kind == "family" else ["the", "this"])
    return ask(
        *join((f"who {verb.ens}", f"qui {form}"), noun_phrase(random, noun, article=article))
    )


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
        return ask(start, french)
    return ask(*join((start, french), choose_object(random, verb)))
