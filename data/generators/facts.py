"""Facts about the world, and questions about them."""

from __future__ import annotations

from dataclasses import dataclass

OPPOSITES = (
    "hot cold, big small, young old, long short, fast slow, high low, wet dry, rich poor,"
    " full empty, early late, hard soft, heavy light, happy sad, clean dirty, open closed,"
    " strong weak, thick thin, wide narrow, near far, loud quiet, sweet sour, bright dark, up"
    " down, left right, first last, day night, summer winter, black white, true false, good"
    " bad, cheap expensive, deep shallow, easy difficult, brave cowardly, polite rude, lazy"
    " hardworking, safe dangerous, alive dead, rough smooth, ancient modern, friend enemy,"
    " love hate, war peace, begin end, win lose, buy sell, push pull, arrive leave, give take,"
    " remember forget, laugh cry, question answer, north south, east west, above below, always"
    " never, everything nothing, inside outside, top bottom, possible impossible, beautiful"
    " ugly, raw cooked, patient impatient, honest dishonest, float sink, praise blame"
)
SOUNDS = (
    "dog barks, cat meows, cow moos, sheep bleats, horse neighs, pig grunts, duck quacks,"
    " lion roars, wolf howls, frog croaks, bee buzzes, snake hisses, mouse squeaks, hen clucks,"
    " donkey brays, owl hoots, crow caws, bird chirps, elephant trumpets, turkey gobbles"
)
YOUNG = (
    "dog puppy, cat kitten, cow calf, sheep lamb, horse foal, pig piglet, duck duckling, lion cub,"
    " goat kid, hen chick, frog tadpole, goose gosling, swan cygnet, deer fawn, kangaroo joey,"
    " owl owlet, butterfly caterpillar"
)
LEGS = (
    "dog four, cat four, cow four, horse four, bird two, duck two, hen two, spider eight, ant six,"
    " bee six, snake none, fish none, lion four, frog four, crab ten, worm none, elephant four,"
    " fly six, whale none, penguin two"
)
COLOURS = (
    "snow:white, grass:green, coal:black, blood:red, milk:white, a lemon:yellow, a"
    " carrot:orange, a banana:yellow, chocolate:brown, the sky:blue, salt:white, a"
    " strawberry:red, a sunflower:yellow, a cherry:red, a violet:purple, the sun:yellow, a"
    " tomato:red, a cucumber:green, a polar bear:white, the sea:blue, a frog:green, a"
    " pumpkin:orange, coffee:brown"
)
CAPITALS = (
    "France Paris, Italy Rome, Spain Madrid, Germany Berlin, England London, Portugal Lisbon,"
    " Greece Athens, Austria Vienna, Poland Warsaw, Hungary Budapest, Norway Oslo, Sweden"
    " Stockholm, Finland Helsinki, Denmark Copenhagen, Ireland Dublin, Belgium Brussels,"
    " Russia Moscow, Turkey Ankara, Egypt Cairo, Japan Tokyo, China Beijing, Canada Ottawa,"
    " Cuba Havana, Peru Lima, Chile Santiago, Kenya Nairobi, Iceland Reykjavik, Bulgaria"
    " Sofia, Scotland Edinburgh, Wales Cardiff, Switzerland Bern, Ukraine Kyiv, Australia"
    " Canberra, India:New Delhi, Thailand Bangkok, Vietnam Hanoi, Iran Tehran, Morocco Rabat,"
    " Argentina:Buenos Aires"
)
CONTINENTS = (
    "France Europe, Italy Europe, Spain Europe, Germany Europe, Portugal Europe, Poland"
    " Europe, Norway Europe, Egypt Africa, Kenya Africa, Morocco Africa, Ethiopia Africa,"
    " Nigeria Africa, Japan Asia, China Asia, India Asia, Thailand Asia, Vietnam Asia,"
    " Peru:South America, Chile:South America, Argentina:South America, Brazil:South America,"
    " Canada:North America, Mexico:North America"
)
LANGUAGES = (
    "France French, Italy Italian, Spain Spanish, Germany German, England English, Portugal"
    " Portuguese, Greece Greek, Poland Polish, Hungary Hungarian, Norway Norwegian, Sweden"
    " Swedish, Denmark Danish, Russia Russian, Turkey Turkish, Egypt Arabic, Japan Japanese,"
    " China Chinese, Cuba Spanish, Chile Spanish, Austria German, Finland Finnish, Thailand"
    " Thai, Brazil Portuguese, Mexico Spanish, Australia English"
)
JOBS = (
    "baker bakes bread, farmer ploughs the field, teacher teaches children, pilot flies"
    " planes, doctor treats the sick, cook makes soup, sailor works on a ship, judge works in"
    " court, gardener plants flowers, miner digs for coal, painter paints houses, tailor sews"
    " coats, fisherman catches fish, barber cuts hair, butcher sells meat, carpenter builds"
    " cupboards, plumber repairs pipes, firefighter puts out fires, astronaut flies into"
    " space, postman delivers letters, dentist looks after teeth, shepherd guards sheep,"
    " detective solves crimes"
)
TOOLS = (
    "cut bread:a knife, write:a pen, sweep the floor:a broom, dig a hole:a spade, sew:a"
    " needle, paint a wall:a brush, eat spaghetti:a fork, drink tea:a cup, open a lock:a key,"
    " drive a nail:a hammer, cut paper:scissors, tell the time:a clock, eat soup:a spoon,"
    " catch fish:a net, cut wood:a saw, turn a screw:a screwdriver, brush my teeth:a"
    " toothbrush, climb a roof:a ladder, see in the dark:a torch, boil water:a kettle, stay"
    " dry in the rain:an umbrella, light a candle:a match, wash my hands:soap, take photos:a"
    " camera"
)
SENSES = "see:eyes, hear:ears, smell:a nose, taste:a tongue, think:a brain, walk:feet, chew:teeth"
KINDS = (
    "a dog:an animal, a cat:an animal, a tiger:an animal, a zebra:an animal, an apple:a"
    " fruit, a pear:a fruit, a cherry:a fruit, a rose:a flower, a tulip:a flower, a daisy:a"
    " flower, an oak:a tree, a pine:a tree, a birch:a tree, a hammer:a tool, a spade:a tool, a"
    " saw:a tool, red:a colour, blue:a colour, green:a colour, a violin:an instrument, a"
    " piano:an instrument, a drum:an instrument, a flute:an instrument, a guitar:an"
    " instrument, gold:a metal, iron:a metal, copper:a metal, silver:a metal, Monday:a day,"
    " Friday:a day, Sunday:a day, May:a month, July:a month, football:a sport, tennis:a sport,"
    " hockey:a sport, lemonade:a drink, cocoa:a drink, juice:a drink, a sparrow:a bird, a"
    " robin:a bird, a parrot:a bird, a pigeon:a bird, a salmon:a fish, a trout:a fish, a"
    " shark:a fish, a beetle:an insect, an ant:an insect, a wasp:an insect, a carrot:a"
    " vegetable, a cabbage:a vegetable, an onion:a vegetable, a bus:a vehicle, a lorry:a"
    " vehicle, a tram:a vehicle, a shirt:clothing, a jumper:clothing, a dress:clothing, a"
    " sofa:furniture, a desk:furniture, an armchair:furniture, chess:a game, cards:a game,"
    " Paris:a city, Cairo:a city, Tokyo:a city, Peru:a country, Kenya:a country, Norway:a"
    " country, Spanish:a language, Greek:a language, three:a number, eleven:a number, a ruby:a"
    " gem, an emerald:a gem, a diamond:a gem"
)
HOMES = (
    "bee:in a hive, bird:in a nest, dog:in a kennel, horse:in a stable, pig:in a sty,"
    " lion:in a den, spider:in a web, rabbit:in a burrow, fish:in water, camel:in the desert,"
    " monkey:in the jungle, polar bear:in the Arctic, penguin:in the Antarctic, whale:in the ocean,"
    " mole:under the ground, hen:in a coop, king:in a castle, monk:in a monastery,"
    " soldier:in barracks"
)
PLURALS = (
    "mouse mice, child children, foot feet, tooth teeth, goose geese, man men, woman women,"
    " knife knives, leaf leaves, wolf wolves, wife wives, baby babies, city cities, box boxes,"
    " potato potatoes, person people, story stories"
)
PASTS = (
    "go went, eat ate, see saw, take took, give gave, come came, run ran, write wrote, sing"
    " sang, swim swam, drink drank, speak spoke, break broke, buy bought, think thought, teach"
    " taught, sleep slept, find found, sell sold, tell told, drive drove, make made"
)
WORKS = (
    "Hamlet:Shakespeare, Macbeth:Shakespeare, Oliver Twist:Charles Dickens, War and Peace:Leo"
    " Tolstoy, Faust:Goethe, The Odyssey:Homer"
)
MATERIALS = (
    "bread:flour, wine:grapes, cheese:milk, butter:cream, a book:paper, a window:glass, a"
    " table:wood, a jumper:wool, an omelette:eggs, a candle:wax, jam:fruit, a shoe:leather, a"
    " wall:bricks, ice:water, chips:potatoes, a ring:gold, a pillow:feathers, ketchup:tomatoes"
)
GIVERS = (
    "milk:a cow, wool:a sheep, eggs:a hen, honey:a bee, bacon:a pig, apples:an apple tree,"
    " acorns:an oak"
)
PARTS = (
    "days:a week:seven, months:a year:twelve, hours:a day:twenty-four, minutes:an hour:sixty,"
    " seconds:a minute:sixty, weeks:a year:fifty-two, seasons:a year:four, players:a football"
    " team:eleven, letters:the alphabet:twenty-six, sides:a triangle:three, sides:a square:four,"
    " wheels:a car:four, wheels:a bicycle:two, fingers:a hand:five, strings:a violin:four,"
    " colours:a rainbow:seven, years:a century:one hundred, sides:a hexagon:six,"
    " continents:the world:seven, legs:a table:four, arms:an octopus:eight, eggs:a dozen:twelve"
)
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
MONTHS = "January February March April May June July August September October November December"
SEASONS = "spring summer autumn winter"
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve"


