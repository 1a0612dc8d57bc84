"""Runs that a new run can start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.paths import Home, find_home
from core.run.parents import MAX_UNKNOWN_SHARE, list_parents
from tests.support.runs import TINY_CORPUS, make_run, tiny_run


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


def parent_names(home: Home, lines: list[str]) -> set[str]:
    return {parent.name for parent in list_parents(home, lines)}


def test_runs_whose_vocabulary_knows_the_text_are_parents(home: Home) -> None:
    tiny_run(home, "words", "word")
    tiny_run(home, "chars", "char", "text")
    assert parent_names(home, list(TINY_CORPUS)) == {"words", "chars"}
    assert parent_names(home, [*TINY_CORPUS, "zebra " * 90]) == set()


def test_a_few_unknown_words_are_allowed(home: Home) -> None:
    """The limit is that of starting the run."""
    tiny_run(home, "words", "word")
    known = " ".join(TINY_CORPUS).split()
    lines = [" ".join(known * (1 + 50 // len(known))), "zebra"]
    (parent,) = list_parents(home, lines)
    assert 0 < parent.unknown_share <= MAX_UNKNOWN_SHARE
    assert (parent.tokenizer, parent.model.layers) == ("word", 2)


def test_runs_without_usable_weights_are_no_parents(home: Home) -> None:
    make_run(home, "new")
    damaged = tiny_run(home, "damaged", "word")
    damaged.weights.write_bytes(b"\x08")
    lost = tiny_run(home, "lost", "word")
    (lost.folder / "tokenizer.json").write_text("{}")
    assert parent_names(home, list(TINY_CORPUS)) == set()


def test_the_search_ends_when_it_is_cancelled(home: Home) -> None:
    tiny_run(home, "words", "word")
    assert list_parents(home, list(TINY_CORPUS), lambda: True) == []
