"""The bundled corpora are as generated, and what the generators are made with."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from data import generate
from data.generators.facts import ASKED, JOBS
from data.generators.parts import MIN_WORD_COUNT, hold_out
from data.generators.templates import deal, expand, with_article
from tests.support.bundled_texts import FOLDER


def test_files_are_as_generated() -> None:
    """A corpus edited by hand, or a generator changed without its files, cannot be made again."""
    assert generate.differing(FOLDER) == []


def test_strings_hash_differently_each_time_and_nothing_changes() -> None:
    """An order taken from a set would differ from run to run."""
    code = (
        "import hashlib; from data.generators import sentiment, translation, questions;"
        "parts = [m.generate() for m in (sentiment, translation, questions)];"
        "print(hashlib.sha256(repr(parts).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(FOLDER.parent), "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_changed_or_missing_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` in CI is of use only if it fails; any other option is refused, not ignored."""
    made = {"arithmetic": generate.GENERATORS["arithmetic"]}
    monkeypatch.setattr(generate, "GENERATORS", made)
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    assert generate.main(["--check"]) == 1
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "arithmetic" / "heldout.txt").write_text("1+1=3\n")
    assert generate.main(["--check"]) == 1
    assert "heldout.txt is not as generated" in capsys.readouterr().err
    assert generate.main(["--chekc"]) == 2


def test_facts_are_pairs() -> None:
    """A comma forgotten between two facts makes one wrong fact of them."""
    for asked in ASKED:
        for fact in asked.facts.split(", "):
            assert "," not in fact
            assert re.fullmatch(r"[\w -]+:[\w -]+|\w+( \w+)+", fact), fact
            if ":" not in fact:
                # What somebody does takes up to five words, any other fact two.
                assert len(fact.split()) <= (5 if asked.facts is JOBS else 2), fact


def test_templates_fill_slots_and_articles() -> None:
    """A capital, an article and a nested choice come out as in a sentence."""
    slots = {"toy": "old kite", "he": "she"}
    assert expand(Random(1), "[A toy]! [He] {saw|saw} [a toy]{|}.", slots) == (
        "An old kite! She saw an old kite."
    )
    found = {expand(Random(seed), "{a|{b|c}}", {}) for seed in range(30)}
    assert found == {"a", "b", "c"}
    nouns = ("cat", "old cat", "umbrella", "useless umbrella", "unfair price")
    said = ["a cat", "an old cat", "an umbrella", "a useless umbrella", "an unfair price"]
    assert [with_article(noun) for noun in nouns] == said


def test_dealt_slots_differ() -> None:
    """A tale of two people with one name has no answer."""
    for seed in range(50):
        slots = deal(Random(seed), {"name": "Ann,Ben,Tom", "way": "left,right"})
        assert len({slots["name"], slots["name2"], slots["name3"]}) == 3
        assert {slots["way"], slots["way2"]} == {"left", "right"}


def test_holding_out_keeps_every_word() -> None:
    """A word may leave the corpus only as long as it is often enough in what stays."""
    pets, does = "cat dog hen cow pig owl", "sat ran ate hid fell slept"
    lines = [f"{pet} {do}" for pet in pets.split() for do in does.split()]
    for seed in range(20):
        parts = hold_out(Random(seed), lines, 6)
        assert sorted((parts.corpus + parts.heldout).splitlines()) == sorted(lines)
        assert set(Counter(parts.corpus.split()).values()) == {MIN_WORD_COUNT}
        with pytest.raises(AssertionError, match="only 6 of 7"):
            hold_out(Random(seed), lines, 7)


def test_only_candidates_are_held_out() -> None:
    """A fact of which every phrasing is held out is told nowhere."""
    lines = [f"{first} {second}" for first in "abcdef" for second in "uvwxyz"]
    parts = hold_out(Random(0), lines, 2, ["a u", "b v"])
    assert sorted(parts.heldout.splitlines()) == ["a u", "b v"]
