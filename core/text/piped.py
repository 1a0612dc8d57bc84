"""Text from standard input, in a temporary file that only a run keeps.

The file is locked while its process is alive: what a killed process left is removed at the next
start. Light, as every start of the program imports it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from core.errors import InputError, StorageError
from core.paths import HOME_VARIABLE, Home
from core.system import locks
from core.system.files import make_private_folder

PREFIX = ".stdin-"
COPY_BYTES = 1 << 20
FREE_SPACE_HINT = f"Free some space, or set {HOME_VARIABLE} to a writable folder."
MAX_NAME_ATTEMPTS = 100


@contextmanager
def copy_stream(stream: BinaryIO, home: Home) -> Iterator[Path]:
    """Copy a stream to a file that is removed at the end, unless it was renamed.

    SIGTERM and SIGHUP raise SystemExit meanwhile, so that they remove it too.

    Raises:
        InputError: the stream was empty.
        StorageError: the file could not be written.
    """
    with _termination_as_exit(), _locked_file(home) as path:
        try:
            with path.open("wb") as file:
                while block := stream.read(COPY_BYTES):
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
                if not file.tell():
                    raise InputError("Standard input is empty.", "Pipe a text in.")
        except OSError as error:
            raise _storage_error(home, error) from None
        yield path


def remove_leftovers(home: Home) -> None:
    """Remove the copies that killed processes left."""
    with suppress(OSError):
        for entry in os.scandir(home.corpora):
            if entry.name.startswith(PREFIX):
                _remove_unlocked(Path(entry.path))


def _remove_unlocked(path: Path) -> None:
    with suppress(OSError):
        lock = locks.acquire(path, attempts=1)
        if lock is not None:
            with lock:
                path.unlink(missing_ok=True)


@contextmanager
def _locked_file(home: Home) -> Iterator[Path]:
    """Create a locked file, which is removed at the end."""
    import secrets  # slow to import, not needed at start-up

    try:
        make_private_folder(home.corpora)
        for _ in range(MAX_NAME_ATTEMPTS):
            path = home.corpora / f"{PREFIX}{secrets.token_hex(8)}"
            lock = locks.acquire(path)
            # Another process may have removed it before it was locked.
            if lock is not None and path.exists():
                break
    except OSError as error:
        raise _storage_error(home, error) from None
    assert lock is not None
    with lock:
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def _storage_error(home: Home, error: OSError) -> StorageError:
    return StorageError(
        f"The text from standard input could not be stored in {home.corpora}: {error.strerror}.",
        FREE_SPACE_HINT,
    )


@contextmanager
def _termination_as_exit() -> Iterator[None]:
    """Let signals that would end the process at once raise SystemExit instead."""

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is signal.SIG_DFL
    ]
    for number in numbers:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
