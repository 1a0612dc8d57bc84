"""The bundled sums, questions and tales are correct."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.support.bundled_texts import read_lines


def test_all_sums_are_correct() -> None:
    """A wrong one would be learnt too."""
    pairs = set()
    for file in ("corpus.txt", "heldout.txt"):
        for line in read_lines("arithmetic", file):
            match = re.fullmatch(r"(\d\d?)\+(\d\d?)=(\d+)", line)
            assert match
            a, b, total = map(int, match.groups())
            assert a + b == total
            pairs.add((a, b))
    assert len(pairs) == 100 * 100


def test_sums_are_held_out_in_both_orders() -> None:
    """34+12 in the corpus would give away 12+34."""
    heldout = {line.partition("=")[0] for line in read_lines("arithmetic", "heldout.txt")}
    assert {"+".join(reversed(sum.split("+"))) for sum in heldout} == heldout
    assert "12+34" in heldout


def test_no_question_has_two_answers() -> None:
    """Neither in the corpus nor in the held-out lines."""
    answers: dict[str, str] = {}
    for file in ("corpus.txt", "heldout.txt"):
        for line in read_lines("questions", file):
            question, mark, answer = line.partition(" A: ")
            assert mark
            assert answer
            assert answers.setdefault(question, answer) == answer


def test_held_out_facts_occur_in_the_corpus_in_other_words() -> None:
    """A fact that never occurs cannot be known."""
    corpus_lines = read_lines("questions")
    known = Counter(line.partition(" A: ")[2] for line in corpus_lines)
    facts = [line for line in read_lines("questions", "heldout.txt") if line.startswith("Q: ")]
    assert len(facts) >= 100
    assert all(known[line.partition(" A: ")[2]] for line in facts)


@pytest.mark.parametrize(
    ("story", "answer"),
    [
        (r"(?:.* )?(\w+) is in the (\w+) \. .*Q: where is \1 \?", r"\1 is in the \2"),
        (r"(\w+) is (\w+) than (\w+) \. Q: who is \2 \?", r"\1 is \2 than \3"),
        (r"(?:.* )?(\w+) likes (\w+) \. .*Q: who likes \2 \?", r"\1 likes \2"),
        (r"(?:.* )?(\w+) has (\w+) (\w+) \. .*Q: how many \3 has \1 \?", r"\1 has \2 \3"),
    ],
)
def test_answers_about_tales_are_correct(story: str, answer: str) -> None:
    """The answer must agree with the slots of the tale."""
    matches = 0
    for line in read_lines("questions"):
        if match := re.fullmatch(f"{story} A: (.*)", line):
            assert match[match.re.groups] == match.expand(answer), line
            matches += 1
    assert matches > 50
