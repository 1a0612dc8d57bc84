"""Sentences and questions of daily life: wishes, prices, the time, the weather, languages.

Each function returns a translation without its capital and its full stop; questions bring their
mark, in French after a blank. Its docstring gives an example.
"""

from __future__ import annotations

from data.generators import everyday
from data.generators.choices import (
    NO_TIME_AFTER,
    PAST_TIMES,
    PEOPLE,
    PRESENT_TIMES,
    ask,
    choose_definite,
    choose_intransitive,
    join,
    pick,
    present,
)
from data.generators.everyday import parse_table, spell_number
from data.generators.phrases import (
    HAVE,
    NAMED,
    NUMBERS,
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
    past,
)
from data.generators.verbs import VERBS
from data.generators.word_chooser import WordChooser

FEELINGS = parse_table(everyday.FEELINGS)
HUMAN_FEELINGS = {"right", "wrong", "lucky", "hot", "cold"}
CITIES = parse_table(everyday.CITIES)
COUNTRIES = parse_table(everyday.COUNTRIES)
DAYS = parse_table(everyday.DAYS)
MONTHS = parse_table(everyday.MONTHS)


def feel(random: WordChooser) -> Translation:
    """ "The dog is thirsty." """
    subject = choose_subject(random, {"person", "family", "animal"}, 0.5)
    feelings = {
        en: fr
        for en, fr in FEELINGS.items()
        if subject.kind != "animal" or en not in HUMAN_FEELINGS
    }
    name, french = pick(random, feelings)
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


def would_like(random: WordChooser) -> Translation:
    """ "I would like some water, please." """
    kinds = {"food", "dish", "drink", "clothes", "thing"}
    noun = choose_noun(random, kinds)
    plural = is_countable(noun) and random.random() < 0.5
    article = random.choice([*NUMBERS, "some", "some"]) if plural else "a"
    if not is_countable(noun):
        article = "some"
    adjective = "" if article == "some" and plural else choose_adjective(random, noun)
    thing = noun_phrase(random, noun, plural=plural, article=article, adjective=adjective)
    start = ("I would like", "je voudrais")
    if random.random() < 0.3:
        start = ("we would like", "nous voudrions")
    sentence = join(start, thing)
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
        return ask(
            f"do you want {en} or {other}",
            f"est-ce que tu veux {contract('de', fr)} ou {contract('de', autre)}",
        )
    subject = random.choice([*PRONOUNS, *NAMED])
    start = conjugate(subject, "like", "likes", ("aime", "aimes", "aime", "aimons", "aiment"))
    return f"{start[0]} {en} and {other}", f"{start[1]} {fr} et {autre}"


def cost(random: WordChooser) -> Translation:
    """ "The hat costs thirty euros." """
    thing = choose_definite(random, {"thing", "clothes", "food", "dish", "drink", "text"})
    if random.random() < 0.35:
        do_, coûtent = ("do", "coûtent") if thing.plural else ("does", "coûte")
        return ask(f"how much {do_} {thing.en} cost", f"combien {coûtent} {thing.fr}")
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
        subject, verb = choose_intransitive(random, NO_TIME_AFTER)
    return join(present(random, subject, verb), (f"at {en}", f"à {fr}"))


def weather(random: WordChooser) -> Translation:
    """ "It is cold today.", "It rained last week." """
    if random.random() < 0.35:
        start, times = pick(random, parse_table(everyday.PAST_WEATHER)), PAST_TIMES
    else:
        start, times = pick(random, parse_table(everyday.WEATHER)), PRESENT_TIMES
    end = pick(random, times)
    if random.random() < 0.3:
        city, ville = pick(random, CITIES)
        end = f"in {city}", f"à {ville}"
    elif random.random() < 0.2:
        month, mois = pick(random, MONTHS)
        end = f"in {month}", f"en {mois}"
    return start if random.random() < 0.15 else join(start, end)


def date(random: WordChooser) -> Translation:
    """ "Today is Monday.", "My birthday is in May." """
    if random.random() < 0.4:
        day, jour = pick(random, DAYS)
        today, aujourdhui = random.choice(
            [("today", "aujourd'hui"), ("tomorrow", "demain"), ("today", "aujourd'hui")]
        )
        return f"{today} is {day}", f"{aujourdhui}, c'est {jour}"
    if random.random() < 0.4:
        month, mois = pick(random, MONTHS)
        owner, french = random.choice(
            [("my", "mon"), ("your", "ton"), ("his", "son"), ("our", "notre")]
        )
        return f"{owner} birthday is in {month}", f"{french} anniversaire est en {mois}"
    day, jour = pick(random, DAYS)
    subject, verb = choose_intransitive(random, NO_TIME_AFTER)
    if random.random() < 0.5:
        return join(present(random, subject, verb), (f"every {day}", f"tous les {jour}s"))
    return join(past(subject, verb), (f"on {day}", jour))


def live_in(random: WordChooser) -> Translation:
    """ "I live in Paris.", "She comes from Italy.", "He lives in Canada." """
    subject = choose_subject(random, PEOPLE, 0.7)
    if random.random() < 0.35:
        city, ville = pick(random, CITIES)
        live = conjugate(
            subject, "live", "lives", ("habite", "habites", "habite", "habitons", "habitent")
        )
        return f"{live[0]} in {city}", f"{live[1]} à {ville}"
    country, pays = pick(random, COUNTRIES)
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
    language, langue = pick(random, parse_table(everyday.LANGUAGES))
    forms = ("parle", "parles", "parle", "parlons", "parlent")
    if subject in PRONOUNS[1:] and random.random() < 0.35:
        does = "does" if subject.person == THIRD else "do"
        return ask(f"{does} {subject.en} speak {language}", f"{invert(subject, forms)} {langue}")
    start = conjugate(subject, "speak", "speaks", forms)
    if random.random() < 0.3:
        start = negate(subject, "speak", forms)
    return f"{start[0]} {language}", f"{start[1]} {langue}"
