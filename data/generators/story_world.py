"""Characters and things of the stories, their openings and endings."""

from __future__ import annotations

GIRLS = (
    "Mia,Lena,Rosa,Clara,Nina,Tilda,Greta,Ida,Maya,Zoe,Hanna,Olive,Ruby,Freya,Elsa,Dora,Vera,"
    "Amy,Lucy,Selma"
)
BOYS = (
    "Tom,Leo,Max,Finn,Jonas,Emil,Oskar,Paul,Nico,Theo,Hugo,Anton,Karl,Milo,Ben,Felix,Jack,"
    "Otto,Luca,Arthur"
)
ANIMALS = "fox,rabbit,bear,squirrel,badger,otter,mole,duck,goat,raccoon"
ANIMAL_GIRLS = "Hazel,Pip,Luna,Bella,Clover,Daisy,Mimi,Tansy,Poppy,Wren"
ANIMAL_BOYS = "Rusty,Bruno,Basil,Coco,Tuck,Moss,Barley,Fergus,Pogo,Nib"
WISE_PEOPLE = {
    "he": "old Mr Reed,the miller,the baker,the old fisherman,the blacksmith,old Mr Brown",
    "she": "old Mrs Lund,the shepherd's wife,the teacher,the old weaver,Aunt Agnes",
}
WISE_ANIMALS = {
    "he": "the old owl,the grey heron,the old stag,the toad",
    "she": "the tortoise,the old goose,the wise crow,the old hen",
}
LISTS = {
    "trait": "curious,quiet,cheerful,stubborn,clever,dreamy,lively,gentle,shy,small",
    "home": (
        "in a small house by the river,in a village near the sea,at the edge of a great forest,"
        "on a farm between two hills,in a valley full of apple trees,"
        "in a narrow street of a big town,on an island with one lighthouse,"
        "high up in the mountains,beside an old mill,behind a hedge of roses,"
        "in a house with a crooked chimney,near a lake full of reeds"
    ),
    "spot": (
        "the old mill,the river,the tall oak,the market,the barn,the stone bridge,the lake,"
        "the hill,the lighthouse,the well,the beach,the ruined tower,the orchard,the windmill,"
        "the pond,the old wall,the crossroads,the waterfall"
    ),
    "toy": (
        "red kite,silver key,wooden horse,little drum,tin whistle,blue marble,toy boat,compass,"
        "yellow scarf,glass bead,knitted cap,brass bell,puppet,music box,magnifying glass,"
        "spinning top"
    ),
    "fragile": (
        "blue vase,china cup,old mirror,glass lamp,painted plate,clay jug,big clock,"
        "porcelain dog,teapot,snow globe"
    ),
    "critter": (
        "sparrow,hedgehog,kitten,young hare,mouse,lizard,little owl,puppy,lamb,piglet,crow,"
        "baby deer,weasel,frog"
    ),
    "food": (
        "bread and cheese,honey cake,pancakes,apple pie,plum jam,warm rolls,pear tart,nut bread,"
        "potato soup,raisin buns,blueberry muffins,corn cakes"
    ),
    "find": (
        "rusty nail,snail shell,broken comb,feather,old boot,button,acorn,bent spoon,cork,"
        "piece of rope"
    ),
    "fear": (
        "deep water,the dark,high places,thunder,the big dog of the neighbour,"
        "the forest at night,the narrow bridge,the cellar"
    ),
    "skill": (
        "whistling,swimming,juggling,dancing,baking bread,playing the flute,riding,painting,"
        "sailing,walking on stilts,playing the drum,climbing trees"
    ),
    "race": "foot race,sack race,sledge race,wheelbarrow race,hill race,egg race,stilt race",
    "prize": (
        "golden cup,new sledge,basket of cherries,silver ribbon,pair of boots,big blue balloon,"
        "chest of books,bag of sweets,brass telescope,white pony"
    ),
    "hue": "red,blue,yellow,purple,orange,green,white,pink",
    "weather": "sunny,rainy,windy,cold,foggy,warm,grey,bright,cloudy,frosty",
    "season": "spring,summer,autumn,winter",
}

OPENINGS = (
    "{Once upon a time|Once|Long ago} there {lived|was} a [trait] {little |young |}[being] "
    "{called|named}"
    " [hero] [home].",
    "[Hero] was a [trait] [being] who lived [home] with [his] [kin].",
    "[Home], there lived a [trait] [being]. {[His] name was [hero]|Everybody called [him] [hero]}.",
    "This is the story of [hero], a [trait] {little |}[being] who lived [home].",
    "Not {far|very far} from here, [home], {[a being] named [hero] was at home|[hero] the "
    "[being] had"
    " [his] home}.",
    "There was {once |}[a being] named [hero]. [He] was [trait] and {liked|loved} [food].",
    "It was {the middle of|almost} [season], and [hero], a [trait] [being], {was bored|sat near "
    "[spot3]}.",
    "{Do you know|Have you heard of} [hero]? [He] is {a|the} [trait] [being] who lives [home].",
)
FRIENDS = (
    "[His] best friend was [friendfull], {who lived near [spot3]|who was [ftrait]}.",
    "[He] {often|always} played with [friendfull], {who was [ftrait]|near [spot3]|even in the "
    "rain}.",
    "[Hero] had a [ftrait] friend, [friendfull], {and they shared everything|who lived next door}.",
    "{Nearby|Near [spot3]} lived [friendfull], and the two {were friends|met every day}.",
    "[Hero] and [friendfull] {had been friends since they were small|went everywhere together}.",
    "With [friendfull], [his] {best|oldest} friend, [he] {had a secret place near [spot3]|knew "
    "every path}.",
    "{Most days|After breakfast} [friendfull] came by, and they {talked|played} {for hours|near "
    "[spot3]}.",
    "If you saw [hero], then [friendfull] was {not far away|never far behind}.",
)
INTERLUDES = (
    "[He] and [his] [kin] {often ate|liked} [food3] and {told each other stories|sang} in the "
    "evening.",
    "In {summer|spring} [he] {was|played} near [spot3] {from morning to night|with [friend]}.",
    "[He] {had|kept} [a find3] in [his] pocket {for luck|and nobody knew why}.",
    "{On most days|In the morning} [he] helped [his] [kin] {to feed the hens|in the garden|to "
    "bake [food3]}.",
    'The {people|neighbours} said, "[Hero] is [trait], and [he] {has a good heart|sees '
    'everything}."',
    "[His] {bed|window} was {so high that [he] could see [spot3]|under the roof}.",
    "",
    "",
)
ENDINGS = (
    "That evening they ate [food2] {and were happy|by the fire|under the stars}.",
    "And when the moon {rose|stood} over [spot3], {everybody was asleep|all was quiet}.",
    "{And that is|That was} the end of the story {of [hero]|about [hero] and [friend]}.",
    "[His] [kin] {tucked [him] in|kissed [him] good night} and {put out the light|[he] fell "
    "asleep at once}.",
    "If you {pass|come by} [spot3], you can {still hear them laugh|ask [him] about it}.",
    "They {lived happily [home]|stayed good friends for ever}.",
    "[Hero] {told|wrote} it all to [elder], who {laughed|smiled} and {nodded|gave [him] an apple}.",
    "",
    "",
    "",
    "",
)
