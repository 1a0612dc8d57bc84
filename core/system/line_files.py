"""Files of lines that one process appends to while others read: append, follow, read backwards.

Knows bytes and newlines only, not what a line means. A line counts once its newline is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from core.system.files import open_regular_file, translate_read_errors

FIRST_CHUNK_BYTES = 1 << 12  # read first from the end, as the last line is mostly what is wanted
MAX_CHUNK_BYTES = 1 << 18
NEWLINE = b"\n"


def write_all(descriptor: int, data: bytes) -> None:
    """Writes all of `data`; a disk that takes only a part of it raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def has_unfinished_line(descriptor: int) -> bool:
    """Whether the last line of an open, readable file lacks its newline."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != NEWLINE


class LineTail:
    """Reads lines as they arrive, each once; opens the file anew at every read.

    Attributes:
        offset: bytes consumed so far, including an unfinished last line kept for later.
        restarts: how often the file was replaced or cut, so that reading began again at its start.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.restarts = 0
        self._inode: tuple[int, int] | None = None
        self._pending = b""

    def read(self, most: int = 1 << 20) -> list[bytes]:
        """The next complete lines without their newlines, from about `most` bytes of the file.

        Empty when there is nothing new, also while the file does not exist.

        Raises:
            DamagedError: it is no plain file, or cannot be read.
        """
        try:
            descriptor = open_regular_file(self.path)
        except FileNotFoundError:
            return []
        try:
            self._notice_replacement(os.fstat(descriptor))
            with translate_read_errors(self.path):
                return self._next_lines(descriptor, most)
        finally:
            os.close(descriptor)

    def take_unfinished_line(self) -> bytes:
        """The beginning of a last line that nobody will end any more; each once, as `read`."""
        rest, self._pending = self._pending, b""
        return rest

    def _notice_replacement(self, facts: os.stat_result) -> None:
        inode = (facts.st_dev, facts.st_ino)
        if self._inode not in (None, inode) or facts.st_size < self.offset:
            self.offset, self._pending = 0, b""
            self.restarts += 1
        self._inode = inode

    def _next_lines(self, descriptor: int, most: int) -> list[bytes]:
        pieces = [self._pending]
        while piece := os.pread(descriptor, most, self.offset):
            self.offset += len(piece)
            pieces.append(piece)
            if NEWLINE in piece:
                break
        *lines, self._pending = b"".join(pieces).split(NEWLINE)
        return lines


def read_lines_backwards(path: Path, most: int | None = None) -> Iterator[bytes]:
    """The complete lines of a file, last first, without newlines; none if it does not exist.

    Args:
        most: bytes at the end of the file to look at; None is all of it.

    Raises:
        DamagedError: it is no plain file, or cannot be read.
    """
    try:
        descriptor = open_regular_file(path)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "rb", buffering=0) as file, translate_read_errors(path):
        end, size = file.seek(0, os.SEEK_END), FIRST_CHUNK_BYTES
        first = 0 if most is None else max(0, end - most)
        # What follows the last newline is unfinished: it is cut off with the first newline met.
        rest: list[bytes] = []
        finished = False
        while end > first:
            begin = max(first, end - size)
            piece = os.pread(file.fileno(), end - begin, begin)
            end, size = begin, min(2 * size, MAX_CHUNK_BYTES)
            if NEWLINE not in piece:
                if finished:
                    rest.append(piece)
                continue
            head, *middle, tail = piece.split(NEWLINE)
            if finished:
                yield b"".join([tail, *reversed(rest)])
            finished = True
            yield from reversed(middle)
            rest = [head]
        if finished and first == 0:
            yield b"".join(reversed(rest))
