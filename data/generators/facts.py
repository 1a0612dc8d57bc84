"""Facts about the world, and questions about them."""

from __future__ import annotations

from dataclasses import dataclass

OPPOSITES = (
    "hot cold, big small, old young, long short, fast slow, high low, wet dry, rich poor,"
    " full empty, early late, hard soft, light heavy, happy sad, clean dirty, open closed,"
    " strong weak, thick thin, wide narrow, near far, loud quiet, sweet sour, bright dark,"
    " up down, left right, in out, first last, day night, summer winter, black white,"
    " true false, good bad, cheap expensive, deep shallow, sharp blunt, tame wild"
)
SOUNDS = (
    "dog barks, cat meows, cow moos, sheep bleats, horse neighs, pig grunts, duck quacks,"
    " lion roars, wolf howls, frog croaks, bee buzzes, snake hisses, mouse squeaks, hen clucks,"
    " donkey brays, owl hoots, crow caws, bird chirps"
)
YOUNG = (
    "dog puppy, cat kitten, cow calf, sheep lamb, horse foal, pig piglet, duck duckling, lion cub,"
    " goat kid, hen chick, frog tadpole, goose gosling, swan cygnet, deer fawn"
)
LEGS = (
    "dog four, cat four, cow four, horse four, bird two, duck two, hen two, spider eight, ant six,"
    " bee six, snake none, fish none, lion four, frog four, crab ten, worm none"
)
COLOURS = (
    "snow:white, grass:green, coal:black, blood:red, milk:white, a lemon:yellow, a carrot:orange,"
    " a banana:yellow, chocolate:brown, the sky:blue, salt:white, a strawberry:red, spinach:green,"
    " a sunflower:yellow, soot:black, a cherry:red, a violet:purple, chalk:white"
)
CAPITALS = (
    "France Paris, Italy Rome, Spain Madrid, Germany Berlin, England London, Portugal Lisbon,"
    " Greece Athens, Austria Vienna, Poland Warsaw, Hungary Budapest, Norway Oslo,"
    " Sweden Stockholm, Finland Helsinki, Denmark Copenhagen, Ireland Dublin, Belgium Brussels,"
    " Russia Moscow, Turkey Ankara, Egypt Cairo, Japan Tokyo, China Beijing, Canada Ottawa,"
    " Cuba Havana, Peru Lima, Chile Santiago, Kenya Nairobi, Iceland Reykjavik, Bulgaria Sofia"
)
LANGUAGES = (
    "France French, Italy Italian, Spain Spanish, Germany German, England English,"
    " Portugal Portuguese, Greece Greek, Poland Polish, Hungary Hungarian, Norway Norwegian,"
    " Sweden Swedish, Denmark Danish, Russia Russian, Turkey Turkish, Egypt Arabic, Japan "
    "Japanese,"
    " China Chinese, Cuba Spanish, Chile Spanish, Iceland Icelandic, Bulgaria Bulgarian,"
    " Austria German"
)
JOBS = (
    "baker bakes bread, farmer works in the field, teacher works at school, pilot flies a plane,"
    " doctor helps the sick, cook makes soup, sailor works on a ship, judge works in court,"
    " gardener plants flowers, miner works under the ground, painter paints houses,"
    " tailor makes coats"
)
TOOLS = (
    "cut:a knife, write:a pen, sweep:a broom, dig:a spade, sew:a needle, paint:a brush, eat:a "
    "fork,"
    " drink:a cup, see:eyes, hear:ears, smell:a nose, walk:feet, think:a brain, sleep:a bed,"
    " open a lock:a key, drive a nail:a hammer"
)
KINDS = (
    "a dog:an animal, a cat:an animal, a cow:an animal, an apple:a fruit, a pear:a fruit,"
    " a cherry:a fruit, a rose:a flower, a tulip:a flower, a daisy:a flower, an oak:a tree,"
    " a pine:a tree, a birch:a tree, a hammer:a tool, a spade:a tool, a saw:a tool, red:a colour,"
    " blue:a colour, a violin:an instrument, a piano:an instrument, a drum:an instrument,"
    " gold:a metal, iron:a metal, copper:a metal, Monday:a day, May:a month"
)
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
MONTHS = "January February March April May June July August September October November December"
NUMBERS = "zero one two three four five six seven eight nine ten"


@dataclass(frozen=True)
class FactGroup:
    """Facts of one kind, with questions.

    Attributes:
        facts: pairs "x y" separated by commas; "x:y" if x has several words.
        forward: questions about x with the answer `y`.
        backward: questions about y with the answer `x`.
    """

    facts: str
    forward: tuple[str, ...] = ()
    y: str = "[y]"
    backward: tuple[str, ...] = ()
    x: str = "[x]"


