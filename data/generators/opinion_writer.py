"""Writes sentences with a verdict from frames and words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from data.generators.neutral_sentences import FACT_VALUES
from data.generators.opinion_frames import (
    CONTRASTS,
    FAMILIES,
    NEGATIVE,
    POSITIVE,
    STATED,
    Frame,
    list_clauses,
    list_reserving,
)
from data.generators.opinion_words import (
    BLAME,
    DISLIKE,
    DISPLEASED,
    EVERYDAY,
    GENERAL_BAD,
    GENERAL_GOOD,
    LIKE,
    PLEASED,
    PRAISE,
    SCENES,
    TOPICS,
    Topic,
)
from data.generators.templates import expand, split_choices, with_article

MAX_CANDIDATES = 6  # sentences of which the one with the rarest opinion word is taken
PRONOUN_SHARE = 0.08
FEMALE = ("waitress", "actress", "nurse")
SLOT = re.compile(r"\[(\w+)\]")
MORE_ENDINGS = ("ful", "ing", "ous", "ble", "ive", "ent", "ant", "ic", "ed", "al")


@dataclass(frozen=True)
class Noun:
    """What is judged: a noun of a topic."""

    name: str
    topic: Topic
    plural: bool
    countable: bool


def parse_nouns(topic: Topic) -> list[Noun]:
    """Parse the nouns of a topic with their marks."""
    return [
        Noun(word.rstrip("*~"), topic, plural="*" in word, countable=word[-1] not in "*~")
        for word in topic.nouns.split()
    ]


NOUNS = {noun.name: noun for topic in TOPICS for noun in parse_nouns(topic)}
STRONG = frozenset(
    word.rstrip("!")
    for text in (GENERAL_GOOD, GENERAL_BAD, *(t.good for t in TOPICS), *(t.bad for t in TOPICS))
    for word in text.split()
    if word.endswith("!")
)


@cache
def _adjectives(topic: Topic, label: str) -> list[str]:
    general = GENERAL_GOOD if label == POSITIVE else GENERAL_BAD
    own = topic.good if label == POSITIVE else topic.bad
    words = own.split() + (general.split() if topic.general else [])
    return list(dict.fromkeys(word.rstrip("!") for word in words))


@cache
def _verb_forms(label: str) -> dict[str, str]:
    """Return the infinitives of verbs by their past."""
    pairs = split_choices(LIKE if label == POSITIVE else DISLIKE)
    return {past: base for base, past in (pair.split() for pair in pairs)}


def _participles(label: str) -> list[str]:
    return (PLEASED if label == POSITIVE else DISPLEASED).split()


def _verdict_nouns(label: str) -> list[str]:
    return [noun.strip() for noun in split_choices(PRAISE if label == POSITIVE else BLAME)]


def _list_carriers(label: str) -> list[list[str]]:
    """Return the adjectives, the participles and the verbs in the past with a verdict."""
    adjectives = dict.fromkeys(word for topic in TOPICS for word in _adjectives(topic, label))
    return [list(adjectives), _participles(label), list(_verb_forms(label))]


CARRIERS = tuple(
    dict.fromkeys(w for label in (POSITIVE, NEGATIVE) for ws in _list_carriers(label) for w in ws)
)


def _assign_families() -> dict[str, str]:
    """Assign all adjectives but the everyday ones to families."""
    families: dict[str, str] = {}
    for label in (POSITIVE, NEGATIVE):
        rare = [word for word in _list_carriers(label)[0] if word not in EVERYDAY.split()]
        families |= {word: FAMILIES[index % 3] for index, word in enumerate(rare)}
    return families


# The reserved words: each with the family of frames in which only the held-out part uses it.
RESERVED = _assign_families()


def opposite(label: str) -> str:
    """Return the other verdict."""
    return NEGATIVE if label == POSITIVE else POSITIVE


def split_words(text: str) -> list[str]:
    """Return the words of a sentence in small letters, without punctuation.

    Verbs are given in the past, so that both forms count as one word.
    """
    bare = "".join(c if c.isalnum() or c in "'-" else " " for c in text.lower()).split()
    return [PAST.get(word, word) for word in bare]


PAST = {base: past for label in (POSITIVE, NEGATIVE) for past, base in _verb_forms(label).items()}


class OpinionWriter:
    """Writes sentences; of several words that fit it prefers those used least so far.

    Args:
        random: the source of all choices.
        heldout: whether frames that belong to a family take the words reserved for it, or all the
            others.
    """

    def __init__(self, random: Random, *, heldout: bool) -> None:
        self._random, self._heldout = random, heldout
        # Of words in plain frames and in frames of each family.
        self._uses: Counter[tuple[str, str]] = Counter()

    def _may_use(self, word: str, family: str) -> bool:
        if self._heldout:
            return RESERVED.get(word) == (family or None)
        return not family or RESERVED.get(word) != family

    def write(self, label: str, frames: Sequence[Frame], scene: str | None = None) -> str:
        """Write a sentence with a verdict about something of a scene."""
        candidates: list[str] = []
        family, needs, template = self._random.choice(frames)
        for _ in range(MAX_CANDIDATES):
            nouns = (scene or self._random.choice(SCENES)).split()
            noun = NOUNS[self._random.choice(nouns)]
            slots = self._fill(noun, label, needs, family)
            if scene is None and template.startswith("[X]") and self._may_be_pronoun(noun):
                slots = {**slots, "x": "it"}
            if _suits(noun, needs) and _is_filled(template, slots):
                sentence = expand(self._random, template, slots)
                if not {"we", "my"} <= set(split_words(sentence)):
                    candidates.append(sentence)
        if not candidates:
            return self.write(label, frames, scene)
        sentence = min(candidates, key=lambda each: self._count_rarest(each, family))
        self._uses.update((word, family) for word in split_words(sentence))
        return sentence

    def _count_rarest(self, sentence: str, family: str) -> int:
        """Return how often the rarest opinion word of a sentence has been used in the family."""
        words = (word for word in split_words(sentence) if word in CARRIERS)
        return min((self._uses[word, family] for word in words), default=0)

    def write_clause(self, label: str, scene: str, turned: bool) -> str:
        """Write a sentence without its stop, to be part of a longer one."""
        frames = list_clauses(label)
        if self._heldout:
            frames = list_reserving(label) if turned else STATED
        while True:
            sentence = self.write(label, frames, scene)
            clause = sentence.removesuffix(".")
            if not set(clause) & set(".,:!?") and " but " not in clause:
                return clause

    def write_contrast(self, label: str) -> str:
        """Write two opposite verdicts, of which the one with `label` prevails.

        In the held-out part one of them is plain and the other is not.
        """
        turned_first = self._random.random() < 0.5
        scene = self._random.choice(SCENES)
        join = self._random.choices(list(CONTRASTS), list(CONTRASTS.values()))[0]
        slots = {
            "first": uncapitalize(self.write_clause(opposite(label), scene, turned_first)),
            "last": uncapitalize(self.write_clause(label, scene, not turned_first)),
        }
        return expand(self._random, join, slots)

    def _take(self, words: Iterable[str], family: str) -> str:
        """Return one of the words that may be used, or "" if there is none."""
        usable = [word for word in words if self._may_use(word, family)]
        return self._random.choice(usable) if usable else ""

    def _take_two(self, words: Sequence[str], needs: str, family: str) -> list[str]:
        chosen: list[str] = []
        for _ in range(2):
            fitting = [word for word in words if word not in chosen and _fits(word, needs)]
            chosen.append(self._take(fitting, family))
        return chosen

    def _fill(self, noun: Noun, label: str, needs: str, family: str) -> Mapping[str, str]:
        """Draw all slots; adjectives of which too few fit the noun are empty."""
        random, other = self._random, opposite(label)
        good = self._take_two(_adjectives(noun.topic, label), needs, family)
        bad = self._take_two(_adjectives(noun.topic, other), needs, family)
        past = random.random() < 0.75
        degrees = ["", "", "really", "so", "truly"]
        if not {*good} & STRONG:
            degrees += ["very", "very", "quite"]
        liking, disliking = _verb_forms(label), _verb_forms(other)
        liked, disliked = self._take(liking, family), self._take(disliking, family)
        was = ("was", "were") if past else ("is", "are")
        pronoun, them = _pronouns(noun)
        return {
            "x": self._refer(noun),
            "n": noun.name,
            "met": noun.topic.met,
            "was": was[noun.plural],
            "wasnt": was[noun.plural] + random.choice((" not", "n't")),
            "is": "are" if noun.plural else "is",
            "were": "were" if noun.plural else "was",
            "it": pronoun,
            "them": them,
            "degree": random.choice(degrees),
            "good": good[0],
            "good2": good[1],
            "bad": bad[0],
            "bad2": bad[1],
            "a_good_n": _with_article(good[0], noun),
            "a_bad_n": _with_article(bad[0], noun),
            "hoped_feared": "hoped" if label == NEGATIVE else "feared",
            "feared_hoped": "feared" if label == NEGATIVE else "hoped",
            "like": liking.get(liked, ""),
            "liked": liked,
            "dislike": disliking.get(disliked, ""),
            "disliked": disliked,
            "pleased": self._take(_participles(label), family),
            "displeased": self._take(_participles(other), family),
            "a_praise": with_article(
                random.choice(
                    [*_verdict_nouns(label), *(noun.topic.praise if label == POSITIVE else ())]
                )
            ),
            "a_blame": with_article(
                random.choice(
                    [*_verdict_nouns(other), *(noun.topic.praise if label == NEGATIVE else ())]
                )
            ),
            "relative": random.choice(FACT_VALUES["relative"]),
        }

    def _refer(self, noun: Noun) -> str:
        """Return the noun with a determiner."""
        owner = "my" if noun.topic.met in ("owned", "bought") else "our"
        this = "these" if noun.plural else "this"
        determiners = ["the", "the", "the", "the", owner if noun.topic.people else this]
        if noun.topic.met in ("owned", "met", "paid"):
            determiners.append(owner)
        return f"{self._random.choice(determiners)} {noun.name}"

    def _may_be_pronoun(self, noun: Noun) -> bool:
        return _pronouns(noun)[0] == "it" and self._random.random() < PRONOUN_SHARE


def _is_filled(template: str, slots: Mapping[str, str]) -> bool:
    """Whether all slots of a template have a value; a degree may be empty."""
    names = (name.lower() for name in SLOT.findall(template))
    return all(slots[name] or name == "degree" for name in names)


def _pronouns(noun: Noun) -> tuple[str, str]:
    if noun.plural:
        return "they", "them"
    if noun.topic.people:
        return ("she", "her") if noun.name in FEMALE else ("he", "him")
    return "it", "it"


def _suits(noun: Noun, needs: str) -> bool:
    topic = noun.topic
    return (
        (noun.countable or "one" not in needs)
        and (topic.general or "liked" not in needs)
        and (topic.moving or "moving" not in needs)
        and (not topic.people or "thing" not in needs)
    )


def _fits(word: str, needs: str) -> bool:
    if "mild" in needs and word in STRONG:
        return False
    return "more" not in needs or (word not in STRONG and word.endswith(MORE_ENDINGS))


def _with_article(adjective: str, noun: Noun) -> str:
    phrase = f"{adjective} {noun.name}" if adjective else ""
    return with_article(phrase) if noun.countable and phrase else phrase


def uncapitalize(sentence: str) -> str:
    """Make the first letter small, except in "I"."""
    return sentence if sentence.startswith("I ") else sentence[:1].lower() + sentence[1:]
