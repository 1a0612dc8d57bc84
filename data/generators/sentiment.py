"""Short opinions with their sentiment, which single words do not decide.

"not bad" is good, "far from fresh" is bad, and what follows "but" counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from data.generators.generated_text import GeneratedText, hold_out
from data.generators.templates import expand

SEED = 3
LINES = 3300
HELD_OUT = 300

# Positive and negative adjectives by topic.
AdjectivePair = tuple[str, str]
_FOOD: AdjectivePair = ("tasty fresh delicious excellent wonderful", "cold bland salty stale awful")
_STAFF: AdjectivePair = (
    "kind friendly helpful polite wonderful",
    "rude slow lazy unfriendly awful",
)
_ROOM: AdjectivePair = ("clean quiet comfortable lovely bright", "dirty noisy dark cramped ugly")
_STORY: AdjectivePair = ("funny clever exciting touching brilliant", "boring silly dull weak awful")
_PLAYER: AdjectivePair = (
    "brilliant convincing wonderful funny lively",
    "wooden weak terrible dull lazy",
)
_THING: AdjectivePair = (
    "reliable sturdy handy excellent clever",
    "flimsy useless broken terrible ugly",
)
_TRIP: AdjectivePair = (
    "pleasant exciting lovely relaxing wonderful",
    "exhausting boring terrible stressful sad",
)
_PRICE: AdjectivePair = ("fair reasonable low", "high unfair absurd")

PLACES: tuple[Mapping[str, AdjectivePair], ...] = (
    {
        **dict.fromkeys(("food", "soup", "fish", "bread", "cake", "salad", "coffee"), _FOOD),
        **dict.fromkeys(("waiter", "cook", "service"), _STAFF),
        **dict.fromkeys(("table", "restaurant"), _ROOM),
        "price": _PRICE,
    },
    {
        **dict.fromkeys(("room", "bed", "hotel", "bathroom", "garden"), _ROOM),
        **dict.fromkeys(("owner", "staff"), _STAFF),
        "breakfast": _FOOD,
        "price": _PRICE,
    },
    {
        **dict.fromkeys(("film", "story", "plot", "ending", "beginning", "dialogue"), _STORY),
        **dict.fromkeys(("actor", "actress", "hero", "villain"), _PLAYER),
        "music": ("lovely touching wonderful lively brilliant", "noisy dull awful boring weak"),
    },
    {
        **dict.fromkeys(("book", "novel", "first chapter", "last chapter", "author"), _STORY),
        "price": _PRICE,
    },
    {
        **dict.fromkeys(("phone", "camera", "bag", "lamp", "keyboard", "umbrella"), _THING),
        "seller": _STAFF,
        "price": _PRICE,
    },
    {
        **dict.fromkeys(("journey", "flight", "walk", "visit", "weekend"), _TRIP),
        **dict.fromkeys(("guide", "driver"), _STAFF),
        "museum": ("lovely exciting wonderful quiet bright", "boring noisy ugly dark dull"),
    },
)

# [x] is the noun; [good] [good2] agree with the sentiment, [bad] [bad2] are their opposites.
PLAIN = (
    "the [x] was {|very|really|so|quite|simply} [good]",
    "the [x] was {|very|really} [good] and {|very|really} [good2]",
    "the [x] was not only [good] but also [good2]",
    "{everyone|everybody} said the [x] was [good]",
    "{we|I} {found|thought} the [x] {|very|quite} [good]",
    "what [a good] [x]",
)
NEGATED = (
    "the [x] was {not|never|not at all|hardly ever|by no means} [bad]",
    "the [x] was {far from|anything but} [bad]",
    "the [x] was neither [bad] nor [bad2]",
    "the [x] was [good] and not [bad] {|at all}",
    "nobody {said|thought} the [x] was [bad]",
    "nothing about the [x] was [bad]",
    "{we|I} did not {find the [x]|think the [x] was} [bad]",
    "{we|I} expected [a bad] [x] but it was [good]",
)
LIKED = (
    "{we|I|everyone} {loved|liked|enjoyed|adored} the [x]",
    "{we|I} {would never complain|never complained|did not complain} about the [x]",
    "nobody {hated|disliked|complained about} the [x]",
    "there was nothing wrong with the [x]",
)
DISLIKED = (
    "{we|I|everyone} {hated|disliked|complained about} the [x]",
    "{we|I} did not {love|like|enjoy} the [x] {|at all}",
    "nobody {loved|liked|enjoyed|adored} the [x]",
    "there was something wrong with the [x]",
)


def generate() -> GeneratedText:
    """Generate equally many good and bad opinions; some of each are held out."""
    random = Random(SEED)
    lines: dict[str, None] = {}
    for good in (True, False):
        while len(lines) < (LINES // 2 if good else LINES):
            lines[f"{_make_opinion(random, good)} => {'good' if good else 'bad'}"] = None
    shuffled = list(lines)
    random.shuffle(shuffled)
    return hold_out(random, shuffled, HELD_OUT)


def _make_opinion(random: Random, good: bool) -> str:
    place = random.choice(PLACES)
    first, second = random.sample(list(place), 2)
    structure = random.random()
    last = _make_clause(random, place, second, good)
    if structure < 0.5:
        return last
    if structure < 0.65:
        return f"{_make_clause(random, place, first, good)} and {last}"
    other = _make_clause(random, place, first, not good)
    return f"{other} but {last}" if structure < 0.9 else f"although {other} {last}"


def _make_clause(random: Random, place: Mapping[str, AdjectivePair], noun: str, good: bool) -> str:
    agreeing, opposite = place[noun] if good else place[noun][::-1]
    chosen = random.sample(agreeing.split(), 2)
    opposites = random.sample(opposite.split(), 2)
    # Mostly plain: words negated half of the time would carry no sentiment.
    kind = random.random()
    templates: tuple[str, ...] = PLAIN if kind < 0.5 else NEGATED
    if kind > 0.75:
        templates = LIKED if good else DISLIKED
    slots = {"x": noun, "good": chosen[0], "good2": chosen[1]}
    slots |= {"bad": opposites[0], "bad2": opposites[1]}
    return expand(random, random.choice(templates), slots)
