"""Files replaced whole: a reader sees the old content or the new one, never a half.

Knows no names of a run's files; callers give paths.

How deeply a value of JSON is nested: what can just be read could not be written again.
"""

from __future__ import annotations

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

# A parsed JSON object, where it enters or leaves the program.
JsonObject = dict[str, Any]

MAX_JSON_DEPTH = 100


def check_json_depth(text: str, value: Any) -> None:
    """Refuses a value of more than a hundred levels.

    Args:
        text: what it was read from; mostly it alone shows that there are not so many.

    Raises:
        RecursionError: as the reader does for some thousand levels.
    """
    if text.count("[") + text.count("{") <= MAX_JSON_DEPTH:
        return
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_JSON_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise RecursionError(f"it is nested deeper than {MAX_JSON_DEPTH} levels")


def _inside(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value
    return [one for one in inner if isinstance(one, dict | list)]


def write_atomic(path: Path, data: bytes) -> None:
    """Replaces the content of `path`: temporary file beside it, fsync, rename.

    Raises:
        OSError: nothing was replaced and the temporary file is gone.
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


def remove_temporary_files(path: Path) -> None:
    """Removes the temporary files of writers of `path` that were killed; nobody may be writing."""
    for temporary in path.parent.glob(f".{path.name}-*.tmp"):
        temporary.unlink()


def remove_temporary_files_below(folder: Path) -> None:
    """Removes those below a folder, of whatever files; nobody may be writing there."""
    for temporary in folder.rglob(".*.tmp"):
        temporary.unlink()


def write_json(path: Path, value: Any) -> None:
    """Replaces `path` with indented JSON.

    Raises:
        ValueError: a number in it is not finite.
        OSError: nothing was replaced.
    """
    text = json.dumps(value, allow_nan=False, indent=2, ensure_ascii=False)
    # A name that is no text (a lone surrogate) is written as JSON's own escape for it.
    write_atomic(path, f"{text}\n".encode(errors="backslashreplace"))


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`.

    Raises:
        DamagedError: it is not there, is no plain file, or holds no JSON object.
    """
    try:
        text = read_regular_file(path).decode()
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
        check_json_depth(text, value)
    except FileNotFoundError:
        raise DamagedError(f"{path} is missing.") from None
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise DamagedError(f"{path} holds no JSON object.")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def read_regular_file(path: Path) -> bytes:
    """All of a file of ours.

    Raises:
        FileNotFoundError: it is not there.
        DamagedError: it is no plain file, or cannot be read.
    """
    with translate_read_errors(path), os.fdopen(open_regular_file(path), "rb") as file:
        return file.read()


def open_regular_file(path: Path) -> int:
    """A descriptor to read a file of ours from; a pipe in its place is not waited for.

    Raises:
        FileNotFoundError: it is not there.
        DamagedError: it is no plain file, or cannot be opened.
    """
    with translate_read_errors(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    reason = "Is a directory" if stat.S_ISDIR(mode) else "Not a plain file"
    raise DamagedError(f"{path} cannot be read: {reason}.")


@contextmanager
def translate_read_errors(path: Path) -> Iterator[None]:
    """Turns what the system says while a file of ours is read into a `DamagedError`.

    Raises:
        FileNotFoundError: as it is: what it means is the caller's to say.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DamagedError(f"{path} cannot be read: {error.strerror or error}.") from error


def checksum(path: Path) -> str:
    """The CRC-32 of the content: finds damage, not malice."""
    sum = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 22):
            sum = zlib.crc32(piece, sum)
    return f"{sum:08x}"


def fsync_path(path: Path) -> None:
    """Waits until the file, or the names in the folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_or_copy(source: Path, target: Path) -> None:
    """Makes `target` the same file as `source`, or a copy where links are not possible.

    Raises:
        OSError: `target` is as it was.
    """
    if target.exists() and target.samefile(source):
        return
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        try:
            os.link(source, temporary)
        except OSError:
            # File systems without hard links, or a limit on their number.
            copy_file(source, temporary)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_path(target.parent)


def copy_file(source: Path, target: Path) -> None:
    """Copies the content, in pieces, and waits until it is on the disk."""
    with source.open("rb") as reader, target.open("wb") as writer:
        while piece := reader.read(1 << 22):
            writer.write(piece)
        writer.flush()
        os.fsync(writer.fileno())
