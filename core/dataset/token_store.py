"""The tokens of a corpus, memory-mapped from a cache and split into training and validation.

Lines are stored as <sos> … <eos> each, conversations as `core.tokenizer.chat_format` says;
continuous text ends every document with <eos>. Shapes: N tokens, S samples (lines, conversations,
or parts of documents of about 32 KiB).

The cache in the user's home has one folder per text and tokenizer. A folder is written under a
temporary name and renamed when complete, so that a reader finds all of it or nothing, even if
several processes write it at once or are killed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.dataset.spans import Int64Array
from core.dataset.token_files import (
    IDS_FILE,
    OFFSETS_FILE,
    REPLIES_FILE,
    STARTS_FILE,
    TOKEN_FORMAT,
    VALIDATION_FILE,
    TokenWriter,
    read_metadata,
)
from core.errors import InputError, StorageError
from core.paths import HOME_VARIABLE, Home
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress
from core.system.files import make_private_folder
from core.system.locks import acquire, exclusive
from core.text.catalog import SOURCE_FILE
from core.text.corpus import CHAT_READINGS, LINES, TEXT, Corpus, CorpusSample
from core.text.readers import is_gzip, is_records, translate_errors
from core.text.stats import fingerprint
from core.text.validation import MIN_LINES_TO_SPLIT, is_split
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.train import read_with_progress

MIN_TOKENS_TO_SPLIT = 10_000
# The library needs about 100 bytes per token while it encodes, and a character may be a token.
BATCH_CHARACTERS = 1 << 20
BATCH_SAMPLES = 1 << 14
BATCHES_AHEAD = 2
LOCK_FILE = "lock"
UNFINISHED_PREFIX = ".making-"
# A folder may be found between its creation and its locking.
UNLOCKED_GRACE_S = 60.0


def _empty() -> Int64Array:
    return np.empty(0, np.int64)


@dataclass(frozen=True, kw_only=True)
class ValidationSplit:
    """Which samples or tokens are for training and which for validation.

    Attributes:
        train_samples, val_samples: sample numbers, for all readings but "text".
        train_span, val_span: token ranges, for "text".
        note: why there is no validation part; empty if there is one.
    """

    train_samples: Int64Array = field(default_factory=_empty)
    val_samples: Int64Array = field(default_factory=_empty)
    train_span: tuple[int, int] = (0, 0)
    val_span: tuple[int, int] = (0, 0)
    note: str = ""

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation part."""
        return len(self.val_samples) > 0 or self.val_span[1] > self.val_span[0]


@dataclass(frozen=True, kw_only=True)
class TokenFile(ValidationSplit):
    """All tokens of a corpus in its order, with their split.

    Attributes:
        ids: (N,) uint16 or uint32, memory-mapped.
        starts: (S + 1,) the first token of each sample, and N at the end.
        offsets: (S,) the byte of its file (unpacked) at which each sample begins.
        first_samples: the number of the first sample of each file.
        reading: one of `core.text.corpus.READINGS`.
        vocab_size: number of ids of the tokenizer.
        longest: tokens of the longest sample.
        is_reply: (N,) uint8, 1 where the assistant wrote the token; None but for conversations.
        folder: where they are stored.
    """

    ids: NDArray[np.unsignedinteger]
    starts: Int64Array
    reading: str
    vocab_size: int
    offsets: Int64Array = field(default_factory=_empty)
    first_samples: tuple[int, ...] = (0,)
    longest: int = 0
    is_reply: NDArray[np.uint8] | None = None
    folder: Path = Path()

    def locate(self, token: int) -> tuple[int, int, int]:
        """Return the source of a token: file index, byte offset of its sample, sample number."""
        assert 0 <= token < len(self.ids)
        sample = int(np.searchsorted(self.starts, token, side="right")) - 1
        file = int(np.searchsorted(np.array(self.first_samples), sample, side="right")) - 1
        return file, int(self.offsets[sample]), sample


