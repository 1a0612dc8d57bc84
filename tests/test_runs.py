"""The folder of runs: creating, finding, naming, renaming, removing."""

from __future__ import annotations

import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import files, locks, runs
from core.errors import DamagedError, InputError, NotFoundError, StorageError
from core.eventlog import EventLog
from core.paths import Home, find_home
from core.requests import RequestReader
from core.runs import (
    NAME,
    check_name,
    create,
    create_held,
    delete,
    find,
    hold,
    list_runs,
    propose_name,
    read_record,
    rename,
    request,
    status_of,
)

TEXT = {"name": "lang", "size": 1, "sha256": "0", "reading": "lines", "encoding": "utf-8"}
RECORD = {"corpus": {**TEXT, "errors": "strict"}, "train": {}, "model": {}, "seed": 1}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


def names(home: Home) -> list[str]:
    return [run.name for run in list_runs(home)]


def entries(home: Home) -> list[str]:
    return sorted(entry.name for entry in home.runs.iterdir())


def test_a_new_run_is_private_and_has_its_record(home: Home) -> None:
    run = create(home, "lang", RECORD)
    assert run.folder == home.runs / "lang"
    assert run.folder.stat().st_mode & 0o777 == 0o700
    record = read_record(run)
    assert record == {"format": 1, "created": record["created"], **RECORD}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", record["created"])
    assert str(home.root) not in run.record.read_text()
    assert find(home, "lang") == run
    assert names(home) == ["lang"]


def test_there_is_no_moment_in_which_a_new_run_looks_crashed(home: Home) -> None:
    """The launcher holds the lock before anybody can see the run."""
    run, lock = create_held(home, "lang", RECORD)
    assert status_of(run) == "starting"
    with pytest.raises(InputError, match="being trained"):
        hold(run)
    lock.release()
    assert status_of(run) == "crashed"


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".a", "-a", "_a", "a/b", "a\0", "a b", "é", "x" * 65, "a\n"]
)
def test_bad_names_are_refused_everywhere(home: Home, name: str) -> None:
    """A name must never lead out of the folder of runs."""
    run = create(home, "lang", RECORD)
    for action in (
        lambda: check_name(name),
        lambda: create(home, name, RECORD),
        lambda: find(home, name),
        lambda: rename(home, run, name),
    ):
        with pytest.raises(InputError, match="cannot name a run") as caught:
            action()
        assert "letters, digits" in caught.value.hint
    assert names(home) == ["lang"]


@pytest.mark.parametrize("name", ["a", "0", "a.b_c-d", "x" * 64, "A..b"])
def test_good_names(home: Home, name: str) -> None:
    assert create(home, name, RECORD).name == name


def test_a_taken_name_names_the_next_free_one(home: Home) -> None:
    create(home, "lang", RECORD)
    create(home, "lang-2", RECORD)
    with pytest.raises(InputError, match="a run named lang already") as caught:
        create(home, "lang", {})
    assert "lang-3" in caught.value.hint
    assert read_record(find(home, "lang"))["seed"] == 1
    assert entries(home) == ["lang", "lang-2"]


def test_of_many_who_take_a_name_at_once_one_gets_it(home: Home) -> None:
    """Two terminals started in the same second must not share a run."""

    def attempt(_: int) -> bool:
        try:
            create(home, "lang", RECORD)
        except InputError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1
    assert entries(home) == ["lang"]


