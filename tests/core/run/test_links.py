"""A run copied from elsewhere: nothing outside it is written, created, locked or deleted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.config.configs import Extension
from core.errors import StorageError
from core.paths import Home, find_home
from core.run import launch, store
from core.run.directory import Run
from core.run.event_log import EventLog
from core.run.resume import lock_for_resume
from core.system.locks import acquire
from core.train import checkpoint
from tests.support.runs import make_run, write_event
from tui.chat.record import append_line

WRITTEN = ("events.jsonl", "requests.jsonl", "trainer.log", "trainer.lock", "writer.lock")
FOLDERS = ("checkpoint", "snapshots", "best", "snapshots/5", "checkpoint/3")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


@pytest.fixture
def run(home: Home) -> Run:
    run = make_run(home)
    write_event(run, "stopped", 3)
    return run


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with a file, which no test may change."""
    folder = tmp_path / "outside"
    (folder / "1").mkdir(parents=True)
    (folder / "file").write_text("mine")
    return folder


def contents(folder: Path) -> dict[str, str | None]:
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def replace_by_link(path: Path, target: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


@pytest.mark.parametrize("target", ["file", "missing"])
@pytest.mark.parametrize("name", WRITTEN)
def test_resuming_is_refused_in_words_where_a_written_file_is_a_link(
    home: Home, run: Run, outside: Path, name: str, target: str
) -> None:
    replace_by_link(run.folder / name, outside / target)
    before = contents(outside), os.lstat(run.lock).st_mtime_ns if name != "trainer.lock" else 0
    with pytest.raises(StorageError, match=rf"{name}: Is a symbolic link"):
        lock_for_resume(home, run, Extension())
    assert contents(outside) == before[0]
    if name != "trainer.lock":
        assert os.lstat(run.lock).st_mtime_ns == before[1]


@pytest.mark.parametrize("name", FOLDERS)
def test_resuming_is_refused_in_words_where_a_folder_of_a_run_is_a_link(
    home: Home, run: Run, outside: Path, name: str
) -> None:
    replace_by_link(run.folder / name, outside)
    with pytest.raises(StorageError, match=rf"{name}: Is a symbolic link"):
        lock_for_resume(home, run, Extension())


@pytest.mark.parametrize("target", ["file", "missing"])
def test_each_way_to_write_to_a_run_refuses_links(
    home: Home, run: Run, outside: Path, target: str
) -> None:
    link = run.folder / "link"
    writers: list[Callable[[], object]] = [
        lambda: append_line(link, {"text": "$(id)"}),
        lambda: EventLog(link),
        lambda: acquire(link),
    ]
    before = contents(outside)
    replace_by_link(link, outside / target)
    replace_by_link(run.log, outside / target)
    replace_by_link(run.requests, outside / target)
    lock = store.lock_run(run)
    writers.append(lambda: store.send_request(run, "stop"))
    writers.append(lambda: launch.start(home, run, lock))
    for write in writers:
        with pytest.raises((OSError, StorageError), match="symbolic link"):
            write()
    assert contents(outside) == before


@pytest.mark.parametrize("name", ["checkpoint", "snapshots", "snapshots/2", "best"])
def test_weights_are_not_saved_through_a_link(run: Run, outside: Path, name: str) -> None:
    replace_by_link(run.folder / name, outside)
    before = contents(outside)
    save = {
        "checkpoint": lambda: checkpoint.save_checkpoint(run, 2, {}, {}, {}),
        "best": lambda: checkpoint.save_best(run, 2, {}),
    }.get(name, lambda: checkpoint.save_snapshot(run, 2, {}))
    with pytest.raises(StorageError, match="Is a symbolic link"):
        save()
    assert contents(outside) == before


def test_weights_are_not_written_through_a_link_named_like_a_temporary_file(
    run: Run, outside: Path
) -> None:
    replace_by_link(run.best_weights.with_name(".model.safetensors.tmp"), outside / "file")
    checkpoint.save_best(run, 2, {})
    assert (outside / "file").read_text() == "mine"
    assert not run.best_weights.is_symlink()


@pytest.mark.parametrize("name", ["trainer.log", "trainer.lock", "requests.jsonl", "events.jsonl"])
def test_a_pipe_in_place_of_a_file_is_refused_at_once(home: Home, run: Run, name: str) -> None:
    (run.folder / name).unlink(missing_ok=True)
    os.mkfifo(run.folder / name)
    began = time.monotonic()
    with pytest.raises(StorageError, match=rf"{name}: Not a regular file"):
        lock_for_resume(home, run, Extension())
    assert time.monotonic() - began < 1


def test_a_run_with_a_linked_lock_can_be_deleted(home: Home, run: Run, outside: Path) -> None:
    before = contents(outside)
    replace_by_link(run.lock, outside / "file")
    replace_by_link(run.checkpoints, outside)
    store.delete_run(home, run)
    assert not run.folder.exists()
    assert contents(outside) == before
