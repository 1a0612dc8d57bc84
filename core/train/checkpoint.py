"""Checkpoints, snapshots and best weights of a run on disk.

At every moment a whole checkpoint exists: a new one is written to a hidden folder, read back,
renamed into place and only then named in the file `last`; the one before is kept. Callers hold the
run's lock and make one call at a time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from core.errors import DamagedError, StorageError
from core.model.safetensors_io import Tensors, read_tensors, replace_tensors, write_tensors
from core.run.checkpoint_files import (
    FORMAT_VERSION,
    NEW_PREFIX,
    OLD_PREFIX,
    find_problem,
    read_last_step,
    read_newest,
    read_state,
)
from core.run.directory import CheckpointFiles, Run, numbered_folders
from core.system.files import (
    FOLDER_MODE,
    JsonObject,
    checksum,
    fsync_path,
    link_or_copy,
    make_plain_folder,
    remove_temporary_files,
    write_atomic,
    write_json,
)


@dataclass(frozen=True)
class Checkpoint:
    """All that a resume needs.

    Attributes:
        step: updates done.
        model, optimizer: tensors on the host.
        state: settings and the small state of the training loop, see `core.train.state`.
        skipped: why newer checkpoints could not be used, one sentence each.
    """

    step: int
    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    state: JsonObject
    skipped: tuple[str, ...] = ()


def save_checkpoint(
    run: Run, step: int, model: Tensors, optimizer: Tensors, state: Mapping[str, Any]
) -> int:
    """Save a checkpoint and make its weights the newest of the run; returns the bytes written.

    Args:
        model, optimizer: host tensors, contiguous, no two sharing memory.
        state: JSON values; numbers must be finite.

    Raises:
        StorageError: the disk is full or fails; the checkpoint before is whole.
    """
    with _translate_errors(run, step, "checkpoint"):
        make_plain_folder(run.checkpoints, run.folder)
        _remove_unfinished(run)
        before = read_last_step(run)
        size = _write_checkpoint(run, step, model, optimizer, state)
        write_atomic(run.last_checkpoint, f"{step}\n".encode())
        link_or_copy(run.checkpoint(step).weights, run.weights)
        _remove_older(run, step, before)
    return size


def save_snapshot(run: Run, step: int, model: Tensors) -> int:
    """Save the weights of a step, to be kept; returns the bytes written.

    Raises:
        StorageError: they could not be written.
    """
    path = run.snapshot_weights(step)
    with _translate_errors(run, step, "snapshot"):
        make_plain_folder(path.parent, run.folder)
        return replace_tensors(path, model)


def save_best(run: Run, step: int, model: Tensors) -> int:
    """Replace the best weights; returns the bytes written.

    Raises:
        StorageError: they could not be written; the ones before are untouched.
    """
    with _translate_errors(run, step, "best weights"):
        make_plain_folder(run.best_weights.parent, run.folder)
        return replace_tensors(run.best_weights, model)


def remove_leftovers(run: Run) -> None:
    """Remove what was saved while a run was being deleted; nothing if a record is there."""
    if os.path.lexists(run.record) or os.path.lexists(run.lock):
        return
    for folder in (run.checkpoints, run.snapshots, run.best_weights.parent):
        shutil.rmtree(folder, ignore_errors=True)
    run.weights.unlink(missing_ok=True)
    with suppress(OSError):
        run.folder.rmdir()


def load_checkpoint(run: Run) -> Checkpoint | None:
    """The newest whole checkpoint; None if the run never saved one.

    Raises:
        DamagedError: there are checkpoints, but none can be read.
        StateError: a newer version of the program wrote the newest.
    """
    return read_newest(run, _read_checkpoint)


def _read_checkpoint(files: CheckpointFiles, skipped: tuple[str, ...]) -> Checkpoint:
    """Read and verify a checkpoint.

    Raises:
        DamagedError: a file is missing, cut or changed.
    """
    problem = find_problem(files)
    if problem:
        raise DamagedError(problem)
    state = read_state(files)
    checksums = state.get("checksums")
    if checksums is not None:  # early versions wrote none
        for path in (files.weights, files.optimizer):
            if not isinstance(checksums, dict) or checksums.get(path.name) != checksum(path):
                raise DamagedError(f"{path} has changed since it was written (wrong checksum).")
    model, optimizer = read_tensors(files.weights), read_tensors(files.optimizer)
    return Checkpoint(state["step"], model, optimizer, state["state"], skipped)


def _write_checkpoint(
    run: Run, step: int, model: Tensors, optimizer: Tensors, state: Mapping[str, Any]
) -> int:
    """Write a checkpoint, verify it and rename it into place; returns its size in bytes."""
    new = run.checkpoint(f"{NEW_PREFIX}{step}")
    new.folder.mkdir(mode=FOLDER_MODE)
    size = write_tensors(new.weights, model) + write_tensors(new.optimizer, optimizer)
    checksums = {path.name: checksum(path) for path in (new.weights, new.optimizer)}
    content = {"format": FORMAT_VERSION, "step": step, "checksums": checksums, "state": dict(state)}
    write_json(new.state, content)
    size += new.state.stat().st_size
    problem = find_problem(new)
    if problem:
        raise OSError(problem)
    fsync_path(new.folder)
    final = run.checkpoint(step).folder
    if final.exists():
        # A checkpoint of the same step stays readable until the new one is in place.
        old = run.checkpoint(f"{OLD_PREFIX}{step}").folder
        shutil.rmtree(old, ignore_errors=True)
        final.rename(old)
    new.folder.rename(final)
    fsync_path(run.checkpoints)
    return size


def _remove_older(run: Run, step: int, before: str | None) -> None:
    """Remove all checkpoints but `step` and the newest whole one before it."""
    others = [str(other) for other in reversed(numbered_folders(run.checkpoints)) if other != step]
    earlier = [other for other in others if int(other) < step]
    earlier.sort(key=lambda other: other != before)
    kept = next((name for name in earlier if not find_problem(run.checkpoint(name))), None)
    for name in others:
        if name != kept:
            shutil.rmtree(run.checkpoint(name).folder)
    for folder in run.checkpoints.glob(f"{OLD_PREFIX}*"):
        shutil.rmtree(folder)


def _remove_unfinished(run: Run) -> None:
    """Remove what an interrupted save left."""
    for folder in run.checkpoints.glob(f"{NEW_PREFIX}*"):
        shutil.rmtree(folder)
    remove_temporary_files(run.last_checkpoint)


@contextmanager
def _translate_errors(run: Run, step: int, kind: str) -> Iterator[None]:
    """Turn errors of the disk into a StorageError, and remove an unfinished checkpoint."""
    try:
        yield
    except OSError as error:
        if kind == "checkpoint":
            _remove_unfinished(run)
        reason = error.strerror or str(error)
        raise StorageError(
            f"The {kind} of step {step} of the run {run.name} could not be saved: {reason}.",
            "Free disk space and resume the run; what was saved before is whole.",
        ) from error
