"""Plots at home: something lost, something broken, a gift, a garden, a noise.

A plot is a sequence of beats, a beat a choice of sentences; an empty sentence omits the beat.
`data.generators.stories` fills the slots.
"""

from __future__ import annotations

LOST = (
    (
        "[Hero] had [a toy] that [he] took everywhere.",
        "More than anything else [hero] loved [his] [toy].",
        "[His] greatest treasure was [a toy], a {gift|present} from [his] [kin].",
        "On [his] birthday [hero] had been given [a toy], and [he] was very proud of it.",
    ),
    (
        "One {morning|day|afternoon} the [toy] was gone.",
        "But after a {long day|windy afternoon|walk} near [spot] [he] could not find it {any "
        "more|anywhere}.",
        "One evening [he] {noticed|saw} that [his] pocket was empty. The [toy] was lost!",
        "Then, one [weather] {morning|day}, [he] {lost it|left it behind} somewhere and did not "
        "know where.",
    ),
    (
        "[Hero] {looked|searched} under the bed, behind the door and {even in the oven|in every "
        "drawer}.",
        '"Where can it be?" [he] {cried|asked}, and ran back to [spot].',
        "[He] {searched|looked} near [spot] and then near [spot2], but found {nothing|only [a "
        "find]}.",
        "[He] sat down and {began to cry|tried to remember where [he] had been}.",
        "First [he] went to [spot]. There was {nothing there|only [a find] there}.",
    ),
    (
        "[Friend] came by and asked what was wrong.",
        '"I will help you," said [friend]. "Four eyes see more than two."',
        '"{Do not cry|Do not worry}," said [his] [kin]. "Think. Where did you play '
        '{yesterday|last}?"',
        "On the way [he] met [elder], who {had seen something shine|had heard something fall} "
        "near [spot2].",
    ),
    (
        "They {walked|went} all the way to [spot2] and looked behind every {stone|bush}.",
        "Together they followed [his] footprints {through the grass|in the mud|down the path}.",
        "So [he] went back, step by step, {until|as far as} [spot2].",
        "",
    ),
    (
        "And there, {under a leaf|between two stones|in the tall grass}, lay the [toy]!",
        "There [a critter] sat and {slept|played} beside the [toy], {as if to guard it|very "
        "pleased with it}.",
        "At last [hero] saw something [hue] in {the grass|a bush}. It was the [toy]!",
        'In the end [friend] {laughed|shouted}. "Look up!" The [toy] hung {in a tree|on a branch}.',
    ),
    (
        '"{Thank you|I would never have found it without you}," said [hero] and {hugged|thanked} '
        "[friend].",
        "[Hero] {held it tight|jumped for joy} and {carried|took} it home.",
        "[Hero] was so {glad|happy} that [he] gave [friend] {half of [his] [food]|a big hug}.",
    ),
    (
        "From then on [he] {always put it back in its place|took better care of it}.",
        "Since that day [he] {ties it to [his] belt with a string|looks twice before [he] leaves}.",
        "[He] learned that {it is easier to look together than alone|a calm head finds more than "
        "tears}.",
    ),
)

BROKEN = (
    (
        "[His] [kin] had [a fragile] that stood {on the shelf|by the window}.",
        "In the kitchen there was [a fragile]. Nobody was allowed to {touch it|play near it}.",
        "[His] [kin] owned [a fragile] which was {very old|older than the house}.",
    ),
    (
        "One [weather] {afternoon|day} [hero] {played|danced} with {a ball|[friend]} inside the "
        "house.",
        "One day, when [he] was alone, [hero] wanted to {look at it|see it up close}.",
        "{While|When} [his] [kin] was at [spot], [hero] {ran|chased [a critter]} through the "
        "rooms.",
    ),
    (
        "{Crash!|Bang!} The [fragile] {fell|dropped} {to the floor|down} and broke into "
        "{pieces|three parts}.",
        "[He] {bumped into|knocked against} the table, and the [fragile] fell {with a crash|and "
        "broke}.",
        "It slipped out of [his] hands. Now the [fragile] {was broken|had a long crack}.",
    ),
    (
        "[Hero] was {scared|frightened}. [He] hid the pieces under {the bed|a blanket|the carpet}.",
        "[His] heart {beat|pounded} fast. What would [his] [kin] say?",
        '"I could say that {the cat|the wind} did it," [hero] thought.',
        "[He] tried to {glue|put} it together, but {it fell apart again|one piece was missing}.",
    ),
    (
        "At {supper|dinner} [he] could not eat {a bite|anything}. [His] stomach hurt.",
        "That night [he] could not sleep. [He] {saw|heard} the [fragile] {fall|break} again and "
        "again.",
        '[Friend] said, "{Tell the truth|You must say it}. {It is hard only for a moment|It gets '
        'worse when you wait}."',
        "",
    ),
    (
        '{At last|In the end|The next morning} [he] said, "{I broke it|It was me}. I am '
        '{so|very} sorry."',
        "Then [he] {took|brought} the pieces to [his] [kin] and told [khim] everything.",
        "[Hero] {took a deep breath|was very brave} and {told the truth|said what had happened}.",
    ),
    (
        "[His] [kin] was {quiet|sad} for a while, {but then [khe] smiled|and then [khe] took "
        "[his] hand}.",
        '"I am sad about the [fragile]," said [his] [kin], "but I am {glad|happy} that you told '
        'me."',
        '"{Things can be mended|[A fragile] is only a thing}," said [his] [kin]. "Trust is '
        'harder to mend."',
    ),
    (
        "Together they {glued|put} the pieces together. {It was not as pretty, but they liked it "
        "more|The crack is still there}.",
        "{The next day|Later} they glued it and painted the crack [hue].",
        "[Hero] {worked|helped} in the {garden|kitchen} all week to {make up for it|pay for a "
        "new one}.",
        "And [hero] felt {as light as a feather|much better} and slept well that night.",
    ),
)

