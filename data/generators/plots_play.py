"""Plots among friends: something to learn, a contest, a newcomer, a quarrel; see `plots_home`."""

from __future__ import annotations

SKILL = (
    (
        "[Hero] {wanted|wished} to learn [skill] {more than anything|like [elder]}.",
        "All [his] friends {were good at|knew about} [skill], only [hero] {could not do it|did "
        "not}.",
        'One day [hero] saw [elder] near [spot] and thought, "[Skill]! I want to {learn|try} '
        'that, too."',
    ),
    (
        "The first {try|time} was a {disaster|mess}, and {even [a critter] ran away|everybody "
        "laughed}.",
        "[He] tried {and failed|once}, and tried {again|twice more}, but it {went wrong|was no "
        "good}.",
        '"{How hard can it be|This looks easy}?" [he] {said|thought}. It was {very hard|not easy '
        "at all}.",
    ),
    (
        '[Friend] {laughed|giggled}. "{You look like [a find]|Give up}!"',
        '"I will never {learn it|be able to do it}," [he] {sighed|cried} and {threw [his] hat on '
        "the floor|kicked a stone}.",
        "[He] was so {angry|sad} that [he] {went to bed without supper|hid near [spot2]}.",
        "",
    ),
    (
        '[Elder] had {watched|seen} it. "{Nobody is born a master|I fell a hundred times}," '
        "[ehe] said.",
        '"{Slowly|Not so fast}," said [his] [kin]. "{One thing after the other|First listen, '
        'then try}."',
        '"{Shall I show you how|Do you want to know a secret}?" asked [friend]. "{Do it badly '
        'first, but do it every day|You hold your breath}."',
    ),
    (
        "So [hero] practised {in the morning and in the evening|behind the house|near [spot]}, "
        "{rain or shine|day after day}.",
        "Every {day|evening} [he] {went to [spot2]|took an hour} and practised [skill].",
        "[He] {cut the hard part into small ones, and each day one of them went well|made a plan "
        "and kept to it}.",
    ),
    (
        "After {a week|ten days} it {was a little better|went well for a moment}. After {a "
        "month|five weeks} it {was good|really worked}.",
        "{Sometimes|Twice} [he] wanted to {stop|give up}, but then [he] thought of {[elder]|the "
        "day before}.",
        "[His] {fingers|arms} hurt and [his] [kin] {covered [khis] ears|brought [him] [food]}.",
        "",
    ),
    (
        "Then came the {summer fair|spring feast}, and {somebody was missing|they asked for help}.",
        "One [weather] {day|evening}, {without thinking|all at once}, it {worked|was easy}!",
        "At the {feast|party} near [spot2] everybody {waited for|looked at} [hero].",
    ),
    (
        "[Hero] {stepped forward|began}, and {nobody laughed|you could have heard a pin drop}.",
        "{How they clapped|Everyone cheered}! [Friend] clapped {the loudest|until [fhis] hands "
        "were red}.",
        '"{Who taught you that|Since when can you do that}?" asked [friend]. "{Patience|My '
        'mistakes}," said [hero].',
    ),
    (
        "Today [he] teaches [skill] to {others|[friend]}, and {never laughs at a mistake|knows "
        "how it feels to fall}.",
        "{Practice|A little every day} {does more than luck|makes hard things easy}.",
        "And [his] hat? It {still has a dent|lies near [spot2] to this day}.",
        "",
    ),
)

