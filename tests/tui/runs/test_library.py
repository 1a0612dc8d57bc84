"""The rows of the list of runs: only changed runs are read again, the newest first."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from core.paths import Home
from core.run.directory import Run
from core.run.events import encode
from core.run.summary import RunSummary, summarize_any_run
from core.system.locks import Lock, acquire
from tests.support.runs import make_run
from tui.runs import library
from tui.runs.library import Library, format_age, row_age

BEGAN = 1_700_000_000


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with three runs, the last of which changed first."""
    found = Home(root=tmp_path, cache=tmp_path / "cache")
    for number, name in enumerate(("first", "second", "third")):
        run = make_run(found, name)
        append_step(run, 1, when=BEGAN - number)
    return found


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the runs that were read, in turn."""
    names: list[str] = []
    whole = summarize_any_run

    def summary(run: Run, **options: int) -> RunSummary:
        names.append(run.name)
        return whole(run, **options)

    monkeypatch.setattr(library, "summarize_any_run", summary)
    return names


def append_step(run: Run, step: int, *, when: int) -> None:
    """Append a `step` event."""
    with run.events.open("a") as file:
        file.write(encode("step", 1.0, step, train_loss=5.0 - step, epoch=step / 2) + "\n")
    os.utime(run.events, (when, when))


def run_of(home: Home, name: str) -> Run:
    return Run(home.runs / name)


def listed(found: Library) -> list[str]:
    return [row.summary.name for row in found.rows()]


def test_an_unchanged_run_is_not_read_again(home: Home, read: list[str]) -> None:
    """There may be hundreds of runs, polled every second."""
    found = Library(home)
    before = found.rows()
    assert sorted(read) == ["first", "second", "third"]
    after = found.rows()
    assert len(read) == 3
    assert all(a is b for a, b in zip(before, after, strict=True))


def test_a_changed_run_is_read_again_and_comes_first(home: Home, read: list[str]) -> None:
    """The list must show the current loss."""
    found = Library(home)
    assert listed(found) == ["first", "second", "third"]
    read.clear()
    append_step(run_of(home, "third"), 2, when=BEGAN + 60)
    rows = found.rows()
    assert read == ["third"]
    assert [row.summary.name for row in rows] == ["third", "first", "second"]
    assert (rows[0].summary.step, rows[0].curve[-1]) == (2, 3.0)
    assert rows[0].changed == BEGAN + 60


def test_a_started_or_killed_trainer_is_noticed(home: Home, read: list[str]) -> None:
    """Killing a trainer changes no file."""
    found = Library(home)
    found.rows()
    read.clear()
    with hold(run_of(home, "second")):
        found.rows()
        assert read == ["second"]
        found.rows()
        assert read == ["second"]
    found.rows()
    assert read == ["second", "second"]


def hold(run: Run) -> Lock:
    lock = acquire(run.lock)
    assert lock is not None
    return lock


def test_deleted_and_renamed_runs_leave_no_row(home: Home) -> None:
    """Such a row would open nothing."""
    found = Library(home)
    found.rows()
    shutil.rmtree(home.runs / "first")
    (home.runs / "second").rename(home.runs / "fourth")
    assert listed(found) == ["fourth", "third"]
    make_run(home, "first")
    assert listed(found)[0] == "first"
    assert next(iter(found.rows())).summary.step == 0


def test_a_run_deleted_while_the_list_is_read_is_left_out(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other runs must still be listed."""
    whole = summarize_any_run

    def summary(run: Run, **options: int) -> RunSummary:
        seen = whole(run, **options)
        if run.name == "second":
            shutil.rmtree(run.folder)
        return seen

    monkeypatch.setattr(library, "summarize_any_run", summary)
    assert listed(Library(home)) == ["first", "third"]


def test_a_run_without_events_counts_from_its_creation(home: Home) -> None:
    """A new run comes first."""
    run = make_run(home, "new")
    rows = Library(home).rows()
    assert rows[0].summary.name == "new"
    assert (rows[0].changed, rows[0].curve) == (run.record.stat().st_mtime, ())


def test_an_unreadable_run_hides_no_other(home: Home) -> None:
    """One damaged run must not empty the list."""
    run_of(home, "first").record.write_text("{")
    events = run_of(home, "second").events
    events.unlink()
    events.mkdir()
    lock = make_run(home, "fourth").lock
    lock.unlink()
    lock.mkdir()
    rows = {row.summary.name: row.summary for row in Library(home).rows()}
    assert set(rows) == {"first", "second", "third", "fourth"}
    assert rows["fourth"].problem
    assert rows["first"].problem
    assert rows["second"].problem
    assert not rows["third"].problem


def test_no_runs_are_no_rows(tmp_path: Path) -> None:
    assert Library(Home(root=tmp_path / "none", cache=tmp_path)).rows() == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (59, "now"), (60, "1 m"), (3570, "59 m"), (3599, "59 m"), (3600, "1 h"),
     (86_399, "23 h"), (86_400, "1 d"), (12.9 * 86_400, "12 d"), (1000 * 86_400, "long")],
)  # fmt: skip
def test_ages_are_short_and_never_round_up(seconds: float, words: str) -> None:
    """60m must not appear beside 1h."""
    assert format_age(seconds) == words
    assert len(words) <= 4


def test_a_time_in_the_future_counts_as_now(home: Home) -> None:
    """The clock may have been set back."""
    append_step(run_of(home, "first"), 2, when=1 << 33)
    assert row_age(Library(home).rows()[0]) == "now"


def test_the_most_recent_runs_are_read_first_and_once(home: Home, read: list[str]) -> None:
    """A list of many runs must show its top before all of them are read."""
    runs = Library(home)
    assert [row.summary.name for row in runs.rows(2)] == ["first", "second"]
    assert sorted(read) == ["first", "second"]
    assert len(runs.rows()) == 3
    assert sorted(read) == ["first", "second", "third"]


def test_sizes_are_counted_apart_and_again_only_when_files_change(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting walks whole folders, which a poll every second must not."""
    counted: list[str] = []
    whole = library.folder_size

    def count(folder: Path) -> int:
        counted.append(folder.name)
        return whole(folder)

    monkeypatch.setattr(library, "folder_size", count)
    found = Library(home)
    assert [row.size for row in found.rows()] == [None, None, None]
    assert counted == []
    assert found.measure_sizes()
    assert sorted(counted) == ["first", "second", "third"]
    assert all(row.size for row in found.rows())
    counted.clear()
    append_step(run_of(home, "third"), 2, when=BEGAN + 60)  # a log that grows is not counted
    found.rows()
    assert not found.measure_sizes()
    assert counted == []
    (home.runs / "first" / "model.safetensors").write_bytes(bytes(10_000))
    assert found.measure_sizes()
    assert counted == ["first"]
    assert {row.summary.name for row in found.rows() if (row.size or 0) > 10_000} == {"first"}


def test_counting_sizes_is_limited_in_time(home: Home) -> None:
    found = Library(home)
    found.rows()
    assert not found.measure_sizes(seconds=-1)
    assert all(row.size is None for row in found.rows())
