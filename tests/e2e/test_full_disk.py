"""Disks that are full or read-only, with a real small file system where one can be mounted."""

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
from tests.support.runners import TINY, run, small_text, until
from tests.support.trainers_at_work import (
    asked,
    begin,
    clearing,
    differences,
    events_of,
    free,
    history_of,
    small_disk,
    trained,
)

pytestmark = pytest.mark.slow

SETTINGS = {"steps": 40, "eval_steps": 10, "batch_size": 8, "snapshots": False}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Home]:
    with (
        small_disk(tmp_path / "disk", "2m") as folder,
        clearing(find_home(folder / "home")) as home,
    ):
        yield home


def fill(home: Home, leave: int = 0) -> Path:
    """Takes all room there is but `leave` bytes; the file that takes it."""
    path = home.root.parent / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC
    os.truncate(path, path.stat().st_size - leave)
    return path


@pytest.mark.parametrize("leave", [0, 8192])
def test_a_disk_that_fills_up_while_training_costs_no_checkpoint(
    disk: Home, tmp_path: Path, leave: int
) -> None:
    text = small_text(tmp_path)
    one, lock = asked(disk, text, "full", steps=10**6, checkpoint_seconds=0.0, snapshots=False)
    begin(disk, one, lock)
    until(lambda: len(history_of(one).saves) > 4, "it saves")
    filler = fill(disk, leave)
    until(lambda: free(one), "it has ended")
    found, saved = checkpoint.load(one), history_of(one).checkpoint_step
    assert found
    assert saved is not None
    assert found.step >= saved
    assert found.skipped == ()
    assert status.status_of(one) in (status.FAILED, status.CRASHED)
    assert "Traceback" not in one.log.read_text()
    told = run(disk.root, "attach", "full")
    assert (told.returncode, "resume" in told.stderr) == (1, True)
    filler.unlink()
    done = run(disk.root, "resume", "full", "--steps", "20", "--json")
    assert done.returncode == 0, done.stderr
    assert status.status_of(one) == status.FINISHED
    assert history_of(one).step == found.step + 20


def test_a_disk_that_is_full_before_there_are_tokens(disk: Home, tmp_path: Path) -> None:
    text = tmp_path / "long.txt"
    text.write_text("".join(f"line {i % 97} says {i % 601}\n" for i in range(20_000)))
    one, lock = asked(disk, text, "full", steps=5, eval_steps=None, batch_size=4)
    filler = fill(disk, 100_000)
    begin(disk, one, lock)
    until(lambda: free(one), "it has ended")
    assert status.status_of(one) == status.FAILED
    assert "tokens could not be written" in str(events_of(one)[-1].text("message"))
    assert not list((disk.cache / "tokens").iterdir()), "nothing half-made takes the room"
    filler.unlink()
    done = run(disk.root, "resume", "full")
    assert done.returncode == 0, done.stderr


def test_a_full_disk_makes_no_run(disk: Home, tmp_path: Path) -> None:
    text = small_text(tmp_path)
    fill(disk)
    for more in ([], ["--detach"], ["--foreground"]):
        done = run(disk.root, "train", str(text), *TINY, *more)
        assert done.returncode == 1
        assert "No space left" in done.stderr
        assert "Traceback" not in done.stderr
    assert store.list_runs(disk) == []


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)


def test_a_read_only_disk_is_said_and_can_be_read(disk: Home, tmp_path: Path) -> None:
    text = small_text(tmp_path)
    one, lock = asked(disk, text, "pets", **SETTINGS)
    trained(disk, one, lock)
    with read_only(disk.root.parent):
        for line in (
            ["resume", "pets", "--steps", "5"],
            ["train", str(text)],
            ["rm", "pets", "--yes"],
        ):
            done = run(disk.root, *line)
            assert done.returncode == 1, done.stderr
            assert "Read-only file system" in done.stderr
            assert "Traceback" not in done.stderr
        for line in (["ls"], ["attach", "pets"], ["generate", "pets", "the"]):
            done = run(disk.root, *line)
            assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert run(disk.root, "resume", "pets", "--steps", "5").returncode == 0


Made = tuple[Home, Path, Run]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A home, a text, and a run on it that nothing happened to."""
    folder = tmp_path_factory.mktemp("disk")
    home, text = find_home(folder / "home"), small_text(folder)
    whole, lock = asked(home, text, "whole", **SETTINGS)
    trained(home, whole, lock)
    return home, text, whole


def broken(number: int) -> Callable[..., Any]:
    """A function of the system that the disk no longer carries out."""

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
def test_a_disk_that_gives_up_fails_the_run_and_keeps_the_checkpoint(
    made: Made, monkeypatch: pytest.MonkeyPatch, number: int, what: str
) -> None:
    home, text, whole = made
    one, lock = asked(home, text, f"{what}-{number}", **SETTINGS)
    saves = iter(range(100))
    owner, name = {
        "weights": (checkpoint, "write_tensors"),
        "last": (checkpoint, "write_atomic"),
        "best": (checkpoint, "replace_tensors"),
    }[what]
    real = getattr(owner, name)

    def sometimes(*rest: Any) -> Any:
        return (real if next(saves) < 2 else broken(number))(*rest)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, sometimes)
        told = trained(home, one, lock)
    assert told[-1].type == FAILED
    assert os.strerror(number) in str(told[-1].text("message"))
    found = checkpoint.load(one)
    assert found
    assert found.skipped == ()
    assert found.step == told[-1].whole("saved_step") >= 10
    assert trained(home, one)[-1].type == FINISHED
    assert differences(whole, one) == []


def test_events_that_cannot_be_kept_end_the_run_at_once(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could see it train on; and a half-written line does not spoil the next."""
    home, text, whole = made
    one, lock = asked(home, text, "mute", **SETTINGS)
    written = iter(range(1000))

    def torn(descriptor: int, data: bytes) -> None:
        if next(written) < 20:
            write_all(descriptor, data)
            return
        os.write(descriptor, data[:10])
        broken(errno.ENOSPC)()

    with monkeypatch.context() as patch:
        patch.setattr(event_log, "write_all", torn)
        with pytest.raises(StorageError, match="could not be kept"):
            trained(home, one, lock)
    assert free(one)
    assert status.status_of(one) == status.CRASHED
    assert history_of(one).checkpoint_step, "some of it was done"
    assert trained(home, one)[-1].type == FINISHED
    assert differences(whole, one) == []
    assert history_of(one).val_loss.steps == history_of(whole).val_loss.steps


def test_what_does_not_read_back_is_never_called_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that takes everything and keeps something else."""
    home, text = find_home(tmp_path / "home"), small_text(tmp_path)
    one, lock = asked(home, text, "bad", **SETTINGS)
    save_file = safetensors_io.save_file

    def spoil(tensors: Any, path: Path, metadata: dict[str, str]) -> None:
        save_file(tensors, path, metadata)
        data = path.read_bytes()
        path.write_bytes(data[:-8] + bytes(7) + b"1")

    monkeypatch.setattr(safetensors_io, "save_file", spoil)
    told = trained(home, one, lock)
    assert "saved" not in {event.type for event in told}
    assert (told[-1].type, told[-1].text("title")) == (FAILED, StorageError.title)
    assert "does not read back" in str(told[-1].text("message"))
    assert checkpoint.load(one) is None
    assert not list(one.checkpoints.iterdir()), "nothing half-made is left"
