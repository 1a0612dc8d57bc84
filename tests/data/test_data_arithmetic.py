"""The bundled sums: all of them, right, some held out with their mirror images."""

from __future__ import annotations

from tests.support.bundled_texts import read_pairs


def test_every_sum_is_there_once_and_right() -> None:
    """All pairs of numbers below a hundred, in one of the two files."""
    pairs = [*read_pairs("arithmetic"), *read_pairs("arithmetic", "heldout.csv")]
    assert len(dict(pairs)) == len(pairs) == 10_000
    for question, answer in pairs:
        first, second = question.split("+")
        assert answer == str(int(first) + int(second))


def test_sums_are_held_out_with_their_mirror_images() -> None:
    """34+12 in the corpus would give away 12+34."""
    questions = {question for question, _ in read_pairs("arithmetic", "heldout.csv")}
    assert len(questions) == 500
    assert "12+34" in questions
    for question in questions:
        first, second = question.split("+")
        assert f"{second}+{first}" in questions
