"""Which checkpoints a run has and whether they are whole, without loading tensors or torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TypeVar

from safetensors import SafetensorError, safe_open

from core.errors import DamagedError, StateError
from core.run.directory import MAX_STEP_BYTES, CheckpointFiles, Run, numbered_folders
from core.system.files import JsonObject, open_regular_file, read_json, read_regular_file

FORMAT_VERSION = 1
NEW_PREFIX = ".new-"  # folder of a checkpoint that is being written
OLD_PREFIX = ".old-"  # folder of a checkpoint that is being replaced by one of the same step

CheckpointT = TypeVar("CheckpointT")


def check_checkpoints(run: Run) -> None:
    """Raise a MiniGPTError if a run has checkpoints, but none is whole; tensors are not read."""

    def check(files: CheckpointFiles, _: tuple[str, ...]) -> CheckpointFiles:
        if problem := find_problem(files):
            raise DamagedError(problem)
        return files

    read_newest(run, check)


def read_newest(
    run: Run, read: Callable[[CheckpointFiles, tuple[str, ...]], CheckpointT]
) -> CheckpointT | None:
    """What `read` returns for the newest checkpoint it can read; None if none was ever saved.

    Args:
        read: gets the files, and why newer checkpoints could not be used, one sentence each.

    Raises:
        DamagedError: there are checkpoints, but none can be read.
        StateError: a newer version of the program wrote the newest.
    """
    last, skipped = read_last_step(run), list[str]()
    if last is None and numbered_folders(run.checkpoints):
        skipped.append(f"{run.last_checkpoint} is missing or damaged.")
    for files in list_checkpoints(run, last):
        try:
            return read(files, tuple(skipped))
        except DamagedError as error:
            skipped.append(error.message)
    if skipped:
        raise DamagedError(
            f"No checkpoint of the run {run.name} can be read.\n" + "\n".join(skipped),
            "Train a new run; snapshots and best weights may still be readable.",
        )
    return None


def read_last_step(run: Run) -> str | None:
    """The step in the file `last`; None if it is missing or damaged."""
    try:
        name = (
            read_regular_file(run.last_checkpoint, MAX_STEP_BYTES)
            .decode("ascii", "replace")
            .strip()
        )
    except (FileNotFoundError, DamagedError):
        return None
    return name if name.isascii() and name.isdigit() else None


def list_checkpoints(run: Run, last: str | None) -> Iterator[CheckpointFiles]:
    """Checkpoints in the order to try them: the one named in `last`, then from the newest on."""
    if last is not None:
        yield run.checkpoint(last)
        replaced = run.checkpoint(f"{OLD_PREFIX}{last}")
        if replaced.folder.is_dir():
            yield replaced
    for step in reversed(numbered_folders(run.checkpoints)):
        if str(step) != last:
            yield run.checkpoint(step)


def read_state(files: CheckpointFiles) -> JsonObject:
    """The contents of `state.json`.

    Raises:
        DamagedError: it cannot be read.
        StateError: a newer version of the program wrote it. Resuming from an older checkpoint
            instead would lose the training since.
    """
    state = read_json(files.state)
    format = state.get("format")
    if not isinstance(format, int):
        raise DamagedError(f"{files.state} has no format number.")
    if format > FORMAT_VERSION:
        raise StateError(
            f"{files.state} was written by a newer version (format {format}; this version reads "
            f"up to {FORMAT_VERSION}).",
            "Update minigpt-tui.",
        )
    return state


def find_problem(files: CheckpointFiles) -> str | None:
    """What is wrong with a checkpoint, without reading its tensors."""
    try:
        state = read_state(files)
        # The folder is named after the step, with a prefix while it is written or replaced.
        if str(state.get("step")) != files.folder.name.rpartition("-")[2]:
            return f"{files.state} lacks the step of its folder."
        if not isinstance(state["step"], int) or not isinstance(state.get("state"), dict):
            return f"{files.state} lacks the step or the state."
        for path in (files.weights, files.optimizer):
            # Refuses a pipe, which the library would wait for.
            os.close(open_regular_file(path))
            # Opening compares the lengths in the header with the size of the file.
            with safe_open(path, framework="numpy"):
                pass
    except DamagedError as error:
        return error.message
    except (SafetensorError, OSError) as error:
        return f"{files.folder} is not whole: {error}"
    return None
