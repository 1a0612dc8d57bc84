"""The bundled corpora equal their generators' output; the generators' building blocks."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from data import generate
from data.generators.generated_text import MIN_WORD_COUNT, hold_out
from data.generators.templates import draw_slots, expand, with_article
from tests.support.bundled_texts import FOLDER


def test_bundled_files_equal_the_generated_ones() -> None:
    """A file edited by hand, or a generator changed without its files, is an error."""
    assert generate.find_differences(FOLDER) == []


def test_output_does_not_depend_on_the_hash_seed() -> None:
    """The iteration order of a set of strings differs from run to run."""
    code = (
        "import hashlib; from data.generators import dialogues, sentiment, translation, questions;"
        "text = [m.generate() for m in (dialogues, sentiment, translation, questions)];"
        "print(hashlib.sha256(repr(text).encode()).hexdigest())"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(FOLDER.parent), "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1


def test_check_names_a_changed_or_missing_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` must fail in CI; any other option is refused, not ignored."""
    generators = {"arithmetic": generate.GENERATORS["arithmetic"]}
    monkeypatch.setattr(generate, "GENERATORS", generators)
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    assert generate.main(["--check"]) == 1
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "arithmetic" / "heldout.csv").write_text("question,answer\n1+1,3\n")
    assert generate.main(["--check"]) == 1
    assert "heldout.csv differs from its generator" in capsys.readouterr().err
    assert generate.main(["--chekc"]) == 2


def test_templates_fill_slots_and_articles() -> None:
    """Capitals, articles and nested choices."""
    slots = {"toy": "old kite", "he": "she"}
    assert expand(Random(1), "[A toy]! [He] {saw|saw} [a toy]{|}.", slots) == (
        "An old kite! She saw an old kite."
    )
    results = {expand(Random(seed), "{a|{b|c}}", {}) for seed in range(30)}
    assert results == {"a", "b", "c"}
    nouns = (
        "cat",
        "old cat",
        "umbrella",
        "useless umbrella",
        "unfair price",
        "honest cook",
        "unimportant day",
        "unique hat",
    )
    phrases = ["a cat", "an old cat", "an umbrella", "a useless umbrella", "an unfair price"]
    phrases += ["an honest cook", "an unimportant day", "a unique hat"]
    assert [with_article(noun) for noun in nouns] == phrases


def test_drawn_slots_are_distinct() -> None:
    """A tale of two people with the same name would have no answer."""
    for seed in range(50):
        slots = draw_slots(Random(seed), {"name": "Ann,Ben,Tom", "way": "left,right"})
        assert len({slots["name"], slots["name2"], slots["name3"]}) == 3
        assert {slots["way"], slots["way2"]} == {"left", "right"}


def test_holding_out_keeps_every_word_in_the_corpus() -> None:
    """Every word of a held-out line stays at least the minimum number of times."""
    pets, does = "cat dog hen cow pig owl", "sat ran ate hid fell slept"
    lines = [f"{pet} {do}" for pet in pets.split() for do in does.split()]
    for seed in range(20):
        text = hold_out(Random(seed), lines, 6)
        assert sorted((text.corpus + text.heldout).splitlines()) == sorted(lines)
        assert set(Counter(text.corpus.split()).values()) == {MIN_WORD_COUNT}
        with pytest.raises(AssertionError, match="only 6 of 7"):
            hold_out(Random(seed), lines, 7)


def test_only_candidates_are_held_out() -> None:
    """A fact with every phrasing held out would never occur."""
    lines = [f"{first} {second}" for first in "abcdef" for second in "uvwxyz"]
    text = hold_out(Random(0), lines, 2, ["a u", "b v"])
    assert sorted(text.heldout.splitlines()) == ["a u", "b v"]
