"""Checkpoints, snapshots and the best weights of a run: host tensors in and out of files.

Whatever happens at whatever moment, a whole checkpoint stays: a new one is made out of sight,
read back, moved into place and only then named; the one before is kept. Knows no model and no
optimiser. Callers hold the run's lock; nothing here runs twice at a time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.errors import DamagedError, InputError, StorageError
from core.model.safetensors_io import Tensors, read_tensors, replace_tensors, write_tensors
from core.run.directory import CheckpointFiles, Run, numbered_folders
from core.system.files import (
    checksum,
    fsync_path,
    link_or_copy,
    open_regular_file,
    read_json,
    read_regular_file,
    remove_temporary_files,
    write_atomic,
    write_json,
)

FORMAT_VERSION = 1
NEW_PREFIX = ".new-"
OLD_PREFIX = ".old-"


@dataclass(frozen=True)
class Checkpoint:
    """Everything a resume needs.

    Attributes:
        step: updates done when it was made.
        model, optimizer: tensors on the host.
        state: the small state of the loop.
        skipped: why newer checkpoints were passed over, one sentence each.
    """

    step: int
    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    state: dict[str, Any]
    skipped: tuple[str, ...] = ()


def save(run: Run, step: int, model: Tensors, optimizer: Tensors, state: Mapping[str, Any]) -> int:
    """Saves a checkpoint and makes its weights the run's; bytes written.

    Args:
        model, optimizer: host tensors, contiguous, no two sharing memory.
        state: JSON values; numbers must be finite.

    Raises:
        StorageError: the disk is full or fails; the checkpoint before is whole and named.
    """
    with _storing(run, step, "checkpoint"):
        run.checkpoints.mkdir(exist_ok=True)
        _clean(run)
        before = _named(run)
        size = _make(run, step, model, optimizer, state)
        write_atomic(run.last_checkpoint, f"{step}\n".encode())
        link_or_copy(run.checkpoint(step).weights, run.weights)
        _remove_older(run, step, before)
    return size


def save_snapshot(run: Run, step: int, model: Tensors) -> int:
    """Keeps the weights of a step for looking back; bytes written.

    Raises:
        StorageError: they could not be written.
    """
    path = run.snapshot_weights(step)
    with _storing(run, step, "snapshot"):
        path.parent.mkdir(parents=True, exist_ok=True)
        return replace_tensors(path, model)


def save_best(run: Run, step: int, model: Tensors) -> int:
    """Replaces the best weights; bytes written.

    Raises:
        StorageError: they could not be written; those before are untouched.
    """
    with _storing(run, step, "best weights"):
        run.best_weights.parent.mkdir(exist_ok=True)
        return replace_tensors(run.best_weights, model)


def load(run: Run) -> Checkpoint | None:
    """The newest whole checkpoint; None if the run never saved one.

    Raises:
        DamagedError: there are checkpoints, and none can be read.
        InputError: a newer version of the program wrote the newest.
    """
    named, skipped = _named(run), []
    if named is None and numbered_folders(run.checkpoints):
        skipped.append(f"{run.last_checkpoint} is missing or damaged.")
    for files in _candidates(run, named):
        try:
            return _read(files, tuple(skipped))
        except DamagedError as error:
            skipped.append(error.message)
    if skipped:
        raise DamagedError(
            f"No checkpoint of the run {run.name} can be read.\n" + "\n".join(skipped),
            "Start the run anew; snapshots and best weights may still be whole.",
        )
    return None


def _read(files: CheckpointFiles, skipped: tuple[str, ...]) -> Checkpoint:
    problem = _problem(files)
    if problem:
        raise DamagedError(problem)
    state = _read_state(files)
    _compare(files, state.get("checksums"))
    model, optimizer = read_tensors(files.weights), read_tensors(files.optimizer)
    return Checkpoint(state["step"], model, optimizer, state["state"], skipped)


def _compare(files: CheckpointFiles, sums: Any) -> None:
    """Raises DamagedError for a file that is not as it was written."""
    if sums is None:
        return  # made before there were checksums
    for path in (files.weights, files.optimizer):
        if not isinstance(sums, dict) or sums.get(path.name) != checksum(path):
            raise DamagedError(f"{path} is not as it was written.")


def _make(run: Run, step: int, model: Tensors, optimizer: Tensors, state: Mapping[str, Any]) -> int:
    """A checkpoint, on the disk and read back, under its final name; its bytes."""
    new = run.checkpoint(f"{NEW_PREFIX}{step}")
    new.folder.mkdir()
    size = write_tensors(new.weights, model) + write_tensors(new.optimizer, optimizer)
    sums = {path.name: checksum(path) for path in (new.weights, new.optimizer)}
    about = {"format": FORMAT_VERSION, "step": step, "checksums": sums, "state": dict(state)}
    write_json(new.state, about)
    size += new.state.stat().st_size
    problem = _problem(new)
    if problem:
        raise OSError(problem)
    fsync_path(new.folder)
    final, old = run.checkpoint(step).folder, run.checkpoint(f"{OLD_PREFIX}{step}").folder
    if final.exists():
        # Saved at this step before: out of the way, but there until the new one is.
        shutil.rmtree(old, ignore_errors=True)
        final.rename(old)
    new.folder.rename(final)
    fsync_path(run.checkpoints)
    return size


def _problem(files: CheckpointFiles) -> str:
    """What is not whole in a checkpoint, without reading its tensors; empty if nothing."""
    try:
        state = _read_state(files)
        # The folder's name is the step, behind a prefix where it is being made or replaced.
        if str(state.get("step")) != files.folder.name.rpartition("-")[2]:
            return f"{files.state} lacks the step of its folder."
        if not isinstance(state["step"], int) or not isinstance(state.get("state"), dict):
            return f"{files.state} lacks the step or the state."
        for path in (files.weights, files.optimizer):
            # The library would wait for somebody who writes into a pipe.
            os.close(open_regular_file(path))
            # Opening compares the lengths in the header with that of the file.
            with safe_open(path, framework="pt"):
                pass
    except DamagedError as error:
        return error.message
    except (SafetensorError, OSError) as error:
        return f"{files.folder} is not whole: {error}"
    return ""


def _read_state(files: CheckpointFiles) -> dict[str, Any]:
    """The state of a checkpoint.

    Raises:
        DamagedError: it cannot be read.
        InputError: a newer version of the program wrote it. Nothing older is gone on from then:
            what was learnt since would be lost.
    """
    state = read_json(files.state)
    format = state.get("format")
    if not isinstance(format, int):
        raise DamagedError(f"{files.state} has no format number.")
    if format > FORMAT_VERSION:
        raise InputError(
            f"{files.state} was written by a newer version (format {format}; this version reads "
            f"up to {FORMAT_VERSION}).",
            "Update minigpt-tui.",
        )
    return state


def _named(run: Run) -> str | None:
    """The name in the file `last`; None if there is none that could be one."""
    try:
        name = read_regular_file(run.last_checkpoint).decode("ascii", "replace").strip()
    except (FileNotFoundError, DamagedError):
        return None
    return name if name.isascii() and name.isdigit() else None


def _candidates(run: Run, named: str | None) -> Iterator[CheckpointFiles]:
    """Checkpoints in the order in which to trust them: the one named, then newest first."""
    if named is not None:
        yield run.checkpoint(named)
        replaced = run.checkpoint(f"{OLD_PREFIX}{named}")
        if replaced.folder.is_dir():
            yield replaced
    for step in reversed(numbered_folders(run.checkpoints)):
        if str(step) != named:
            yield run.checkpoint(step)


def _remove_older(run: Run, step: int, before: str | None) -> None:
    """Removes all checkpoints but `step` and the newest whole one before it."""
    others = [str(other) for other in reversed(numbered_folders(run.checkpoints)) if other != step]
    earlier = [other for other in others if int(other) < step]
    earlier.sort(key=lambda other: other != before)
    kept = next((name for name in earlier if not _problem(run.checkpoint(name))), None)
    for name in others:
        if name != kept:
            shutil.rmtree(run.checkpoint(name).folder)
    for folder in run.checkpoints.glob(f"{OLD_PREFIX}*"):
        shutil.rmtree(folder)


def _clean(run: Run) -> None:
    """Removes what an interrupted save left half-made."""
    for folder in run.checkpoints.glob(f"{NEW_PREFIX}*"):
        shutil.rmtree(folder)
    remove_temporary_files(run.last_checkpoint)


@contextmanager
def _storing(run: Run, step: int, kind: str) -> Iterator[None]:
    """Turns a failing disk into one error in words, and takes half-made folders away."""
    try:
        yield
    except OSError as error:
        if kind == "checkpoint":
            _clean(run)
        reason = error.strerror or str(error)
        raise StorageError(
            f"The {kind} of step {step} of the run {run.name} could not be saved: {reason}.",
            "Make room on the disk and resume; what was saved before is whole.",
        ) from error
