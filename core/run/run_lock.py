"""The lock of a run, which notes how long the run's logs were when it was taken.

What lies before these lengths concerns earlier trainers. Times would not tell: clocks jump.
"""

from __future__ import annotations

from typing import NamedTuple

from core.run.directory import Run
from core.system import locks
from core.system.files import file_size
from core.system.locks import Lock


class LogLengths(NamedTuple):
    """Bytes of the control requests and of the events."""

    requests: int = 0
    events: int = 0


def acquire(run: Run) -> Lock | None:
    """Acquire the lock of a run and note the lengths; None if it is held.

    Raises:
        OSError: it cannot be written.
    """
    lock = locks.acquire(run.lock)
    if lock is not None:
        lock.write_note(f"{file_size(run.requests)} {file_size(run.events)}\n".encode())
    return lock


def read_lengths(run: Run) -> LogLengths | None:
    """The lengths when the lock was last acquired; None if unknown, as in runs of early versions.

    Raises:
        DamagedError: the lock cannot be read.
    """
    words = locks.read_note(run.lock).split()
    if len(words) != 2 or not all(word.isdigit() for word in words):
        return None
    return LogLengths(*map(int, words))
