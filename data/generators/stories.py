"""Simple children's stories, all different, separated by blank lines.

A story fills one of the plots with characters and things; names, things and pronouns are consistent
throughout.
"""

from __future__ import annotations

from random import Random

from data.generators import plots_home, plots_play, plots_wild, story_world
from data.generators.generated_text import GeneratedText
from data.generators.templates import draw_slots, expand, split_choices

SEED = 6
SIZE_BYTES = 1_250_000
MIN_STORY_WORDS, MAX_STORY_WORDS = 60, 150

Beat = tuple[str, ...]
PLOTS: tuple[tuple[Beat, ...], ...] = (
    *(plots_home.LOST, plots_home.BROKEN, plots_home.GIFT, plots_home.GARDEN),
    *(plots_wild.HURT, plots_wild.STORM, plots_home.NOISE, plots_wild.FEAR),
    *(plots_play.SKILL, plots_play.CONTEST, plots_play.NEWCOMER, plots_wild.SHARING),
    plots_play.QUARREL,
)
_FORMS = {"he": ("he", "him", "his"), "she": ("she", "her", "her")}


def generate() -> GeneratedText:
    """Generate about `SIZE_BYTES` bytes of stories."""
    random = Random(SEED)
    stories: dict[str, None] = {}
    size = 0
    while size < SIZE_BYTES:
        story = _make_story(random, PLOTS[len(stories) % len(PLOTS)])
        if story not in stories and MIN_STORY_WORDS <= len(story.split()) <= MAX_STORY_WORDS:
            stories[story] = None
            size += len(story.encode()) + 2
    shuffled = list(stories)
    random.shuffle(shuffled)
    return GeneratedText("\n\n".join(shuffled) + "\n")


def _make_story(random: Random, plot: tuple[Beat, ...]) -> str:
    known = (story_world.FRIENDS, story_world.INTERLUDES)
    beats = (story_world.OPENINGS, *known, *plot, story_world.ENDINGS)
    if plot in (plots_play.NEWCOMER, plots_play.QUARREL):
        beats = (story_world.OPENINGS, *plot, story_world.ENDINGS)
    template = " ".join(random.choice(beat) for beat in beats)
    slots = draw_slots(random, story_world.LISTS) | _draw_characters(random)
    return expand(random, template, slots)


def _draw_characters(random: Random) -> dict[str, str]:
    """Draw the characters, people or animals, with their pronouns."""
    animals = random.random() < 0.35
    kinds = random.sample(split_choices(story_world.ANIMALS), 2)
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
        "ftrait": random.choice(split_choices(story_world.LISTS["trait"])),
        "kin": kin,
        "elder": random.choice(split_choices(elders[wise])),
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
    return split_choices(boys if gender == "he" else girls)
