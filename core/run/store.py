"""The folder of runs: creating, finding, locking, renaming and deleting them."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import InputError, MiniGPTError, NotFoundError, StateError, StorageError
from core.paths import HOME_VARIABLE, Home
from core.run import control_file, run_lock
from core.run.directory import Run
from core.run.record import FORMAT_VERSION, read_record
from core.run.status import LIVE_STATUSES, status_of
from core.system.files import (
    fsync_path,
    make_private_folder,
    write_json,
)
from core.system.locks import Lock

MAX_NAME_LENGTH = 64
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NAME_RULE = "Use 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit."

# Folders with these prefixes are not listed: no run name begins with a dot.
NEW_PREFIX = ".new-"
DELETED_PREFIX = ".gone-"
ABANDONED_SECONDS = 3600.0


def check_name(name: str) -> None:
    """Raise InputError unless `name` is a valid name of a run."""
    if not RUN_NAME.fullmatch(name):
        raise InputError(f"Invalid name of a run: {name!r}.", NAME_RULE)


def check_free(home: Home, name: str) -> None:
    """Raise InputError if `name` is invalid or taken."""
    check_name(name)
    if (home.runs / name).exists():
        raise _name_taken(home, name)


def propose_name(home: Home, base: str) -> str:
    """A free name like `base`, if need be with -2, -3, … appended."""
    plain = unicodedata.normalize("NFKD", base).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).lstrip("._-").rstrip("-") or "run"
    # Some file systems do not distinguish capital and small letters.
    used = {name.casefold() for name in _folder_names(home)}
    number = 1
    while True:
        suffix = "" if number == 1 else f"-{number}"
        name = stem[: MAX_NAME_LENGTH - len(suffix)] + suffix
        if name.casefold() not in used:
            return name
        number += 1


def create_locked_run(home: Home, name: str, record: Mapping[str, Any]) -> tuple[Run, Lock]:
    """Create a run whose lock is held before it becomes visible to others.

    Args:
        record: the content of run.json; `format` and `created` are added.

    Raises:
        InputError: the name is taken or invalid.
        StorageError: the folder of runs cannot be written.
    """
    check_name(name)
    try:
        make_private_folder(home.runs)
        _delete_abandoned(home)
        # mkdtemp creates folders that only their owner can enter.
        new = Run(Path(tempfile.mkdtemp(prefix=NEW_PREFIX, dir=home.runs)))
        try:
            return _fill_and_publish(home, new, name, record)
        except BaseException:
            shutil.rmtree(new.folder)
            raise
    except OSError as error:
        raise StorageError(
            f"No run can be created in {home.runs}: {error.strerror}.",
            f"Free some disk space, or set {HOME_VARIABLE} to a writable folder.",
        ) from error


def _fill_and_publish(
    home: Home, new: Run, name: str, record: Mapping[str, Any]
) -> tuple[Run, Lock]:
    """Fill and lock a new folder, then give it its name."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(new.record, {"format": FORMAT_VERSION, "created": created, **record})
    lock = run_lock.acquire(new)
    assert lock is not None, "the lock of a new run is free"
    try:
        return _move(home, new, name), lock
    except BaseException:
        lock.release()
        raise


def list_runs(home: Home) -> list[Run]:
    """All runs, sorted by name."""
    names = sorted(name for name in _folder_names(home) if RUN_NAME.fullmatch(name))
    return [run for run in (Run(home.runs / name) for name in names) if _is_run(run)]


def find_run(home: Home, name: str) -> Run:
    """The run of this name.

    Raises:
        InputError: the name is invalid.
        NotFoundError: there is no such run; the hint has similar names.
    """
    check_name(name)
    run = Run(home.runs / name)
    if not _is_run(run):
        names = [known.name for known in list_runs(home)]
        hint = "`minigpt-tui ls` lists the runs." if names else "There are no runs yet."
        raise NotFoundError("run", name, names, hint)
    return run


def lock_run(run: Run) -> Lock:
    """Take the run's lock, to train, rename or delete it.

    Raises:
        StateError: it is being trained.
        StorageError: the lock cannot be written.
    """
    with _write_errors(run.lock):
        lock = run_lock.acquire(run)
    if lock is None:
        raise in_use_error(run)
    return lock


