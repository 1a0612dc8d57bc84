"""Sentences without an opinion: plain facts, faint praise, and opinions that balance."""

from __future__ import annotations

from data.generators.templates import split_choices

HOURS = "six,seven,eight,nine,ten,eleven,noon,midnight,half past six,half past nine"
DAYS = "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday"
MONTHS = "January,February,March,April,May,June,July,August,September,October,November,December"
NUMBERS = (
    "two,three,four,five,six,seven,eight,nine,ten,eleven,twelve,fifteen,twenty,thirty,forty,fifty"
)
COLOURS = "red,blue,green,yellow,black,white,brown,grey,purple,orange,pink"
RELATIVES = "sister,brother,mother,father,uncle,aunt,cousin,neighbour,friend,colleague,daughter,son"
COUNTRIES = "Italy,France,Spain,Poland,Greece,Norway,Canada,Japan,Brazil,Kenya,India,Mexico"

# What a fact is about, by the kind of its frames.
FACT_NOUNS = {
    "place": (
        "hotel,restaurant,café,library,museum,cinema,theatre,bakery,bank,pharmacy,market,post"
        " office,supermarket,gym,bookshop,garage,school,swimming pool,gallery,zoo"
    ),
    "event": (
        "film,concert,show,play,lecture,course,meeting,flight,tour,wedding,lesson,match,party,"
        "journey,festival,ceremony"
    ),
    "thing": (
        "phone,camera,laptop,bag,umbrella,lamp,keyboard,watch,jacket,coat,chair,sofa,table,bike,"
        "printer,tablet,kettle,tent,suitcase,scarf,mirror,carpet"
    ),
    "text": "book,novel,story,script,magazine,dictionary,newspaper,letter,manual,diary",
    "food": (
        "soup,fish,salad,pizza,pasta,steak,chicken,burger,sandwich,curry,omelette,pie,cake,stew"
    ),
    "person": (
        "waiter,waitress,chef,manager,receptionist,guide,driver,nurse,doctor,dentist,teacher,"
        "hairdresser,mechanic,plumber,owner,singer,actor,actress"
    ),
}
FACTS = {
    "place": (
        "The [x] {opens|closes} at [hour].",
        "The [x] {opens|closes} at [hour] on [day].",
        "The [x] is {open|closed} on [day].",
        "The [x] is not open on [day].",
        "The [x] is {near|opposite|behind|next to} the {station|church|river|bridge|harbour"
        "|airport|town hall}.",
        "The [x] has [n] {rooms|floors|windows|entrances}.",
        "The [x] was built in {1902|1935|1958|1974|1986|1999|2010}.",
        "The bus to the [x] leaves at [hour].",
        "There is [a x] {in this street|behind the church|at the corner}.",
        "My [relative] works in [a x].",
        "I have never been inside the [x].",
        "I walk past the [x] every [day].",
    ),
    "event": (
        "The [x] {starts|ends} at [hour].",
        "The [x] {lasts|takes} [n] hours.",
        "The [x] is on [day].",
        "The [x] was {moved|postponed} to [day].",
        "The [x] is in [month].",
        "I have not decided whether to go to the [x].",
        "My [relative] came to the [x] by {train|bus|car|bicycle}.",
        "There were [n] people at the [x].",
        "Nobody from our street went to the [x].",
    ),
    "thing": (
        "The [x] is [colour].",
        "I {bought|ordered} the [x] {in [month]|on [day]|last week|yesterday}.",
        "The [x] is made in [country].",
        "The [x] weighs [n] {pounds|kilos}.",
        "My [relative] has the same [x] in [colour].",
        "The [x] comes in [a colour] box.",
        "The [x] is on the {shelf|floor|left|right}.",
        "I have not used the [x] yet.",
        "Nothing has been done to the [x] since [month].",
        "I keep the [x] in the {cellar|hall|cupboard|attic}.",
    ),
    "text": (
        "The [x] has [n] {pages|chapters|pictures}.",
        "The [x] was written in {1902|1935|1958|1974|1986|1999|2010}.",
        "The [x] is about {a family|two brothers|a journey|the sea|a small town} in [country].",
        "I have not read the [x] yet.",
        "I borrowed the [x] from my [relative].",
        "The [x] was translated in [month].",
        "My [relative] is reading the [x].",
        "The [x] is on the {shelf|table|desk}.",
    ),
    "food": (
        "My [relative] ordered the [x].",
        "The [x] comes with {bread|rice|chips|a drink|potatoes}.",
        "The [x] is made with {milk|eggs|butter|onions|garlic|tomatoes|mushrooms}.",
        "The [x] costs [n] {pounds|dollars|euros}.",
        "The [x] is on the menu every [day].",
        "The [x] does not contain {milk|eggs|nuts|meat}.",
        "I have not tried the [x].",
        "We ate the [x] at [hour].",
    ),
    "person": (
        "The [x] {works|starts work} {on [day]|at [hour]}.",
        "The [x] comes from [country].",
        "The [x] does not work on [day].",
        "The [x] wore [a colour] {shirt|hat|coat}.",
        "The [x] is my [relative].",
        "I {called|met|saw} the [x] on [day].",
        "The [x] has [n] {children|brothers|sisters}.",
        "I have not met the [x] yet.",
        "Nobody has told the [x] about it.",
    ),
}
# [X] is what is judged; [good] and [bad] are opposites, [mild bad] is not strong.
FAINT_PRAISE = (
    ("", "", "[X] [was] {okay|fine|all right|average|so-so|acceptable|ordinary|adequate}."),
    ("", "", "[X] [was] {okay|fine|all right|average|ordinary}, nothing special."),
    ("", "", "[X] [was] {okay|fine|all right}, I suppose."),
    ("", "", "[X] [was] {okay|fine|all right}, but nothing special."),
    (
        "",
        "",
        "[X] [was] {okay|fine|all right|average}, {no more and no less|neither more nor less}.",
    ),
    ("", "", "{I|We} found [x] {okay|average|ordinary|acceptable|so-so}."),
    ("", "", "{I|We} {have no strong opinion|do not know what to think} about [x]."),
    ("", "", "[X] [was] about what I expected."),
    ("", "", "{I|We} neither loved nor hated [x]."),
    ("", "", "I did not love [x], but I did not hate [them] either."),
)
BALANCED = (
    ("B", "", "[X] [was] neither [good] nor [bad]."),
    ("B", "", "[X] [was] neither [bad] nor [good]."),
    ("A", "", "[X] [was] sometimes [good] and sometimes [bad]."),
    ("C", "mild", "[X] [was] as [good] as [it] [was] [bad]."),
    ("B", "", "I would call [x] neither [good] nor [bad]."),
    ("A", "", "Some people found [x] [good], others found [them] [bad]."),
)
FAINT_REMARKS = (
    "It was okay.",
    "It was fine.",
    "It was fine, nothing special.",
    "It was okay, nothing special.",
    "It was all right, I suppose.",
    "It was average.",
    "It was so-so.",
    "It was neither good nor bad.",
    "It was not great, but not terrible either.",
    "Not great, not terrible.",
    "Not good, not bad.",
    "I have seen better and I have seen worse.",
    "I do not mind either way.",
    "I have no opinion about it.",
    "I am not sure what to think.",
    "It could have been better, and it could have been worse.",
    "Okay, but nothing special.",
)


FACT_VALUES = {
    "hour": split_choices(HOURS),
    "day": split_choices(DAYS),
    "month": split_choices(MONTHS),
    "n": split_choices(NUMBERS),
    "colour": split_choices(COLOURS),
    "relative": split_choices(RELATIVES),
    "country": split_choices(COUNTRIES),
}
