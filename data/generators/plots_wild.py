"""Plots out of doors: a hurt animal, a storm, a fear, hunger; see `plots_home`."""

from __future__ import annotations

HURT = (
    (
        "One [weather] {morning|day} [hero] {walked|went} {to|past} [spot].",
        "On the way to [spot] [hero] heard a {soft|weak} {cry|voice}.",
        "[Hero] was looking for {berries|mushrooms|wood} near [spot] when [he] {heard|saw} "
        "something move.",
    ),
    (
        "There lay [a critter] with a {hurt|broken} {leg|foot}.",
        "[A critter] was caught in {a net|the thorns|an old fence} and could not get {out|free}.",
        "Under a bush sat [a critter], {wet and cold|thin and afraid}.",
    ),
    (
        '"Do not be afraid," {said|whispered} [hero]. "I {will help you|will not hurt you}."',
        "[Hero] {knelt down|came closer} very slowly, so as not to frighten it.",
        "At first the [critter] {trembled|tried to run}, but [hero] {spoke softly|waited quietly}.",
        "[Friend] wanted to walk on, but [hero] {stopped|shook [his] head}.",
    ),
    (
        "[He] {wrapped it in|put it on} [his] {scarf|coat} and carried it home.",
        "With great care [he] {opened|loosened} {the knots|the branches}, and soon the [critter] "
        "was {free|safe}.",
        "[He] {washed|cleaned} the {wound|leg} with {fresh|clear} water from [spot2].",
    ),
    (
        "[His] [kin] {made a small bed|found an old basket} for it {near the stove|in the corner}.",
        "[He] gave it {some milk|water and [food]} and {stayed|sat} beside it all night.",
        "Every day [hero] {fed|visited} it, and every day it grew {stronger|a little stronger}.",
        "[Elder] {brought|knew} a herb that {takes away pain|heals wounds}.",
    ),
    (
        "After {a week|some days} it was {strong|well} again, and [hero] let it go.",
        "{Soon|Before long} it was well, and it {ran|went} back to {the forest|its family}.",
        '"{You must go home now|Your family is waiting}," said [hero], though [he] was sad.',
    ),
    (
        "In {winter|autumn} [hero] lost [his] way {in the fog|in the snow} near [spot2].",
        "Much later [hero] fell into a {deep hole|ditch} near [spot2] and {could not climb "
        "out|called for help}.",
        "One {night|evening} [hero] was alone near [spot2] and {heard wolves howl|did not know "
        "the way home}.",
    ),
    (
        "Who came? It was the [critter]! It {showed [him] the way|brought help}.",
        "Then the [critter] came {out of the dark|running} and {would not leave [his] side|knew "
        "at once what to do}.",
        "The [critter] had not forgotten. It {called all its friends|fetched help}, and soon all "
        "was well.",
    ),
    (
        "{A small kindness|Kindness} {comes back|is never lost}.",
        "They {stayed|were} friends {for ever|all their lives}.",
        "Since then [hero] {leaves some [food] outside every evening|never walks past somebody "
        "in need}.",
        "",
    ),
)

