"""The tokens of a corpus in a memory map, and which of them are for validation.

Lines are stored as <sos> … <eos> each; of a text every document ends with <eos>. Shapes: N tokens,
S samples (lines, or parts of documents of about 32 KiB).

Token maps in the user's cache, one folder for each content and tokenizer.

A folder is made under another name and renamed when it is whole: who looks for it finds all of it
or nothing, however many processes make it at once or are killed while they do.
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
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.dataset.token_files import TOKEN_FORMAT, TokenWriter, read_metadata
from core.errors import InputError, StorageError
from core.paths import Home
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress
from core.system.locks import acquire, exclusive
from core.text.corpus import Corpus, CorpusSample
from core.text.readers import is_gzip, is_records
from core.text.readers import translate_errors as checked
from core.text.stats import fingerprint
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.train import read_with_progress

LOCK_FILE = "lock"
UNFINISHED_PREFIX = ".making-"
# Between making a folder and locking it there is a moment.
UNLOCKED_GRACE_S = 60.0


def cache_folder(home: Home, *facts: str) -> Path:
    """Where the tokens are that follow from these facts."""
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(hashlib.sha256(fact.encode()).digest())
    return home.cache / "tokens" / digest.hexdigest()


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A new folder that becomes `folder` at the end; after an error nothing is left of it.

    Raises:
        StorageError: it could not be written.
    """
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_unfinished(folder.parent)
        temporary = Path(tempfile.mkdtemp(prefix=UNFINISHED_PREFIX, dir=folder.parent))
        try:
            lock = acquire(temporary / LOCK_FILE)
            assert lock, "nobody else knows this folder"
            with lock:
                yield temporary
                (temporary / LOCK_FILE).unlink()
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
    """Removes what processes that are gone left unfinished."""
    for folder in parent.glob(f"{UNFINISHED_PREFIX}*"):
        try:
            recent = time.time() - folder.stat().st_mtime < UNLOCKED_GRACE_S
            lock = None if recent else acquire(folder / LOCK_FILE, attempts=1)
        except OSError:
            # Another process has removed it, or it is not ours to remove.
            continue
        if lock:
            with lock:
                shutil.rmtree(folder, ignore_errors=True)


Int64Array = NDArray[np.int64]
MIN_LINES_TO_SPLIT = 200
MIN_TOKENS_TO_SPLIT = 10_000
# The library needs about 100 bytes for a token while it works, and a character may be a token.
BATCH_CHARACTERS = 1 << 20
BATCH_SAMPLES = 1 << 14
BATCHES_AHEAD = 2


def _none() -> Int64Array:
    return np.empty(0, np.int64)


@dataclass(frozen=True, kw_only=True)
class TokenFile:
    """All tokens of a corpus in its order.

    Attributes:
        ids: (N,) uint16 or uint32, memory-mapped.
        starts: (S + 1,) the first token of each sample, and N at the end.
        offsets: (S,) the byte of its file (unpacked) at which each sample begins.
        first_samples: for each file of the corpus the number of its first sample.
        reading: "lines" or "text".
        vocab_size: number of different ids.
        train_samples, val_samples: numbers of samples, for "lines".
        train_span, val_span: ranges of tokens, for "text".
        longest: tokens of the longest sample.
        note: why there is no validation; empty where there is.
        folder: where they are stored.
    """

    ids: NDArray[np.unsignedinteger]
    starts: Int64Array
    reading: str
    vocab_size: int
    offsets: Int64Array = field(default_factory=_none)
    first_samples: tuple[int, ...] = (0,)
    train_samples: Int64Array = field(default_factory=_none)
    val_samples: Int64Array = field(default_factory=_none)
    train_span: tuple[int, int] = (0, 0)
    val_span: tuple[int, int] = (0, 0)
    longest: int = 0
    note: str = ""
    folder: Path = Path()

    @property
    def has_validation(self) -> bool:
        """Whether a part is kept for validation."""
        return len(self.val_samples) > 0 or self.val_span[1] > self.val_span[0]

    def locate(self, token: int) -> tuple[int, int, int]:
        """Where a token comes from: index of the file, its sample's byte there, its sample."""
        assert 0 <= token < len(self.ids)
        sample = int(np.searchsorted(self.starts, token, side="right")) - 1
        file = int(np.searchsorted(np.array(self.first_samples), sample, side="right")) - 1
        return file, int(self.offsets[sample]), sample


@dataclass(frozen=True, kw_only=True)
class ValidationSplit:
    """What is trained on and what is kept for validation; fields as in `TokenFile`."""

    train_samples: Int64Array = field(default_factory=_none)
    val_samples: Int64Array = field(default_factory=_none)
    train_span: tuple[int, int] = (0, 0)
    val_span: tuple[int, int] = (0, 0)
    note: str = ""


