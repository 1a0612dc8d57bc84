"""Where an export is written: beside its final place, and moved there once it is proven.

A reader sees the old result or the new one; after an error or an interruption, nothing is left.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.errors import DamagedError, InputError, StorageError
from core.export.targets import FORMATS
from core.system.files import fsync_path, open_regular_file, storage_hint

SPACE_HINT = "Free some disk space, or choose another place with --out."
MAX_NAMES_LISTED = 3  # in an error
MAGIC = b"GGUF"  # the first bytes of every single file that is exported


def check_free(path: Path, target: str, *, force: bool) -> None:
    """Refuse a place where the result cannot be put.

    Args:
        force: replace an earlier export.

    Raises:
        InputError: there is something, or no folder to put it in.
    """
    parent = path.absolute().parent
    if not parent.is_dir():
        raise InputError(f"There is no folder {parent}.", "Create it first.")
    if not os.path.lexists(path):
        return
    if not force:
        raise InputError(
            f"{path} exists already.",
            "Choose another place with --out, or replace it with --force.",
        )
    _check_replaceable(path, target)


def _check_replaceable(path: Path, target: str) -> None:
    """Only what an export of this target consists of is ever replaced."""
    files = FORMATS[target].files
    if bool(files) != path.is_dir() or (files and path.is_symlink()):
        what = "a folder" if files else "a file"
        raise InputError(
            f"{path} is not {what}, as an export to {target} is.",
            "Choose another place with --out.",
        )
    if not files:
        _check_file(path)
        return
    others = sorted(_relative_files(path) - set(files))
    if others:
        raise InputError(
            f"{path} holds other files than an export: {', '.join(others[:MAX_NAMES_LISTED])}.",
            "Choose another place with --out.",
        )


def _check_file(path: Path) -> None:
    """Refuse another file than a model: a device, or what begins otherwise."""
    try:
        with os.fdopen(open_regular_file(path), "rb") as file:
            is_model = file.read(len(MAGIC)) == MAGIC
    except (OSError, DamagedError):
        is_model = False
    if not is_model:
        raise InputError(f"{path} is not a GGUF file.", "Choose another place with --out.")


def _relative_files(folder: Path) -> set[str]:
    """Everything below a folder but folders, relative to it; stops at a hundred."""
    names: set[str] = set()
    for parent, _, files in os.walk(folder):
        names.update(Path(parent, file).relative_to(folder).as_posix() for file in files)
        if len(names) > 100:
            break
    return names


@contextmanager
def staged(path: Path, target: str, *, force: bool) -> Iterator[Path]:
    """Give a place beside `path` to write to; move it to `path` at the end, or remove it.

    Args:
        path, target, force: as for `check_free`, which is asked again at the end.

    Yields:
        An empty folder, or the path of a file that does not exist yet.

    Raises:
        InputError: as `check_free`.
        StorageError: it could not be written; `path` is unchanged.
    """
    check_free(path, target, force=force)
    path = path.absolute()
    is_folder = bool(FORMATS[target].files)
    temporary: Path | None = None
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", suffix=".tmp", dir=path.parent))
        written = temporary if is_folder else temporary / path.name
        yield written
        for file in [written] if not is_folder else written.rglob("*"):
            fsync_path(file)
        check_free(path, target, force=force)
        _move(written, path)
    except OSError as error:
        raise StorageError(
            f"{path} could not be written: {error.strerror or error}.",
            storage_hint(error, SPACE_HINT),
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _move(written: Path, path: Path) -> None:
    """Put the result in its place; a folder that is there is moved away first."""
    if written.is_dir() and path.exists():
        old = path.with_name(f".{path.name}-old-{os.getpid()}.tmp")
        path.rename(old)
        try:
            written.rename(path)
        except BaseException:  # an interruption too
            old.rename(path)
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        written.replace(path)
    fsync_path(path.parent)


def written_bytes(path: Path) -> int:
    """The size of a result."""
    files: Sequence[Path] = [path] if path.is_file() else [*path.rglob("*")]
    return sum(file.stat().st_size for file in files if file.is_file())
