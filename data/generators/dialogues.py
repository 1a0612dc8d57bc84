"""Conversations between a person and an assistant: things are told early and asked for late.

Every value of `VALUES` has a residue, its place in its list modulo `RESIDUES`. The values of one
conversation all have different residues in the corpus, and all the same in the held-out part: no
two of them ever stand together in training. `NEW_NAMES` occur in the held-out part only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from data.generators.generated_conversations import Conversation, GeneratedConversations
from data.generators.memory_talk import (
    COUNT_TELLINGS,
    DECREASES,
    FAREWELLS,
    INCREASES,
    MEN_RELATIONS,
    NEW_COUNT,
    QUESTIONS,
    RELATIONS,
    SYSTEM_TEXTS,
    TELLINGS,
    TOPIC_SLOTS,
    WOMEN_RELATIONS,
    Question,
)
from data.generators.people import MEN, NEW_NAMES, WOMEN
from data.generators.small_talk import GREETINGS, REACTIONS, REPETITIONS, SMALL_TALK
from data.generators.templates import expand, find_slots, split_choices
from data.generators.told_values import SINGULARS, VALUES

SEED, HELD_OUT_SEED = 5, 50
CONVERSATIONS = 8000
TURNS = (3, 4, 5, 6)
HELD_OUT_PER_SET = 50
RESIDUES = 10
MAX_COUNT = 10
MAX_CHANGE = 4

NUMBERS = split_choices("zero,one,two,three,four,five,six,seven,eight,nine,ten")
# Slots of the same kind of value: several people may be named in one conversation.
VALUE_LISTS: Mapping[str, str] = {
    "relative": "name",
    "assistant": "name",
    "things": "thing",
    "first": "name",
    "second": "place",
    "third": "name",
}
# The topic of the last question; the other topics share the rest equally.
LAST_TOPIC_SHARES: Mapping[str, float] = {"name": 0.2, "count": 0.12, "assistant": 0.06}

SYSTEM_SHARE = 0.3
GREETING_SHARE = 0.4
TELLING_SHARE = 0.42
RECALL_SHARE = 0.22
ASSISTANT_SHARE = 0.08
REPETITION_SHARE = 0.2
COUNT_CHANGE_SHARE = 0.6
UNKNOWN_SHARE = 0.1
FAREWELL_SHARE = 0.08


_PEOPLE: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(WOMEN_RELATIONS, WOMEN),
    **dict.fromkeys(MEN_RELATIONS, MEN),
}


class ValueDrawer:
    """Draws the values of one conversation.

    Args:
        residue: of all values; None draws values of different residues.
    """

    def __init__(self, random: Random, residue: int | None) -> None:
        self._random, self._residue = random, residue
        self._free = list(range(RESIDUES))
        self.values: list[str] = []

    def has_values_for(self, slots: Iterable[str]) -> bool:
        """Whether every slot can still get a value."""
        return self._residue is not None or len(list(slots)) <= len(self._free)

    def draw(self, slot: str, known: Mapping[str, str]) -> str:
        """Draw a value that the conversation does not have yet.

        Args:
            known: the slots drawn before; a relative's name suits the relation.
        """
        if slot == "relation":
            return self._random.choice(RELATIONS)
        values = VALUES[VALUE_LISTS.get(slot, slot)]
        residue = self._residue
        if residue is None:
            residue = self._free.pop(self._random.randrange(len(self._free)))
        candidates = [value for value in values[residue::RESIDUES] if value not in self.values]
        if slot == "relative":
            people = _PEOPLE.get(known["relation"], WOMEN | MEN)
            candidates = [value for value in candidates if value in people]
        value = self._random.choice(candidates)
        self.values.append(value)
        return value


@dataclass
class ConversationWriter:
    """Writes one conversation, turn by turn.

    Attributes:
        topic: of the last question.
        known: the slots that were told.
    """

    random: Random
    drawer: ValueDrawer
    topic: str
    known: dict[str, str] = field(default_factory=dict)
    messages: list[tuple[str, str]] = field(default_factory=list)
    _count: int = 0
    _used: set[str] = field(default_factory=set)

    def add_system_text(self, *, named: bool) -> None:
        """Begin with a system message, which may name the assistant."""
        texts = [text for text in SYSTEM_TEXTS if (find_slots(text) != []) == named]
        if named:
            self.known["assistant"] = self.drawer.draw("assistant", {})
        text = expand(self.random, self.random.choice(texts), self.known)
        self.messages.append(("system", text))

    def add_turn(self, text: str, reply: str, slots: Mapping[str, str]) -> None:
        """Add what the person says, with choices, and the assistant's reply."""
        self.messages.append(("user", expand(self.random, text, slots)))
        self.messages.append(("assistant", expand(self.random, reply, slots)))

    def tell(self, topic: str, values: Mapping[str, str] | None = None) -> None:
        """Tell about a topic, and sometimes about another one with it."""
        if topic == "count":
            self._tell_count()
            return
        tellings = [telling for telling in TELLINGS if telling.topics[0] == topic]
        tellings = [
            telling
            for telling in tellings
            if all(self._can_be_told(other) for other in telling.topics)
            and (len(telling.topics) == 1 or self.topic not in telling.topics[1:])
            and self.drawer.has_values_for(self._slots_of(telling.topics))
        ]
        telling = self.random.choice(tellings)
        for slot in self._slots_of(telling.topics):
            value = (values or {}).get(slot)
            self.known[slot] = self.drawer.draw(slot, self.known) if value is None else value
        self.add_turn(telling.text, telling.reply, self.known)

    def _can_be_told(self, topic: str) -> bool:
        return all(slot not in self.known for slot in TOPIC_SLOTS[topic])

    def _slots_of(self, topics: Iterable[str]) -> list[str]:
        return [slot for topic in topics for slot in TOPIC_SLOTS[topic]]

    def _tell_count(self) -> None:
        self.known["things"] = self.drawer.draw("things", {})
        self.set_count(self.random.randrange(1, 7))
        self.add_turn(*self.random.choice(COUNT_TELLINGS), self.known)

    def set_count(self, count: int) -> None:
        """Set how many there are of the things that were told."""
        things = self.known["things"]
        self._count = count
        noun = SINGULARS[things] if count == 1 else things
        self.known["counted"] = f"{NUMBERS[count]} {noun}"
        self.known["are"] = "is" if count == 1 else "are"

    def change_count(self) -> None:
        """Get or lose some of the counted things."""
        room = {True: MAX_COUNT - self._count, False: self._count - 1}
        more = room[True] > 0 and (room[False] == 0 or self.random.random() < 0.6)
        change = self.random.randrange(1, min(MAX_CHANGE, room[more]) + 1)
        self.set_count(self._count + (change if more else -change))
        slots = self.known | {"change": NUMBERS[change]}
        self.add_turn(INCREASES if more else DECREASES, NEW_COUNT, slots)

    def ask(self, topic: str) -> None:
        """Ask about a topic, whether or not it was told."""
        question = self.random.choice(QUESTIONS[topic])
        if topic in self.told_topics():
            self.add_turn(question.text, question.answer, self.known)
            return
        slots = dict(self.known)
        for slot in find_slots(question.text):
            if slot not in slots:
                slots[slot] = self.drawer.draw(slot, slots)
        self.add_turn(question.text, question.unknown, slots)

    def told_topics(self) -> list[str]:
        """Return the topics whose questions have an answer."""
        topics = [topic for topic, slots in TOPIC_SLOTS.items() if slots[-1] in self.known]
        topics += [topic for topic, slot in _OTHER_TOPICS.items() if slot in self.known]
        return topics

    def say_goodbye(self) -> None:
        """End the conversation, by name where it is known."""
        farewell: Question = self.random.choice(FAREWELLS)
        is_known = "name" in self.known
        self.add_turn(farewell.text, farewell.answer if is_known else farewell.unknown, self.known)

    def chat(self, *, first: bool) -> None:
        """Say something that tells nothing about the person."""
        if first and self.random.random() < GREETING_SHARE:
            self.add_turn(*self.random.choice(GREETINGS), {})
            return
        if self.topic != "assistant" and self.random.random() < ASSISTANT_SHARE:
            self.ask("assistant")
            return
        while True:
            choices = SMALL_TALK if first else (*SMALL_TALK, *REACTIONS)
            if self.random.random() < REPETITION_SHARE:
                choices = REPETITIONS
            text, reply = self.random.choice(choices)
            slots = list(dict.fromkeys(find_slots(text)))
            if text not in self._used and self.drawer.has_values_for(slots):
                break
        self._used.add(text)
        self.add_turn(text, reply, {slot: self.drawer.draw(slot, {}) for slot in slots})

    def add_other_turn(self, *, first: bool) -> None:
        """Add a turn that neither tells nor asks what the last question is about."""
        draw = self.random.random()
        if draw < TELLING_SHARE:
            topics = [
                topic
                for topic, slots in TOPIC_SLOTS.items()
                if topic != self.topic
                and self._can_be_told(topic)
                and self.drawer.has_values_for(slots)
            ]
            if topics:
                self.tell(self.random.choice(topics))
                return
        elif draw < TELLING_SHARE + RECALL_SHARE:
            if self.random.random() < UNKNOWN_SHARE:
                topics = [topic for topic in QUESTIONS if topic not in self.told_topics()]
            else:
                topics = self.told_topics()
            topics = [topic for topic in topics if topic not in (self.topic, "count")]
            if topics and self.drawer.has_values_for(["object"]):
                self.ask(self.random.choice(topics))
                return
        self.chat(first=first)