def split_line_samples(kept: NDArray[np.uint8]) -> ValidationSplit:
    """The split of lines, of which (S,) `kept` says 1 where its hash puts it into validation."""
    count = len(kept)
    everything = np.arange(count, dtype=np.int64)
    if count < MIN_LINES_TO_SPLIT:
        note = f"no validation: {count:,} lines are too few, {MIN_LINES_TO_SPLIT} are needed"
        return ValidationSplit(train_samples=everything, note=note)
    val = np.flatnonzero(kept).astype(np.int64)
    if len(val) in (0, count):
        return ValidationSplit(
            train_samples=everything, note="no validation: too few different lines"
        )
    return ValidationSplit(
        train_samples=np.flatnonzero(kept == 0).astype(np.int64), val_samples=val
    )


def split_text_tokens(count: int) -> ValidationSplit:
    """The split of a text of `count` tokens: the last tenth is for validation."""
    if count < MIN_TOKENS_TO_SPLIT:
        note = f"no validation: {count:,} tokens are too few, {MIN_TOKENS_TO_SPLIT:,} are needed"
        return ValidationSplit(train_span=(0, count), note=note)
    end = count - count // 10
    return ValidationSplit(train_span=(0, end), val_span=(end, count))


def open_tokens(folder: Path) -> TokenFile | None:
    """The tokens stored in a folder; None where they are missing or not whole."""
    meta = read_metadata(folder)
    if meta is None:
        return None
    starts = np.memmap(folder / "starts", np.int64, "r")
    split = split_text_tokens(meta.tokens)
    if meta.reading == "lines":
        split = split_line_samples(np.memmap(folder / "kept", np.uint8, "r"))
    return TokenFile(
        ids=np.memmap(folder / "ids", np.dtype(meta.dtype), "r"),
        starts=starts,
        offsets=np.memmap(folder / "offsets", np.int64, "r"),
        first_samples=meta.first_samples,
        reading=meta.reading,
        vocab_size=meta.vocab_size,
        longest=meta.longest,
        train_samples=split.train_samples,
        val_samples=split.val_samples,
        train_span=split.train_span,
        val_span=split.val_span,
        note=split.note,
        folder=folder,
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
    """The tokens of a corpus: from the cache, or made and put there.

    They are kept by content, reading and tokenizer, so that a changed text is never taken for the
    one before. Stopped at any moment, nothing half made is ever found.

    Raises:
        InputError: the text cannot be used, or changed while it was read.
        StorageError: the cache cannot be written.
        Cancelled: where `cancelled` said so.
    """
    before = _state(corpus)
    sha256 = fingerprint(corpus, progress, cancelled)
    folder = tokens_folder(corpus, sha256, reading, tokenizer, home)
    found = open_tokens(folder)
    if found:
        return found
    with atomic_folder(folder) as temporary:
        _write(corpus, reading, tokenizer, temporary, progress, cancelled)
        if _state(corpus) != before:
            raise InputError(f"The text {corpus.name!r} changed while it was read.", "Try again.")
    stored = open_tokens(folder)
    assert stored, "what was just made is whole"
    return stored


def tokens_folder(
    corpus: Corpus, sha256: str, reading: str, tokenizer: Tokenizer, home: Home
) -> Path:
    """Where the tokens of a corpus with this fingerprint are, once they were made."""
    kinds = " ".join(f"{is_gzip(path):d}{is_records(path):d}" for path in corpus.files)
    facts = (str(TOKEN_FORMAT), sha256, kinds, corpus.encoding, corpus.errors, reading)
    return cache_folder(home, *facts, tokenizer.to_json())


def _state(corpus: Corpus) -> list[tuple[int, int]]:
    found = []
    for path in corpus.files:
        with checked(path):
            facts = path.stat()
        found.append((facts.st_size, facts.st_mtime_ns))
    return found


def _write(
    corpus: Corpus,
    reading: str,
    tokenizer: Tokenizer,
    folder: Path,
    progress: ProgressCallback,
    cancelled: CancelCheck,
) -> None:
    texts = read_with_progress(corpus, reading, "making tokens", progress, cancelled)
    with TokenWriter(folder, reading, tokenizer.vocab_size, len(corpus.files)) as writer:
        for batch, ids in _encoded(iter_batches(texts), tokenizer):
            writer.add(batch, ids)
        writer.finish()


def _encoded(
    groups: Iterable[list[CorpusSample]], tokenizer: Tokenizer
) -> Iterator[tuple[list[CorpusSample], list[list[int]]]]:
    """The batches in order with their ids; the library works on the next while one is used."""
    with ThreadPoolExecutor(BATCHES_AHEAD) as pool:
        waiting: deque[tuple[list[CorpusSample], Future[list[list[int]]]]] = deque()
        for batch in groups:
            texts = [sample.text for sample in batch]
            waiting.append((batch, pool.submit(tokenizer.encode_batch, texts)))
            if len(waiting) > BATCHES_AHEAD:
                first, ids = waiting.popleft()
                yield first, ids.result()
        for first, ids in waiting:
            yield first, ids.result()


def iter_batches(texts: Iterable[CorpusSample]) -> Iterator[list[CorpusSample]]:
    """The samples in groups of about a million characters."""
    batch: list[CorpusSample] = []
    size = 0
    for sample in texts:
        batch.append(sample)
        size += len(sample.text)
        if size >= BATCH_CHARACTERS or len(batch) >= BATCH_SAMPLES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
