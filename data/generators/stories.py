"""Simple stories for children, no two alike, parted by blank lines.

A story takes one of the plots and fills it with somebody, their friends and things; names, things
and pronouns stay the same from its first sentence to its last.
"""

from __future__ import annotations

from random import Random

from data.generators import plots_home, plots_play, plots_wild, story_world
from data.generators.parts import Parts
from data.generators.templates import choices, deal, expand

SEED = 6
SIZE = 1_250_000
SHORTEST, LONGEST = 60, 150

Beat = tuple[str, ...]
PLOTS: tuple[tuple[Beat, ...], ...] = (
    *(plots_home.LOST, plots_home.BROKEN, plots_home.GIFT, plots_home.GARDEN),
    *(plots_wild.HURT, plots_wild.STORM, plots_home.NOISE, plots_wild.FEAR),
    *(plots_play.SKILL, plots_play.CONTEST, plots_play.NEWCOMER, plots_wild.SHARING),
    plots_play.QUARREL,
)
_FORMS = {"he": ("he", "him", "his"), "she": ("she", "her", "her")}


def generate() -> Parts:
    """About `SIZE` bytes of stories."""
    random = Random(SEED)
    told: dict[str, None] = {}
    size = 0
    while size < SIZE:
        story = _story(random, PLOTS[len(told) % len(PLOTS)])
        if story not in told and SHORTEST <= len(story.split()) <= LONGEST:
            told[story] = None
            size += len(story.encode()) + 2
    stories = list(told)
    random.shuffle(stories)
    return Parts("\n\n".join(stories) + "\n")


def _story(random: Random, plot: tuple[Beat, ...]) -> str:
    known = (story_world.FRIENDS, story_world.INTERLUDES)
    beats = (story_world.OPENINGS, *known, *plot, story_world.ENDINGS)
    if plot in (plots_play.NEWCOMER, plots_play.QUARREL):
        beats = (story_world.OPENINGS, *plot, story_world.ENDINGS)
    template = " ".join(random.choice(beat) for beat in beats)
    slots = deal(random, story_world.LISTS) | _cast(random)
    return expand(random, template, slots)


def _cast(random: Random) -> dict[str, str]:
    """Who is in the story, with their pronouns: people or animals."""
    animals = random.random() < 0.35
    kinds = random.sample(choices(story_world.ANIMALS), 2)
    hero, friend = random.choice(["he", "she"]), random.choice(["he", "she"])
    wise = random.choice(["he", "she"])
    elders = story_world.WISE_ANIMALS if animals else story_world.WISE_PEOPLE
    kin = random.choice(["mother", "father", "grandmother", "grandfather"])
    slots = {
        **_pronouns("", hero),
        **_pronouns("f", friend),
        **_pronouns("e", wise),
        **_pronouns("k", "she" if kin.endswith("mother") else "he"),
        "hero": random.choice(_names(animals, hero)),
        "being": kinds[0] if animals else "boy" if hero == "he" else "girl",
        "fbeing": kinds[1] if animals else "boy" if friend == "he" else "girl",
        "ftrait": random.choice(choices(story_world.LISTS["trait"])),
        "kin": kin,
        "elder": random.choice(choices(elders[wise])),
    }
    others = [name for name in _names(animals, friend) if name != slots["hero"]]
    slots["friend"] = random.choice(others)
    slots["friendfull"] = slots["friend"] + (f" the {kinds[1]}" if animals else "")
    return slots


def _pronouns(prefix: str, gender: str) -> dict[str, str]:
    names = (f"{prefix}he", f"{prefix}him", f"{prefix}his")
    return dict(zip(names, _FORMS[gender], strict=True))


def _names(animals: bool, gender: str) -> list[str]:
    boys, girls = story_world.BOYS, story_world.GIRLS
    if animals:
        boys, girls = story_world.ANIMAL_BOYS, story_world.ANIMAL_GIRLS
    return choices(boys if gender == "he" else girls)
