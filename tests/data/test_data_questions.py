"""The bundled questions: facts and tales are right, held out by phrasing and by pairs."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from data.generators.facts import FACT_GROUPS, NUMBERS
from data.generators.questions import list_facts
from data.generators.tales import LISTS, NAMES, TALES, THINGS, is_held_out
from data.generators.templates import split_choices
from tests.support.bundled_texts import read_pairs

FILES = ("corpus.csv", "heldout.csv")
ARTICLE = re.compile(r"\b[Aa] (?:[aeio]|un[^i]|ug|hon)\w+|\b[Aa]n (?!hon|hour|[aeio]|u[^s])\w+")


def test_no_question_has_two_answers() -> None:
    """Neither in the corpus nor in the held-out part, which has none of the corpus's questions."""
    questions = [question for file in FILES for question, _ in read_pairs("questions", file)]
    assert len(set(questions)) == len(questions)
    assert len(read_pairs("questions", "heldout.csv")) >= 300


def test_the_corpus_has_many_words() -> None:
    """At least 1,500 distinct ones."""
    text = " ".join(part for pair in read_pairs("questions") for part in pair).lower()
    assert len(set(re.findall(r"[a-z'-]+", text))) >= 1500


def test_held_out_facts_occur_in_the_corpus_in_other_words() -> None:
    """A fact that never occurs cannot be known, nor a phrasing that no other fact has."""
    corpus = set(read_pairs("questions"))
    heldout = set(read_pairs("questions", "heldout.csv"))
    count = 0
    for fact in list_facts():
        phrasings = [pair for pair in fact if pair in heldout]
        assert len(phrasings) <= 1
        assert len(corpus.intersection(fact)) >= 2
        count += len(phrasings)
    assert count >= 150


def test_held_out_tales_combine_what_the_corpus_does_not() -> None:
    """A person and the main thing of a tale are together in one of the two files only."""
    checked: Counter[str] = Counter()
    for file in FILES:
        for question, _ in read_pairs("questions", file):
            tale = re.match(r"(\w+) (?:has a (\w+)\.|is in the (\w+)\.|likes (\w+)\b)", question)
            if tale and tale[1] in split_choices(NAMES):
                key = ("toy", "place", "food")[tale.lastindex - 2] if tale.lastindex else ""
                value = tale[tale.lastindex or 0]
                if value in split_choices(LISTS[key]):
                    assert is_held_out(tale[1], key, value) == (file == "heldout.csv"), question
                    checked[file] += 1
    assert checked["corpus.csv"] > 100
    assert checked["heldout.csv"] > 10


@pytest.mark.parametrize(
    ("tale", "answer"),
    [
        (r"(\w+) is in the (\w+)\. .*Where is \1\?", r"\1 is in the \2."),
        (r"(?:.*\. )?(\w+) is in the (\w+)\. Where is \1\?", r"\1 is in the \2."),
        (r"(\w+) is (\w+) than (\w+)\. Who is \2\?", r"\1 is \2 than \3."),
        (r"(\w+) likes ([\w ]+?)\. .*Who likes \2\?", r"\1 likes \2."),
        (r"(\w+) has (\w+) (\w+)\. .*How many \3 does \1 have\?", r"\1 has \2 \3."),
        (r"(\w+) has (an? \w+ \w+)\. .*What does \1 have\?", r"\1 has \2."),
        (r".*\. (\w+) has (an? \w+ \w+)\. What does \1 have\?", r"\1 has \2."),
    ],
)
def test_answers_about_tales_are_correct(tale: str, answer: str) -> None:
    """The answer must agree with the slots of the tale."""
    matches = 0
    for question, given in read_pairs("questions"):
        if match := re.fullmatch(tale, question):
            assert given == match.expand(answer), question
            matches += 1
    assert matches > 10


@pytest.mark.parametrize("sign", [1, -1])
def test_counts_in_tales_are_correct(sign: int) -> None:
    """Adding and taking away; one thing is singular."""
    numbers = NUMBERS.split()
    singulars = dict(pair.split()[::-1] for pair in split_choices(THINGS))
    pattern = re.compile(
        r"(\w+) has (\w+) \w+\. "
        r"(?:\1 (?:finds|buys|gets|loses)|\w+ gives \1|\w+ takes|\1 gives \w+)"
        r" (\w+) (more|of them)\. .*\?"
    )
    matches = 0
    for file in FILES:
        for question, answer in read_pairs("questions", file):
            match = pattern.fullmatch(question)
            if match and (match[4] == "more") == (sign > 0):
                left = numbers.index(match[2]) + sign * numbers.index(match[3])
                assert f"has {numbers[left]} " in answer, question
                thing = answer.split()[3]
                assert (thing in singulars.values()) == (left == 1), answer
                matches += 1
    assert matches > 50


def test_facts_are_pairs() -> None:
    """A missing comma would merge two facts into a wrong one."""
    for group in FACT_GROUPS:
        for fact in group.facts.split(", "):
            assert re.fullmatch(r"[\w -]+(:[\w -]+){1,2}|\w+ \w+( [\w ]+)?", fact), fact


@pytest.mark.parametrize("file", FILES)
def test_english_is_clean(file: str) -> None:
    """Capitals, stops, articles and number."""
    plurals = "|".join(pair.split()[1] for pair in split_choices(THINGS))
    for question, answer in read_pairs("questions", file):
        assert question[0].isupper()
        assert question.endswith("?")
        assert re.fullmatch(r"[A-Z].*\.", answer)
        for text in (question, answer):
            assert text == " ".join(text.split())
            assert not re.search(r"[\[\]{}|]| [,.!?]|[,.!?][,.]", text), text
            assert not ARTICLE.search(text), text
            assert not re.search(rf"\bone ({plurals})\b", text), text


def test_tales_are_told_of_many_people() -> None:
    """A hundred names at least would be too many to remember by pairs."""
    assert len(set(split_choices(NAMES))) >= 80
    assert {tale.key for tale in TALES} <= set(LISTS)
