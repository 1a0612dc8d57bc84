"""Files of lines that one process appends to while others read: append, follow, read backwards.

The content is bytes; a line is complete once its newline is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from core.errors import DamagedError
from core.system.files import open_regular_file, translate_read_errors

NEWLINE = b"\n"
READ_LIMIT_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 24  # several times the longest prompt; a longer line is damage
# Backwards, chunks start small, as callers mostly want the last line only, and double.
FIRST_CHUNK_BYTES = 1 << 12
MAX_CHUNK_BYTES = 1 << 18


class LineTooLongError(DamagedError):
    """A line of more than `MAX_LINE_BYTES`."""


def _check_line_length(path: Path, length: int) -> None:
    if length > MAX_LINE_BYTES:
        raise LineTooLongError(f"{path} has a line of more than {MAX_LINE_BYTES:,} bytes.")


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, also if the system takes it in parts.

    Raises:
        OSError: the disk is full, for instance.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def has_unfinished_line(descriptor: int) -> bool:
    """Whether the last line of an open, readable file lacks its newline."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != NEWLINE


class LineTail:
    """Read lines as they arrive, each once. The file is reopened for every read.

    Attributes:
        offset: bytes consumed, including those of an unfinished last line.
        restarts: how often the file was replaced or truncated and is read from its start again.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.restarts = 0
        self._inode: tuple[int, int] | None = None
        self._unfinished = b""

    def read(self, max_bytes: int = READ_LIMIT_BYTES) -> list[bytes]:
        """The next complete lines without newlines, from about `max_bytes` of the file.

        Empty if there are none, also while the file does not exist.

        Raises:
            DamagedError: it is not a regular file, cannot be read, or has too long a line.
        """
        try:
            descriptor = open_regular_file(self.path)
        except FileNotFoundError:
            return []
        try:
            self._detect_restart(os.fstat(descriptor))
            with translate_read_errors(self.path):
                return self._read_lines(descriptor, max_bytes)
        finally:
            os.close(descriptor)

    def take_unfinished_line(self) -> bytes:
        """Return and forget the bytes after the last newline, once their writer has ended."""
        line, self._unfinished = self._unfinished, b""
        return line

    def _detect_restart(self, stat: os.stat_result) -> None:
        inode = (stat.st_dev, stat.st_ino)
        if self._inode not in (None, inode) or stat.st_size < self.offset:
            self.offset, self._unfinished = 0, b""
            self.restarts += 1
        self._inode = inode

    def _read_lines(self, descriptor: int, max_bytes: int) -> list[bytes]:
        chunks, length = [self._unfinished], len(self._unfinished)
        while chunk := os.pread(descriptor, max_bytes, self.offset):
            self.offset += len(chunk)
            chunks.append(chunk)
            if NEWLINE in chunk:
                break
            length += len(chunk)
            _check_line_length(self.path, length)
        *lines, self._unfinished = b"".join(chunks).split(NEWLINE)
        return lines


def read_lines_backwards(path: Path, max_bytes: int | None = None) -> Iterator[bytes]:
    """The complete lines of a file, last first, without newlines; none if it does not exist.

    Args:
        max_bytes: limit at the end of the file; None reads all of it.

    Raises:
        DamagedError: it is not a regular file, cannot be read, or has too long a line.
    """
    try:
        descriptor = open_regular_file(path)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "rb", buffering=0) as file, translate_read_errors(path):
        end, size = file.seek(0, os.SEEK_END), FIRST_CHUNK_BYTES
        first = 0 if max_bytes is None else max(0, end - max_bytes)
        # The later parts of the line whose start is still unread, last part first.
        later_parts: list[bytes] = []
        length = 0  # of the line so far
        # What follows the last newline of the file is unfinished and dropped.
        has_newline = False
        while end > first:
            begin = max(first, end - size)
            chunk = os.pread(file.fileno(), end - begin, begin)
            end, size = begin, min(2 * size, MAX_CHUNK_BYTES)
            if NEWLINE not in chunk:
                length += len(chunk)
                _check_line_length(path, length)
                if has_newline:
                    later_parts.append(chunk)
                continue
            head, *middle, tail = chunk.split(NEWLINE)
            if has_newline:
                yield b"".join([tail, *reversed(later_parts)])
            has_newline = True
            yield from reversed(middle)
            later_parts, length = [head], len(head)
        if has_newline and first == 0:
            yield b"".join(reversed(later_parts))
