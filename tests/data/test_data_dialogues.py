"""The bundled conversations: what they hold out, their words, and their English."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter, defaultdict
from functools import cache
from itertools import combinations, pairwise
from random import Random

import pytest

from data.generators import memory_talk
from data.generators.dialogues import (
    HELD_OUT_PER_SET,
    NUMBERS,
    RESIDUES,
    ConversationWriter,
    ValueDrawer,
    corpus_conversations,
    heldout_sets,
)
from data.generators.generated_conversations import Conversation
from data.generators.people import MEN, NAMES, NEW_NAMES, WOMEN
from data.generators.small_talk import GREETINGS, REACTIONS, REPETITIONS, SMALL_TALK
from data.generators.templates import find_slots
from data.generators.told_values import SINGULARS, VALUES
from tests.support.bundled_texts import FOLDER

RESIDUE_BY_VALUE = {
    value: index % RESIDUES for values in VALUES.values() for index, value in enumerate(values)
}


@cache
def _corpus() -> tuple[Conversation, ...]:
    return tuple(corpus_conversations())


@cache
def _heldout() -> tuple[Conversation, ...]:
    return tuple(conversation for group in heldout_sets().values() for conversation in group)


def _contents(conversation: Conversation) -> list[str]:
    return [content for _, content in conversation.messages]


def _words(texts: list[str]) -> set[str]:
    return set(re.findall(r"[A-Za-z']+|\d+", " ".join(texts)))


def _fixed_texts() -> list[str]:
    """Every sentence of the templates."""
    texts = [text for telling in memory_talk.TELLINGS for text in (telling.text, telling.reply)]
    questions = [question for group in memory_talk.QUESTIONS.values() for question in group]
    for question in (*questions, *memory_talk.FAREWELLS):
        texts += [question.text, question.answer, question.unknown]
    pairs = (*memory_talk.COUNT_TELLINGS, *SMALL_TALK, *REACTIONS, *REPETITIONS, *GREETINGS)
    texts += [text for pair in pairs for text in pair]
    texts += [memory_talk.INCREASES, memory_talk.DECREASES, memory_talk.NEW_COUNT]
    return [*texts, *memory_talk.SYSTEM_TEXTS, *memory_talk.RELATIONS]


def test_files_are_small_packed_json_lines() -> None:
    """The files hold the generated conversations, in the usual layout of chat data."""
    for file, conversations in (("corpus", _corpus()), ("heldout", _heldout())):
        packed = (FOLDER / "dialogues" / f"{file}.jsonl.gz").read_bytes()
        assert packed[4:8] == bytes(4), "a time in the header"
        lines = gzip.decompress(packed).decode().splitlines()
        assert Counter(lines) == Counter(map(Conversation.to_json, conversations))
        for message in json.loads(lines[0])["messages"]:
            assert set(message) == {"role", "content"}
    files = (FOLDER / "dialogues").glob("*.gz")
    assert sum(path.stat().st_size for path in files) <= 700_000


def test_turns_alternate() -> None:
    """Three to six turns, perhaps after a system message; the assistant has the last word."""
    lengths: Counter[int] = Counter()
    for conversation in (*_corpus(), *_heldout()):
        roles = [role for role, _ in conversation.messages]
        if roles[0] == "system":
            del roles[0]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        lengths[len(roles) // 2] += 1
    assert set(lengths) == {3, 4, 5, 6}
    assert min(lengths.values()) > 0.2 * lengths.total()


def test_conversations_use_many_words() -> None:
    """Also without the names of people, towns and pets."""
    words = _words([text for conversation in _corpus() for text in _contents(conversation)])
    assert len(words) >= 2000
    names = _words([*NAMES, *VALUES["place"], *VALUES["pet"]])
    assert len({word.lower() for word in words - names}) >= 1200


def test_new_names_occur_in_held_out_conversations_only() -> None:
    """Five hundred names at least, fifty of them new."""
    assert len(NEW_NAMES) == 50
    assert len({*NAMES, *NEW_NAMES}) == len(NAMES) + len(NEW_NAMES) >= 500
    words = _words([text for conversation in _corpus() for text in _contents(conversation)])
    assert set(NAMES) <= words
    assert not set(NEW_NAMES) & words
    used = {name for c in _heldout() for name in c.values if name in NEW_NAMES}
    assert used == set(NEW_NAMES)


def test_values_of_held_out_conversations_never_stand_together_in_training() -> None:
    """Otherwise an answer could be known without reading the conversation."""
    together = {pair for c in _corpus() for pair in combinations(sorted(set(c.values)), 2)}
    for conversation in _heldout():
        assert len(conversation.values) >= 2
        assert not together & set(combinations(sorted(set(conversation.values)), 2))
    for conversation in _corpus():
        residues = [RESIDUE_BY_VALUE[value] for value in conversation.values]
        assert len(set(residues)) == len(residues)


def test_values_are_told_apart_from_each_other_and_from_fixed_words() -> None:
    """A value in a fixed sentence would stand together with every other value."""
    entries = [*VALUES.items(), ("new name", NEW_NAMES), ("singular", tuple(SINGULARS.values()))]
    lists: dict[str, list[str]] = defaultdict(list)
    for name, values in entries:
        for value in values:
            lists[value.lower()].append(name)
    assert {value: names for value, names in lists.items() if len(names) > 1} == {}
    fixed = " ".join(re.sub(r"\[[^]]*\]", "#", text) for text in _fixed_texts()).lower()
    words = f" {' '.join(re.findall(r'[a-z]+', fixed))} "
    assert [value for value in lists if f" {value} " in words] == []


def test_all_values_of_a_conversation_are_recorded() -> None:
    """The combination rule is checked on the records, so they must be complete."""
    values = [value for group in VALUES.values() for value in group]
    parts = {word for value in values if " " in value for word in value.split()}
    single = {value for value in values if " " not in value} - parts
    plural_by_singular = {singular: things for things, singular in SINGULARS.items()}
    for conversation in _corpus()[::10]:
        words = _words(_contents(conversation))
        mentioned = {plural_by_singular.get(word, word) for word in words} & single
        ages = {word for word in words if word.isdigit()}
        assert mentioned | ages <= set(conversation.values)


def test_held_out_sets_are_told_apart() -> None:
    """A benchmark reports each; a shorter set is the beginning of a longer one."""
    sets = heldout_sets()
    names = ["3 turns", "4 turns", "5 turns", "6 turns", "name", "new name"]
    assert list(sets) == names
    assert all(len(group) == HELD_OUT_PER_SET for group in sets.values())
    assert {name: group[:3] for name, group in sets.items()} == heldout_sets(3)
    for name in ("name", "new name"):
        for conversation in sets[name]:
            users = [content for role, content in conversation.messages if role == "user"]
            told = conversation.values[-1] if name == "new name" else None
            people = {told} if told else set(NAMES)
            last = _words([conversation.messages[-1][1]]) & people
            assert len(last) == 1
            assert len(users) == 5
            assert last <= _words(users[:1])
            assert not last & _words(users[1:])


def test_held_out_questions_have_an_answer() -> None:
    """The last reply of each is something told before, and every topic occurs."""
    last = [conversation.messages[-1][1] for conversation in _heldout()]
    assert not [reply for reply in last if "have not told me" in reply]
    topics = {conversation.topic for conversation in _heldout()}
    assert topics == set(memory_talk.QUESTIONS)


def test_replies_follow_from_what_was_said() -> None:
    """A reply drawn at random could not be learnt."""
    for telling in memory_talk.TELLINGS:
        assert "{" not in telling.reply
        slots = [slot for topic in telling.topics for slot in memory_talk.TOPIC_SLOTS[topic]]
        assert set(find_slots(telling.text)) == set(slots)
        assert set(find_slots(telling.reply)) <= set(slots)
    for group in memory_talk.QUESTIONS.values():
        for question in group:
            assert "{" not in question.answer + question.unknown
            assert set(find_slots(question.unknown)) <= set(find_slots(question.text))
    for text, reply in (*SMALL_TALK, *REACTIONS, *REPETITIONS, *GREETINGS):
        assert "{" not in reply
        assert set(find_slots(reply)) <= set(find_slots(text))


def test_the_same_small_talk_has_the_same_reply() -> None:
    """Nothing but memory changes a reply."""
    replies: dict[str, set[str]] = defaultdict(set)
    fixed = [pair for pair in (*SMALL_TALK, *REACTIONS) if not find_slots(pair[0])]
    known = {reply for _, reply in fixed}
    for conversation in _corpus():
        contents = _contents(conversation)
        for text, reply in pairwise(contents):
            if reply in known:
                replies[text].add(reply)
    assert {text: found for text, found in replies.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        (r"\b[Aa] (?:[aeio]|un[^i])\w*", "a for an"),
        (r"\b[Aa]n (?![aeio]|u[^s])\w+", "an for a"),
        (r" [,.!?]|[,.!?][,.]|  ", "punctuation apart"),
        (r"[\[\]{}|]", "an open template"),
        (r"\bone \w+s\b", "one with a plural"),
        (r"\b(?:two|three|four|five|six|seven|eight|nine|ten) (?!of|more)\w+[^s.]\.", "no plural"),
        (r"\bThere are one|\bThere is (?!one)\w+ \w+s\b", "agreement"),
        (r"(?:^|[.!?] )[a-z]", "no capital"),
        (r"\w$", "no stop"),
    ],
)
def test_english_is_correct(pattern: str, what: str) -> None:
    """Articles, number, capitals and punctuation, as a person types them."""
    rule = re.compile(pattern)
    greetings = {"Hello", "Hi", "Hey", "Hello there", "Hi there", "Good morning"}
    greetings |= {"Good evening", "Good afternoon", "Good day"}
    texts = {text for c in (*_corpus(), *_heldout()) for text in _contents(c)} - greetings
    assert [text for text in sorted(texts) if rule.search(text)][:5] == [], what


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ({"things": "balls", "count": 1}, "one ball, is"),
        ({"things": "balls", "count": 2}, "two balls, are"),
        ({"things": "boxes", "count": 1}, "one box, is"),
        ({"things": "knives", "count": 10}, "ten knives, are"),
        ({"things": "leaves", "count": 1}, "one leaf, is"),
    ],
)
def test_number_agrees(slots: dict[str, str | int], expected: str) -> None:
    """One ball, two balls."""
    writer = ConversationWriter(Random(0), ValueDrawer(Random(0), None), "count")
    writer.known["things"] = str(slots["things"])
    writer.set_count(int(slots["count"]))
    assert f"{writer.known['counted']}, {writer.known['are']}" == expected


def test_counts_add_up() -> None:
    """Each new count follows from the one before."""
    checked = 0
    for conversation in _corpus():
        count = 0
        for text in _contents(conversation):
            number = next((NUMBERS.index(w) for w in text.split() if w in NUMBERS[1:]), None)
            if match := re.search(r"^I (\w+)(?: away)? (\w+) (more|of them)\.$", text):
                change = NUMBERS.index(match[2])
                count += change if match[3] == "more" else -change
            elif re.search(r"^(?:I have|There (?:is|are)) .*\.$", text) and number:
                count = number
            elif text.startswith("Now you have"):
                checked += 1
                assert number == count, conversation.messages
    assert checked > 500


def test_relatives_have_names_that_suit_them() -> None:
    """No daughter is called Gregory."""
    men, women = memory_talk.MEN_RELATIONS, memory_talk.WOMEN_RELATIONS
    rule = re.compile(r"Your ([\w ]+) is called (\w+)\.")
    suits = {**dict.fromkeys(men, MEN), **dict.fromkeys(women, WOMEN)}
    pairs = {
        match.groups()
        for c in (*_corpus(), *_heldout())
        for text in _contents(c)
        if (match := rule.fullmatch(text))
    }
    assert [
        pair for pair in sorted(pairs) if pair[0] in suits and pair[1] not in suits[pair[0]]
    ] == []
    assert not MEN & WOMEN


def test_the_assistant_has_the_name_of_the_system_message() -> None:
    """With a name it answers with it; without one it says so."""
    rule = re.compile(r"(?:You are|Your name is|called) ([A-Z]\w+)")
    seen: Counter[bool] = Counter()
    for conversation in _corpus():
        role, content = conversation.messages[0]
        match = rule.search(content) if role == "system" else None
        for (_, text), (_, reply) in pairwise(conversation.messages):
            if text in ("What is your name?", "What's your name?", "Tell me your name."):
                expected = (
                    f"My name is {match[1]}."
                    if match
                    else "I have no name, I am a small language model."
                )
                assert reply == expected
                seen[match is not None] += 1
    assert min(seen[True], seen[False]) > 20