def send_request(run: Run, type: str, **fields: Any) -> str:
    """Send a control request to the run's trainer; returns its id, which the answer repeats.

    Raises:
        StorageError: it cannot be written.
    """
    with _write_errors(run.requests):
        return control_file.append_request(run.requests, type, **fields)


@contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    """Translate OSError into StorageError."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}.",
            "Free some disk space, or check that it is a plain file of yours.",
        ) from error


def rename_run(home: Home, run: Run, name: str) -> Run:
    """Rename a run.

    Raises:
        InputError: it is being trained, or the name is taken or invalid.
    """
    check_name(name)
    target = home.runs / name
    # Before the lock, which a refusal must not touch; only the capitals of a name may differ.
    if target.exists() and not target.samefile(run.folder):
        raise _name_taken(home, name)
    with _lock_idle(run):
        return _move(home, run, name)


def delete_run(home: Home, run: Run) -> list[str]:
    """Delete a run with everything in it, and its text if only it keeps it from standard input.

    Returns:
        The other runs for which its text from standard input stays.

    Raises:
        StateError: it is being trained.
    """
    sha256 = _corpus_hash(run)
    if run.lock.is_symlink():  # it is not locked through a link, so nothing holds it
        run.lock.unlink()
    with _lock_idle(run):
        # Hide it first: an interrupted deletion must not leave half a run.
        trash = Path(tempfile.mkdtemp(prefix=DELETED_PREFIX, dir=home.runs))
        run.folder.rename(trash / run.name)
    shutil.rmtree(trash)
    return _release_piped_text(home, sha256) if sha256 else []


def _corpus_hash(run: Run) -> str | None:
    """The SHA-256 of a run's corpus; None if the record cannot be read."""
    try:
        return str(read_record(run)["corpus"]["sha256"])
    except (MiniGPTError, LookupError, TypeError):
        return None


def _release_piped_text(home: Home, sha256: str) -> list[str]:
    """Remove a text from standard input unless a run may need it; returns these runs."""
    from core.text import catalog  # Slow to import, not for the first frame.

    if not catalog.has_piped_text(sha256, home):
        return []
    users = [run.name for run in list_runs(home) if _corpus_hash(run) in (sha256, None)]
    if not users:
        catalog.forget_piped_text(sha256, home)
    return users


def _lock_idle(run: Run) -> Lock:
    if status_of(run) in LIVE_STATUSES:
        raise in_use_error(run)
    return lock_run(run)


def in_use_error(run: Run) -> StateError:
    """The error for a run that cannot be changed while it is being trained."""
    return StateError(
        f"The run {run.name} is being trained.", f"Stop it first: minigpt-tui stop {run.name}"
    )


def _name_taken(home: Home, name: str) -> InputError:
    return InputError(
        f"There is already a run named {name}.", f"A free name: {propose_name(home, name)}"
    )


def _move(home: Home, run: Run, name: str) -> Run:
    """Rename the folder; of two processes that take a name at once only one succeeds."""
    target = Run(home.runs / name)
    try:
        run.folder.rename(target.folder)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise
        raise _name_taken(home, name) from None
    fsync_path(home.runs)
    return target


def _folder_names(home: Home) -> list[str]:
    return [entry.name for entry in home.runs.iterdir()] if home.runs.is_dir() else []


def _is_run(run: Run) -> bool:
    """Whether a folder has files of a run, even if run.json is missing; never true for a link."""
    traces = (run.record, run.events, run.checkpoints, run.weights)
    return not run.folder.is_symlink() and any(map(os.path.lexists, traces))


def _delete_abandoned(home: Home) -> None:
    """Delete what interrupted creations and deletions left behind."""
    for entry in home.runs.iterdir():
        if not entry.name.startswith((NEW_PREFIX, DELETED_PREFIX)):
            continue
        with suppress(FileNotFoundError):  # another process has just deleted it
            if time.time() - entry.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(entry, ignore_errors=True)
