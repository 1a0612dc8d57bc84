"""Files replaced atomically, and JSON in them: a reader sees the old content or the new one.

Callers pass paths; the names of a run's files are in `core.run.directory`.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import DamagedError

JsonObject = dict[str, Any]
"""A parsed JSON object, the only alias for one."""

# `json.loads` reads deeper nesting than `json.dumps` writes, so values read are limited too.
MAX_JSON_DEPTH = 100
READ_CHUNK_BYTES = 1 << 22

# A damaged or hostile file may have any size: no more of it is read than a sound one can have.
MAX_FILE_BYTES = 1 << 26

# Of everything created, whatever the umask: conversations and corpora are private.
FILE_MODE = 0o600
FOLDER_MODE = 0o700


def write_atomic(path: Path, data: bytes) -> None:
    """Replace the content of `path`: temporary file beside it, fsync, rename.

    Raises:
        OSError: nothing was replaced; the temporary file is removed.
    """
    descriptor, temporary = tempfile.mkstemp(
        prefix=f".{path.name}-", suffix=".tmp", dir=path.parent
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    fsync_path(path.parent)


def storage_hint(error: OSError, otherwise: str) -> str:
    """What to do about a file that could not be written.

    Args:
        otherwise: for a full or broken disk.
    """
    if error.errno in (errno.ENOENT, errno.ESTALE, errno.ENOTDIR):
        return "The folder was moved or deleted meanwhile; put it back, or continue in the new one."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "Check the permissions of the folder."
    return otherwise


def remove_temporary_files(path: Path) -> None:
    """Remove temporary files left by killed writers of `path`; no writer may be active."""
    for temporary in path.parent.glob(f".{path.name}-*.tmp"):
        temporary.unlink()


def remove_temporary_files_below(folder: Path) -> None:
    """Remove all temporary files left by killed writers below a folder; as above."""
    for temporary in folder.rglob(".*.tmp"):
        if temporary.is_symlink() or not temporary.is_dir():
            temporary.unlink()


def write_json(path: Path, value: Any) -> None:
    """Replace `path` with indented JSON.

    Raises:
        ValueError: a number is not finite.
        OSError: nothing was replaced.
    """
    text = json.dumps(value, allow_nan=False, indent=2, ensure_ascii=False)
    # A lone surrogate (from a file name that is not UTF-8) becomes a JSON escape.
    write_atomic(path, f"{text}\n".encode(errors="backslashreplace"))


def read_json(path: Path, max_bytes: int = MAX_FILE_BYTES) -> JsonObject:
    """The JSON object in `path`.

    Raises:
        DamagedError: the file is missing, too large, not a regular file, or does not hold a JSON
            object.
    """
    try:
        text = read_regular_file(path, max_bytes).decode()
        value = json.loads(text, parse_float=_parse_finite, parse_constant=_parse_finite)
        check_json_depth(text, value)
    except FileNotFoundError:
        raise DamagedError(f"{path} is missing.") from None
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise DamagedError(f"{path} does not hold a JSON object.")
    return value


def _parse_finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def check_json_depth(text: str, value: Any) -> None:
    """Reject values nested deeper than `MAX_JSON_DEPTH` levels.

    Args:
        text: the JSON of `value`; counting its brackets is usually enough.

    Raises:
        RecursionError: too deep, as `json.loads` raises for some thousand levels.
    """
    if text.count("[") + text.count("{") <= MAX_JSON_DEPTH:
        return
    level = [value]
    for _ in range(MAX_JSON_DEPTH + 1):
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return
        level = [
            inner
            for container in containers
            for inner in (container.values() if isinstance(container, dict) else container)
        ]
    raise RecursionError(f"it is nested deeper than {MAX_JSON_DEPTH} levels")


def read_regular_file(path: Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """The whole content of a file.

    Raises:
        FileNotFoundError: it does not exist.
        DamagedError: it is not a regular file, larger than `max_bytes`, or cannot be read.
    """
    with translate_read_errors(path), os.fdopen(open_regular_file(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        # The size is checked first: a buffer would be allocated for all of it.
        data = file.read(max_bytes + 1) if size <= max_bytes else b""
    if max(size, len(data)) > max_bytes:
        raise DamagedError(f"{path} has {size:,} bytes, more than the {max_bytes:,} it can have.")
    return data


def open_regular_file(path: Path) -> int:
    """A descriptor for reading; never blocks, even if `path` is a pipe.

    Raises:
        FileNotFoundError: it does not exist.
        DamagedError: it is not a regular file, or cannot be opened.
    """
    with translate_read_errors(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    reason = "Is a directory" if stat.S_ISDIR(mode) else "Not a regular file"
    raise DamagedError(f"{path} cannot be read: {reason}.")


def open_for_writing(path: Path, flags: int = os.O_APPEND) -> int:
    """A descriptor for reading and writing a file of ours; created for its owner only if missing.

    A run may be a copy of a stranger's: a symbolic link in it could direct the writing to any file,
    and a pipe would block.

    Args:
        flags: further flags of `os.open`.

    Raises:
        OSError: it cannot be opened, is a symbolic link, or not a regular file.
    """
    check_plain(path)
    flags |= os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, FILE_MODE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # replaced since it was checked
        os.close(descriptor)
        raise _special_file(path)
    return descriptor


def check_plain(path: Path) -> None:
    """Raise OSError if `path` exists and is a link, a pipe or any other special file."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "Is a symbolic link", os.fspath(path))
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(mode):
        raise _special_file(path)


