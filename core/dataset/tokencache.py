"""Token maps in the user's cache, one folder for each content and tokenizer.

A folder is made under another name and renamed when it is whole: who looks for it finds all of it
or nothing, however many processes make it at once or are killed while they do.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import StorageError
from core.system.locks import acquire, waiting
from core.paths import Home
from core.dataset.token_files import read_meta

LOCK = "lock"
UNFINISHED = ".making-"
# Between making a folder and locking it there is a moment.
GRACE_SECONDS = 60.0


def folder_of(home: Home, *facts: str) -> Path:
    """Where the tokens are that follow from these facts."""
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(hashlib.sha256(fact.encode()).digest())
    return home.cache / "tokens" / digest.hexdigest()


@contextmanager
def made(folder: Path) -> Iterator[Path]:
    """A new folder that becomes `folder` at the end; after an error nothing is left of it.

    Raises:
        StorageError: it could not be written.
    """
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sweep(folder.parent)
        temporary = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
        try:
            lock = acquire(temporary / LOCK)
            assert lock, "nobody else knows this folder"
            with lock:
                yield temporary
                (temporary / LOCK).unlink()
                _publish(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise StorageError(
            f"The tokens could not be written below {folder.parent}: {error}.",
            "Make room there, or choose another home with MINIGPT_HOME.",
        ) from None


def _publish(temporary: Path, folder: Path) -> None:
    """Renames, unless another process was first; what is there but damaged makes room.

    One at a time: between a look and the move another would take a new folder for a damaged one.
    """
    descriptor = os.open(folder.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with waiting(descriptor):
            if read_meta(folder):
                return
            if folder.is_dir():
                damaged = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
                folder.replace(damaged)
                shutil.rmtree(damaged, ignore_errors=True)
            temporary.rename(folder)
    finally:
        os.close(descriptor)


def sweep(parent: Path) -> None:
    """Removes what processes that are gone left unfinished."""
    for folder in parent.glob(f"{UNFINISHED}*"):
        try:
            recent = time.time() - folder.stat().st_mtime < GRACE_SECONDS
            lock = None if recent else acquire(folder / LOCK, tries=1)
        except OSError:
            # Another process has removed it, or it is not ours to remove.
            continue
        if lock:
            with lock:
                shutil.rmtree(folder, ignore_errors=True)