_OPPOSITE = (
    "what is the opposite of [x] ?",
    "which word means the opposite of [x] ?",
    "can you tell me the opposite of [x] ?",
    "do you know the opposite of [x] ?",
    "the opposite of [x] is what ?",
)
FACT_GROUPS: tuple[FactGroup, ...] = (
    FactGroup(
        OPPOSITES, _OPPOSITE, "[y]", tuple(question.replace("[x]", "[y]") for question in _OPPOSITE)
    ),
    FactGroup(
        SOUNDS,
        (
            "what sound does [a x] make ?",
            "what does [a x] do when you hear it ?",
            "can you tell me the sound of [a x] ?",
            "do you know the sound that [a x] makes ?",
        ),
        "it [y]",
        (
            "which animal [y] ?",
            "I hear an animal that [y] . what is it ?",
            "can you name an animal that [y] ?",
            "something [y] . which animal is it ?",
        ),
        "[a x]",
    ),
    FactGroup(
        YOUNG,
        (
            "what is a young [x] called ?",
            "what do you call a baby [x] ?",
            "which word means a young [x] ?",
            "can you tell me the name of a baby [x] ?",
        ),
        "[a y]",
        (
            "what does [a y] become when it grows up ?",
            "[a y] is the young of which animal ?",
            "what will [a y] be when it is old ?",
            "can you tell me what [a y] grows into ?",
        ),
        "[a x]",
    ),
    FactGroup(
        LEGS,
        (
            "how many legs does [a x] have ?",
            "how many legs has [a x] ?",
            "can you tell me how many legs [a x] has ?",
            "on how many legs does [a x] stand ?",
        ),
    ),
    FactGroup(
        COLOURS,
        (
            "what colour is [x] ?",
            "[x] has which colour ?",
            "what is the colour of [x] ?",
            "can you tell me the colour of [x] ?",
            "I think of [x] . what colour is it ?",
        ),
    ),
    FactGroup(
        CAPITALS,
        (
            "what is the capital of [x] ?",
            "which city is the capital of [x] ?",
            "can you tell me the capital of [x] ?",
            "what is the capital city of [x] called ?",
            "I am going to the capital of [x] . which city is it ?",
        ),
        "[y]",
        (
            "of which country is [y] the capital ?",
            "in which country is [y] ?",
            "[y] is the capital of which country ?",
            "I am going to [y] . which country is it in ?",
            "can you tell me which country [y] is in ?",
        ),
    ),
    FactGroup(
        LANGUAGES,
        (
            "which language do people speak in [x] ?",
            "what do they speak in [x] ?",
            "what is the language of [x] ?",
            "can you tell me the language of [x] ?",
            "I am going to [x] . which language should I learn ?",
        ),
    ),
    FactGroup(
        JOBS,
        (
            "what does [a x] do ?",
            "what is the work of [a x] ?",
            "can you tell me what [a x] does ?",
        ),
        "[a x] [y]",
        (
            "who [y] ?",
            "what do you call somebody who [y] ?",
            "can you tell me who [y] ?",
            "my uncle [y] . what is he ?",
        ),
        "[a x]",
    ),
    FactGroup(
        TOOLS,
        (
            "what do you need to [x] ?",
            "what do people use to [x] ?",
            "I want to [x] . what do I need ?",
            "can you tell me what I need to [x] ?",
        ),
    ),
    FactGroup(
        KINDS,
        (
            "what kind of thing is [x] ?",
            "[x] is an example of what ?",
            "can you tell me what [x] is ?",
            "I think of [x] . what kind of thing is it ?",
        ),
    ),
)
# Cyclic sequences: questions for the next and for the previous element.
CYCLES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        DAYS,
        (
            "which day comes after [x] ?",
            "today is [x] . what day is tomorrow ?",
            "what is the day after [x] ?",
            "can you tell me the day that follows [x] ?",
        ),
        (
            "which day comes before [x] ?",
            "today is [x] . what day was yesterday ?",
            "what is the day before [x] ?",
            "can you tell me the day that goes before [x] ?",
        ),
    ),
    (
        MONTHS,
        (
            "which month comes after [x] ?",
            "it is [x] now . what month is next ?",
            "what is the month after [x] ?",
            "can you tell me the month that follows [x] ?",
        ),
        (
            "which month comes before [x] ?",
            "it is [x] now . what month was last ?",
            "what is the month before [x] ?",
            "can you tell me the month that goes before [x] ?",
        ),
    ),
)
