"""The bundled sums, questions and tales are true in what they say."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.support.bundled_texts import lines


def test_all_sums_are_right() -> None:
    """A wrong one would be learnt as well."""
    seen = set()
    for file in ("corpus.txt", "heldout.txt"):
        for line in lines("arithmetic", file):
            match = re.fullmatch(r"(\d\d?)\+(\d\d?)=(\d+)", line)
            assert match
            a, b, total = map(int, match.groups())
            assert a + b == total
            seen.add((a, b))
    assert len(seen) == 100 * 100


def test_mirror_images_are_held_out_together() -> None:
    """34+12 in the corpus would give 12+34 away."""
    apart = {line.partition("=")[0] for line in lines("arithmetic", "heldout.txt")}
    assert {"+".join(reversed(sum.split("+"))) for sum in apart} == apart
    assert "12+34" in apart


def test_no_question_has_two_answers() -> None:
    """The same words asked again must be answered alike; so must what is held out."""
    answers: dict[str, str] = {}
    for file in ("corpus.txt", "heldout.txt"):
        for line in lines("questions", file):
            question, mark, answer = line.partition(" A: ")
            assert mark
            assert answer
            assert answers.setdefault(question, answer) == answer


def test_held_out_facts_are_asked_otherwise_in_the_corpus() -> None:
    """A fact that is told nowhere cannot be known."""
    learnt = lines("questions")
    known = Counter(line.partition(" A: ")[2] for line in learnt)
    facts = [line for line in lines("questions", "heldout.txt") if line.startswith("Q: ")]
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
def test_tales_are_answered_rightly(story: str, answer: str) -> None:
    """The answer is in the tale; a slot mixed up would make it wrong."""
    found = 0
    for line in lines("questions"):
        if match := re.fullmatch(f"{story} A: (.*)", line):
            assert match[match.re.groups] == match.expand(answer), line
            found += 1
    assert found > 50
