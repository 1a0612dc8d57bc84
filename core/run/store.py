"""The folder of runs: creating, finding, naming, renaming and removing them.

What happened in a run is in its events, whether it is alive in its lock: no fact is kept twice.

Whether a run can be trained on, and the lock to do it with.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.config.configs import Extension
from core.errors import InputError, NotFoundError, StorageError
from core.paths import HOME_VARIABLE, Home
from core.run import control_file, status
from core.run.directory import Run
from core.run.events import FINISHED, TERMINAL
from core.run.record import FORMAT, read_record
from core.run.status import status_of
from core.system import locks
from core.system.files import fsync_path, write_json
from core.system.locks import Lock

MAX_NAME_LENGTH = 64
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NAME_RULE = "Use 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit."

# Names with a leading dot are no run names: half-made and half-removed folders stay invisible.
NEW_PREFIX = ".new-"
DELETED_PREFIX = ".gone-"
ABANDONED_SECONDS = 3600.0


def check_name(name: str) -> None:
    """Raises InputError unless `name` can name a run."""
    if not RUN_NAME.fullmatch(name):
        raise InputError(f"{name!r} cannot name a run.", NAME_RULE)


def check_free(home: Home, name: str) -> None:
    """Raises InputError if `name` cannot name a run or names one already."""
    check_name(name)
    if (home.runs / name).exists():
        raise _taken(home, name)


def propose_name(home: Home, base: str) -> str:
    """A free name like `base`: as it is, then with -2, -3, … behind it."""
    plain = unicodedata.normalize("NFKD", base).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).lstrip("._-").rstrip("-") or "run"
    # Some file systems take capitals for small letters.
    used = {name.casefold() for name in _entries(home)}
    number = 1
    while True:
        suffix = "" if number == 1 else f"-{number}"
        name = stem[: MAX_NAME_LENGTH - len(suffix)] + suffix
        if name.casefold() not in used:
            return name
        number += 1


def create_locked_run(home: Home, name: str, record: Mapping[str, Any]) -> tuple[Run, Lock]:
    """Like `create_run_unlocked`, with the run's lock held from before anybody can see the run."""
    check_name(name)
    with _writing(home):
        home.runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(home)
        # mkdtemp makes folders that only their owner can enter.
        new = Run(Path(tempfile.mkdtemp(prefix=NEW_PREFIX, dir=home.runs)))
        try:
            return _complete(home, new, name, record)
        except BaseException:
            shutil.rmtree(new.folder)
            raise


def _complete(home: Home, new: Run, name: str, record: Mapping[str, Any]) -> tuple[Run, Lock]:
    """Fills a new folder, locks it and only then gives it its name."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(new.record, {"format": FORMAT, "created": created, **record})
    lock = locks.acquire(new.lock)
    assert lock is not None, "a lock nobody else can know is free"
    try:
        return _move(home, new, name), lock
    except BaseException:
        lock.release()
        raise


@contextmanager
def _writing(home: Home) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"No run can be made in {home.runs}: {error.strerror}.",
            f"Make room, or set {HOME_VARIABLE} to a folder that can be written.",
        ) from error


def list_runs(home: Home) -> list[Run]:
    """Every run there is, by name."""
    runs = [Run(home.runs / name) for name in sorted(_entries(home)) if RUN_NAME.fullmatch(name)]
    return [run for run in runs if _is_run(run)]


def find_run(home: Home, name: str) -> Run:
    """The run of this name.

    Raises:
        InputError: this cannot name a run.
        NotFoundError: there is none; the nearest names are in the hint.
    """
    check_name(name)
    run = Run(home.runs / name)
    if not _is_run(run):
        known = [run.name for run in list_runs(home)]
        hint = "`minigpt-tui ls` lists the runs." if known else "There are no runs yet."
        raise NotFoundError("run", name, known, hint)
    return run


def lock_run(run: Run) -> Lock:
    """Takes the run's lock, to train, rename or remove it.

    Raises:
        InputError: somebody trains it.
        StorageError: the lock cannot be written to.
    """
    with _touching(run.lock):
        lock = locks.acquire(run.lock)
    if lock is None:
        raise _in_use(run)
    return lock


def send_request(run: Run, type: str, **fields: Any) -> str:
    """Asks the run's trainer for something; the id returned is in the event that answers."""
    with _touching(run.requests):
        return control_file.append_request(run.requests, type, **fields)


