"""The index of a corpus on disk, stored with its tokens in the cache: built once, never partial.

`places` holds the sorted positions (`core.attribution.suffix_array`) as plain integers of 4 bytes,
or 8 if the corpus needs them; `lines` holds newline counts, by which a line number is found without
reading the file from its beginning; `index.json`, written last, describes both. Everything can be
rebuilt from the tokens and the text.

A source file that changed later is not noticed here; `core.text.catalog.find_by_hash` checks that.
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
from typing import BinaryIO

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
from core.paths import HOME_VARIABLE
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress
from core.system.files import fsync_path, read_json, remove_temporary_files, write_json
from core.system.locks import Lock, acquire
from core.text.corpus import Corpus
from core.text.encoding import Encoding
from core.text.readers import TextSource, open_text, unpacked_size

INDEX_FORMAT = 1
METADATA_FILE = "index.json"
POSITIONS_FILE = "places"
LINES_FILE = "lines"
LOCK_FILE = "index.lock"
LOCK_RETRY_S = 0.2
CHECKED_NEIGHBOURS = 512
MAX_UINT32_TOKENS = np.iinfo(np.uint32).max
LINE_BLOCK_BYTES = 1 << 20  # a multiple of the width of every encoding's newline
REBUILT_NOTE = "The index of this text was damaged and has been rebuilt."


@dataclass(frozen=True, kw_only=True)
class IndexMetadata:
    """Description of the index files.

    Attributes:
        tokens: number of tokens of the corpus, validation part included.
        places: number of sorted positions.
        depth: number of tokens to which they are sorted.
        dtype: of a position.
        blocks: number of newline counts of each file.
    """

    format: int
    byteorder: str
    tokens: int
    places: int
    depth: int
    dtype: str
    blocks: tuple[int, ...]

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file."""
        position_bytes = self.places * np.dtype(self.dtype).itemsize
        return {POSITIONS_FILE: position_bytes, LINES_FILE: 8 * sum(self.blocks)}


@dataclass(frozen=True)
class CorpusIndex:
    """An open index.

    Attributes:
        newline_counts: per file, from `count_newlines`.
        size: bytes on disk.
    """

    ngrams: NgramIndex
    newline_counts: list[NDArray[np.int64]]
    size: int


def index_exists(folder: Path) -> bool:
    """Whether a token folder has an index, intact or not."""
    return (folder / METADATA_FILE).exists()


def open_index(folder: Path, tokens: TokenFile) -> CorpusIndex | None:
    """Open the index in a token folder; None if it is missing, incomplete or damaged."""
    meta = _read_metadata(folder, tokens)
    if meta is None:
        return None
    dtype = np.dtype(meta.dtype)
    positions = (
        np.memmap(folder / POSITIONS_FILE, dtype, "r") if meta.places else np.empty(0, dtype)
    )
    ngrams = NgramIndex(_training_prefix(tokens), positions, meta.depth)
    counts = np.fromfile(folder / LINES_FILE, np.int64)
    newline_counts = np.split(counts, np.cumsum(meta.blocks)[:-1])
    if not (_is_sorted(ngrams) and all(map(_is_cumulative, newline_counts))):
        return None
    return CorpusIndex(ngrams, newline_counts, sum(meta.sizes().values()))


def _read_metadata(folder: Path, tokens: TokenFile) -> IndexMetadata | None:
    try:
        values = read_json(folder / METADATA_FILE)
        meta = IndexMetadata(**values | {"blocks": tuple(values.get("blocks", ()))})
        expected = (INDEX_FORMAT, sys.byteorder, len(tokens.ids), len(tokens.first_samples))
        matches = (meta.format, meta.byteorder, meta.tokens, len(meta.blocks)) == expected
        sizes = meta.sizes().items()
        is_complete = all((folder / name).stat().st_size == size for name, size in sizes)
    except (OSError, DamagedError, TypeError):
        return None
    return meta if matches and is_complete else None


def _is_cumulative(counts: NDArray[np.int64]) -> bool:
    """Whether these can be the newlines before each block of a file."""
    return len(counts) > 0 and counts[0] == 0 and bool((counts[1:] >= counts[:-1]).all())


def _is_sorted(ngrams: NgramIndex) -> bool:
    """Whether a sample of neighbouring positions is in order, which noise would not be."""
    count, end = len(ngrams.positions), len(ngrams.ids)
    if not count:
        return True
    sampled = np.linspace(0, max(0, count - 2), CHECKED_NEIGHBOURS).astype(np.int64)
    for number in np.unique(sampled):
        pair = ngrams.positions[number : number + 2].astype(np.int64)
        if (pair >= end).any():
            return False
        first, *rest = [ngrams.read_suffix(int(position), ngrams.depth) for position in pair]
        if rest and first > rest[0]:
            return False
    return True


def _training_prefix(tokens: TokenFile) -> NDArray[np.unsignedinteger]:
    """Return the ids up to the validation part of a text; all ids for lines."""
    return tokens.ids[: tokens.train_span[1]] if tokens.reading == "text" else tokens.ids


