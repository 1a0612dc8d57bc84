"""Short tales with a question about what was just told.

Of each tale, every sixth pair of its main person and main thing is held out: the corpus tells
nothing of the kind about the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from data.generators.facts import NUMBERS
from data.generators.templates import expand, split_choices

HELD_OUT_MODULUS = 6
MAX_ADDEND = 5
SHORT_SHARE = 0.5  # of the tales that may be told without somebody else

NAMES = (
    "Ann,Ben,Tom,Lily,Max,Nina,Sam,Rosa,Emma,Jack,Lucy,Peter,Mary,John,Kate,Paul,Anna,David,"
    "Sara,Mark,Julia,Simon,Clara,Oscar,Alice,Henry,Grace,Leo,Ella,Hugo,Maria,Daniel,Laura,"
    "Robert,Helen,George,Susan,James,Linda,Frank,Jane,Martin,Ruth,Philip,Eva,Victor,Ida,"
    "Walter,Nora,Felix,Mia,Adam,Zoe,Noah,Sophie,Luke,Olivia,Ryan,Chloe,Eric,Amy,Brian,Carol,"
    "Dora,Edith,Fiona,Gina,Harry,Isaac,Joan,Karl,Lena,Molly,Nick,Otto,Polly,Rita,Stella,Tina,"
    "Vera,Agnes,Albert,Arthur,Bruno,Cecil,Charlie,Cora,Diana,Dylan,Edgar,Elsa,Emil,Ethan,"
    "Freya,Gloria,Greta,Hannah,Hector,Irene,Iris,Ivan,Jacob,Jasper,Josie,Judy,Keith,Kevin,"
    "Lewis,Lola,Lydia,Mabel,Marcus,Maud,Miles,Monica,Nancy,Nathan,Norman,Olga,Oliver,Pamela,"
    "Patrick,Rachel,Ralph,Robin,Sally,Sylvia,Thomas,Vincent,Wendy,William"
)
THINGS = (
    "apple apples,pear pears,nut nuts,coin coins,book books,egg eggs,pencil pencils,"
    "stamp stamps,shell shells,button buttons,candle candles,biscuit biscuits,marble marbles,"
    "ticket tickets,plate plates,bottle bottles,spoon spoons,lemon lemons,cherry cherries,"
    "plum plums,orange oranges,card cards,stone stones,feather feathers,key keys,rose roses,"
    "sweet sweets,postcard postcards,sandwich sandwiches,banana bananas,onion onions,"
    "carrot carrots,flower flowers,letter letters,nail nails,brick bricks,mushroom mushrooms,"
    "potato potatoes,tomato tomatoes,peach peaches,badge badges,poster posters,"
    "balloon balloons,crayon crayons,sticker stickers,bean beans,bun buns"
)
TOYS = (
    "ball,kite,hat,boat,cup,bag,bicycle,scarf,coat,umbrella,lamp,car,chair,pen,shirt,drum,"
    "mug,blanket,basket,bucket,rucksack,tent,sledge,jumper,notebook,pillow,guitar,phone,vase,"
    "clock,necklace,bracelet,wallet,helmet,puppet,teddy,puzzle,skateboard,trumpet,cushion,"
    "torch,mirror,painting,jacket,belt,ribbon,telescope,wheelbarrow,hammer,kettle,teapot,"
    "tricycle,whistle,violin,flute,dress,glove,ladder,magnet,saddle,robot,trolley,canoe,"
    "surfboard,racket,suitcase,cap,purse,accordion,harmonica,lantern,compass,rattle,globe,"
    "bookmark,calendar,camera,microscope,anorak"
)
HUES = "red,blue,green,yellow,white,black,brown,orange,purple,pink,grey"
FURS = "black,white,brown,grey,ginger,spotted"
PETS = (
    "cat,dog,horse,rabbit,duck,goat,hamster,pony,parrot,mouse,donkey,hen,tortoise,pig,kitten,"
    "puppy,lizard,snake,canary,goldfish,ferret,lamb"
)
PET_NAMES = (
    "Rex,Bella,Fluffy,Spot,Coco,Rusty,Snowy,Tiger,Lucky,Daisy,Buddy,Pepper,Ginger,Misty,"
    "Rocky,Honey,Shadow,Smoky,Poppy,Biscuit,Muffin,Toffee,Whiskers,Patch,Sparky,Jelly,Pickle,"
    "Scout,Bandit,Captain,Duke,Duchess,Pebbles,Nugget,Sunny,Comet,Thunder,Bramble,Hazel"
)
PLACES = (
    "kitchen,garden,park,school,shop,forest,house,field,library,station,market,museum,cinema,"
    "church,bank,office,cellar,attic,theatre,hospital,bakery,zoo,harbour,stable,bathroom,"
    "castle,hotel,gym,playground,village,airport,bookshop,pharmacy,cottage,lighthouse,barn,"
    "greenhouse,classroom,restaurant,tower,chapel,palace,mill,orchard,vineyard,meadow,cave,"
    "tunnel,canteen,laundry,studio,factory,farm,workshop,courtyard,gallery,circus,stadium,"
    "dungeon,lift,hall,corridor,balcony,cabin,temple,monastery,swamp,jungle,desert,valley,"
    "canyon,quarry,nursery,pantry,shed,porch,embassy"
)
FOODS = (
    "tea,milk,soup,bread,cheese,rice,cake,fish,coffee,pizza,pasta,salad,honey,jam,butter,"
    "chicken,porridge,juice,curry,yoghurt,ham,ice cream,lemonade,cocoa,toast,spinach,popcorn,"
    "stew,pudding,mustard,noodles,lasagne,marmalade,pancakes,mushrooms,cucumber,chocolate,"
    "peas,beans,lentils,biscuits,muffins,waffles,sausages,bacon,grapes,melon,peaches,"
    "strawberries,raspberries,cabbage,broccoli,tomatoes,potatoes,garlic,cinnamon,peanuts,"
    "olives,cream,custard,caramel,dumplings,salmon,tuna,shrimps,crackers,cereal,radishes,"
    "plums,mangoes,apricots,walnuts,pepper"
)
TOWNS = (
    "London,Paris,Rome,Berlin,Madrid,Vienna,Lisbon,Oslo,Dublin,Athens,Cairo,Tokyo,Boston,"
    "Chicago,York,Oxford,Leeds,Bristol,Venice,Milan,Munich,Hamburg,Geneva,Prague,Warsaw,"
    "Glasgow,Lyon,Naples,Brighton,Dover,Cardiff,Belfast,Liverpool,Manchester,Bath,Zurich,"
    "Salzburg,Florence,Seville,Porto,Krakow,Antwerp,Bergen,Aberdeen,Dallas,Denver,Sydney,"
    "Toronto,Montreal,Delhi,Mumbai,Osaka,Leipzig,Dresden,Rotterdam,Turin,Cork,Derby,Exeter,"
    "Plymouth,Bologna,Valencia,Cologne,Kobe,Seoul,Perth,Quebec,Phoenix,Kyoto,Havana,Ghent,"
    "Bilbao,Granada,Palermo,Verona,Odessa,Malmo,Turku"
)
WORK = (
    "teacher,doctor,baker,farmer,pilot,nurse,cook,sailor,judge,gardener,painter,tailor,"
    "butcher,carpenter,plumber,dentist,singer,actor,writer,dancer,engineer,lawyer,waiter,"
    "clown,vet,miner,surgeon,librarian,barber,postman,mechanic,florist,jeweller,potter,"
    "builder,cleaner,chemist,journalist,soldier,shepherd,magician,acrobat,pianist,poet,"
    "sculptor,editor,secretary,porter,banker,diver,hunter,scientist,tutor,coach,referee,"
    "minister,mayor,knight,wizard,spy,astronomer,historian,architect,dressmaker"
)
SPORTS = (
    "football,tennis,hockey,chess,golf,rugby,cricket,badminton,basketball,volleyball,cards,"
    "baseball,squash,dominoes,snooker,handball,darts,bowls,croquet,draughts,netball,polo,"
    "lacrosse,billiards"
)
LISTS = {
    "n": NAMES,
    "count": "two,three,four,five,six,seven,eight,nine,ten",
    "thing": THINGS,
    "toy": TOYS,
    "hue": HUES,
    "fur": FURS,
    "pet": PETS,
    "petname": PET_NAMES,
    "place": PLACES,
    "food": FOODS,
    "town": TOWNS,
    "job": WORK,
    "sport": SPORTS,
    "day": "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday",
    "hour": "six,seven,eight,nine,ten,eleven,noon,midnight",
    "more": "taller,older,faster,stronger,richer,happier,louder",
}
LESS = {
    "taller": "shorter",
    "older": "younger",
    "faster": "slower",
    "stronger": "weaker",
    "richer": "poorer",
    "happier": "sadder",
    "louder": "quieter",
}


@dataclass(frozen=True)
class Tale:
    """A tale about [n] with questions and answers.

    Attributes:
        text: what is told; the part after "||" concerns another person and is optional.
        key: the slot that is combined with the person for holding out.
    """

    key: str
    text: str
    questions: tuple[tuple[str, str], ...]


TALES = (
    Tale(
        "thing",
        "[N] has [i] [i_things].",
        (
            ("How many [things] does [n] have?", "[N] has [i] [i_things]."),
            ("How many [things] has [n] got?", "[N] has [i] [i_things]."),
        ),
    ),
    Tale(
        "thing",
        "[N] has [count] [things]. || [N2] has [count2] [things2].",
        (
            ("How many [things] does [n] have?", "[N] has [count] [things]."),
            ("How many [things2] does [n2] have?", "[N2] has [count2] [things2]."),
            ("Who has the [things]?", "[N] has the [things]."),
            ("Who has the [things2]?", "[N2] has the [things2]."),
        ),
    ),
    Tale(
        "thing",
        "[N] has [i] [i_things]. [N2] gives [n] [j] more.",
        (("How many [things] does [n] have now?", "[N] has [sum] [sum_things] now."),),
    ),
    Tale(
        "thing",
        "[N] has [i] [i_things]. [N] {finds|buys|gets} [j] more.",
        (("How many [things] does [n] have now?", "[N] has [sum] [sum_things] now."),),
    ),
    Tale(
        "thing",
        "[N] has [sum] [sum_things]. [N2] takes [j] of them.",
        (("How many [things] does [n] have now?", "[N] has [i] [i_things] now."),),
    ),
    Tale(
        "thing",
        "[N] has [sum] [sum_things]. [N] {loses|gives [n2]} [j] of them.",
        (
            ("How many [things] does [n] have now?", "[N] has [i] [i_things] now."),
            ("How many [things] are left?", "[N] has [i] [i_things] now."),
        ),
    ),
    Tale(
        "place",
        "[N] is in the [place]. || [N2] is in the [place2].",
        (
            ("Where is [n]?", "[N] is in the [place]."),
            ("Where is [n2]?", "[N2] is in the [place2]."),
            ("Who is in the [place]?", "[N] is in the [place]."),
            ("Who is in the [place2]?", "[N2] is in the [place2]."),
        ),
    ),
    Tale(
        "place",
        "[N] was in the [place]. {Then|Later} [n] went to the [place2].",
        (
            ("Where is [n] now?", "[N] is in the [place2] now."),
            ("Where was [n] before?", "[N] was in the [place] before."),
        ),
    ),
    Tale(
        "toy",
        "[N] has [a hue] [toy]. || [N2] has [a hue2] [toy2].",
        (
            ("What colour is [n]'s [toy]?", "[N]'s [toy] is [hue]."),
            ("What colour is [n2]'s [toy2]?", "[N2]'s [toy2] is [hue2]."),
            ("Who has the [toy]?", "[N] has the [toy]."),
            ("Who has the [toy2]?", "[N2] has the [toy2]."),
            ("What does [n] have?", "[N] has [a hue] [toy]."),
            ("What does [n2] have?", "[N2] has [a hue2] [toy2]."),
        ),
    ),
    Tale(
        "toy",
        "[N] has [a toy]. [N] {gives|lends|sells} it to [n2].",
        (
            ("Who has the [toy] now?", "[N2] has the [toy] now."),
            ("Who had the [toy] before?", "[N] had the [toy] before."),
        ),
    ),
    Tale(
        "food",
        "[N] likes [food]. || [N2] likes [food2].",
        (
            ("What does [n] like?", "[N] likes [food]."),
            ("What does [n2] like?", "[N2] likes [food2]."),
            ("Who likes [food]?", "[N] likes [food]."),
            ("Who likes [food2]?", "[N2] likes [food2]."),
        ),
    ),
    Tale(
        "pet",
        "[N] has [a fur] [pet] called [petname].",
        (
            ("What is [n]'s [pet] called?", "[N]'s [pet] is called [petname]."),
            ("What colour is [n]'s [pet]?", "[N]'s [pet] is [fur]."),
            ("Who is [petname]?", "[Petname] is [n]'s [pet]."),
            ("What pet does [n] have?", "[N] has [a pet]."),
        ),
    ),
    Tale(
        "more",
        "[N] is [more] than [n2].",
        (
            ("Who is [more]?", "[N] is [more] than [n2]."),
            ("Who is [less]?", "[N2] is [less] than [n]."),
        ),
    ),
    Tale(
        "town",
        "[N] lives in [town]. || [N2] lives in [town2].",
        (
            ("Where does [n] live?", "[N] lives in [town]."),
            ("Where does [n2] live?", "[N2] lives in [town2]."),
            ("Who lives in [town]?", "[N] lives in [town]."),
            ("Who lives in [town2]?", "[N2] lives in [town2]."),
        ),
    ),
    Tale(
        "job",
        "[N] is [a job]. || [N2] is [a job2].",
        (
            ("What is [n]'s job?", "[N] is [a job]."),
            ("What does [n2] do?", "[N2] is [a job2]."),
            ("Who is the [job]?", "[N] is the [job]."),
            ("Who is the [job2]?", "[N2] is the [job2]."),
        ),
    ),
    Tale(
        "sport",
        "[N] plays [sport] on [day] and [sport2] on [day2].",
        (
            ("What does [n] play on [day]?", "[N] plays [sport] on [day]."),
            ("What does [n] play on [day2]?", "[N] plays [sport2] on [day2]."),
            ("When does [n] play [sport]?", "[N] plays [sport] on [day]."),
            ("When does [n] play [sport2]?", "[N] plays [sport2] on [day2]."),
        ),
    ),
    Tale(
        "hour",
        "[N] gets up at [hour]. || [N2] gets up at [hour2].",
        (
            ("When does [n] get up?", "[N] gets up at [hour]."),
            ("When does [n2] get up?", "[N2] gets up at [hour2]."),
            ("Who gets up at [hour]?", "[N] gets up at [hour]."),
        ),
    ),
)


def tell(random: Random, *, heldout: bool) -> tuple[str, str]:
    """Return a tale with a question, and its answer."""
    tale = random.choice(TALES)
    text, questions = tale.text.replace(" ||", ""), tale.questions
    if "||" in tale.text and random.random() < SHORT_SHARE:
        text = tale.text.split(" ||")[0]
        questions = tuple(pair for pair in questions if "2]" not in "".join(pair))
    question, answer = random.choice(questions)
    slots = draw_tale_slots(random)
    while is_held_out(slots["n"], tale.key, slots[tale.key]) != heldout:
        slots = draw_tale_slots(random)
    told = expand(random, f"{text} {question}", slots)
    return told, expand(random, answer, slots)


def draw_tale_slots(random: Random) -> dict[str, str]:
    """Draw two distinct entries of each list, and two numbers with their sum."""
    slots: dict[str, str] = {}
    for name, text in LISTS.items():
        slots[name], slots[f"{name}2"] = random.sample(split_choices(text), 2)
    for suffix in ("", "2"):
        slots[f"things{suffix}"] = slots[f"thing{suffix}"].split()[1]
    slots["less"] = LESS[slots["more"]]
    numbers = NUMBERS.split()
    i, j = random.randint(1, MAX_ADDEND), random.randint(1, MAX_ADDEND)
    slots |= {"i": numbers[i], "j": numbers[j], "sum": numbers[i + j]}
    for name in ("i", "sum"):
        slots[f"{name}_things"] = slots["thing"].split()[slots[name] != "one"]
    return slots


def is_held_out(person: str, key: str, value: str) -> bool:
    """Whether the person and the value of a slot occur together in the held-out part only."""
    values = split_choices(LISTS[key])
    index = split_choices(NAMES).index(person) + values.index(value)
    return index % HELD_OUT_MODULUS == 0