@dataclass(frozen=True)
class FactGroup:
    """Facts of one kind, with questions.

    Attributes:
        facts: pairs "x y" separated by commas; "x:y" if a part has several words, "x:z:y" if the
            question needs a third one.
        forward: questions about x with the answer `y`.
        backward: questions about y with the answer `x`.
    """

    facts: str
    forward: tuple[str, ...] = ()
    y: str = "[Y]."
    backward: tuple[str, ...] = ()
    x: str = "[X]."


@dataclass(frozen=True)
class Sequence:
    """Names in order, with questions for the next and for the previous one.

    Attributes:
        cyclic: whether the first follows the last.
    """

    names: str
    after: tuple[str, ...]
    before: tuple[str, ...]
    cyclic: bool = False


_OPPOSITE = (
    "What is the opposite of [x]?",
    "Which word means the opposite of [x]?",
    "Can you tell me the opposite of [x]?",
    "What's the opposite of [x]?",
    "Do you know the opposite of [x]?",
)
_WHERE = (
    "In which country is [y]?",
    "[Y] is the capital of which country?",
    "Which country has [y] as its capital?",
    "I am going to [y]. Which country is it in?",
    "Can you tell me which country [y] is in?",
)
FACT_GROUPS: tuple[FactGroup, ...] = (
    FactGroup(
        OPPOSITES,
        _OPPOSITE,
        backward=tuple(q.replace("[x]", "[y]") for q in _OPPOSITE),
    ),
    FactGroup(
        SOUNDS,
        (
            "What sound does [a x] make?",
            "What does [a x] do when you hear it?",
            "Can you tell me the sound of [a x]?",
            "Do you know the sound that [a x] makes?",
        ),
        "It [y].",
        (
            "Which animal [y]?",
            "I hear an animal that [y]. What is it?",
            "Can you name an animal that [y]?",
            "Something [y]. Which animal is it?",
        ),
        "[A x].",
    ),
    FactGroup(
        YOUNG,
        (
            "What is a young [x] called?",
            "What do you call a baby [x]?",
            "Which word means a young [x]?",
            "Can you tell me the name of a baby [x]?",
        ),
        "[A y].",
        (
            "What does [a y] become when it grows up?",
            "[A y] is the young of which animal?",
            "What will [a y] be when it is old?",
            "Can you tell me what [a y] grows into?",
        ),
        "[A x].",
    ),
    FactGroup(
        LEGS,
        (
            "How many legs does [a x] have?",
            "How many legs has [a x] got?",
            "Can you tell me how many legs [a x] has?",
            "On how many legs does [a x] stand?",
        ),
    ),
    FactGroup(
        COLOURS,
        (
            "What colour is [x]?",
            "Which colour does [x] have?",
            "What is the colour of [x]?",
            "Can you tell me the colour of [x]?",
            "I am thinking of [x]. What colour is it?",
        ),
    ),
    FactGroup(
        CAPITALS,
        (
            "What is the capital of [x]?",
            "Which city is the capital of [x]?",
            "Can you tell me the capital of [x]?",
            "What is the capital city of [x] called?",
            "I am going to the capital of [x]. Which city is it?",
        ),
        backward=_WHERE,
    ),
    FactGroup(
        CONTINENTS,
        (
            "Which continent is [x] in?",
            "On which continent is [x]?",
            "Can you tell me the continent of [x]?",
            "[X] is on which continent?",
        ),
    ),
    FactGroup(
        LANGUAGES,
        (
            "Which language do people speak in [x]?",
            "What do they speak in [x]?",
            "What is the language of [x]?",
            "Can you tell me the language of [x]?",
            "I am going to [x]. Which language should I learn?",
        ),
    ),
    FactGroup(
        JOBS,
        (
            "What does [a x] do?",
            "What is the work of [a x]?",
            "Can you tell me what [a x] does?",
            "My aunt is [a x]. What does she do?",
        ),
        "[A x] [y].",
        (
            "Who [y]?",
            "What do you call somebody who [y]?",
            "Can you tell me who [y]?",
            "My uncle [y]. What is he?",
        ),
        "[A x].",
    ),
    FactGroup(
        TOOLS,
        (
            "What do I need to [x]?",
            "What do people use to [x]?",
            "I want to [x]. What do I need?",
            "Can you tell me what I need to [x]?",
        ),
    ),
    FactGroup(
        SENSES,
        (
            "What do we [x] with?",
            "With what do people [x]?",
            "What do we need to [x]?",
            "Can you tell me what we [x] with?",
        ),
    ),
    FactGroup(
        KINDS,
        (
            "What kind of thing is [x]?",
            "What is [x] an example of?",
            "Can you tell me what [x] is?",
            "I am thinking of [x]. What kind of thing is it?",
        ),
    ),
    FactGroup(
        HOMES,
        (
            "Where does [a x] live?",
            "Where would you find [a x]?",
            "Can you tell me where [a x] lives?",
            "Where is [a x] at home?",
        ),
    ),
    FactGroup(
        PLURALS,
        (
            "What is the plural of [x]?",
            "What do you call more than one [x]?",
            "Can you tell me the plural of [x]?",
            "One [x], but two what?",
        ),
    ),
    FactGroup(
        PASTS,
        (
            "What is the past of [x]?",
            "What is the past tense of the verb [x]?",
            "Can you tell me the past of [x]?",
            "Today I [x]. What did I do yesterday?",
        ),
    ),
    FactGroup(
        WORKS,
        (
            "Who wrote [x]?",
            "Who is the author of [x]?",
            "Can you tell me who wrote [x]?",
            "I am reading [x]. Who wrote it?",
        ),
    ),
    FactGroup(
        MATERIALS,
        (
            "What is [x] made of?",
            "What do people make [x] from?",
            "Can you tell me what [x] is made of?",
            "I am looking at [x]. What is it made of?",
        ),
    ),
    FactGroup(
        GIVERS,
        (
            "What gives us [x]?",
            "Which animal or plant gives us [x]?",
            "From what do people get [x]?",
            "Can you tell me what gives us [x]?",
        ),
    ),
    FactGroup(
        PARTS,
        (
            "How many [x] are there in [z]?",
            "How many [x] does [z] have?",
            "Can you tell me how many [x] there are in [z]?",
            "Do you know how many [x] [z] has?",
        ),
    ),
)
SEQUENCES: tuple[Sequence, ...] = (
    Sequence(
        DAYS,
        (
            "Which day comes after [x]?",
            "Today is [x]. What day is tomorrow?",
            "What is the day after [x]?",
            "Can you tell me the day that follows [x]?",
        ),
        (
            "Which day comes before [x]?",
            "Today is [x]. What day was yesterday?",
            "What is the day before [x]?",
            "Can you tell me the day that goes before [x]?",
        ),
        cyclic=True,
    ),
    Sequence(
        MONTHS,
        (
            "Which month comes after [x]?",
            "It is [x] now. What month is next?",
            "What is the month after [x]?",
            "Can you tell me the month that follows [x]?",
        ),
        (
            "Which month comes before [x]?",
            "It is [x] now. What month was last?",
            "What is the month before [x]?",
            "Can you tell me the month that goes before [x]?",
        ),
        cyclic=True,
    ),
    Sequence(
        SEASONS,
        (
            "Which season comes after [x]?",
            "It is [x] now. What season is next?",
            "What is the season after [x]?",
            "Can you tell me the season that follows [x]?",
        ),
        (
            "Which season comes before [x]?",
            "It is [x] now. What season was last?",
            "What is the season before [x]?",
            "Can you tell me the season that goes before [x]?",
        ),
        cyclic=True,
    ),
    Sequence(
        NUMBERS,
        (
            "Which number comes after [x]?",
            "What is the number after [x]?",
            "I count to [x]. What is the next number?",
            "Can you tell me the number that follows [x]?",
        ),
        (
            "Which number comes before [x]?",
            "What is the number before [x]?",
            "I count down to [x]. What is the next number?",
            "Can you tell me the number that goes before [x]?",
        ),
    ),
)
