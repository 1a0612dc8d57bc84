"""Templates of dialogues between two people.

Slots are filled from `LISTS`; `data.generators.dialogues` computes times and prices.
"""

from __future__ import annotations

LISTS = {
    "name": "Anna,Tom,Lucy,Paul,Mary,Peter,Clara,Hugo,Nina,Oscar,Emma,Felix",
    "city": "London,Paris,Rome,Berlin,Madrid,Oslo,Vienna,Lisbon,Dublin,Prague",
    "food": "pizza,soup,rice,fish,pasta,salad,cheese,bread,curry,noodles",
    "sweet": "pie,cake,chocolate,fruit",
    "drink": "tea,coffee,milk,apple juice,water,lemonade",
    "fair": "sunny,warm,bright,clear,lovely",
    "foul": "cold,rainy,windy,foggy,stormy",
    "day": "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday",
    "hobby": "swimming,painting,dancing,reading,cooking,singing,running,playing chess",
    "place": "station,museum,library,post office,market,hospital,theatre,old bridge",
    "near": "park,church,school,bakery,fountain,town hall",
    "way": "left,right",
    "thing": "key,phone,umbrella,book,purse,bag,ticket,scarf",
    "spot": "on the table,under the chair,by the door,in the kitchen,on the shelf",
    "animal": "dog,cat,rabbit,parrot,hamster,pony",
    "petname": "Rex,Luna,Coco,Max,Bella,Milo",
    "job": "teacher,nurse,baker,gardener,painter,driver,cook,singer",
    "hurts": "head,back,knee,tooth,arm,foot",
    "person": "mother,father,sister,brother,aunt,grandmother",
    "goods": "scarf,lamp,book,hat,cup,clock,basket,kite",
    "colour": "red,blue,green,yellow,black,white",
    "minutes": "five,ten,fifteen,twenty",
    "subject": "maths,history,music,art,science,geography",
    "number": "two,three,four,five,six",
}

