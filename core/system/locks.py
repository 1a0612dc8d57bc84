"""Locks that die with their holder: `flock` on a small file, held means alive.

A lock belongs to the open file, so a launcher can take it and hand the descriptor to the process
it starts; there is no moment in between in which it is free. The file's modification time says
when it was taken. The file itself is never removed.
"""

from __future__ import annotations

import fcntl
import functools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from core.system.files import open_regular_file, translate_read_errors

# A look at a lock takes it, shared, for microseconds; who wants it tries a few times.
LOCK_ATTEMPTS = 20
LOCK_RETRY_PAUSE_S = 0.01

# A program may be started with its standard streams closed: a lock on one of their numbers would
# be replaced by the streams of the trainer it is handed to.
FIRST_LOCK_DESCRIPTOR = 3

# Descriptors of locks this process holds: what it forks must not keep them alive.
_held: set[int] = set()


@dataclass(frozen=True)
class Lock:
    """A lock this process holds until `release`, or until it and all it handed it to are gone.

    Attributes:
        descriptor: the open file; to hand on with `pass_fds`.
        taken: Unix seconds when it was first taken, by whoever handed it on.
    """

    descriptor: int
    acquired_at: float

    def release(self) -> None:
        """Closes the file; the lock is free unless it was handed on."""
        _held.discard(self.descriptor)
        os.close(self.descriptor)

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def acquire(path: Path, attempts: int = LOCK_ATTEMPTS) -> Lock | None:
    """Takes the lock; None where another process holds it.

    Children do not inherit it, forked or not, unless its descriptor is named in `pass_fds`.
    """
    descriptor = _open(path)
    if not _lock(descriptor, attempts):
        os.close(descriptor)
        return None
    now = time.time()
    os.utime(descriptor, (now, now))
    return _ours(descriptor, now)


def _open(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if descriptor >= FIRST_LOCK_DESCRIPTOR:
        return descriptor
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_LOCK_DESCRIPTOR)
    finally:
        os.close(descriptor)


def adopt(descriptor: int) -> Lock | None:
    """Makes a lock handed over by the parent this process's own; its children do not inherit it.

    None where the descriptor does not hold the lock and another process does.
    """
    os.set_inheritable(descriptor, False)
    # Asking again is free where the lock came along. Where it stays with the process that asked
    # for it (flock over NFS) this takes it once the parent has let go.
    if not _lock(descriptor, LOCK_ATTEMPTS):
        return None
    return _ours(descriptor, os.fstat(descriptor).st_mtime)


def _ours(descriptor: int, taken: float) -> Lock:
    _watch_forks()
    _held.add(descriptor)
    return Lock(descriptor, taken)


@functools.cache
def _watch_forks() -> None:
    """A descriptor is closed by exec where that is asked for, and never by fork."""
    os.register_at_fork(after_in_child=_let_go)


def _let_go() -> None:
    while _held:
        os.close(_held.pop())


def is_held(path: Path) -> bool:
    """Whether any process, this one included, holds the lock; False if there is no file.

    Raises:
        DamagedError: what is there is no plain file.
    """
    try:
        descriptor = open_regular_file(path)
    except FileNotFoundError:
        return False
    try:
        return not _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def acquired_at(path: Path) -> float:
    """Unix seconds when the lock was last taken; 0 if it never was."""
    try:
        with translate_read_errors(path):
            return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


@contextmanager
def exclusive(descriptor: int) -> Iterator[None]:
    """Holds the open file's own lock for a moment, waiting for those who do the same."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _lock(descriptor: int, attempts: int) -> bool:
    for attempt in range(attempts):
        if attempt:
            time.sleep(LOCK_RETRY_PAUSE_S)
        if _try(descriptor, fcntl.LOCK_EX):
            return True
    return False


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
