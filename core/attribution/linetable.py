"""Line ends before every megabyte of a file: a line number without reading all before it.

Made while a corpus is indexed; a look reads one block of the file. A file changed since then is not
noticed here: `core.text.store.recall` does that.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.text.encoding import Encoding
from core.errors import Cancelled
from core.progress import Progress, Stop, never, quiet
from core.text.readers import Source, opened, unpacked_size

BLOCK = 1 << 20  # a multiple of every width of a newline
PHASE = "counting lines"


def count_lines(
    files: tuple[Path, ...],
    encoding: Encoding,
    progress: Progress = quiet,
    cancelled: Stop = never,
) -> list[NDArray[np.int64]]:
    """For each file the newlines before each block of a megabyte.

    Raises:
        InputError: a file cannot be read.
        Cancelled: where `cancelled` said so.
    """
    total, done, found = sum(map(unpacked_size, files)), 0, []
    for path in files:
        counts = [0]
        with opened(path, encoding) as source:
            while raw := source.file.read(BLOCK):
                if cancelled():
                    raise Cancelled
                counts.append(counts[-1] + _newlines(source, raw))
                done += len(raw)
                progress(min(done, total), total, PHASE)
        found.append(np.array(counts, np.int64))
    return found


def line_at(counts: NDArray[np.int64], source: Source, offset: int) -> int:
    """The number, from 1, of the line that byte `offset` of an open file is in."""
    block = min((offset - source.start) // BLOCK, len(counts) - 1)
    begin = source.start + block * BLOCK
    source.file.seek(begin)
    return int(counts[block]) + _newlines(source, source.file.read(offset - begin)) + 1


def _newlines(source: Source, raw: bytes) -> int:
    """The line ends in bytes that begin at a whole unit of the encoding."""
    newline = source.encoding.newline
    width = len(newline)
    if width == 1:
        return raw.count(newline)
    units = np.frombuffer(raw[: len(raw) - len(raw) % width], np.dtype(f"u{width}"))
    return int((units == np.frombuffer(newline, units.dtype)[0]).sum())
