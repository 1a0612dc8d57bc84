"""Words of opinions: what people judge, and what they say about it.

A word with "!" is strong: it takes no "very", and "not" before it would leave its verdict open.
A noun with "*" is a plural, one with "~" has no article "a".
"""

from __future__ import annotations

from dataclasses import dataclass

GENERAL_GOOD = (
    "good great wonderful! excellent! fantastic! lovely brilliant! superb! amazing! perfect!"
    " outstanding! fabulous! nice impressive"
)
GENERAL_BAD = (
    "bad awful! terrible! horrible! dreadful! poor! disappointing lousy atrocious! appalling!"
    " pathetic! hopeless! shocking!"
)

STORY_GOOD = (
    "funny clever exciting touching gripping original moving thrilling entertaining"
    " fascinating hilarious! witty imaginative enjoyable inspiring"
    " unforgettable! amusing interesting"
)
STORY_BAD = (
    "boring silly dull weak predictable tedious confusing pointless forgettable"
    " childish unfunny ridiculous stupid repetitive"
    " monotonous"
)


@dataclass(frozen=True)
class Topic:
    """Things of one kind, and the adjectives that judge them.

    Attributes:
        nouns: what is judged.
        good, bad: adjectives for it, beside the general ones.
        met: a participle: "the best film I have ever seen".
        general: whether the general adjectives and the verbs fit too.
        moving: whether it may bore or delight somebody.
        people: whether it is "he" or "she".
        praise: what else it may be than a delight.
    """

    nouns: str
    good: str
    bad: str
    met: str
    general: bool = True
    moving: bool = True
    people: bool = False
    praise: tuple[str, ...] = ()