def training_positions(tokens: TokenFile) -> tuple[PositionBlocks, int]:
    """Return the positions of the training part in ascending blocks, and their number."""
    dtype = np.uint32 if len(tokens.ids) <= MAX_UINT32_TOKENS else np.uint64
    if tokens.reading == "text":
        end = tokens.train_span[1]
        starts = range(0, end, POSITIONS_PER_BLOCK)

        def text_blocks() -> Iterator[Positions]:
            return (
                np.arange(start, min(start + POSITIONS_PER_BLOCK, end), dtype=dtype)
                for start in starts
            )

        return text_blocks, end
    is_training = np.zeros(len(tokens.starts) - 1, np.bool_)
    is_training[tokens.train_samples] = True

    def line_blocks() -> Iterator[Positions]:
        for begin in range(0, len(tokens.ids), POSITIONS_PER_BLOCK):
            end = min(begin + POSITIONS_PER_BLOCK, len(tokens.ids))
            first = int(np.searchsorted(tokens.starts, begin, side="right")) - 1
            last = int(np.searchsorted(tokens.starts, end, side="left"))
            edges = np.clip(tokens.starts[first : last + 1], begin, end)
            chosen = np.flatnonzero(np.repeat(is_training[first:last], edges[1:] - edges[:-1]))
            if len(chosen):
                yield (chosen + begin).astype(dtype)

    lengths = tokens.starts[tokens.train_samples + 1] - tokens.starts[tokens.train_samples]
    return line_blocks, int(lengths.sum())


def build_index(
    folder: Path,
    tokens: TokenFile,
    corpus: Corpus,
    *,
    progress: ProgressCallback = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> CorpusIndex:
    """Return the index of a token folder, building it if it is missing or damaged.

    One process builds it while others wait. After a stop at any moment it is complete or absent.

    Raises:
        StorageError: it could not be written.
        InputError: the text cannot be read.
        Cancelled: `cancelled` returned true.
    """
    try:
        with _hold_lock(folder, cancelled):
            index = open_index(folder, tokens)
            if index is None:
                _write_index(folder, tokens, corpus, progress, cancelled)
                index = open_index(folder, tokens)
    except OSError as error:
        raise StorageError(
            f"The index of the text could not be written in {folder}: {error.strerror or error}.",
            f"Free some space, or choose another home with {HOME_VARIABLE}.",
        ) from None
    assert index, "it was just written"
    return index


@contextmanager
def _hold_lock(folder: Path, cancelled: CancelCheck) -> Iterator[Lock]:
    """Wait for the lock, then remove temporary files of killed processes."""
    while not (lock := acquire(folder / LOCK_FILE)):
        if cancelled():
            raise Cancelled
        time.sleep(LOCK_RETRY_S)
    with lock:
        remove_temporary_files(folder / POSITIONS_FILE)
        remove_temporary_files(folder / LINES_FILE)
        yield lock


def _write_index(
    folder: Path,
    tokens: TokenFile,
    corpus: Corpus,
    progress: ProgressCallback,
    cancelled: CancelCheck,
) -> None:
    blocks, count = training_positions(tokens)
    newline_counts = count_newlines(corpus.files, corpus.codec, progress, cancelled)
    (folder / METADATA_FILE).unlink(missing_ok=True)
    with _replace_file(folder / POSITIONS_FILE) as file:
        sorter = SuffixSorter(
            _training_prefix(tokens),
            tokens.vocab_size,
            file,
            folder,
            progress=progress,
            cancelled=cancelled,
        )
        sorter.sort(blocks, count)
    with _replace_file(folder / LINES_FILE) as file:
        file.write(np.concatenate(newline_counts).tobytes())
    meta = IndexMetadata(
        format=INDEX_FORMAT,
        byteorder=sys.byteorder,
        tokens=len(tokens.ids),
        places=count,
        depth=SORT_DEPTH_TOKENS,
        dtype=np.dtype(np.uint32 if len(tokens.ids) <= MAX_UINT32_TOKENS else np.uint64).name,
        blocks=tuple(map(len, newline_counts)),
    )
    write_json(folder / METADATA_FILE, dataclasses.asdict(meta))


@contextmanager
def _replace_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a temporary file that becomes `path` at the end, or is deleted on an error."""
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


def count_newlines(
    files: tuple[Path, ...],
    encoding: Encoding,
    progress: ProgressCallback = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> list[NDArray[np.int64]]:
    """Count, for each file, the newlines before each block of `LINE_BLOCK_BYTES`.

    Raises:
        InputError: a file cannot be read.
        Cancelled: `cancelled` returned true.
    """
    total, done, newline_counts = sum(map(unpacked_size, files)), 0, []
    for path in files:
        counts = [0]
        with open_text(path, encoding) as source:
            while raw := source.file.read(LINE_BLOCK_BYTES):
                if cancelled():
                    raise Cancelled
                counts.append(counts[-1] + _count_newlines(source, raw))
                done += len(raw)
                progress(min(done, total), total, "counting lines")
        newline_counts.append(np.array(counts, np.int64))
    return newline_counts


def find_line_at(counts: NDArray[np.int64], source: TextSource, offset: int) -> int:
    """Return the number, from 1, of the line that contains byte `offset`; reads one block."""
    block = min((offset - source.start) // LINE_BLOCK_BYTES, len(counts) - 1)
    begin = source.start + block * LINE_BLOCK_BYTES
    source.file.seek(begin)
    return int(counts[block]) + _count_newlines(source, source.file.read(offset - begin)) + 1


def _count_newlines(source: TextSource, raw: bytes) -> int:
    """Count newlines in bytes that begin at a whole code unit."""
    newline = source.encoding.newline
    width = len(newline)
    if width == 1:
        return raw.count(newline)
    units = np.frombuffer(raw[: len(raw) - len(raw) % width], np.dtype(f"u{width}"))
    return int((units == np.frombuffer(newline, units.dtype)[0]).sum())
