"""Runs that a new run can start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.paths import Home, find_home
from core.run.events import PREPARED, STEP
from core.run.model_files import read_model_config
from core.run.parents import MAX_UNKNOWN_SHARE, list_parents
from tests.support.runs import TINY_CORPUS, make_run, tiny_run, write_event


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


def parent_names(home: Home, lines: list[str]) -> set[str]:
    return {parent.name for parent in list_parents(home, lines, "lines")}


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
    (parent,) = list_parents(home, lines, "lines")
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
    assert list_parents(home, list(TINY_CORPUS), "lines", lambda: True) == []


def test_the_run_that_knows_most_of_the_text_comes_first(home: Home) -> None:
    """Then one whose context holds its lines, whose tokens suit it, that has learnt more."""
    for name, kind in (("words", "word"), ("bytes", "bpe")):
        tiny_run(home, name, kind)
    tiny_run(home, "narrow", "word", context=4)
    learnt = tiny_run(home, "learnt", "word")
    write_event(learnt, PREPARED, train_tokens=500)
    write_event(learnt, STEP, 9, epoch=2.0)
    known = list(TINY_CORPUS) * 30
    parents = list_parents(home, known, "lines")
    assert [parent.name for parent in parents] == ["learnt", "words", "bytes", "narrow"]
    assert [parent.trained_tokens for parent in parents] == [1000, 0, 0, 0]
    assert parents[0].text_tokens < parents[2].text_tokens
    assert parents[3].fitting_share == 0
    partly = [*known, "zebra"]
    parents = list_parents(home, partly, "lines")
    assert [parent.name for parent in parents] == ["bytes", "learnt", "words", "narrow"]
    assert parents[0].unknown_share == 0
    assert parents[1].unknown_share > 0
    names = [parent.name for parent in list_parents(home, known, "text")]
    assert names == ["learnt", "narrow", "words", "bytes"], "a text is cut to every context"


def test_a_parent_of_pairs_has_room_for_the_roles(home: Home) -> None:
    run = tiny_run(home, "words", "word")
    size = read_model_config(run.config).vocab_size
    (parent,) = list_parents(home, ["the cat\nsat"], "pairs")
    assert parent.model.vocab_size == size + 3
    (parent,) = list_parents(home, ["the cat"], "lines")
    assert parent.model.vocab_size == size
