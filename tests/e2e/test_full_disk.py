"""Full and read-only disks, on a small file system where one can be mounted."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.errors import StorageError
from core.model import safetensors_io
from core.paths import Home, find_home
from core.run import event_log, status, store
from core.run.directory import Run
from core.run.events import FAILED, FINISHED
from core.system.line_files import write_all
from core.train import checkpoint
from tests.support.real_trainers import (
    create_held_run,
    find_differences,
    is_free,
    load_events,
    load_history,
    mounted_disk,
    start_trainer,
    train_here,
    trainers_killed_at_end,
)
from tests.support.runners import TINY, run, small_text
from tests.support.wait import wait_until

pytestmark = pytest.mark.slow

SETTINGS = {"steps": 40, "eval_steps": 10, "batch_size": 8, "snapshots": False}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Home]:
    with (
        mounted_disk(tmp_path / "disk", "2m") as folder,
        trainers_killed_at_end(find_home(folder / "home")) as home,
    ):
        yield home


def fill(home: Home, free_bytes: int = 0) -> Path:
    """Fill the disk but for `free_bytes` bytes; return the file that does it."""
    path = home.root.parent / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC
    os.truncate(path, path.stat().st_size - free_bytes)
    return path


@pytest.mark.parametrize("free_bytes", [0, 8192])
def test_a_disk_that_fills_up_during_training_destroys_no_checkpoint(
    disk: Home, tmp_path: Path, free_bytes: int
) -> None:
    text = small_text(tmp_path)
    one_run, lock = create_held_run(
        disk, text, "full", steps=10**6, checkpoint_seconds=0.0, snapshots=False
    )
    start_trainer(disk, one_run, lock)
    wait_until(lambda: len(load_history(one_run).saves) > 4, "it has saved checkpoints")
    filler_file = fill(disk, free_bytes)
    wait_until(lambda: is_free(one_run), "the trainer has exited")
    loaded, saved = checkpoint.load_checkpoint(one_run), load_history(one_run).checkpoint_step
    assert loaded
    assert saved is not None
    assert loaded.step >= saved
    assert loaded.skipped == ()
    assert status.status_of(one_run) in (status.FAILED, status.CRASHED)
    assert "Traceback" not in one_run.log.read_text()
    attached = run(disk.root, "attach", "full")
    assert (attached.returncode, "resume" in attached.stderr) == (1, True)
    filler_file.unlink()
    process = run(disk.root, "resume", "full", "--steps", "20", "--json")
    assert process.returncode == 0, process.stderr
    assert status.status_of(one_run) == status.FINISHED
    assert load_history(one_run).step == loaded.step + 20


def test_a_disk_that_fills_up_while_tokenizing(disk: Home, tmp_path: Path) -> None:
    text = tmp_path / "long.txt"
    text.write_text("".join(f"line {i % 97} says {i % 601}\n" for i in range(20_000)))
    one_run, lock = create_held_run(disk, text, "full", steps=5, eval_steps=None, batch_size=4)
    filler_file = fill(disk, 100_000)
    start_trainer(disk, one_run, lock)
    wait_until(lambda: is_free(one_run), "the trainer has exited")
    assert status.status_of(one_run) == status.FAILED
    assert "tokens could not be written" in str(load_events(one_run)[-1].text("message"))
    assert not list((disk.cache / "tokens").iterdir()), "no partial files remain"
    filler_file.unlink()
    process = run(disk.root, "resume", "full")
    assert process.returncode == 0, process.stderr


def test_no_run_is_created_on_a_full_disk(disk: Home, tmp_path: Path) -> None:
    text = small_text(tmp_path)
    fill(disk)
    for more in ([], ["--detach"], ["--foreground"]):
        process = run(disk.root, "train", str(text), *TINY, *more)
        assert process.returncode == 1
        assert "No space left" in process.stderr
        assert "Traceback" not in process.stderr
    assert store.list_runs(disk) == []


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)


def test_runs_on_a_read_only_disk_can_be_used_but_not_changed(disk: Home, tmp_path: Path) -> None:
    text = small_text(tmp_path)
    one_run, lock = create_held_run(disk, text, "pets", **SETTINGS)
    train_here(disk, one_run, lock)
    with read_only(disk.root.parent):
        for line in (
            ["resume", "pets", "--steps", "5"],
            ["train", str(text)],
            ["rm", "pets", "--yes"],
        ):
            process = run(disk.root, *line)
            assert process.returncode == 1, process.stderr
            assert "Read-only file system" in process.stderr
            assert "Traceback" not in process.stderr
        for line in (["ls"], ["attach", "pets"], ["generate", "pets", "the"]):
            process = run(disk.root, *line)
            assert (process.returncode, "Traceback" in process.stderr) == (0, False), process.stderr
    assert run(disk.root, "resume", "pets", "--steps", "5").returncode == 0


FinishedRun = tuple[Home, Path, Run]


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A home, a text, and a finished run on it."""
    folder = tmp_path_factory.mktemp("disk")
    home, text = find_home(folder / "home"), small_text(folder)
    whole, lock = create_held_run(home, text, "whole", **SETTINGS)
    train_here(home, whole, lock)
    return home, text, whole