@contextmanager
def _touching(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written to: {error.strerror}.",
            "Make room, or see that it is a plain file of yours.",
        ) from error


def rename_run(home: Home, run: Run, name: str) -> Run:
    """Gives a run another name.

    Raises:
        InputError: somebody trains it, the name is taken, or cannot name a run.
    """
    check_name(name)
    with _hold_idle(run):
        return _move(home, run, name)


def delete_run(home: Home, run: Run) -> None:
    """Removes a run and all that is in it.

    Raises:
        InputError: somebody trains it.
    """
    with _hold_idle(run):
        # Out of sight first: an interrupted removal leaves no half of a run behind.
        gone = Path(tempfile.mkdtemp(prefix=DELETED_PREFIX, dir=home.runs))
        run.folder.rename(gone / run.name)
    shutil.rmtree(gone)


def _hold_idle(run: Run) -> Lock:
    if status_of(run) in status.ALIVE:
        raise _in_use(run)
    return lock_run(run)


def _taken(home: Home, name: str) -> InputError:
    free = propose_name(home, name)
    return InputError(f"There is a run named {name} already.", f"Free: {free}")


def _in_use(run: Run) -> InputError:
    return InputError(
        f"The run {run.name} is being trained.", f"Stop it first: minigpt-tui stop {run.name}"
    )


def _move(home: Home, run: Run, name: str) -> Run:
    """Renames the folder, unless the name is taken: two who try at once cannot both succeed."""
    target = Run(home.runs / name)
    try:
        run.folder.rename(target.folder)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise
        raise _taken(home, name) from None
    fsync_path(home.runs)
    return target


def _entries(home: Home) -> list[str]:
    return [entry.name for entry in home.runs.iterdir()] if home.runs.is_dir() else []


def _is_run(run: Run) -> bool:
    """A folder with something of a run in it, which may have lost its record.

    A link that leads out of the folder of runs is none.
    """
    traces = (run.record, run.events, run.checkpoints, run.weights)
    return not run.folder.is_symlink() and any(map(os.path.lexists, traces))


def _sweep(home: Home) -> None:
    """Removes what interrupted creations and removals left."""
    for entry in home.runs.iterdir():
        if entry.name.startswith((NEW_PREFIX, DELETED_PREFIX)) and _age(entry) > ABANDONED_SECONDS:
            shutil.rmtree(entry, ignore_errors=True)


def _age(folder: Path) -> float:
    """Seconds since it changed; 0 if somebody else has just removed it."""
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def lock_for_resume(run: Run, more: Extension, *, force: bool = False) -> locks.Lock:
    """The lock of a run that can be trained on.

    Raises:
        InputError: it is being trained, perhaps on another machine, or there is nothing to do.
    """
    read_record(run)
    word = status_of(run)
    if not force or locks.is_held(run.lock):
        _check_not_trained(run, word)
    if word == FINISHED and not more:
        raise InputError(
            f"The run {run.name} is finished: there is nothing to do.",
            "Train it for longer with --epochs N, --steps N or --minutes M.",
        )
    return lock_run(run)


def _check_not_trained(run: Run, word: str) -> None:
    """Raises InputError where a trainer lives, or may live on a machine we cannot see into."""
    where = status.remote_host(run.events) if word not in TERMINAL else None
    if word in status.ALIVE:
        hint = f"Watch it: minigpt-tui attach {run.name}"
        if where and not locks.is_held(run.lock):
            hint = f"It is on {where}. If that machine is gone: resume {run.name} --force"
        raise InputError(f"The run {run.name} is being trained.", hint)
    if where:
        raise InputError(
            f"The run {run.name} was trained on {where}, which has fallen silent.",
            f"If no trainer lives there any more: resume {run.name} --force",
        )