_OTHER_TOPICS: Mapping[str, str] = {"assistant": "assistant", "count": "counted"}


def write_conversation(
    random: Random,
    turns: int,
    *,
    heldout: bool = False,
    topic: str | None = None,
    told_in: int | None = None,
    name: str | None = None,
) -> Conversation:
    """Write a conversation whose last question asks for something told before.

    Args:
        turns: exchanges, at least two.
        heldout: whether its values never stand together in the corpus; then it ends with a
            question whose answer was told.
        topic: of the last question; by default drawn.
        told_in: the turn that states it, from 0; by default a random one, usually early.
        name: told where the topic is the name, instead of one of `NAMES`.
    """
    drawer = ValueDrawer(random, random.randrange(RESIDUES) if heldout else None)
    last_topic = _draw_topic(random) if topic is None else topic
    writer = ConversationWriter(random, drawer, last_topic)
    is_about_assistant = last_topic == "assistant"
    if is_about_assistant or random.random() < SYSTEM_SHARE:
        writer.add_system_text(named=is_about_assistant or random.random() < 0.6)
    end = random.random()
    is_unknown = not heldout and end < UNKNOWN_SHARE
    is_farewell = not heldout and not is_unknown and end < UNKNOWN_SHARE + FAREWELL_SHARE
    if told_in is None:
        told_in = min(random.randrange(turns - 1), random.randrange(turns - 1))
    for turn in range(turns - 1):
        if turn == told_in and not is_unknown and not is_about_assistant:
            writer.tell(last_topic, {} if name is None else {"name": name})
        elif last_topic == "count" and "counted" in writer.known:
            if random.random() < COUNT_CHANGE_SHARE:
                writer.change_count()
            else:
                writer.add_other_turn(first=False)
        else:
            writer.add_other_turn(first=turn == 0)
    if is_farewell:
        writer.say_goodbye()
    else:
        writer.ask(last_topic)
    values = [*drawer.values, *([] if name is None else [name])]
    return Conversation(
        tuple(writer.messages), "farewell" if is_farewell else last_topic, tuple(values)
    )


