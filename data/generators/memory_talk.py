"""What people tell about themselves, and the questions about it later.

The person's sentences may contain choices. Replies may not: each follows from the conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data.generators.templates import split_choices


@dataclass(frozen=True)
class Telling:
    """A sentence that tells about one or several topics.

    Attributes:
        topics: they are known from then on.
        text: what the person says.
        reply: what the assistant replies.
    """

    topics: tuple[str, ...]
    text: str
    reply: str


@dataclass(frozen=True)
class Question:
    """A question about a topic.

    Attributes:
        text: what the person asks.
        answer: the reply where it was told.
        unknown: the reply where it was not.
    """

    text: str
    answer: str
    unknown: str


# The slots of each topic, the answer to its questions last.
TOPIC_SLOTS: Mapping[str, tuple[str, ...]] = {
    "name": ("name",),
    "place": ("place",),
    "pet": ("animal", "pet"),
    "colour": ("colour",),
    "food": ("food",),
    "job": ("job",),
    "hobby": ("hobby",),
    "language": ("language",),
    "age": ("age",),
    "relative": ("relation", "relative"),
    "object": ("object", "room"),
}
WOMEN_RELATIONS = split_choices("sister,mother,daughter,wife,aunt,grandmother,niece")
MEN_RELATIONS = split_choices("brother,father,son,husband,uncle,grandfather,nephew")
RELATIONS = [*WOMEN_RELATIONS, *MEN_RELATIONS, *split_choices("cousin,neighbour,best friend,boss")]

TELLINGS: tuple[Telling, ...] = tuple(
    Telling(tuple(topics.split()), text, reply)
    for topics, text, reply in (
        (
            "name",
            "{Hello|Hi|Hey|Good morning|Good evening}"
            "{, my name is|! My name is|, I am|! I'm} [name].",
            "Hello [name], it is nice to meet you.",
        ),
        ("name", "{My name is|I am} [name].", "Nice to meet you, [name]."),
        ("name", "{You can|Please} call me [name].", "Then I will call you [name]."),
        ("name", "{My friends|They|People} call me [name].", "That is a fine name, [name]."),
        ("name", "By the way, my name is [name].", "Thank you for telling me, [name]."),
        ("place", "I {live in|come from|am from} [place].", "I have read about [place]."),
        (
            "place",
            "My {home|house|flat} is in [place].",
            "It must be interesting to live in [place].",
        ),
        ("place", "{Last year|Last month|In spring} I moved to [place].", "Welcome to [place]!"),
        (
            "pet",
            "I have {got |}[a animal] {called|named} [pet].",
            "Say hello to your [animal] [pet] from me.",
        ),
        (
            "pet",
            "My [animal] is called [pet].",
            "What a good name for [a animal], [pet].",
        ),
        ("pet", "The name of my [animal] is [pet].", "I would like to meet your [animal] [pet]."),
        (
            "colour",
            "My favourite colour is [colour].",
            "I agree, [colour] is a beautiful colour.",
        ),
        (
            "colour",
            "{The colour I like best|The best colour of all} is [colour].",
            "Many people love [colour].",
        ),
        (
            "colour",
            "{I like [colour] best|I love the colour [colour]}.",
            "I will remember [colour].",
        ),
        ("food", "I {love|like} {to eat|eating} [food].", "I hope you get [food] often."),
        ("food", "My favourite food is [food].", "Other people like [food] too."),
        ("food", "Nothing tastes better than [food].", "Then you should have [food] for dinner."),
        ("job", "I {work as|am} [a job].", "It must be hard to be [a job]."),
        ("job", "My job is to be [a job].", "The world needs [a job] like you."),
        (
            "job",
            "{I earn my money|I make my living} as [a job].",
            "Is that so? I could never be [a job].",
        ),
        ("hobby", "My {hobby|favourite hobby} is [hobby].", "You must be good at [hobby]."),
        (
            "hobby",
            "{In my free time|At the weekend} I enjoy [hobby].",
            "I am told that [hobby] is fun.",
        ),
        ("language", "{At home|With my family} I speak [language].", "I wish I knew [language]."),
        ("language", "I am learning [language].", "I am sure that your [language] is good."),
        ("age", "I am [age]{| years old}.", "Then you are [age] years old."),
        (
            "age",
            "{It was my birthday, I am now|Yesterday I turned} [age].",
            "Happy birthday! You do not look [age].",
        ),
        (
            "relative",
            "My [relation] is {called|named} [relative].",
            "Please greet your [relation] [relative] from me.",
        ),
        (
            "relative",
            "{I have [a relation]. The name is|My [relation]'s name is} [relative].",
            "Your [relation] [relative], I see.",
        ),
        ("object", "My [object] is in the [room].", "Fine, your [object] is in the [room]."),
        (
            "object",
            "I {put|left} my [object] in the [room].",
            "Do not forget your [object] in the [room].",
        ),
        (
            "name place",
            "My name is [name]{ and I live in|, I am from} [place].",
            "Hello [name], greetings to [place].",
        ),
        (
            "name job",
            "I am [name] and I work as [a job].",
            "Nice to meet you, [name]. I have never met [a job].",
        ),
        (
            "name age",
            "I am [name] and I am [age] years old.",
            "Hello [name], [age] is a good age.",
        ),
        (
            "food colour",
            "I like [food] and the colour [colour].",
            "You like [food] and [colour], I see.",
        ),
        (
            "place language",
            "I live in [place], but I speak [language].",
            "I know nobody in [place] who speaks [language].",
        ),
    )
)

QUESTIONS: Mapping[str, tuple[Question, ...]] = {
    "name": (
        Question(
            "{What is my name?|What's my name?|Tell me my name.|Do you know my name?}",
            "Your name is [name].",
            "You have not told me your name.",
        ),
        Question(
            "{Do you remember|Can you remember|Do you still know} my name?",
            "Yes, your name is [name].",
            "No, you have not told me your name.",
        ),
        Question("Who am I?", "You are [name].", "I do not know who you are."),
        Question(
            "{What am I called|What do people call me}?",
            "You are called [name].",
            "You have not told me your name.",
        ),
    ),
    "place": (
        Question(
            "Where do I live{| now}?",
            "You live in [place].",
            "You have not told me where you live.",
        ),
        Question(
            "Do you {remember|know} where I live?",
            "Yes, you live in [place].",
            "No, you have not told me where you live.",
        ),
        Question(
            "Where is my {home|house}?",
            "Your home is in [place].",
            "You have not told me where you live.",
        ),
    ),
    "pet": (
        Question(
            "What is {the name of my pet|my pet called}?",
            "Your pet is called [pet].",
            "You have not told me about a pet.",
        ),
        Question(
            "What {kind of animal|pet} do I have?",
            "You have [a animal].",
            "You have not told me about a pet.",
        ),
        Question(
            "Do you remember the name of my pet?",
            "Yes, it is [pet].",
            "No, you have not told me about a pet.",
        ),
    ),
    "colour": (
        Question(
            "{What is my favourite colour|Which is my favourite colour}?",
            "Your favourite colour is [colour].",
            "You have not told me your favourite colour.",
        ),
        Question(
            "{Which|What} colour do I like{| best}?",
            "You like [colour].",
            "You have not told me your favourite colour.",
        ),
    ),
    "food": (
        Question(
            "What do I {like|love} to eat?",
            "You like to eat [food].",
            "You have not told me what you like to eat.",
        ),
        Question(
            "{What|Which} is my favourite food?",
            "Your favourite food is [food].",
            "You have not told me your favourite food.",
        ),
        Question(
            "What should I {cook|eat} {tonight|today|for dinner}?",
            "You could have [food].",
            "You have not told me what you like to eat.",
        ),
    ),
    "job": (
        Question(
            "What is my {job|profession}?", "You are [a job].", "You have not told me your job."
        ),
        Question(
            "What do I {work as|do for a living}?",
            "You work as [a job].",
            "You have not told me your job.",
        ),
    ),
    "hobby": (
        Question(
            "What is my {hobby|favourite hobby}?",
            "Your hobby is [hobby].",
            "You have not told me your hobby.",
        ),
        Question(
            "What do I enjoy in my free time?",
            "You enjoy [hobby].",
            "You have not told me your hobby.",
        ),
    ),
    "language": (
        Question(
            "{Which|What} language do I speak?",
            "You speak [language].",
            "You have not told me which language you speak.",
        ),
    ),
    "age": (
        Question(
            "How old am I?", "You are [age] years old.", "You have not told me how old you are."
        ),
        Question(
            "{What is my age|Do you remember my age}?",
            "You are [age].",
            "You have not told me how old you are.",
        ),
    ),
    "relative": (
        Question(
            "What is {my [relation] called|the name of my [relation]}?",
            "Your [relation] is called [relative].",
            "You have not told me about your [relation].",
        ),
        Question(
            "Who is my [relation]?",
            "Your [relation] is [relative].",
            "You have not told me about your [relation].",
        ),
    ),
    "object": (
        Question(
            "Where is my [object]?",
            "Your [object] is in the [room].",
            "You have not told me where your [object] is.",
        ),
        Question(
            "Where {did I leave|did I put|can I find} my [object]?",
            "It is in the [room].",
            "You have not told me where your [object] is.",
        ),
    ),
    "assistant": (
        Question(
            "{What is your name?|What's your name?|Tell me your name.}",
            "My name is [assistant].",
            "I have no name, I am a small language model.",
        ),
        Question(
            "{Who|What} are you?",
            "I am [assistant], a small language model.",
            "I am a small language model.",
        ),
        Question(
            "{Do you have a name|What can I call you|What shall I call you}?",
            "You can call me [assistant].",
            "I have no name, I am a small language model.",
        ),
    ),
    "count": (
        Question(
            "How many [things] do I have{| now}?",
            "You have [counted].",
            "You have not told me how many [things] you have.",
        ),
        Question(
            "{How many [things] are there|Can you count my [things]}?",
            "There [are] [counted].",
            "You have not told me how many [things] you have.",
        ),
    ),
}
FAREWELLS: tuple[Question, ...] = (
    Question("{Goodbye|Bye|Bye bye}{!|.}", "Goodbye, [name]!", "Goodbye, have a nice day!"),
    Question(
        "{I have to go now|See you later|See you tomorrow}.",
        "See you soon, [name]!",
        "See you soon!",
    ),
    Question("{Good night|Sleep well}{!|.}", "Good night, [name]!", "Good night, sleep well!"),
)

COUNT_TELLINGS: tuple[tuple[str, str], ...] = (
    ("I have {got |}[counted].", "So you have [counted]."),
    ("There [are] [counted] {on my table|on the shelf|in my bag}.", "I see, [counted]."),
)
INCREASES = "I {buy|find|get|make} [change] more."
DECREASES = "I {lose|sell|break|give away} [change] of them."
NEW_COUNT = "Now you have [counted]."

# The assistant's name is in the text or not.
SYSTEM_TEXTS: tuple[str, ...] = (
    "You are [assistant], a {cheerful|friendly|helpful|polite} assistant.",
    "Your name is [assistant]. {Be kind|Be brief|Answer in short sentences}.",
    "You are a {cheerful|friendly|helpful|polite} assistant called [assistant].",
    "You are a {cheerful|friendly|helpful|polite} assistant.",
    "{Be kind|Be brief|Answer in short sentences}.",
)
