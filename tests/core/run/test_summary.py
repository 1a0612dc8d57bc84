"""Runs as rows of a list."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from core.paths import Home, find_home
from core.run import summary as module
from core.run.directory import Run
from core.run.events import encode
from core.run.summary import folder_size, summarize_run, summarize_runs
from tests.support.runs import make_run, run_record

NOW = 1e9


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path)


@pytest.fixture
def run(home: Home) -> Run:
    return make_run(home, "lang", run_record("bundled", created="2025-01-01"))


def say(run: Run, *story: tuple[str, int, dict[str, Any]]) -> None:
    with run.events.open("a") as file:
        for type, step, fields in story:
            file.write(encode(type, NOW, step, **fields) + "\n")


def step(number: int, loss: float = 1.0) -> tuple[str, int, dict[str, Any]]:
    return ("step", number, {"train_loss": loss, "epoch": number / 10})


PREPARED = ("prepared", 0, {"parameters": 830_000, "val_tokens": 5})


def test_a_run_that_never_began(run: Run, home: Home) -> None:
    (row,) = summarize_runs(home)
    assert (row.name, row.status, row.step, row.corpus) == ("lang", "crashed", 0, "bundled")
    assert (row.created, row.problem) == ("2025-01-01", "")
    assert {row.epoch, row.train_loss, row.val_loss, row.parameters} == {None}
    assert row.size == run.record.stat().st_size


def test_first_and_last_lines_are_enough(run: Run) -> None:
    """Numbers are those of the end; validation may be long ago."""
    say(run, ("started", 0, {}), PREPARED, ("eval", 5, {"val_loss": 2.5}))
    say(run, *(step(number, 5.0) for number in range(6, 5000)), step(5000, 0.5))
    say(run, ("epoch", 5000, {"val_loss": None}), ("finished", 5001, {"val_loss": None}))
    row = summarize_run(run, NOW)
    assert (row.status, row.step, row.epoch) == ("finished", 5001, 500)
    assert (row.train_loss, row.val_loss, row.parameters) == (0.5, 2.5, 830_000)


def test_what_was_undone_by_a_resume_does_not_count(run: Run) -> None:
    say(run, PREPARED, step(3, 3.0), step(9, 9.0), ("started", 5, {"resumed_from": 5}))
    row = summarize_run(run, NOW)
    assert (row.step, row.train_loss) == (5, 3.0)
    say(run, ("eval", 6, {"val_loss": 1.0}))
    row = summarize_run(run, NOW)
    assert (row.step, row.train_loss) == (6, 3.0)


def test_without_a_split_the_file_is_not_searched_for_one(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(run, ("prepared", 0, {"parameters": 1, "val_tokens": 0}), step(1))
    monkeypatch.setattr(module, "_last_val_loss", lambda _: pytest.fail("searched"))
    assert summarize_run(run, NOW).val_loss is None


def test_damaged_runs_are_listed_with_their_problem(run: Run, home: Home) -> None:
    """One broken run must not hide the others."""
    run.record.write_text("{")
    run.events.write_bytes(b"\0\0\0\nnoise\n")
    make_run(home, "other", run_record("bundled", created=5))
    make_run(home, "partly", run_record() | {"corpus": {"name": "lang"}})
    broken, other, partly = summarize_runs(home)
    assert "cannot be read" in broken.problem
    assert (broken.status, broken.corpus, broken.created) == ("crashed", None, None)
    assert (other.problem, other.corpus, other.created) == ("", "bundled", "5")
    assert "no valid corpus.sha256, corpus.reading, corpus.encoding" in partly.problem


def test_a_run_removed_meanwhile_is_left_out(
    run: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(home, "other", {})
    listed = module.list_runs(home)
    shutil.rmtree(run.folder)
    monkeypatch.setattr(module, "list_runs", lambda _: listed)
    assert [row.name for row in summarize_runs(home)] == ["other"]


def test_size_counts_a_file_with_two_names_once(tmp_path: Path) -> None:
    """The newest weights are a second name of the checkpoint's."""
    (tmp_path / "checkpoint" / "5").mkdir(parents=True)
    first = tmp_path / "checkpoint" / "5" / "a"
    first.write_bytes(b"x" * 1000)
    os.link(first, tmp_path / "a")
    (tmp_path / "b").write_bytes(b"x" * 10)
    assert folder_size(tmp_path) == 1010
    assert folder_size(tmp_path / "none") == 0
