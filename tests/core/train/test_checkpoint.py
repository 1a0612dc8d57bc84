"""Checkpoints: a whole one exists at every moment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from core.errors import DamagedError, StorageError
from core.model import safetensors_io
from core.model.safetensors_io import read_tensors
from core.run.directory import Run
from core.train import checkpoint
from core.train.checkpoint import load_checkpoint, save_best, save_checkpoint, save_snapshot


@pytest.fixture
def run(tmp_path: Path) -> Run:
    folder = tmp_path / "lang"
    folder.mkdir()
    return Run(folder)


def model(step: int, size: int = 3) -> dict[str, Tensor]:
    return {"w": torch.full((size,), float(step)), "b": torch.zeros(2, dtype=torch.bfloat16)}


def state(step: int) -> dict[str, Any]:
    return {"epoch": step / 3, "best": None, "text": "ü", "seed": 2**63 - 1}


def put(run: Run, step: int, size: int = 3) -> int:
    return save_checkpoint(
        run, step, model(step, size), {"m": torch.full((2,), step * 2.0)}, state(step)
    )


def folders(run: Run) -> list[str]:
    return sorted(entry.name for entry in run.checkpoints.iterdir() if entry.is_dir())


def load_and_check(run: Run) -> tuple[int, tuple[str, ...]]:
    """The step of the newest checkpoint and what was skipped; its contents are checked."""
    newest = load_checkpoint(run)
    assert newest
    assert torch.equal(newest.model["w"], torch.full_like(newest.model["w"], float(newest.step)))
    assert newest.model["b"].dtype == torch.bfloat16
    assert torch.equal(newest.optimizer["m"], torch.full((2,), newest.step * 2.0))
    assert newest.state == state(newest.step)
    return newest.step, newest.skipped


def test_a_saved_checkpoint_can_be_loaded(run: Run) -> None:
    assert load_checkpoint(run) is None
    size = put(run, 5)
    assert load_and_check(run) == (5, ())
    assert run.last_checkpoint.read_text() == "5\n"
    assert size == sum(path.stat().st_size for path in run.checkpoint(5).folder.iterdir())


def test_only_the_checkpoint_before_is_kept(run: Run) -> None:
    for step in (5, 10, 100):
        put(run, step)
    assert folders(run) == ["10", "100"]
    assert sorted(entry.name for entry in run.folder.iterdir()) == [
        "checkpoint",
        "model.safetensors",
    ]


@pytest.mark.parametrize("links", [True, False])
def test_the_run_has_the_newest_weights(
    run: Run, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hard link to the same file where possible: weights are not stored twice."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    for step in (5, 10):
        put(run, step)
        assert torch.equal(read_tensors(run.weights)["w"], model(step)["w"])
        assert run.weights.samefile(run.checkpoint(step).weights) is links


def test_saving_the_same_step_again_replaces_the_checkpoint(run: Run) -> None:
    """It happens at a stop right after a checkpoint, or when a setting changes after a resume."""
    put(run, 5)
    put(run, 10)
    save_checkpoint(run, 10, model(10), {"m": torch.full((2,), 20.0)}, {"again": True})
    newest = load_checkpoint(run)
    assert newest
    assert (newest.step, newest.state) == (10, {"again": True})
    assert folders(run) == ["10", "5"]


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("how", ["cut", "empty", "gone"])
def test_a_damaged_checkpoint_is_skipped_and_reported(run: Run, name: str, how: str) -> None:
    put(run, 5)
    put(run, 10)
    path = run.checkpoint(10).folder / name
    if how == "gone":
        path.unlink()
    else:
        os.truncate(path, 0 if how == "empty" else path.stat().st_size - 2)
    step, (message,) = load_and_check(run)
    assert step == 5
    assert str(run.checkpoint(10).folder) in message
    # The next save keeps the good one and removes the damaged one.
    put(run, 7)
    assert folders(run) == ["5", "7"]
    assert load_and_check(run) == (7, ())


@pytest.mark.parametrize("content", [None, b"", b"../../etc", b"\xff\xff", "²".encode()])
def test_without_the_file_last_the_newest_whole_checkpoint_is_loaded(
    run: Run, content: bytes | None
) -> None:
    put(run, 9)
    put(run, 10)
    run.last_checkpoint.unlink()
    if content is not None:
        run.last_checkpoint.write_bytes(content)
    step, (message,) = load_and_check(run)
    assert step == 10
    assert "missing or damaged" in message


def test_a_missing_folder_is_skipped_and_reported(run: Run) -> None:
    put(run, 5)
    run.last_checkpoint.write_text("6\n")
    step, (message,) = load_and_check(run)
    assert step == 5
    assert str(run.checkpoint(6).folder) in message


def test_the_error_names_every_checkpoint_if_none_is_whole(run: Run) -> None:
    put(run, 5)
    put(run, 10)
    for step in (5, 10):
        run.checkpoint(step).state.write_text('{"step": 1}')
    with pytest.raises(DamagedError, match="lang can be read") as caught:
        load_checkpoint(run)
    assert all(str(run.checkpoint(step).state) in caught.value.message for step in (5, 10))


def test_unfinished_folders_are_ignored_and_removed_by_the_next_save(run: Run) -> None:
    put(run, 5)
    half = run.checkpoint(".new-10").folder
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    assert load_and_check(run) == (5, ())
    put(run, 10)
    assert folders(run) == ["10", "5"]


@pytest.mark.parametrize("fails", ["model", "optimizer", "state"])
def test_on_a_full_disk_the_checkpoint_before_stays(
    run: Run, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(run, 5)
    before = run.weights.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    def full_from(path: Path, *rest: Any) -> int:
        if fails in path.name:
            full()
        return safetensors_io.write_tensors(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_tensors", full_from)
        if fails == "state":
            patch.setattr(checkpoint, "write_json", full)
        with pytest.raises(StorageError, match=r"step 10 of the run lang .* No space") as caught:
            put(run, 10)
    assert "Free disk space" in caught.value.hint
    assert folders(run) == ["5"]
    assert load_and_check(run) == (5, ())
    assert run.weights.read_bytes() == before
    put(run, 10)
    assert load_and_check(run) == (10, ())


def test_a_file_that_does_not_read_back_is_not_a_checkpoint(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(run, 5)
    save_file = safetensors_io.save_file

    def lose_the_end(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
        save_file(tensors, path, metadata)
        os.truncate(path, path.stat().st_size - 1)

    monkeypatch.setattr(safetensors_io, "save_file", lose_the_end)
    with pytest.raises(StorageError, match="does not read back"):
        put(run, 10)
    assert load_and_check(run) == (5, ())


def test_numbers_that_are_not_finite_are_refused_in_the_state(run: Run) -> None:
    with pytest.raises(ValueError, match="JSON"):
        save_checkpoint(run, 1, model(1), {}, {"best": float("inf")})
    assert load_checkpoint(run) is None


def test_best_weights_and_snapshots_are_saved_beside_checkpoints(run: Run) -> None:
    put(run, 5)
    assert save_best(run, 4, model(4)) == run.best_weights.stat().st_size
    save_best(run, 6, model(6))
    save_snapshot(run, 4, model(4))
    save_snapshot(run, 0, model(0))
    assert torch.equal(read_tensors(run.best_weights)["w"], model(6)["w"])
    assert run.snapshot_steps() == [0, 4]
    assert torch.equal(read_tensors(run.snapshot_weights(4))["w"], model(4)["w"])
    assert load_and_check(run) == (5, ())


KILL = """
import os, sys
from pathlib import Path
import torch
from core.train.checkpoint import load_checkpoint, save_checkpoint
from core.run.directory import Run
from core.model.safetensors_io import read_tensors