CONTEST = (
    (
        "Every {year|summer} there was a {great|big} [race] {in the village|near [spot]}.",
        '"{Tomorrow|On Sunday} is the [race]!" {shouted|called} [friend].',
        "A {sign|paper} {hung|was} on a tree: [race] {on Saturday|at noon}, near [spot]!",
    ),
    (
        "The {prize|winner's prize} was [a prize].",
        "Whoever won would get [a prize]. [Hero] could {think of nothing else|already see it on "
        "[his] shelf}.",
        "[Hero] {wanted|hoped} to win the [prize] for [his] [kin].",
    ),
    (
        "[Hero] {got ready|trained} for {days|weeks} and went to bed early.",
        "{But|Of course} [friend] wanted to win, too, and {nobody was better|[fhe] was very good}.",
        '[Friend] {boasted|said}, "I {win every time|have never lost}."',
        "",
    ),
    (
        "On the {great|big} day {half the village came|there were flags everywhere}. [Elder] "
        "{rang a bell|gave the sign}.",
        '"{Ready, steady, go|One, two, three}!" {called|cried} [elder].',
        "The sun {shone|was hot}, the drums {played|rolled}, and it began.",
    ),
    (
        "At first [hero] was {last|behind}. Then [he] {found [his] rhythm|passed one after the "
        "other}.",
        "[Hero] was {quick|good}, but [friend] was {quicker|right behind [him]}.",
        "Soon only {two|[hero] and [friend]} were {left|in front}.",
    ),
    (
        "Near [spot2] [friend] {stumbled|fell} and {held [fhis] foot|could not get up}.",
        "Suddenly there was {a cry|a crash}. [Friend] {was in trouble|had an accident} near "
        "[spot2]!",
        "In the {middle|last part} [hero] saw [a critter] that {was stuck in the mud|needed help}.",
    ),
    (
        "[Hero] {looked at the goal|thought of the [prize]}. Then [he] {turned around|stopped}.",
        '"{Go on, you can win|Run}!" {shouted|cried} the {people|others}. But [hero] {went '
        "back|stopped to help}.",
        "It was {so close|only a few steps more}. But what is [a prize] when {a friend|somebody} "
        "{needs you|is hurt}?",
    ),
    (
        "[He] {was the last|came in last}, {arm in arm with [friend]|tired and dirty}.",
        "Somebody else {won|got the [prize]}, and {[hero] did not mind|that was all right}.",
        "They {reached|crossed} the {line|goal} together, {long after|when} the others {had "
        "gone|sat and ate}.",
    ),
    (
        "But {the people|everybody} clapped {for [hero] the most|as if [he] had won}.",
        "[Elder] {gave [him]|put on [his] head} a crown of {leaves|flowers}, for the best heart.",
        '"{You lost|You could have won}," said [friend]. "{I have won a friend|There will be '
        'another [race]}," {said|answered} [hero].',
    ),
)

NEWCOMER = (
    (
        "One [weather] {day|morning} somebody new {came|moved} to the {house|hut} near [spot].",
        "[Hero] saw {smoke|light} in the old house near [spot]. {Somebody lived there|Who could "
        "that be}?",
        '"{Have you heard|Do you know}?" asked [his] [kin]. "{We have new neighbours|Somebody '
        'lives near [spot] now}."',
    ),
    (
        "It was [friendfull], who {came from far away|spoke to nobody}.",
        "[Friendfull] had {come|travelled} from a {country|land} {beyond the mountains|across "
        "the sea}.",
        "[Friendfull] was {shy|quiet} and always {looked at the ground|sat alone near [spot2]}.",
    ),
    (
        'The others {whispered|said}, "{[Friend] is strange|[Fhe] talks in a funny way|What does '
        '[fhe] eat}?"',
        "Nobody {wanted to play|would share a table} with [fhim].",
        "[Friend] wore [a hue] {coat|hat}, and {some laughed about it|nobody had ever seen such "
        "a thing}.",
    ),
    (
        "[Hero] {did not know what to say|was shy, too}, so [he] {waved|smiled}.",
        '"{Hello|Good morning}," said [hero]. "I am [hero]. {Do you like [food]|Do you want to '
        'see [spot2]}?"',
        "[Hero] {remembered how it feels to be alone|thought about it for a night} and took "
        "{some [food]|[his] [toy]} along.",
        "So [hero] {sat down beside [fhim]|knocked at the door} {and said nothing for a "
        "while|with some [food]}.",
    ),
    (
        "[Friend] {looked up|blushed} and {smiled a little|nodded}.",
        "At first [friend] {said nothing|hid behind the door}. Then {[fhe] laughed|a hand came "
        "out and waved}.",
        '"{You are the first who asks|Nobody has asked me that}," said [friend].',
    ),
    (
        "[Friend] showed [him] how to {fold a bird out of paper|whistle with a leaf|play a game "
        "with seven stones}.",
        "[Friend] {told|knew} {wonderful stories|a hundred riddles} about {ships|lions|cities "
        "made of glass}.",
        "It turned out that [friend] {could find water with a stick|knew everything about "
        "stars|was good at [skill]}.",
    ),
    (
        "They {played|were outside} until {it was dark|the stars came out}.",
        "{Soon|The next day} the others {came nearer|stood at the fence} to {look|listen}.",
        '"{May we play, too|Can you show us|How do you do that}?" {asked|said} the others.',
    ),
    (
        "{From then on|After that} [friend] was {never|seldom} alone.",
        "And so one {word|hello} {made a friend|changed everything}.",
        "Now the house near [spot] is {the loudest|full of voices}, and {[a hue] flag hangs over "
        "the door|everyone likes to go there}.",
        "[Hero] {often|sometimes} thinks, {what if I had not said hello|how good it was to knock}?",
    ),
)