STORM = (
    (
        "One day [hero] and [friend] {set out for|went to} [spot] to {fish|pick berries|look for "
        "shells}.",
        "[Hero] and [friend] {wanted|had promised} to bring [food] to [elder], who lived {far "
        "away|behind the hill}.",
        "It was a [weather] day, and with [friend] [hero] {walked|wandered} far from home, {past "
        "[spot]|along the river}.",
    ),
    (
        "{Suddenly|All at once} the sky {turned|grew} {black|dark}, and the wind began to howl.",
        "{Then|Soon} the first {heavy|big} drops fell, and thunder {rolled|rumbled} over the "
        "hills.",
        '"Look at the clouds," said [friend]. "{A storm is coming|We should go back}."',
    ),
    (
        "The {path|way} was full of {mud|water}, and they could {hardly see|not go on}.",
        "The rain {fell|poured} so hard that {nobody could see the path|the bridge was washed "
        "away}.",
        "Lightning {hit|struck} a tree {close by|on the hill}. [Hero] {jumped|held [his] ears}.",
    ),
    (
        '"I am {scared|cold}," said [friend], and [hero] took [fhis] hand.',
        "[Hero] was {afraid|wet to the skin}, but [he] {kept calm|did not show it}.",
        '"{Stay close to me|Hold on to my coat}," called [hero] {over|through} the noise.',
        "",
    ),
    (
        "Then [hero] {remembered|saw} a {cave|hut} behind [spot2].",
        '{Far away|Between the trees} [he] saw {a small light|an old hut}. "{Come in, come '
        'in|You poor things}!" [elder] {said|cried} at the door.',
        "Under {a great rock|the roots of an old tree} there was a dry {hole|place}.",
    ),
    (
        "Inside sat [a critter], just as {wet|afraid}. They {made room|moved closer}, and it was "
        "warm.",
        "They {crept|went} inside and made a {small|tiny} fire out of dry {leaves|sticks}.",
    ),
    (
        "To pass the time they {sang songs|told stories} and {shared|ate} the last of the [food].",
        "They counted the seconds between lightning and thunder. {Four|Five}, then seven, then "
        "{ten|twelve}.",
        "They {fell asleep|waited} and {dreamed of|listened to} the rain.",
        "",
    ),
    (
        "When it was over, {a rainbow stood over [spot]|the whole world was washed and bright}.",
        "In the {morning|evening} the sun came out, and {birds sang|everything smelled of earth}.",
        "At last the wind {grew tired|lay down}, and the stars came out.",
    ),
    (
        "At home [his] [kin] {waited at the gate|hugged [him]} {and had hot soup ready|with "
        "tears in [khis] eyes}.",
        '"{Next time|From now on} I will look at the sky first," said [hero].',
        "Ever since, [hero] {likes the sound of rain on the roof|is not afraid of storms, for [he] "
        "knows that they end}.",
    ),
)

FEAR = (
    (
        "There was one thing that [hero] {feared|was afraid of}: [fear].",
        "[Hero] was {brave|not afraid of much}, but [fear] {scared [him]|made [his] knees shake}.",
        "When the others {laughed and played|went ahead}, [hero] stayed behind, because of [fear].",
    ),
    (
        '"{I cannot do it|It is too much for me}," [he] {always|often} said.',
        "[He] {never told anybody|kept it a secret}, {not even [friend]|and found a hundred "
        "excuses}.",
        "Some {laughed at [him]|called [him] a coward}, and that {hurt|made it worse}.",
        "",
    ),
    (
        '"{I was afraid of the same thing|Everybody is afraid of something}," said [elder] {one '
        "day|once}.",
        '[His] [kin] said, "{Being brave is to be afraid and still go|Courage grows when you '
        'feed it}."',
        '[Friend] {told|said to} [him], "{Start with one small step|Try it for as long as one '
        'breath}."',
    ),
    (
        "So [hero] {tried|practised} a little {every day|each morning} {near [spot]|where nobody "
        "could see it}.",
        "The first time [he] {ran away|closed [his] eyes} {after a moment|at once}. The second "
        "time [he] {stayed longer|looked}.",
        "[He] {went a step further each day|made a mark on the wall for each time}.",
        "",
    ),
    (
        "Then, one [weather] {evening|day}, [friend] {was in trouble|needed help} near [spot2].",
        "One {night|day} [hero] heard [friend] {call|cry} for help from [spot2].",
        "It happened that [a critter] {could not get home|was in danger} near [spot2], and only "
        "[hero] was there.",
    ),
    (
        "There was no time to {think|be afraid}. [Hero] {ran|went} as fast as [he] could.",
        "And there it was again: [fear]. [Hero] {swallowed|took a deep breath} and went "
        "{on|ahead}.",
        "[His] {legs|hands} {shook|trembled}, but [he] {did not stop|did not turn back}.",
    ),
    (
        '"{I am here|Give me your hand}!" {cried|called} [hero].',
        "Step by step [he] came {closer|nearer}, until [he] {could reach out|was there}.",
        "[He] {sang|counted} {quietly|under [his] breath}, and that helped.",
        "",
    ),
    (
        "Only {when they were safe|at home} did [he] {see|notice} what [he] had done.",
        '"You {did it|saved the day}!" they {cried|said}, and [hero] {blushed|could hardly '
        "believe it}.",
        "Soon everybody was safe, and [hero] {laughed and cried|had to sit down}.",
    ),
    (
        "The fear was {still there|not gone}, but it had become {smaller|as small as [a find]}.",
        "Now [hero] helps {others|little ones} who are afraid of [fear].",
        '"{Were you not afraid|How did you do that}?" asked [friend]. "{Very|Of course I was '
        'afraid}," said [hero], "{but I went|so I held on to your name}."',
    ),
)