GIFT = (
    (
        "Soon it would be the birthday of [his] [kin].",
        "[His] [kin] had a birthday {in three days|the next day|on Sunday}.",
        "[Hero] wanted to give [his] [kin] something {special|beautiful}.",
    ),
    (
        "But [hero] had no money, only {two buttons|[a find]} in [his] pocket.",
        "[He] {counted|had} only {three|two} coins. That was not {enough|much}.",
        "At the market everything was {too expensive|too big|too small}.",
        "{What could [he] give|What would [khe] like}? [He] {thought|wondered} {all day|for "
        "hours}.",
    ),
    (
        '[He] asked [friend]. "{Make something yourself|A gift from your own hands is best}," '
        "said [friend].",
        '[Elder] {told|said to} [him], "The best {gifts|presents} cannot be bought."',
        "[He] walked to [spot] to think. There [he] {had an idea|saw the prettiest "
        "{stones|flowers}}.",
    ),
    (
        "So [hero] {collected|looked for} {feathers|shells|flowers|leaves} near [spot] and near "
        "[spot2].",
        "So [he] {took|found} a piece of wood and carved [a critter] {out of it|with great care}.",
        "[He] took {paper|a box} and painted {the house|[spot]} on it in {every colour|[hue] and "
        "gold}.",
        "[He] {learned|practised} a song {in secret|behind the house}, line by line.",
    ),
    (
        "It took {two days|all night|the whole weekend}, and {twice [he] had to begin "
        "again|[his] fingers hurt}.",
        "It was not easy to keep the secret. Once [his] [kin] almost {saw it|came in}!",
        "[Friend] {helped|kept watch} and {held the lamp|brought some glue}.",
        "",
    ),
    (
        "On the {big|great} day [hero] {put it on the table|gave it to [khim]} with a "
        "{ribbon|flower}.",
        'Early in the morning [he] {crept|went} into the room. "{Happy birthday|This is for '
        'you}!" [he] said.',
        "When the {day|morning} came, [hero] was {nervous|excited}. Would [khe] like it?",
    ),
    (
        '[His] [kin] {said nothing at first|had tears in [khis] eyes}. "It is {the best gift of '
        'all|wonderful}," [khe] {said|whispered}.',
        '"{You made this|Did you make this} yourself?" asked [his] [kin] and {kissed|hugged} '
        "[him].",
        "[His] [kin] laughed {with joy|out loud} and danced {around the table|through the room} "
        "with [him].",
    ),
    (
        "It still {stands|hangs} {by the window|over the door} today.",
        "Then they ate [food] {until they were full|together and were happy}.",
        "[Hero] knew now that {love is the best present|time is a gift, too}.",
    ),
)

