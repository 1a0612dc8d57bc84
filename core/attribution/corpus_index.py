"""The index of a corpus on the disk: beside its tokens in the cache, made once, never half.

`places` holds the sorted places (`core.attribution.suffix_array`) as plain numbers of 4 bytes, 8
where there are
more than fit; `lines` the lines before every megabyte of each file; `index.json`, written last,
says what they hold. Everything can be made again from the tokens and the text.

Line ends before every megabyte of a file: a line number without reading all before it.

Made while a corpus is indexed; a look reads one block of the file. A file changed since then is not
noticed here: `core.text.catalog.find_by_hash` does that.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.attribution.ngram_index import NgramIndex
from core.attribution.suffix_array import (
    POSITIONS_PER_BLOCK,
    SORT_DEPTH_TOKENS,
    PositionBlocks,
    Positions,
    SuffixSorter,
)
from core.dataset.token_store import TokenFile
from core.errors import Cancelled, DamagedError, StorageError
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress
from core.system.files import fsync_path, read_json, remove_temporary_files, write_json
from core.system.locks import Lock, acquire
from core.text.corpus import Corpus
from core.text.encoding import Encoding
from core.text.readers import TextSource, open_text, unpacked_size

LINE_BLOCK_BYTES = 1 << 20  # a multiple of every width of a newline
PHASE = "counting lines"


def count_lines(
    files: tuple[Path, ...],
    encoding: Encoding,
    progress: ProgressCallback = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> list[NDArray[np.int64]]:
    """For each file the newlines before each block of a megabyte.

    Raises:
        InputError: a file cannot be read.
        Cancelled: where `cancelled` said so.
    """
    total, done, found = sum(map(unpacked_size, files)), 0, []
    for path in files:
        counts = [0]
        with open_text(path, encoding) as source:
            while raw := source.file.read(LINE_BLOCK_BYTES):
                if cancelled():
                    raise Cancelled
                counts.append(counts[-1] + _newlines(source, raw))
                done += len(raw)
                progress(min(done, total), total, PHASE)
        found.append(np.array(counts, np.int64))
    return found


def find_line_at(counts: NDArray[np.int64], source: TextSource, offset: int) -> int:
    """The number, from 1, of the line that byte `offset` of an open file is in."""
    block = min((offset - source.start) // LINE_BLOCK_BYTES, len(counts) - 1)
    begin = source.start + block * LINE_BLOCK_BYTES
    source.file.seek(begin)
    return int(counts[block]) + _newlines(source, source.file.read(offset - begin)) + 1


def _newlines(source: TextSource, raw: bytes) -> int:
    """The line ends in bytes that begin at a whole unit of the encoding."""
    newline = source.encoding.newline
    width = len(newline)
    if width == 1:
        return raw.count(newline)
    units = np.frombuffer(raw[: len(raw) - len(raw) % width], np.dtype(f"u{width}"))
    return int((units == np.frombuffer(newline, units.dtype)[0]).sum())


INDEX_FORMAT = 1
METADATA_FILE, POSITIONS_FILE, LINES_FILE, LOCK_FILE = "index.json", "places", "lines", "index.lock"
CHECKED_NEIGHBOURS = 512  # neighbours compared when it is opened
LOCK_RETRY_S = 0.2
MAX_UINT32_TOKENS = np.iinfo(np.uint32).max
REBUILT_NOTE = "The index of this text was damaged: it was made anew."


@dataclass(frozen=True, kw_only=True)
class IndexMetadata:
    """What the files hold.

    Attributes:
        tokens: of the corpus, the validation part included.
        places: sorted ones.
        depth: to how many tokens.
        dtype: of a place.
        blocks: how many numbers of `lines` each file has.
    """

    format: int
    byteorder: str
    tokens: int
    places: int
    depth: int
    dtype: str
    blocks: tuple[int, ...]


@dataclass(frozen=True)
class CorpusIndex:
    """An index that is ready.

    Attributes:
        ngrams: what can be asked.
        lines: for each file the newlines before each of its blocks
        (`core.attribution.corpus_index`).
        size: bytes on the disk.
    """

    ngrams: NgramIndex
    newline_counts: list[NDArray[np.int64]]
    size: int


def index_exists(folder: Path) -> bool:
    """Whether there is an index beside these tokens, whole or not."""
    return (folder / METADATA_FILE).exists()


def open_index(folder: Path, stored: TokenFile) -> CorpusIndex | None:
    """The index beside the tokens in a folder; None where it is missing, not whole or damaged."""
    meta = _read_meta(folder, stored)
    if meta is None:
        return None
    places = (
        np.memmap(folder / POSITIONS_FILE, np.dtype(meta.dtype), "r")
        if meta.places
        else _none(meta)
    )
    where = NgramIndex(_seen_in_training(stored), places, meta.depth)
    lines = np.split(np.fromfile(folder / LINES_FILE, np.int64), np.cumsum(meta.blocks)[:-1])
    if not (_in_order(where) and all(map(_counting, lines))):
        return None
    return CorpusIndex(where, lines, sum(_sizes(meta).values()))


def _none(meta: IndexMetadata) -> Positions:
    return np.empty(0, np.dtype(meta.dtype))


def _sizes(meta: IndexMetadata) -> dict[str, int]:
    """The bytes of each file."""
    return {
        POSITIONS_FILE: meta.places * np.dtype(meta.dtype).itemsize,
        LINES_FILE: 8 * sum(meta.blocks),
    }


def _read_meta(folder: Path, stored: TokenFile) -> IndexMetadata | None:
    try:
        values: dict[str, Any] = read_json(folder / METADATA_FILE)
        meta = IndexMetadata(**values | {"blocks": tuple(values.get("blocks", ()))})
        known = (INDEX_FORMAT, sys.byteorder, len(stored.ids), len(stored.first_samples))
        same = (meta.format, meta.byteorder, meta.tokens, len(meta.blocks)) == known
        whole = all((folder / n).stat().st_size == size for n, size in _sizes(meta).items())
    except (OSError, DamagedError, TypeError):
        return None
    return meta if same and whole else None


def _counting(lines: NDArray[np.int64]) -> bool:
    """Whether these can be the line ends before each block."""
    return len(lines) > 0 and lines[0] == 0 and bool((lines[1:] >= lines[:-1]).all())


def _in_order(where: NgramIndex) -> bool:
    """Whether a few neighbours stand in their order: noise in their place does not."""
    count, end = len(where.positions), len(where.ids)
    if not count:
        return True
    for number in np.unique(np.linspace(0, max(0, count - 2), CHECKED_NEIGHBOURS).astype(np.int64)):
        pair = where.positions[number : number + 2].astype(np.int64)
        if (pair >= end).any():
            return False
        first, *rest = [where.read_suffix(int(place), where.depth) for place in pair]
        if rest and first > rest[0]:
            return False
    return True


def _seen_in_training(stored: TokenFile) -> NDArray[np.unsignedinteger]:
    """The tokens without those that stand behind the training part."""
    return stored.ids[: stored.train_span[1]] if stored.reading == "text" else stored.ids


def training_positions(stored: TokenFile) -> tuple[PositionBlocks, int]:
    """The tokens that are trained on, in pieces of ascending numbers; and how many there are."""
    dtype = np.uint32 if len(stored.ids) <= MAX_UINT32_TOKENS else np.uint64
    if stored.reading == "text":
        end = stored.train_span[1]
        whole = range(0, end, POSITIONS_PER_BLOCK)
        return lambda: (
            np.arange(a, min(a + POSITIONS_PER_BLOCK, end), dtype=dtype) for a in whole
        ), end
    starts, numbers = stored.starts, stored.train_samples
    kept = np.zeros(len(starts) - 1, np.bool_)
    kept[numbers] = True

    def pieces() -> Iterator[Positions]:
        for begin in range(0, len(stored.ids), POSITIONS_PER_BLOCK):
            end = min(begin + POSITIONS_PER_BLOCK, len(stored.ids))
            first = int(np.searchsorted(starts, begin, side="right")) - 1
            last = int(np.searchsorted(starts, end, side="left"))
            edges = np.clip(starts[first : last + 1], begin, end)
            lengths = edges[1:] - edges[:-1]
            chosen = np.flatnonzero(np.repeat(kept[first:last], lengths))
            if len(chosen):
                yield (chosen + begin).astype(dtype)

    return pieces, int((starts[numbers + 1] - starts[numbers]).sum())


def build_index(
    folder: Path,
    stored: TokenFile,
    corpus: Corpus,
    *,
    progress: ProgressCallback = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> CorpusIndex:
    """The index beside the tokens: what is there, or made; what was damaged is made anew.

    One process makes it at a time, others wait for it. Stopped at any moment, it is there whole
    or not at all.

    Raises:
        StorageError: it could not be written.
        InputError: the text cannot be read.
        Cancelled: where `cancelled` said so.
    """
    try:
        with _alone(folder, cancelled):
            found = open_index(folder, stored)
            if found is None:
                _make(folder, stored, corpus, progress, cancelled)
                found = open_index(folder, stored)
    except OSError as error:
        raise StorageError(
            f"The index of the text could not be written in {folder}: {error.strerror or error}.",
            "Make room there, or choose another home with MINIGPT_HOME.",
        ) from None
    assert found, "what was just made is whole"
    return found


@contextmanager
def _alone(folder: Path, cancelled: CancelCheck) -> Iterator[Lock]:
    """Nobody else makes it meanwhile; what those who were killed left is removed."""
    while not (lock := acquire(folder / LOCK_FILE)):
        if cancelled():
            raise Cancelled
        time.sleep(LOCK_RETRY_S)
    with lock:
        remove_temporary_files(folder / POSITIONS_FILE)
        remove_temporary_files(folder / LINES_FILE)
        yield lock


def _make(
    folder: Path,
    stored: TokenFile,
    corpus: Corpus,
    progress: ProgressCallback,
    cancelled: CancelCheck,
) -> None:
    source, count = training_positions(stored)
    lines = count_lines(corpus.files, corpus.codec, progress, cancelled)
    (folder / METADATA_FILE).unlink(missing_ok=True)
    with _replacing(folder / POSITIONS_FILE) as file:
        ids = _seen_in_training(stored)
        sorter = SuffixSorter(
            ids, stored.vocab_size, file, folder, progress=progress, cancelled=cancelled
        )
        sorter.sort(source, count)
    with _replacing(folder / LINES_FILE) as file:
        file.write(np.concatenate(lines).tobytes())
    meta = IndexMetadata(
        format=INDEX_FORMAT,
        byteorder=sys.byteorder,
        tokens=len(stored.ids),
        places=count,
        depth=SORT_DEPTH_TOKENS,
        dtype=np.dtype(np.uint32 if len(stored.ids) <= MAX_UINT32_TOKENS else np.uint64).name,
        blocks=tuple(map(len, lines)),
    )
    write_json(folder / METADATA_FILE, dataclasses.asdict(meta))


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that becomes `path` at the end; after an error nothing is left of it."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        fsync_path(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