def failing_function(number: int) -> Callable[..., Any]:
    """A function that raises an OSError with this number."""

    def fail(*_: object, **__: object) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("weights", errno.ENOSPC),
        ("last", errno.EDQUOT),
        ("best", errno.ENOSPC),
        ("weights", errno.EROFS),
        ("last", errno.EIO),
    ],
)
def test_a_write_error_fails_the_run_and_keeps_the_last_checkpoint(
    finished_run: FinishedRun, monkeypatch: pytest.MonkeyPatch, number: int, what: str
) -> None:
    home, text, whole = finished_run
    one_run, lock = create_held_run(home, text, f"{what}-{number}", **SETTINGS)
    calls = iter(range(100))
    owner, name = {
        "weights": (checkpoint, "write_tensors"),
        "last": (checkpoint, "write_atomic"),
        "best": (checkpoint, "replace_tensors"),
    }[what]
    real = getattr(owner, name)

    def fail_later(*rest: Any) -> Any:
        return (real if next(calls) < 2 else failing_function(number))(*rest)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fail_later)
        run_events = train_here(home, one_run, lock)
    assert run_events[-1].type == FAILED
    assert os.strerror(number) in str(run_events[-1].text("message"))
    loaded = checkpoint.load_checkpoint(one_run)
    assert loaded
    assert loaded.skipped == ()
    assert loaded.step == run_events[-1].whole("saved_step") >= 10
    assert train_here(home, one_run)[-1].type == FINISHED
    assert find_differences(whole, one_run) == []


def test_a_run_that_cannot_write_events_ends_at_once(
    finished_run: FinishedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its training could not be watched; and a partial line must not spoil the next."""
    home, text, whole = finished_run
    one_run, lock = create_held_run(home, text, "mute", **SETTINGS)
    writes = iter(range(1000))

    def write_torn(descriptor: int, data: bytes) -> None:
        if next(writes) < 20:
            write_all(descriptor, data)
            return
        os.write(descriptor, data[:10])
        failing_function(errno.ENOSPC)()

    with monkeypatch.context() as patch:
        patch.setattr(event_log, "write_all", write_torn)
        with pytest.raises(StorageError, match="could not be written"):
            train_here(home, one_run, lock)
    assert is_free(one_run)
    assert status.status_of(one_run) == status.CRASHED
    assert load_history(one_run).checkpoint_step, "it has saved checkpoints"
    assert train_here(home, one_run)[-1].type == FINISHED
    assert find_differences(whole, one_run) == []
    assert load_history(one_run).val_loss.steps == load_history(whole).val_loss.steps


def test_a_checkpoint_that_does_not_read_back_is_not_reported_as_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detects a disk that stores something else than was written."""
    home, text = find_home(tmp_path / "home"), small_text(tmp_path)
    one_run, lock = create_held_run(home, text, "bad", **SETTINGS)
    save_file = safetensors_io.save_file

    def corrupt(tensors: Any, path: Path, metadata: dict[str, str]) -> None:
        save_file(tensors, path, metadata)
        data = path.read_bytes()
        path.write_bytes(data[:-8] + bytes(7) + b"1")

    monkeypatch.setattr(safetensors_io, "save_file", corrupt)
    run_events = train_here(home, one_run, lock)
    assert "saved" not in {event.type for event in run_events}
    assert (run_events[-1].type, run_events[-1].text("title")) == (FAILED, StorageError.title)
    assert "does not read back" in str(run_events[-1].text("message"))
    assert checkpoint.load_checkpoint(one_run) is None
    assert not list(one_run.checkpoints.iterdir()), "no partial files remain"