def split_line_samples(is_validation: NDArray[np.uint8], reading: str = LINES) -> ValidationSplit:
    """Split lines or records by (S,) flags, 1 for those whose hash assigns them to validation.

    Args:
        reading: what they are called in a note: "lines", "pairs" or "conversations".
    """
    count = len(is_validation)
    all_samples = np.arange(count, dtype=np.int64)
    if count < MIN_LINES_TO_SPLIT:
        note = f"no validation: only {count:,} {reading}, at least {MIN_LINES_TO_SPLIT} are needed"
        return ValidationSplit(train_samples=all_samples, note=note)
    val = np.flatnonzero(is_validation).astype(np.int64)
    if not is_split(count, len(val)):
        note = f"no validation: too few distinct {reading}"
        return ValidationSplit(train_samples=all_samples, note=note)
    train = np.flatnonzero(is_validation == 0).astype(np.int64)
    return ValidationSplit(train_samples=train, val_samples=val)


def split_text_tokens(count: int) -> ValidationSplit:
    """Split a text of `count` tokens: the last tenth is for validation."""
    if count < MIN_TOKENS_TO_SPLIT:
        note = f"no validation: only {count:,} tokens, at least {MIN_TOKENS_TO_SPLIT:,} are needed"
        return ValidationSplit(train_span=(0, count), note=note)
    end = count - count // 10
    return ValidationSplit(train_span=(0, end), val_span=(end, count))


def open_tokens(folder: Path) -> TokenFile | None:
    """Open the tokens stored in a folder; None if they are missing or incomplete."""
    meta = read_metadata(folder)
    if meta is None:
        return None
    if meta.reading != TEXT:
        split = split_line_samples(np.memmap(folder / VALIDATION_FILE, np.uint8, "r"), meta.reading)
    else:
        split = split_text_tokens(meta.tokens)
    return TokenFile(
        ids=np.memmap(folder / IDS_FILE, np.dtype(meta.dtype), "r"),
        starts=np.memmap(folder / STARTS_FILE, np.int64, "r"),
        offsets=np.memmap(folder / OFFSETS_FILE, np.int64, "r"),
        first_samples=meta.first_samples,
        reading=meta.reading,
        vocab_size=meta.vocab_size,
        longest=meta.longest,
        is_reply=np.memmap(folder / REPLIES_FILE, np.uint8, "r")
        if meta.reading in CHAT_READINGS
        else None,
        folder=folder,
        **vars(split),
    )