def test_interrupted_creation_leaves_nothing_to_stumble_over(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between making the folder and its record must not break the list."""
    (home.runs / ".new-abc").mkdir(parents=True)
    (home.runs / "no-record").mkdir()
    (home.runs / "a-file").touch()
    assert names(home) == []
    with pytest.raises(NotFoundError):
        find(home, "no-record")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(runs, "write_json", full)
        with pytest.raises(StorageError, match="No space"):
            create(home, "lang", RECORD)
    assert entries(home) == [".new-abc", "a-file", "no-record"]
    for name in (".new-abc", "no-record"):
        os.utime(home.runs / name, (0, 0))
    create(home, "lang", RECORD)
    assert entries(home) == ["a-file", "lang", "no-record"]


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="Not a directory") as caught:
        create(find_home(tmp_path / "file"), "lang", RECORD)
    assert "MINIGPT_HOME" in caught.value.hint


def test_links_that_lead_elsewhere_are_no_runs(home: Home, tmp_path: Path) -> None:
    """Removing a run must not remove what a link points to."""
    run = create(home, "lang", RECORD)
    outside = tmp_path / "outside"
    run.folder.rename(outside)
    run.folder.symlink_to(outside)
    assert names(home) == []
    with pytest.raises(NotFoundError):
        find(home, "lang")


def test_an_unknown_name_names_the_nearest(home: Home) -> None:
    create(home, "lang", RECORD)
    with pytest.raises(NotFoundError, match="no run named 'Lnag'") as caught:
        find(home, "Lnag")
    assert "lang" in caught.value.hint


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("lang", "lang-3"),
        ("LANG", "LANG-3"),
        ("My Bücher!", "My-Bucher"),
        ("../../etc", "etc"),
        ("", "run"),
        ("红楼梦", "run"),
        ("x" * 99, "x" * 64),
    ],
)
def test_proposed_names(home: Home, base: str, expected: str) -> None:
    """Capitals count as small letters: some file systems do not tell them apart."""
    create(home, "Lang", RECORD)
    create(home, "lang-2", RECORD)
    assert propose_name(home, base) == expected


@given(base=st.text(max_size=100), used=st.integers(0, 12))
def test_proposed_names_are_free_and_good(base: str, used: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        taken: list[str] = []
        patch.setattr(runs, "_entries", lambda _: taken)
        for _ in range(used + 1):
            name = propose_name(find_home("/nowhere"), base)
            assert NAME.fullmatch(name)
            assert name not in taken
            taken.append(name)


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        ("{", DamagedError, "cannot be read"),
        ("{}", DamagedError, "no format number"),
        ('{"format": true}', DamagedError, "no format number"),
        ('{"format": 2}', InputError, "newer version"),
        ('{"format": 1, "seed": 0}', DamagedError, "lacks corpus, train, model"),
        (json.dumps({"format": 1, **RECORD, "corpus": {}}), DamagedError, "lacks corpus.name"),
        (json.dumps({"format": 1, **RECORD, "parent": "lang"}), DamagedError, "lacks parent"),
    ],
)
def test_records_that_cannot_be_used(
    home: Home, content: str, kind: type[Exception], message: str
) -> None:
    run = create(home, "lang", RECORD)
    run.record.write_text(content)
    with pytest.raises(kind, match=message):
        read_record(run)


def test_rename_keeps_everything(home: Home) -> None:
    run = create(home, "lang", RECORD)
    create(home, "taken", RECORD)
    EventLog(run.events).emit("finished", 3)
    renamed = rename(home, run, "words")
    assert names(home) == ["taken", "words"]
    assert (renamed.name, status_of(renamed)) == ("words", "finished")
    with pytest.raises(InputError, match="named taken already"):
        rename(home, renamed, "taken")
    assert names(home) == ["taken", "words"]


def test_delete_removes_everything(home: Home) -> None:
    run = create(home, "lang", RECORD)
    run.snapshot_weights(4).parent.mkdir(parents=True)
    run.snapshot_weights(4).touch()
    delete(home, run)
    assert entries(home) == []


def test_an_interrupted_removal_leaves_no_half_of_a_run(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create(home, "lang", RECORD)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            delete(home, run)
    assert names(home) == []
    (left,) = home.runs.iterdir()
    os.utime(left, (0, 0))
    create(home, "other", RECORD)
    assert entries(home) == ["other"]


def test_a_run_that_is_trained_is_neither_renamed_nor_removed(home: Home) -> None:
    """The trainer's working directory must stay where it is."""
    run, lock = create_held(home, "lang", RECORD)
    for action in (lambda: delete(home, run), lambda: rename(home, run, "other")):
        with pytest.raises(InputError, match="lang is being trained"):
            action()
    lock.release()
    # Trained on another machine: its lock is not to be seen here.
    EventLog(run.events).emit("started", 0, host="elsewhere", boot="other")
    for action in (lambda: delete(home, run), lambda: rename(home, run, "other")):
        with pytest.raises(InputError, match="lang is being trained"):
            action()
    assert names(home) == ["lang"]


def test_a_request_reaches_the_trainer(home: Home) -> None:
    run, lock = create_held(home, "lang", RECORD)
    id = request(run, "stop", reason="enough")
    with lock:
        (found,) = RequestReader(run.requests, lock.taken).read()
    assert (found.id, found.type, found.fields) == (id, "stop", {"reason": "enough"})


def test_a_copied_run_works_elsewhere(home: Home, tmp_path: Path) -> None:
    run = create(home, "lang", RECORD)
    EventLog(run.events).emit("finished", 3)
    other = find_home(tmp_path / "other")
    shutil.copytree(run.folder, other.runs / "copy")
    copied = find(other, "copy")
    assert (status_of(copied), read_record(copied)["seed"]) == ("finished", 1)


def test_lock_files_stay(home: Home) -> None:
    """A lock file removed and made anew could be held twice."""
    run = create(home, "lang", RECORD)
    inode = run.lock.stat().st_ino
    hold(run).release()
    assert run.lock.stat().st_ino == inode
    assert not locks.held(run.lock)


def test_record_is_plain_json(home: Home) -> None:
    run = create(home, "lang", {"text": "ü"})
    assert json.loads(run.record.read_text()) == files.read_json(run.record)