def _special_file(path: Path) -> OSError:
    return OSError(errno.EINVAL, "Not a regular file", os.fspath(path))


def check_no_linked_folders(folder: Path) -> None:
    """Raise OSError if a folder, or any folder below it, is a link or another kind of file.

    Links and pipes in the place of files are harmless: they are replaced, never written through.
    """
    if folder.is_symlink() or not folder.is_dir():
        check_plain(folder)
        return
    for entry in folder.iterdir():
        if entry.is_dir():
            check_no_linked_folders(entry)


def make_private_folder(folder: Path) -> None:
    """Create a folder and its missing parents, each for its owner only.

    Raises:
        OSError: it cannot be created.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=FOLDER_MODE, exist_ok=True)


def make_plain_folder(folder: Path, root: Path) -> None:
    """Create a folder and its missing parents below `root`, which must exist.

    Raises:
        OSError: it cannot be created, or a folder on the way is a symbolic link.
    """
    path = root
    for part in folder.relative_to(root).parts:
        path /= part
        if path.is_symlink():
            check_plain(path)
        path.mkdir(mode=FOLDER_MODE, exist_ok=True)


@contextmanager
def translate_read_errors(path: Path) -> Iterator[None]:
    """Convert an OSError while reading `path` to a `DamagedError`.

    Raises:
        FileNotFoundError: unconverted; its meaning depends on the caller.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DamagedError(f"{path} cannot be read: {error.strerror or error}.") from error


def file_size(path: Path) -> int:
    """The length of a file in bytes; 0 if it does not exist."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def checksum(path: Path) -> str:
    """The CRC-32 of the content in hexadecimal: detects damage, not tampering."""
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(READ_CHUNK_BYTES):
            crc = zlib.crc32(chunk, crc)
    return f"{crc:08x}"


def fsync_path(path: Path) -> None:
    """Flush a file, or the entries of a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` a hard link to `source`, or a copy where links are not possible.

    Raises:
        OSError: `target` is unchanged.
    """
    if target.exists() and target.samefile(source):
        return
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        try:
            # The file itself: `link` would make a second link of a symbolic one.
            os.link(source.resolve(), temporary)
        except OSError:
            # A file system without hard links, or the limit on their number.
            _copy(source, temporary)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_path(target.parent)


def _copy(source: Path, target: Path) -> None:
    """Copy the content in chunks and flush it to disk."""
    with source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(READ_CHUNK_BYTES):
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