def build_tokens(
    corpus: Corpus,
    reading: str,
    tokenizer: Tokenizer,
    home: Home,
    *,
    progress: ProgressCallback = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> TokenFile:
    """Return the tokens of a corpus from the cache, encoding them if needed.

    The cache key is the content, the reading and the tokenizer, so that a changed text is never
    confused with the previous one. Nothing partial is left after a stop at any moment.

    Raises:
        InputError: the text cannot be used, or changed while it was read.
        StorageError: the cache cannot be written.
        Cancelled: `cancelled` returned true.
    """
    before = _read_file_states(corpus)
    sha256 = fingerprint(corpus, progress, cancelled)
    folder = tokens_folder(corpus, sha256, reading, tokenizer, home)
    tokens = open_tokens(folder)
    if tokens:
        return tokens
    with atomic_folder(folder) as temporary:
        samples = read_with_progress(corpus, reading, "making tokens", progress, cancelled)
        writer = TokenWriter(
            temporary,
            reading,
            tokenizer.vocab_size,
            len(corpus.files),
            tokenizer.roles,
            start_id=tokenizer.start_id(reading),
            eos_id=tokenizer.eos_id,
        )
        with writer:
            for batch, ids in _encode_ahead(iter_batches(samples), tokenizer):
                writer.add(batch, ids)
            writer.finish()
        (temporary / SOURCE_FILE).write_text(sha256)
        if _read_file_states(corpus) != before:
            raise InputError(f"The text {corpus.name!r} changed while it was read.", "Try again.")
    tokens = open_tokens(folder)
    assert tokens, "the folder was just completed"
    return tokens


def tokens_folder(
    corpus: Corpus, sha256: str, reading: str, tokenizer: Tokenizer, home: Home
) -> Path:
    """Return where the tokens of a corpus with this fingerprint are cached."""
    formats = " ".join(f"{is_gzip(path):d}{is_records(path):d}" for path in corpus.files)
    key = (str(TOKEN_FORMAT), sha256, formats, corpus.encoding, corpus.errors, reading)
    digest = hashlib.sha256()
    for part in (*key, tokenizer.to_json()):
        digest.update(hashlib.sha256(part.encode()).digest())
    return home.cache / "tokens" / digest.hexdigest()


def _read_file_states(corpus: Corpus) -> list[tuple[int, int]]:
    """Return size and modification time of each file."""
    states = []
    for path in corpus.files:
        with translate_errors(path):
            status = path.stat()
        states.append((status.st_size, status.st_mtime_ns))
    return states


def iter_batches(samples: Iterable[CorpusSample]) -> Iterator[list[CorpusSample]]:
    """Group samples into batches of about a million characters."""
    batch: list[CorpusSample] = []
    size = 0
    for sample in samples:
        batch.append(sample)
        size += len(sample.text)
        if size >= BATCH_CHARACTERS or len(batch) >= BATCH_SAMPLES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _encode_ahead(
    batches: Iterable[list[CorpusSample]], tokenizer: Tokenizer
) -> Iterator[tuple[list[CorpusSample], list[list[list[int]]]]]:
    """Yield the batches in order with the ids of their texts; the next are encoded meanwhile."""
    with ThreadPoolExecutor(BATCHES_AHEAD) as pool:
        pending: deque[tuple[list[CorpusSample], Future[list[list[int]]]]] = deque()
        for batch in batches:
            texts = [text for sample in batch for text in sample.texts]
            pending.append((batch, pool.submit(tokenizer.encode_batch, texts)))
            if len(pending) > BATCHES_AHEAD:
                first, ids = pending.popleft()
                yield first, _regroup(first, ids.result())
        for first, ids in pending:
            yield first, _regroup(first, ids.result())


def _regroup(samples: list[CorpusSample], ids: list[list[int]]) -> list[list[list[int]]]:
    """Return the ids of the texts of each sample, from those of all texts in order."""
    texts = iter(ids)
    return [list(islice(texts, max(1, len(sample.messages)))) for sample in samples]


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes `folder` at the end, or is deleted on an error.

    Raises:
        StorageError: it could not be written.
    """
    try:
        make_private_folder(folder.parent)
        remove_unfinished(folder.parent)
        temporary = Path(tempfile.mkdtemp(prefix=UNFINISHED_PREFIX, dir=folder.parent))
        try:
            lock = acquire(temporary / LOCK_FILE)
            assert lock, "no other process knows this folder"
            with lock:
                yield temporary
                (temporary / LOCK_FILE).unlink()
                _publish(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise StorageError(
            f"The tokens could not be written below {folder.parent}: {error}.",
            f"Free some space, or choose another home with {HOME_VARIABLE}.",
        ) from None


def _publish(temporary: Path, folder: Path) -> None:
    """Rename the folder unless another process was first; a damaged one is replaced.

    Exclusive: otherwise a process could remove a folder completed after its check.
    """
    descriptor = os.open(folder.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with exclusive(descriptor):
            if read_metadata(folder):
                return
            if folder.is_dir():
                damaged = Path(tempfile.mkdtemp(prefix=UNFINISHED_PREFIX, dir=folder.parent))
                folder.replace(damaged)
                shutil.rmtree(damaged, ignore_errors=True)
            temporary.rename(folder)
    finally:
        os.close(descriptor)


def remove_unfinished(parent: Path) -> None:
    """Remove unfinished folders of processes that have exited."""
    for folder in parent.glob(f"{UNFINISHED_PREFIX}*"):
        try:
            is_recent = time.time() - folder.stat().st_mtime < UNLOCKED_GRACE_S
            lock = None if is_recent else acquire(folder / LOCK_FILE, attempts=1)
        except OSError:
            # Removed by another process, or owned by another user.
            continue
        if lock:
            with lock:
                shutil.rmtree(folder, ignore_errors=True)