SHARING = (
    (
        "[Hero] had {found|been given} a {big|whole} basket of [food].",
        "[His] [kin] {had made|gave [him]} [food] for the {way|long walk} to [spot].",
        "It had been a hard {winter|year}, and [hero] had only a little [food] left.",
    ),
    (
        '"{All mine|This is all for me}!" {thought|said} [hero] and {hid it|looked for a quiet '
        "place} near [spot].",
        "[He] was {hungry|looking forward to it} and sat down near [spot] to eat.",
        "[Hero] {counted every piece|tied it in a cloth} and {walked|went} on.",
    ),
    (
        "Then [friend] came by. [Fhe] {had not eaten since the day before|looked thin and tired}.",
        'There sat [elder]. "{I have had nothing all day|Have you something for me}?" '
        "{asked|said} [ehe].",
        "[A critter] {looked|came} out of a hole and {stared|sniffed} at the [food].",
    ),
    (
        "[Hero] {held the basket tight|looked away}. {There was so little|It smelled so good}!",
        '"{No|There is not enough for two}," said [hero] {quickly|at first}.',
        "[Hero] {thought|hesitated}. If [he] gave {half|some}, would [he] {still be full|be "
        "hungry at night}?",
        "",
    ),
    (
        "But the [food] {did not taste good any more|was like a stone in [his] mouth}.",
        "But then [he] remembered {that [his] [kin] always shared|the winter when somebody had "
        "helped [him]}.",
        "[He] went on a few steps, {stopped|looked back}, and {sighed|came back}.",
    ),
    (
        '"{Here|Sit down}," said [hero]. "{Half for you, half for me|Let us eat together}."',
        "[He] {broke|cut} it in {two|the middle} and gave away the {bigger|better} half.",
        '[Hero] {put down|opened} the basket. "{Take what you need|Please eat}," [he] said.',
    ),
    (
        "They {talked|laughed} and {watched the clouds|told each other jokes}, and {it tasted "
        "twice as good|nobody was hungry}.",
        "It is {odd|funny}: half of it {made [him] more full|was better} than {all of it|the "
        "whole}.",
        "{A bird sang|The sun came out}, and {they ate slowly|not a crumb was left}.",
    ),
    (
        "{A week later|On the way home} [hero] {lost everything in the river|had nothing left}, "
        "and {somebody shared with [him]|a basket stood before [his] door}.",
        "The next day {there was a jar of honey|[a find] and [a hue] flower lay} {on the step|at "
        "the door}.",
        "In return [he] {got|was shown} {a place full of berries near [spot2]|a new song}.",
        "",
    ),
    (
        "{Bread|Happiness} {grows|gets bigger} when {you|we} share it.",
        "And the basket? It is {never empty|still in use}, {for there are two who fill it|they "
        "say}.",
        "[Hero] never ate alone again when {somebody was hungry|there was a guest near}.",
    ),
)
