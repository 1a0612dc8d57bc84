"""Locking a run to train it further, after checking that this is possible."""

from __future__ import annotations

from core.config.configs import Extension
from core.errors import StateError, StorageError
from core.paths import Home
from core.run.directory import Run, numbered_folders
from core.run.events import END_EVENTS, FINISHED, IMPORTED
from core.run.model_files import check_vocabulary, read_model_config
from core.run.record import read_record, read_requested_config
from core.run.status import LIVE_STATUSES, remote_host, status_of
from core.run.store import lock_run
from core.system import locks
from core.system.files import JsonObject, check_no_linked_folders, check_plain
from core.system.locks import Lock
from core.text import catalog
from core.tokenizer.tokenizer import Tokenizer


def lock_for_resume(home: Home, run: Run, extension: Extension, *, force: bool = False) -> Lock:
    """Take the lock of a run to train it further; a refusal changes nothing on the disk.

    Args:
        extension: how much longer than planned to train.
        force: even if it may still be training on another machine.

    Raises:
        StateError: it is being trained, perhaps on another machine, or is finished.
        MiniGPTError: its text or its files cannot be used.
    """
    record = read_record(run)
    _check_writable(run)
    status = status_of(run)
    if not force or locks.is_held(run.lock):
        _check_not_trained(run, status)
    if status == IMPORTED:
        raise StateError(
            f"{run.name} was imported; nothing is known of its training.",
            f"To train it on a text of yours: minigpt-tui train TEXT --from {run.name}",
        )
    if status == FINISHED and not extension:
        raise StateError(
            f"The run {run.name} is finished.",
            "To train it for longer, add --epochs N, --steps N or --minutes M.",
        )
    _check_inputs(home, run, record)
    return lock_run(run)


def _check_inputs(home: Home, run: Run, record: JsonObject) -> None:
    """Raise a MiniGPTError if what the trainer reads first cannot be used."""
    read_requested_config(run, record)
    corpus = record["corpus"]
    catalog.find_by_hash(
        corpus["sha256"], home, corpus["name"], corpus["encoding"], corpus["errors"]
    )
    if record["parent"] or numbered_folders(run.checkpoints):
        check_vocabulary(run, Tokenizer.load(run.folder), read_model_config(run.config))
    from core.run.checkpoint_files import check_checkpoints  # its library is slow to import

    check_checkpoints(run)


def _check_writable(run: Run) -> None:
    """Raise StorageError if writing to the run could change something outside it, or block."""
    try:
        for path in run.written_files():
            check_plain(path)
        for folder in run.written_folders():
            check_no_linked_folders(folder)
    except OSError as error:
        raise StorageError(
            f"{run.name} cannot be trained: {error.filename}: {error.strerror}.",
            "Replace it by a plain file or folder, or remove it: runs are written to only where "
            "this cannot change anything else.",
        ) from error


def _check_not_trained(run: Run, status: str) -> None:
    """Raise StateError if a trainer is alive, or may be on a machine that cannot be checked."""
    host = remote_host(run.events) if status not in END_EVENTS else None
    if status in LIVE_STATUSES:
        hint = f"Watch it: minigpt-tui attach {run.name}"
        if host and not locks.is_held(run.lock):
            hint = f"It is on {host}. If that machine is gone: resume {run.name} --force"
        raise StateError(f"The run {run.name} is being trained.", hint)
    if host:
        raise StateError(
            f"The run {run.name} was last trained on {host}, which is silent.",
            f"If no trainer is alive there: resume {run.name} --force",
        )