QUARREL = (
    (
        "[Hero] and [friendfull] were {best|the best of} friends and did everything together.",
        "You never saw [hero] without [friendfull]. They {shared everything|lived next door to "
        "each other}.",
    ),
    (
        "But one [weather] {day|afternoon} they {quarrelled|had a fight} {about [a toy]|over who "
        "was faster|about [a find]}.",
        'Then they {found|saw} [a prize] near [spot]. "{I saw it first|It is mine}!" '
        "{cried|shouted} both.",
        "They built {a hut|a boat|a dam} near [spot], and each wanted to {be the captain|do it "
        "differently}.",
    ),
    (
        '"{You never listen|You always want to win}!" {shouted|said} [hero]. "{I do not need '
        'you|Go home}!"',
        "{Bad|Angry} words {flew|went} back and forth like {stones|hail}.",
        "[Friend] {pulled|turned red}, [hero] pushed, and {both fell into the mud|something tore}.",
    ),
    (
        "They {went home|walked away} in {different directions|silence} and did not {look "
        "back|say goodbye}.",
        "For {three|two} days they did not {speak|say a word} to each other{|, not even hello}.",
        "[Hero] played alone near [spot2]. It was {boring|no fun} {to win against nobody|at all}.",
    ),
    (
        "At night [he] {lay awake|looked out of the window}. {Was there still a light at the "
        "house of [friend]|Did [friend] miss [him]}?",
        '"{Where is [friend]|You are so quiet}," said [his] [kin]. [Hero] {shrugged|said nothing}.',
        "[He] {found something funny and|heard a good joke and} turned round to tell [friend]. "
        "{But nobody was there|Then [he] remembered}.",
        "",
    ),
    (
        '"{Who was right|Who began}?" asked [elder]. [Hero] {thought|was silent}. [He] could not '
        "{say|remember}.",
        '"{Being right is a cold blanket|You can be right and lonely}," said [elder].',
        '[His] [kin] said, "{The first to say sorry is the stronger one|A door has two sides, '
        'and somebody has to knock}."',
    ),
    (
        "So [hero] {took some [food]|picked [a hue] flower} and {went|walked} to [friend].",
        "On the {bridge|path} {half way|in the middle} they met. [Friend] had {been on the way "
        "to [hero]|a piece of cake in [fhis] hand}.",
        "The next {morning|day} [hero] {knocked at the door|threw a little stone at the window} "
        "of [friend].",
    ),
    (
        '"{I am sorry|I was wrong}," said [hero]. "{Me too|So was I}," {said|whispered} [friend].',
        "They looked at {each other|the ground}, and {suddenly both had to laugh|then they shook "
        "hands}.",
        '"{Shall we start again|Friends}?" asked [hero]. "{Friends|I thought you would never '
        'ask}," said [friend].',
    ),
    (
        "They {cut|shared} it in two, and {each had enough|both were happy}.",
        "They {still quarrel sometimes|do not always agree}, but {never for longer than an "
        "hour|they know the way back}.",
        "{The hut|What they built} had two doors now, and {two captains|it was stronger than "
        "before}.",
        "A friend is worth more than {being right|[a prize]}.",
    ),
)