DIALOGUES: tuple[str, ...] = (
    # Greetings and feelings
    "A: {hello|hi|good morning}, how are you{ today|}? B: I am {fine|very well|great}, thank "
    "you. {and you|how are you}? A: {I am {well|fine} too.{ B: I am glad to hear that.|}|I am a "
    "little tired. B: {then you should rest.|I am sorry to hear that.}}",
    "A: {hello|hi}, my name is [name]. what is your name? B: {hello|hi}, [name]. I am [name2]. "
    "A: {nice to meet you|I am glad to meet you}, [name2].{ B: {nice to meet you too|the same to "
    "you}, [name].|}",
    "A: {hello|hi}. B: {hello|hi}, [name]. {how are you{| today}? A: I am {fine, thank you|not "
    "so well}.|what are you doing? A: I am [hobby].}",
    "A: good morning. B: good morning{|, [name]}. did you sleep well? A: {yes|very well}, thank "
    "you.",
    "A: good evening. B: good evening{|, [name]}. how was your day? A: it was {good|long}.",
    "A: what is your name? B: my name is [name]. {and yours|what is yours}? A: {I am|my name is} "
    "[name2].",
    "A: how old are you? B: I am [age] years old. {and you|how old are you}? A: I am [age2].",
    "A: where do you live? B: I live in [city]{|, near the [place]}. A: {that is far away. B: "
    "you should visit me.|I have been there once. B: did you like it?}",
    "A: I am {hungry. B: {let us cook|here is} {some|} [food]|thirsty. B: here is {some|} "
    "[drink]}. A: {thank you|you are very kind}.",
    "A: I am bored. B: let us {go to the [place]|meet [name]|read a book about [subject]}. A: "
    "{good idea|no, not again}.",
    "A: I am {tired|cold|sick}. B: {then stay at home today.|do you want some hot milk?|come "
    "here and rest.}{ A: thank you, [name].|}",
    "A: {thank you|thank you very much}{|, [name]}. B: {you are welcome|no problem}{|, [name2]}.",
    "A: {goodbye|bye}{|, [name]}. B: {goodbye|bye}{|, [name2]}. {see you on [day]|see you "
    "tomorrow|have a nice day}.",
    "A: what is your favourite {colour? B: my favourite colour is [colour]|animal? B: my "
    "favourite animal is the [animal]|subject? B: I like [subject] most}.{ A: {me too|I like "
    "that, too}.|}",
    "A: you look {sad|unhappy}, [name]. what is the matter? B: I lost my [thing] "
    "{yesterday|today}. A: {do not worry|I am sorry}, {I will help you to look|we will find it "
    "together}.{ B: you are {a good friend|very kind}.|}",
    "A: you look {happy|cheerful}, [name]. what happened? B: {I passed my test in [subject]|my "
    "[person] is coming to visit|I got a [animal] for my birthday}. A: {that is wonderful|how "
    "nice for you}!",
    "A: how do you feel{| today}? B: not so well. my [hurts] hurts. A: {you should see a "
    "doctor|you should rest}. B: {you are right|yes, I will do that}.",
    "A: {good night|sleep well}, [name]. B: {good night|sleep well}, [name2]. {see you "
    "tomorrow|sweet dreams}.",
    # Weather
    "A: {what is the weather like|how is the weather}{| today| in [city]}? B: it is [fair]{ and "
    "[fair2]|}. A: {good|great}, then {we can go to the park|I will go for a walk|let us eat "
    "outside}.{ B: {that is a good idea|I will come with you}.|}",
    "A: {what is the weather like|how is the weather}{| today| in [city]}? B: it is [foul]{ and "
    "[foul2]|}. A: {what a pity|oh no}, then {I will stay at home|I will take a coat}.{ B: {that "
    "is a good idea|and do not forget your umbrella}.|}",
    "A: will it {rain|snow} {tomorrow|on [day]}? B: {yes, take your umbrella|no, it will be "
    "[fair]|yes, it will be [foul]|I do not think so}.",
    "A: I do not like this [foul] weather. B: {neither do I|me neither}. {I want summer to "
    "come|let us stay inside and drink some [drink]}.",
    # Food and drink
    "A: {are you hungry? B: yes, {very|a little}|do you want to eat something? B: yes, please}. "
    "{what is there to eat|what do we have}? A: there is [food]{ and [food2]|}. B: "
    "{lovely|great}, I like [food].",
    "A: {are you thirsty? B: yes, I am|would you like a drink? B: yes, please}. do you have "
    "[drink]? A: {no, but I have [drink2]|yes, here is some [drink]|of course, with or without "
    "ice}.",
    "A: what is your favourite food? B: my favourite food is [food]. and yours? A: I "
    "{like|prefer} [food2]{ more than anything|}.",
    "A: do you like [food]? B: {yes, I love [food]|no, I prefer [food2]|yes, but I like [food2] "
    "more}.{ A: {me too|I know, you told me}.|}",
    "A: {you look tired|you must be tired}, [name]. B: yes, I {did not sleep well|worked all "
    "night|got up early}. A: {drink some [drink]|go to bed early tonight|you should take a walk}.",
    "A: what would you like{| to eat}, {madam|sir}? B: I would like the [food], please. A: and "
    "to drink? B: a glass of [drink], please.",
    "A: what are you cooking? B: I am cooking [food] {for dinner|for my [person]|with [food2]}. "
    "A: {it smells good. B: thank you, it is almost ready.|may I try some? B: yes, of course.}",
    "A: would you like some [sweet]? B: {yes, please. I love [sweet]|no, thank you. I am "
    "full|only a small piece, please}.",
    "A: how is the [food]? B: it is {{delicious|very good}. {may I have more|who made it}?|{too "
    "salty|a little cold}. I am sorry.}",
    # Plans
    "A: what are you doing {on [day]|this weekend|tomorrow}? B: I am {going to [city]|visiting "
    "my [person]|meeting [name]|staying at home}. A: {have fun|that sounds nice}.{ B: thank "
    "you.|}",
    "A: {do you want to|shall we} meet on [day]? B: I cannot on [day]. what about [day2]? A: "
    "[day2] is {fine|good}. {see you then|until [day2]}.",
    "A: {do you want to|shall we} go to the [place] {tomorrow|on [day]}? B: {yes, I would love "
    "to|good idea}. {when shall we meet|where shall we meet}? A: at {noon|ten o'clock} in front "
    "of the [near].",
    "A: {will you|can you} come to my party on [day]? B: {yes, I will be there|of course, what "
    "can I bring|I am sorry, I have to work on [day]}.",
    "A: when is your birthday? B: it is {on [day]|next week|in [number] days}. A: {what do you "
    "wish for|what would you like}? B: a [colour] [goods].",
    # Directions
    "A: excuse me, {where is the [place]|how do I get to the [place]}? B: go {straight on|down "
    "this street} and turn [way] at the [near]. A: {is it far? B: no, only|how far is it? B: "
    "about} [minutes] minutes{| on foot}.",
    "A: excuse me, is there a [near] near here? B: yes, {it is behind the [place]|it is next to "
    "the [place]|turn [way] at the [place]}. A: thank you {very much|for your help}.",
    "A: does this bus go to the [place]? B: {yes, get off after [number] stops|no, you need bus "
    "number [number]|yes, and also to the [place2]}. A: thank you.",
    # Time and travel
    "A: {excuse me, |}what time is it? B: it is [hour] o'clock. A: {oh no, I am late.{ B: then "
    "run!|}|thank you.{ B: you are welcome.|}}",
    "A: when does the {train|bus} to [city] leave? B: it leaves at [hour] o'clock. A: {and when "
    "does it arrive|when will I be there}? B: at [later] o'clock.",
    "A: what day is it today? B: today is [today]. A: so tomorrow is [tomorrow]. B: {yes, that "
    "is right|yes, it is}.",
    "A: a ticket to [city], please. B: {one way or return? A: {return|one way}|for today or for "
    "tomorrow? A: for {today|tomorrow}}, please. B: that is [price] euros.",
    "A: where were you {last week|last summer}? B: I was in [city]. A: {how was it|did you like "
    "it}? B: {it was beautiful|it was nice, but very [foul]}.",
    # Shopping
    "A: how much is {the|this} [colour] [goods]? B: it is [price] euros. A: {that is too much "
    "for me.{ B: we have a [colour2] one for [less].|}|good, I will take it.{ B: thank you very "
    "much.|}}",
    "A: I would like to buy a [goods]. B: which colour do you like? A: [colour], please. B: here "
    "is a [colour] [goods] for [price] euros.",
    "A: here are [paid] euros for the [goods]. B: it is [price] euros, so you get [back] back. "
    "A: thank you{, goodbye|}.",
    # Things lost and found
    "A: have you seen my [thing]? B: {yes, it is [spot].|yes, look [spot].} A: {oh yes, thank "
    "you!|thank you, here it is!}",
    "A: I cannot find my [thing]. B: {have you looked|did you look} [spot]? A: {yes, but it is "
    "not there.|no, I will do that now.}",
    "A: where {did you put|is} the [colour] [goods]? B: it is [spot]. A: {are you sure?|I cannot "
    "see it.} B: then {ask [name]|look [spot2]}.",
    # People, pets, work, hobbies
    "A: where are you from? B: I am from [city]. and you? A: I {come|am} from [city2]. B: {I "
    "have been to [city2] once|I have never been to [city2]}.",
    "A: what {is your job|do you do}? B: I am a [job]. and you? A: I am {a [job2]|still at "
    "school}. B: {that is interesting.|do you like it?}",
    "A: do you have a pet? B: yes, I have a [animal]. A: what is {its name|it called}? B: {its "
    "name is [petname]|it is called [petname]}.",
    "A: do you have any brothers or sisters? B: {yes, [number] brothers and one sister|no, I am "
    "an only child|yes, one sister. her name is [name]}.",
    "A: what {do you like to do|do you do} {in your free time|on [day]}? B: I like [hobby]. A: "
    "{I like [hobby] too|I prefer [hobby2]}.",
    "A: can you teach me [hobby]? B: {yes, it is easy|yes, but it takes time|of course, let us "
    "begin on [day]}.",
    "A: how was school{| today}? B: {good. we had [subject] and [subject2]|boring, but [subject] "
    "was fun}. A: do you have any homework? B: {yes, in [subject]|no, not today}.",
    "A: what are you reading? B: a book about {a [animal] in [city]|a [job] and a "
    "[animal]|[subject]}. A: is it {good|interesting}? B: {yes, very|no, not really}.",
    # Help, thanks, telephone
    "A: can you help me {with the [goods]|in the kitchen|with [subject]}, please? B: {of "
    "course.|yes, gladly.} {what shall I do?|I am coming.}",
    "A: can you help me {with [subject]|to carry the [goods]}? B: I am sorry, I have no time "
    "now. {ask [name]|maybe tomorrow}.",
    "A: thank you for the [goods]. B: {you are welcome|do you like it}? A: yes, [colour] is my "
    "favourite colour.",
    "A: {hello|good evening}, may I speak to [name]? B: {yes, but who is calling|this is [name], "
    "who is calling}? A: this is [name2].",
    "A: {hello|good evening}, may I speak to [name]? B: I am sorry, [name] is not at home. A: "
    "{then I will call again later|please say that [name2] called}.",
    "A: may I {borrow|use} your [thing]? B: {yes, here you are|no, I need it myself|of course, "
    "but bring it back}.",
    "A: I am sorry I am late. B: {that is all right|no problem}. what happened? A: {the bus did "
    "not come|I could not find my [thing]|I missed the train from [city]}.",
)