TOPICS = (
    Topic(
        "food~ soup fish bread~ salad pizza pasta~ rice~ steak chicken burger sandwich dessert"
        " breakfast lunch dinner curry pie omelette noodles* chips* pancakes* vegetables* meal cake"
        " cheese~ sauce stew sushi~ potatoes*",
        "delicious! tasty fresh flavourful appetising yummy satisfying",
        "bland salty stale greasy burnt tasteless! dry disgusting! overcooked watery"
        " inedible! oily revolting! soggy cold",
        "had",
        moving=False,
    ),
    Topic(
        "coffee~ tea~ juice~ beer~ lemonade~ cocoa~",
        "refreshing tasty delicious! aromatic",
        "weak watery sour bitter undrinkable! lukewarm tasteless!",
        "had",
        moving=False,
    ),
    Topic(
        "waiter waitress chef manager receptionist guide driver nurse doctor dentist teacher"
        " hairdresser mechanic plumber owner host assistant cleaner instructor landlord",
        "friendly helpful polite kind attentive patient welcoming professional cheerful courteous"
        " efficient considerate thoughtful caring competent charming"
        " reliable respectful punctual",
        "rude slow lazy unfriendly unhelpful impolite careless arrogant impatient grumpy"
        " incompetent clumsy dishonest hostile aggressive unprofessional"
        " unreliable",
        "met",
        people=True,
    ),
    Topic(
        "service~ delivery support~ staff~",
        "friendly helpful quick polite efficient attentive prompt professional",
        "rude slow careless unfriendly unhelpful unprofessional",
        "had",
    ),
    Topic(
        "hotel room restaurant café apartment house garden park library kitchen lobby terrace"
        " bathroom bedroom hostel cottage office campsite",
        "clean quiet comfortable spacious cosy bright tidy peaceful elegant stylish spotless!"
        " luxurious charming attractive",
        "dirty noisy dark cramped ugly shabby filthy! smelly damp uncomfortable gloomy dusty messy"
        " stuffy mouldy chilly",
        "seen",
    ),
    Topic(
        "film movie play show series episode comedy documentary musical cartoon ending",
        STORY_GOOD,
        STORY_BAD,
        "seen",
        praise=("masterpiece", "must"),
    ),
    Topic(
        "book novel story plot chapter script biography poem",
        STORY_GOOD,
        STORY_BAD,
        "read",
        praise=("masterpiece", "must"),
    ),
    Topic(
        "actor actress hero villain singer dancer comedian",
        "convincing talented funny lively charismatic likeable",
        "wooden annoying talentless! dull",
        "seen",
        people=True,
    ),
    Topic(
        "concert song album music~ melody orchestra band",
        "beautiful catchy melodious soothing moving harmonious",
        "monotonous grating noisy boring repetitive",
        "heard",
        praise=("masterpiece",),
    ),
    Topic(
        "phone camera laptop bag umbrella lamp keyboard watch headphones* shoes* jacket coat chair"
        " sofa table mattress bike printer tablet app website screen battery kettle toaster tent"
        " suitcase backpack speaker heater boots* gloves*",
        "reliable sturdy handy useful practical durable sleek powerful versatile convenient"
        " efficient",
        "flimsy useless! broken! faulty unreliable fragile clunky sluggish worthless! awkward",
        "owned",
    ),
    Topic(
        "trip journey flight ride walk visit holiday weekend tour cruise party wedding picnic"
        " evening course lesson lecture festival",
        "pleasant exciting enjoyable interesting fun unforgettable! fascinating worthwhile",
        "exhausting stressful tiring unpleasant chaotic frustrating endless! boring dull tedious"
        " pointless",
        "had",
    ),
    Topic(
        "price bill fare rent fee",
        "fair reasonable low acceptable sensible",
        "high unfair absurd! outrageous! excessive steep unreasonable",
        "paid",
        general=False,
    ),
    Topic(
        "ticket menu taxi drinks* tickets* repair meals*",
        "cheap",
        "expensive overpriced pricey",
        "bought",
        general=False,
    ),
)
# Everyday words: shown in every construction, never reserved for the held-out part.
EVERYDAY = (
    "good great wonderful excellent fantastic lovely brilliant amazing perfect nice bad awful"
    " terrible horrible poor disappointing delicious tasty fresh cold salty disgusting refreshing"
    " friendly helpful polite kind rude slow lazy unfriendly clean quiet comfortable dirty noisy"
    " dark ugly funny clever exciting interesting boring silly dull weak beautiful useful"
    " reliable broken useless pleasant fun stressful fair reasonable low high cheap expensive"
    " loved liked enjoyed hated disliked bored disappointed impressed"
)
# What somebody does to the thing: infinitive and past.
LIKE = (
    "love loved, like liked, enjoy enjoyed, adore adored, admire admired, appreciate appreciated,"
    " praise praised, recommend recommended, applaud applauded, value valued"
)
DISLIKE = (
    "hate hated, dislike disliked, loathe loathed, detest detested, despise despised,"
    " criticise criticised, condemn condemned, curse cursed, slate slated, abhor abhorred"
)
# What the thing does to somebody: participle and past.
PLEASED = (
    "impressed delighted charmed amazed thrilled amused fascinated captivated enchanted inspired"
    " dazzled cheered pleased"
)
DISPLEASED = (
    "bored annoyed disappointed irritated disgusted frustrated depressed upset offended exasperated"
    " infuriated repelled appalled"
)
PRAISE = (
    "delight, pleasure, joy, treat, gem, triumph, dream, great success, real treasure,"
    " pleasant surprise"
)
BLAME = (
    "disaster, nightmare, mess, bad joke, failure, disgrace, catastrophe, letdown, complete flop,"
    " waste of money, waste of time, shame"
)
# Things that are met with together.
SCENES = (
    "food soup fish bread salad pizza pasta rice steak chicken burger sandwich dessert curry pie"
    " omelette noodles chips pancakes vegetables meal cake cheese sauce stew sushi potatoes coffee"
    " tea juice beer lemonade cocoa waiter waitress chef manager service restaurant café terrace"
    " bill menu dinner lunch drinks meals",
    "hotel room apartment house garden lobby bathroom bedroom hostel cottage campsite kitchen"
    " receptionist cleaner owner host landlord staff breakfast coffee price rent service",
    "film movie plot ending play show series episode script comedy documentary musical cartoon"
    " actor actress hero villain singer dancer comedian music ticket tickets",
    "book novel story plot ending chapter hero villain library price",
    "phone camera laptop bag umbrella lamp keyboard watch headphones shoes jacket coat chair sofa"
    " table mattress bike printer tablet app website screen battery kettle toaster tent suitcase"
    " backpack speaker heater boots gloves price delivery support assistant repair",
    "trip journey flight ride walk visit holiday weekend tour cruise guide driver taxi fare park"
    " hotel",
    "concert song album music melody orchestra band singer festival ticket evening",
    "nurse doctor dentist teacher hairdresser mechanic plumber instructor office course lesson"
    " lecture fee support",
    "party wedding picnic evening band cake host music drinks garden",
)
