"""What people tell about themselves: the values of each slot.

No value occurs in two lists, in the fixed words of a conversation, or as a person's name.
"""

from __future__ import annotations

from collections.abc import Mapping

from data.generators.people import NAMES

_PLACES = """
Aberdeen,Accra,Algiers,Amsterdam,Ankara,Antwerp,Athens,Auckland,Austin,Baghdad,Bangkok,Barcelona,
Basel,Bath,Beijing,Beirut,Belfast,Belgrade,Bergen,Berlin,Bilbao,Birmingham,Bogota,Bologna,Bombay,
Bonn,Boston,Bratislava,Bremen,Brighton,Brisbane,Bristol,Bruges,Brussels,Bucharest,Budapest,
Buenos Aires,Cairo,Calcutta,Cambridge,Canberra,Cape Town,Cardiff,Casablanca,Chicago,Cologne,
Copenhagen,Cork,Cracow,Dakar,Dallas,Damascus,Delhi,Denver,Detroit,Dover,Dresden,Dublin,Dubrovnik,
Durban,Durham,Edinburgh,Essex,Exeter,Galway,Gdansk,Geneva,Genoa,Ghent,Glasgow,Granada,Graz,Hamburg,
Hanoi,Hanover,Havana,Helsinki,Hong Kong,Houston,Innsbruck,Istanbul,Jakarta,Jerusalem,Kiel,Kiev,
Kingston,Kyoto,Lagos,Lancaster,Leeds,Leicester,Leipzig,Lima,Lisbon,Liverpool,Ljubljana,London,
Los Angeles,Luxembourg,Lyon,Madrid,Malaga,Manchester,Manila,Marseille,Melbourne,Memphis,Miami,
Milan,Minsk,Montreal,Moscow,Mumbai,Munich,Nairobi,Nantes,Naples,New York,Newcastle,Norwich,
Nottingham,Nuremberg,Odessa,Osaka,Oslo,Ottawa,Oxford,Palermo,Paris,Perth,Philadelphia,Pisa,Plymouth,
Porto,Prague,Quebec,Reykjavik,Riga,Rome,Rotterdam,Salzburg,San Francisco,Santiago,Sarajevo,
Seattle,Seoul,Seville,Shanghai,Sheffield,Singapore,Southampton,Stockholm,Strasbourg,Stuttgart,
Sydney,Tallinn,Tehran,Tokyo,Toledo,Toronto,Toulouse,Trieste,Tunis,Turin,Utrecht,Valencia,Vancouver,
Venice,Verona,Vienna,Vilnius,Warsaw,Washington,Wellington,Zagreb,Zurich
"""
_PET_NAMES = """
Biscuit,Bobby,Bonny,Bouncer,Bubbles,Buddy,Buster,Button,Caesar,Captain,Charcoal,Chester,Chip,
Cinnamon,Coco,Comet,Cookie,Domino,Duchess,Dusty,Echo,Fido,Flash,Fluffy,Freckles,Ginger,Goldie,
Gizmo,Jumbo,Lucky,Luna,Marble,Max,Milo,Minty,Misty,Mittens,Muffin,Nibbles,Noodle,Nugget,Oreo,
Paddy,Patch,Peanut,Pebbles,Pepper,Pickle,Pixie,Pluto,Princess,Puck,Rex,Rocket,Rocky,Rover,
Rusty,Salty,Sandy,Scamp,Scruffy,Shadow,Smokey,Sneezy,Snowball,Socks,Sparky,Speedy,Spot,Storm,
Tiger,Tiny,Toffee,Treacle,Truffle,Turbo,Twinkle,Waffles,Whiskers,Wolfie,Zorro
"""
_ANIMALS = """
budgie,canary,cat,chameleon,cockatoo,dog,donkey,dove,duck,ferret,frog,gecko,goat,goldfish,goose,
guinea pig,hamster,hedgehog,hen,horse,iguana,kitten,lamb,lizard,mouse,newt,owl,parrot,pig,pigeon,
pony,puppy,rabbit,rat,salamander,sheep,snail,snake,toad,tortoise,turtle
"""
_COLOURS = """
amber,apricot,beige,black,blue,bronze,brown,burgundy,cream,crimson,cyan,emerald,golden,green,grey,
indigo,ivory,khaki,lavender,lilac,magenta,maroon,mauve,navy,ochre,pink,purple,red,ruby,scarlet,
silver,teal,turquoise,violet,white,yellow
"""
_FOODS = """
apples,asparagus,bacon,bananas,beans,beef,beetroot,biscuits,blueberries,bread,broccoli,cabbage,cake,
carrots,cauliflower,celery,cheese,cherries,chestnuts,chocolate,chutney,coconut,corn,couscous,
crackers,cucumber,currants,curry,custard,dates,doughnuts,dumplings,eggs,falafel,figs,fish,fudge,
garlic,gnocchi,grapes,ham,hazelnuts,honey,ice cream,jam,jelly,kale,lasagne,leeks,lemons,lentils,
lettuce,mangoes,marmalade,meatballs,melon,mushrooms,mussels,mustard,noodles,nuts,oatmeal,olives,
omelettes,onions,oranges,pancakes,papaya,parsley,pasta,peaches,pears,peas,pesto,pies,pineapple,
pizza,plums,popcorn,porridge,potatoes,pretzels,prunes,pudding,pumpkin,radishes,raisins,raspberries,
ravioli,rhubarb,rice,risotto,salad,salami,salmon,sandwiches,sausages,scones,shrimps,soup,spaghetti,
spinach,stew,strawberries,sushi,tacos,toast,tofu,tomatoes,trifle,tuna,turnips,walnuts,yoghurt
"""
_JOBS = """
accountant,acrobat,actor,architect,artist,astronaut,author,baker,barber,beekeeper,biologist,
blacksmith,bookseller,bricklayer,builder,butcher,butler,carpenter,chemist,clerk,clown,cobbler,
composer,conductor,chef,dancer,dentist,designer,detective,diver,doctor,driver,editor,electrician,
engineer,farmer,firefighter,fisherman,florist,gardener,geologist,glazier,goldsmith,grocer,guard,
guide,hairdresser,historian,hunter,inspector,interpreter,inventor,jeweller,journalist,judge,juggler,
lawyer,librarian,lifeguard,locksmith,magician,mathematician,mayor,mechanic,midwife,miner,musician,
nurse,optician,painter,pharmacist,photographer,physicist,pianist,pilot,plumber,poet,policeman,
porter,postman,potter,printer,professor,reporter,sailor,sculptor,secretary,shepherd,singer,soldier,
surgeon,surveyor,tailor,teacher,translator,undertaker,vet,violinist,waiter,watchmaker,weaver,welder,
zookeeper
"""
_HOBBIES = """
archery,badminton,baking,ballet,baseball,basketball,birdwatching,bowling,boxing,camping,canoeing,
carving,chess,climbing,cooking,cricket,croquet,cycling,dancing,darts,diving,drawing,embroidery,
fencing,fishing,football,gardening,golf,gymnastics,hiking,hockey,juggling,karate,knitting,origami,
painting,photography,poker,pottery,puzzles,rowing,rugby,running,sailing,sewing,singing,skating,
skiing,snorkelling,squash,surfing,swimming,tennis,volleyball,weaving,wrestling,yoga
"""
_LANGUAGES = """
Arabic,Basque,Bengali,Catalan,Chinese,Croatian,Czech,Danish,Dutch,Estonian,Finnish,French,Gaelic,
German,Greek,Hebrew,Hindi,Hungarian,Icelandic,Irish,Italian,Japanese,Korean,Latin,Latvian,Norwegian,
Persian,Polish,Portuguese,Romanian,Russian,Spanish,Swahili,Swedish,Tamil,Thai,Turkish,Ukrainian,
Urdu,Vietnamese,Welsh
"""
_OBJECTS = """
backpack,basket,belt,bicycle,blanket,bracelet,briefcase,brush,bucket,camera,cap,coat,comb,compass,
diary,drum,flute,guitar,hammer,hat,helmet,jacket,jumper,kettle,key,kite,ladder,lamp,laptop,map,
microphone,mirror,necklace,notebook,passport,pencil,phone,purse,ring,ruler,sandwich,scarf,shovel,
suitcase,telescope,tent,ticket,torch,towel,trumpet,umbrella,wallet,watch,whistle
"""
_ROOMS = """
attic,barn,basement,bathroom,bedroom,boat,bus,cafe,car,cellar,church,classroom,corridor,cupboard,
drawer,fridge,garage,garden,gym,hall,hotel,kitchen,library,museum,office,pantry,park,playground,
restaurant,shed,shop,stable,studio,supermarket,theatre,train,van,wardrobe,workshop,yard
"""
_THINGS = """
arrow:arrows,badge:badges,ball:balls,balloon:balloons,bell:bells,book:books,bottle:bottles,bowl:bowls,
box:boxes,brick:bricks,candle:candles,card:cards,chair:chairs,coin:coins,crayon:crayons,cup:cups,
cushion:cushions,doll:dolls,envelope:envelopes,feather:feathers,flag:flags,flower:flowers,fork:forks,
glove:gloves,jar:jars,jug:jugs,knife:knives,lantern:lanterns,leaf:leaves,magnet:magnets,mask:masks,
medal:medals,mug:mugs,needle:needles,newspaper:newspapers,parcel:parcels,pearl:pearls,photo:photos,
pillow:pillows,plate:plates,poster:posters,puppet:puppets,ribbon:ribbons,rope:ropes,rose:roses,
seed:seeds,shell:shells,shirt:shirts,spoon:spoons,stamp:stamps,sticker:stickers,stone:stones,
sweet:sweets,teapot:teapots,toy:toys,tulip:tulips,vase:vases
"""


def _split(text: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in text.replace("\n", "").split(","))


VALUES: Mapping[str, tuple[str, ...]] = {
    "name": NAMES,
    "place": _split(_PLACES),
    "pet": _split(_PET_NAMES),
    "animal": _split(_ANIMALS),
    "colour": _split(_COLOURS),
    "food": _split(_FOODS),
    "job": _split(_JOBS),
    "hobby": _split(_HOBBIES),
    "language": _split(_LANGUAGES),
    "object": _split(_OBJECTS),
    "room": _split(_ROOMS),
    "age": tuple(str(age) for age in range(6, 96)),
    "thing": tuple(pair.partition(":")[2] for pair in _split(_THINGS)),
}
SINGULARS: Mapping[str, str] = {
    pair.partition(":")[2]: pair.partition(":")[0] for pair in _split(_THINGS)
}
