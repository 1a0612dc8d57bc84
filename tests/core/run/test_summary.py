"""Summaries of runs for lists."""

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
from core.run.summary import folder_size, sample_losses, summarize_run, summarize_runs
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


def test_a_run_without_events(run: Run, home: Home) -> None:
    (row,) = summarize_runs(home)
    assert (row.name, row.status, row.step, row.corpus) == ("lang", "crashed", 0, "bundled")
    assert (row.created, row.problem) == ("2025-01-01", "")
    assert {row.epoch, row.train_loss, row.val_loss, row.parameters} == {None}
    assert row.size == run.record.stat().st_size + run.lock.stat().st_size


def test_the_first_and_last_lines_are_enough(run: Run) -> None:
    """Values are the last ones; the last validation may be long ago."""
    say(run, ("started", 0, {}), PREPARED, ("eval", 5, {"val_loss": 2.5}))
    say(run, *(step(number, 5.0) for number in range(6, 5000)), step(5000, 0.5))
    say(run, ("epoch", 5000, {"val_loss": None}), ("finished", 5001, {"val_loss": None}))
    row = summarize_run(run, NOW)
    assert (row.status, row.step, row.epoch) == ("finished", 5001, 500)
    assert (row.train_loss, row.val_loss, row.parameters) == (0.5, 2.5, 830_000)


def test_the_share_of_right_replies_is_that_of_the_last_evaluation(run: Run) -> None:
    say(run, PREPARED, ("eval", 5, {"val_loss": 2.5, "task_accuracy": 0.5}), step(6))
    assert summarize_run(run, NOW).task_accuracy == 0.5
    say(run, ("eval", 7, {"val_loss": 2.0, "task_accuracy": 0.25}))
    assert summarize_run(run, NOW).task_accuracy == 0.25


def test_steps_undone_by_a_resume_do_not_count(run: Run) -> None:
    say(run, PREPARED, step(3, 3.0), step(9, 9.0), ("started", 5, {"resumed_from": 5}))
    row = summarize_run(run, NOW)
    assert (row.step, row.train_loss) == (5, 3.0)
    say(run, ("eval", 6, {"val_loss": 1.0}))
    row = summarize_run(run, NOW)
    assert (row.step, row.train_loss) == (6, 3.0)


def test_without_validation_data_no_validation_loss_is_searched(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(run, ("prepared", 0, {"parameters": 1, "val_tokens": 0}), step(1))
    monkeypatch.setattr(module, "read_lines_backwards", lambda *_: pytest.fail("searched"))
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


def test_a_summary_has_task_and_labels(home: Home) -> None:
    """Those of a record without them, of an earlier version, are to continue, and none."""
    record = run_record()
    record["corpus"] |= {"reading": "pairs", "task": "classify", "labels": ["good", "bad"]}
    row = summarize_run(make_run(home, "judge", record), NOW)
    assert (row.reading, row.task, row.labels) == ("pairs", "classify", ("good", "bad"))
    row = summarize_run(make_run(home, "old", run_record()), NOW)
    assert (row.reading, row.task, row.labels) == ("lines", "continue", ())


def test_a_run_deleted_meanwhile_is_left_out(
    run: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(home, "other", {})
    listed = module.list_runs(home)
    shutil.rmtree(run.folder)
    monkeypatch.setattr(module, "list_runs", lambda _: listed)
    assert [row.name for row in summarize_runs(home)] == ["other"]


def test_the_size_counts_hard_links_once(tmp_path: Path) -> None:
    """The newest weights are a second name of the checkpoint's."""
    (tmp_path / "checkpoint" / "5").mkdir(parents=True)
    first = tmp_path / "checkpoint" / "5" / "a"
    first.write_bytes(b"x" * 1000)
    os.link(first, tmp_path / "a")
    (tmp_path / "b").write_bytes(b"x" * 10)
    assert folder_size(tmp_path) == 1010
    assert folder_size(tmp_path / "none") == 0


def test_sampled_losses_are_spread_over_the_whole_log(tmp_path: Path) -> None:
    """A list of 300 runs cannot read 300 complete logs."""
    path = tmp_path / "events.jsonl"
    lines = [encode("step", 1.0, n, train_loss=10_000.0 - n) for n in range(10_000)]
    path.write_text("\n".join(lines) + "\n")
    losses = sample_losses(path, 10)
    assert len(losses) == 10
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == 10_000.0
    assert losses[-1] < 1100.0


def test_a_log_without_losses_gives_none(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert sample_losses(path, 8) == []
    path.write_bytes(b'{"type":"step","train_loss":null\n\0\0\nnoise')
    assert sample_losses(path, 8) == []
    path.write_text(encode("step", 1.0, 1, train_loss=2.5) + "\n")
    assert sample_losses(path, 8) == [2.5]
