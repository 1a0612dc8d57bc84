"""Locks that end with their holder: `flock` on a small file.

A lock belongs to the open file, so a launcher can acquire it and pass the descriptor to the process
it starts; the lock is never free in between. The file's modification time is when it was acquired.
The file is never removed.
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

from core.system.files import open_for_writing, open_regular_file, translate_read_errors

# `is_held` takes the lock, shared, for microseconds; so acquiring it is tried a few times.
LOCK_ATTEMPTS = 20
LOCK_RETRY_PAUSE_S = 0.01
MAX_NOTE_BYTES = 64

# With closed standard streams, `open` returns 0 to 2: a lock on such a descriptor would be replaced
# by the streams of the trainer it is passed to.
FIRST_LOCK_DESCRIPTOR = 3

# Descriptors of the locks of this process; a forked child must not keep them alive.
_descriptors: set[int] = set()


@dataclass(frozen=True)
class Lock:
    """A lock of this process, until `release` or until every process that has it has ended.

    Attributes:
        descriptor: the open file; to be passed on with `pass_fds`.
        acquired_at: Unix seconds, also if another process acquired it and passed it on.
    """

    descriptor: int
    acquired_at: float

    def is_of(self, path: Path) -> bool:
        """Whether the file that this lock is on is still at `path`."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), path.stat())
        except OSError:
            return False

    def write_note(self, note: bytes) -> None:
        """Replace the content of the file, which says something about this holder.

        Args:
            note: at most `MAX_NOTE_BYTES`.
        """
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, note, 0)

    def release(self) -> None:
        """Close the file; the lock is free unless it was passed on."""
        _descriptors.discard(self.descriptor)
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
    """Acquire the lock; None if another process holds it.

    Children do not inherit it, forked or not, unless its descriptor is in `pass_fds`.
    """
    descriptor = _open(path)
    if not _lock(descriptor, attempts):
        os.close(descriptor)
        return None
    now = time.time()
    os.utime(descriptor, (now, now))
    return _register(descriptor, now)


def _open(path: Path) -> int:
    descriptor = open_for_writing(path, flags=0)
    if descriptor >= FIRST_LOCK_DESCRIPTOR:
        return descriptor
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_LOCK_DESCRIPTOR)
    finally:
        os.close(descriptor)


def adopt(descriptor: int) -> Lock | None:
    """Take over a lock passed on by the parent; children of this process do not inherit it.

    None if the descriptor does not have the lock and another process does.
    """
    os.set_inheritable(descriptor, False)
    # Locking again costs nothing if the descriptor has the lock. If the lock stays with the process
    # that acquired it (flock over NFS), this acquires it once the parent has released it.
    if not _lock(descriptor, LOCK_ATTEMPTS):
        return None
    return _register(descriptor, os.fstat(descriptor).st_mtime)


def _register(descriptor: int, acquired_at: float) -> Lock:
    _close_locks_after_fork()
    _descriptors.add(descriptor)
    return Lock(descriptor, acquired_at)


@functools.cache
def _close_locks_after_fork() -> None:
    """Close the descriptors in forked children: close-on-exec does not act on fork."""
    os.register_at_fork(after_in_child=_close_all)


def _close_all() -> None:
    while _descriptors:
        os.close(_descriptors.pop())


def is_held(path: Path) -> bool:
    """Whether any process, this one included, holds the lock; False without a file.

    Raises:
        DamagedError: it is not a regular file.
    """
    try:
        descriptor = open_regular_file(path)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def read_note(path: Path) -> bytes:
    """What the last holder noted in the file, see `Lock.write_note`; empty without a file.

    Raises:
        DamagedError: it is not a regular file.
    """
    try:
        descriptor = open_regular_file(path)
    except FileNotFoundError:
        return b""
    try:
        with translate_read_errors(path):
            return os.pread(descriptor, MAX_NOTE_BYTES, 0)
    finally:
        os.close(descriptor)


def acquired_at(path: Path) -> float:
    """Unix seconds when the lock was last acquired; 0.0 if never."""
    try:
        with translate_read_errors(path):
            return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


@contextmanager
def exclusive(descriptor: int) -> Iterator[None]:
    """Hold a lock on an open file; blocks while another process holds it."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _lock(descriptor: int, attempts: int) -> bool:
    for attempt in range(attempts):
        if attempt:
            time.sleep(LOCK_RETRY_PAUSE_S)
        if _try_lock(descriptor, fcntl.LOCK_EX):
            return True
    return False


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