GARDEN = (
    (
        "One {spring|morning in spring} [elder] gave [hero] a {tiny|small} seed.",
        "In {a drawer|an old box} [hero] found {a seed|three seeds} {wrapped in paper|with a "
        "strange shape}.",
        "[Hero] wanted to have a garden {of [his] own|like the one near [spot]}.",
        "A bird dropped a seed {at the feet of [hero]|on the window sill}. [Hero] picked it up.",
    ),
    (
        "[He] {dug|made} a {small|deep} hole {near the house|behind the fence}, put in the seed "
        "and {covered it|gave it water}.",
        "[He] planted it {in a pot|beside the wall}, where the sun {shone|was warm} all day.",
        '"{Plant it|Put it in the ground} and {be patient|wait}," said [his] [kin]. So [he] did.',
    ),
    (
        "The next {day|morning} [he] ran out to look. Nothing {was there|had grown}.",
        "[Hero] {looked|went to see} every {morning|day}. There was only {brown|dark} "
        "{earth|soil}.",
        "A week went by, and nothing {at all |}happened.",
    ),
    (
        '"It will never grow," {sighed|said} [hero] and wanted to {dig it up|give up}.',
        '[Friend] laughed and said, "{You are watering mud|That seed is asleep}!"',
        "[He] {sang to it|told it stories} and {talked to it|brought it water} {every evening|in "
        "the heat}.",
        "Then {a storm came|the rain stopped} for many days, and [hero] was {worried|afraid for "
        "the seed}.",
    ),
    (
        '"{Good things|Roots} need time," said [his] [kin].',
        "But [he] did not {forget it|give up} and pulled out the weeds {with care|one by one}.",
        '"You cannot see it, but it is {working|growing} under the ground," {explained|said} '
        "[elder].",
        "",
    ),
    (
        "One [weather] morning there was {a tiny green leaf|something green}.",
        "Then, {at last|after the rain}, a green tip {looked|came} out of the {earth|soil}.",
        "And {one day|on the tenth day} {two small leaves|a small shoot} stood in the sun.",
    ),
    (
        "It grew and grew, {as high as the roof|taller than [hero]}, and had [hue] flowers.",
        "In summer it {carried|had} the sweetest {berries|apples|tomatoes} {anybody had ever "
        "eaten|of all}.",
        "Soon {bees|butterflies} came from far away to visit the [hue] {blossom|flower}.",
    ),
    (
        "[Hero] {shared|gave away} the {fruit|seeds} and [friend] planted {some|one}, too.",
        '"{You see|Look}," said [hero], "{waiting is also work|it was only slow}."',
        "[Hero] kept one seed for the next {year|spring}.",
        "Now there is a {whole|little} garden, and [hero] {waters|looks after} it {every "
        "day|with [friend]}.",
    ),
)

NOISE = (
    (
        "One night [hero] {woke up|could not sleep}. There was a {strange|funny} noise.",
        "It was {late|almost midnight}, and the house was {quiet|dark}. But what was that?",
        "{Every night|For three nights} [hero] heard the same {strange|odd} sound.",
    ),
    (
        '"{Tap, tap, tap|Scratch, scratch|Whoo, whoo}," {it went|came it} from {the '
        "roof|outside|under the floor}.",
        "Something {knocked|scratched} {at the window|behind the wall}, stopped, and "
        "{knocked|began} again.",
        "It sounded like {a giant with a cold|somebody who walks on dry leaves|an old door in "
        "the wind}.",
    ),
    (
        "[Hero] pulled the blanket over [his] {head|ears}.",
        '"{Is anybody there|Who is it}?" [hero] whispered. {Nobody answered|The noise stopped}.',
        "Was it {a ghost|a thief}? Was it {a dragon|a monster}?",
        "[He] wanted to call [his] [kin], but [his] voice {was gone|would not come}.",
    ),
    (
        '{In the morning|At breakfast} [he] told [friend]. "{We will find out|Let us look '
        'together}," said [friend].',
        '"{A thing with a name|What you know} {is only half as bad|cannot scare you}," [his] '
        "[kin] always said.",
        "Then [he] {took a lamp|put on [his] shoes} and {thought of [elder], who was never "
        "afraid|counted to three}.",
    ),
    (
        "{Very slowly|On tiptoe} [hero] {went down the stairs|opened the door}. The floor "
        "{creaked|was cold}.",
        "[He] {followed|went after} the sound {to|as far as} {the attic|the kitchen|the shed|the "
        "cellar door}, with a beating heart.",
        "The lamp made {long|tall} shadows on the wall. One looked like {a bear|a wolf}.",
    ),
    (
        "[He] lifted the lamp and saw {two shining eyes|something small move}.",
        "There! Something {moved|ran} {behind the barrel|between the boxes}.",
        "",
    ),
    (
        "It was only [a critter] that {looked for food|had lost its way|was building a nest}!",
        "[A critter] sat there with {a nut|[a find]} and {looked just as surprised|tried to "
        "carry it home}.",
        "A {loose|long} branch {beat|tapped} against the {wall|window} in the wind, and on it "
        "sat [a critter].",
    ),
    (
        "[Hero] laughed {so loudly that everybody woke up|until [his] belly hurt}.",
        '"{So it was you|Good evening}!" said [hero] and {gave it some [food]|made a bow}.',
        "[His] [kin] came {running|down in [khis] nightgown}, and then they both {laughed|had "
        "some warm milk}.",
    ),
    (
        "After that [hero] slept {well|deeply}, and the noise was {like a song|an old friend}.",
        "{In the dark|At night} most monsters are {small|only mice}.",
        "And when [friend] is afraid at night, [hero] tells [fhim] {this story|about the "
        "[critter]}.",
    ),
)
