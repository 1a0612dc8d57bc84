"""The folder of runs: creating, finding, locking and deleting them."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from core.errors import DamagedError, InputError, NotFoundError, StorageError
from core.paths import Home, find_home
from core.run import store
from core.run.control_file import RequestReader
from core.run.event_log import EventLog
from core.run.record import read_record
from core.run.status import status_of
from core.run.store import (
    create_locked_run,
    delete_run,
    find_run,
    lock_run,
    rename_run,
    send_request,
)
from core.system import locks
from tests.support.runs import folder_entries, make_run, run_names, run_record


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


def test_a_new_run_is_private_and_has_its_record(home: Home) -> None:
    run = make_run(home, "lang")
    assert run.folder == home.runs / "lang"
    assert run.folder.stat().st_mode & 0o777 == 0o700
    record = read_record(run)
    assert record == {"format": 1, "created": record["created"], **run_record()}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", record["created"])
    assert str(home.root) not in run.record.read_text()
    assert find_run(home, "lang") == run
    assert run_names(home) == ["lang"]


def test_a_new_run_never_looks_crashed(home: Home) -> None:
    """The launcher holds the lock before the run becomes visible."""
    run, lock = create_locked_run(home, "lang", run_record())
    assert status_of(run) == "starting"
    with pytest.raises(InputError, match="being trained"):
        lock_run(run)
    lock.release()
    assert status_of(run) == "crashed"


def test_an_interrupted_creation_is_not_listed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between making the folder and its record must not break the list."""
    (home.runs / ".new-abc").mkdir(parents=True)
    (home.runs / "no-record").mkdir()
    (home.runs / "a-file").touch()
    assert run_names(home) == []
    with pytest.raises(NotFoundError):
        find_run(home, "no-record")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write_json", full)
        with pytest.raises(StorageError, match="No space"):
            make_run(home, "lang")
    assert folder_entries(home) == [".new-abc", "a-file", "no-record"]
    for name in (".new-abc", "no-record"):
        os.utime(home.runs / name, (0, 0))
    make_run(home, "lang")
    assert folder_entries(home) == ["a-file", "lang", "no-record"]


def test_an_unwritable_home_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="Not a directory") as caught:
        make_run(find_home(tmp_path / "file"), "lang", run_record())
    assert "MINIGPT_HOME" in caught.value.hint


def test_links_are_not_runs(home: Home, tmp_path: Path) -> None:
    """Deleting a run must not delete the target of a link."""
    run = make_run(home, "lang")
    outside = tmp_path / "outside"
    run.folder.rename(outside)
    run.folder.symlink_to(outside)
    assert run_names(home) == []
    with pytest.raises(NotFoundError):
        find_run(home, "lang")


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        ("{", DamagedError, "cannot be read"),
        ("{}", DamagedError, "no format number"),
        ('{"format": true}', DamagedError, "no format number"),
        ('{"format": 2}', InputError, "newer version"),
        ('{"format": 1, "seed": 0}', DamagedError, "no valid corpus, train, model"),
        (
            json.dumps({"format": 1, **run_record(), "corpus": {}}),
            DamagedError,
            "no valid corpus.name",
        ),
        (
            json.dumps({"format": 1, **run_record(), "parent": "lang"}),
            DamagedError,
            "no valid parent",
        ),
    ],
)
def test_unusable_records_are_refused(
    home: Home, content: str, kind: type[Exception], message: str
) -> None:
    run = make_run(home, "lang")
    run.record.write_text(content)
    with pytest.raises(kind, match=message):
        read_record(run)


def test_deleting_removes_everything(home: Home) -> None:
    run = make_run(home, "lang")
    run.snapshot_weights(4).parent.mkdir(parents=True)
    run.snapshot_weights(4).touch()
    delete_run(home, run)
    assert folder_entries(home) == []


def test_an_interrupted_deletion_leaves_no_half_of_a_run(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(home, "lang")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            delete_run(home, run)
    assert run_names(home) == []
    (left,) = home.runs.iterdir()
    os.utime(left, (0, 0))
    make_run(home, "other")
    assert folder_entries(home) == ["other"]


def test_a_run_in_training_is_neither_renamed_nor_deleted(home: Home) -> None:
    """The trainer's working directory must stay where it is."""
    run, lock = create_locked_run(home, "lang", run_record())
    for action in (lambda: delete_run(home, run), lambda: rename_run(home, run, "other")):
        with pytest.raises(InputError, match="lang is being trained"):
            action()
    lock.release()
    # Trained on another machine: its lock is not visible here.
    EventLog(run.events).emit("started", 0, host="elsewhere", boot="other")
    for action in (lambda: delete_run(home, run), lambda: rename_run(home, run, "other")):
        with pytest.raises(InputError, match="lang is being trained"):
            action()
    assert run_names(home) == ["lang"]


def test_a_request_reaches_the_trainer(home: Home) -> None:
    run, lock = create_locked_run(home, "lang", run_record())
    id = send_request(run, "stop", reason="enough")
    with lock:
        (found,) = RequestReader(run.requests).read()
    assert (found.id, found.type, found.fields) == (id, "stop", {"reason": "enough"})


def test_a_copied_run_works_elsewhere(home: Home, tmp_path: Path) -> None:
    run = make_run(home, "lang")
    EventLog(run.events).emit("finished", 3)
    other = find_home(tmp_path / "other")
    shutil.copytree(run.folder, other.runs / "copy")
    copied = find_run(other, "copy")
    assert (status_of(copied), read_record(copied)["seed"]) == ("finished", 1)


def test_lock_files_stay(home: Home) -> None:
    """A lock file that is deleted and recreated could be held twice."""
    run = make_run(home, "lang")
    inode = run.lock.stat().st_ino
    lock_run(run).release()
    assert run.lock.stat().st_ino == inode
    assert not locks.is_held(run.lock)


def test_record_is_plain_json(home: Home) -> None:
    """Other programs read it as UTF-8, whatever the locale."""
    run = make_run(home, "lang", {**run_record(), "text": "ü"})
    stored = json.loads(run.record.read_bytes().decode("utf-8"))
    assert stored == read_record(run)
    assert (stored["text"], stored["corpus"]) == ("ü", run_record()["corpus"])