OPERATIONS = {"open", "os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir"}

def put(run, step, value):
    weights, moments = {"w": torch.full((3,), value)}, {"m": torch.full((2,), value)}
    save_checkpoint(run, step, weights, moments, {"v": value})

def die_at(number):
    def hook(event, _):
        nonlocal number
        if event in OPERATIONS:
            number -= 1
            if number < 0:
                os._exit(9)
    sys.addaudithook(hook)

def attempt(run, step, number):
    child = os.fork()
    if child == 0:
        die_at(number)
        put(run, step, 3.0)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def check(run):
    newest = load_checkpoint(run)
    value = newest.state["v"]
    assert value in (2.0, 3.0), newest
    assert torch.equal(newest.model["w"], torch.full((3,), value))
    assert torch.equal(newest.optimizer["m"], torch.full((2,), value))
    read_tensors(run.weights)
    return value

def kill_everywhere(root, step):
    number = 0
    seen = []
    while True:
        run = Run(root / f"{step}-{number}")
        run.folder.mkdir()
        put(run, 1, 1.0)
        put(run, 2, 2.0)
        code = attempt(run, step, number)
        seen.append(check(run))
        put(run, 4, 4.0)
        assert load_checkpoint(run).skipped == (), load_checkpoint(run)
        left = sorted(path.name for path in run.checkpoints.iterdir())
        assert len(left) == 3 and left[1:] == ["4", "last"], left
        left = sorted(path.name for path in run.folder.iterdir())
        assert left == ["checkpoint", "model.safetensors"], left
        if code == 0:
            break
        number += 1
    assert seen == sorted(seen) and set(seen) == {2.0, 3.0}, seen
    assert number > 10, number

for step in (3, 2):
    kill_everywhere(Path(sys.argv[1]), step)
"""


def test_a_process_killed_at_any_moment_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    """Killed before each of its file operations in turn, saving a new step or an old one again.

    The checkpoint before or the new one can be loaded, and the next save removes the rest.
    """
    command = [sys.executable, "-c", KILL, str(tmp_path)]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