def _draw_topic(random: Random) -> str:
    draw = random.random()
    for topic, share in LAST_TOPIC_SHARES.items():
        if draw < share:
            return topic
        draw -= share
    return random.choice([topic for topic in TOPIC_SLOTS if topic not in LAST_TOPIC_SHARES])


def corpus_conversations(count: int = CONVERSATIONS) -> Iterator[Conversation]:
    """Yield the distinct conversations of the corpus."""
    random = Random(SEED)
    seen: set[tuple[tuple[str, str], ...]] = set()
    while len(seen) < count:
        conversation = write_conversation(random, random.choice(TURNS))
        if conversation.messages not in seen:
            seen.add(conversation.messages)
            yield conversation


def heldout_sets(count: int = HELD_OUT_PER_SET) -> dict[str, list[Conversation]]:
    """Return conversations of several kinds, `count` of each; fewer are the first of more.

    "3 turns" to "6 turns" end with a question about anything told before. In the others the name
    comes in the first of five turns and is asked for in the last; a new name is not in the corpus.
    """
    sets: dict[str, list[Conversation]] = {}
    for turns in TURNS:
        random = Random(HELD_OUT_SEED + turns)
        sets[f"{turns} turns"] = [_heldout(random, turns) for _ in range(count)]
    random = Random(HELD_OUT_SEED)
    sets["name"] = [_heldout(random, 5, topic="name", told_in=0) for _ in range(count)]
    random = Random(HELD_OUT_SEED + 1)
    sets["new name"] = [
        _heldout(random, 5, topic="name", told_in=0, name=NEW_NAMES[index % len(NEW_NAMES)])
        for index in range(count)
    ]
    return sets


def _heldout(
    random: Random,
    turns: int,
    *,
    topic: str | None = None,
    told_in: int | None = None,
    name: str | None = None,
) -> Conversation:
    """Write a held-out conversation with at least two values."""
    while True:
        conversation = write_conversation(
            random, turns, heldout=True, topic=topic, told_in=told_in, name=name
        )
        if len(conversation.values) > 1:
            return conversation


def generate() -> GeneratedConversations:
    """Generate the corpus, and the held-out conversations of all kinds in turn."""
    kinds = heldout_sets().values()
    heldout = [conversation for group in zip(*kinds, strict=True) for conversation in group]
    return GeneratedConversations(tuple(corpus_conversations()), tuple(heldout))
