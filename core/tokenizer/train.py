"""Train a tokenizer on a corpus of any size in bounded memory."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass

from core.errors import Cancelled
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress
from core.text.corpus import CHAT_READINGS, Corpus, CorpusSample, read_samples
from core.text.readers import BLOCK_BYTES, CHUNK_BYTES, unpacked_size
from core.tokenizer.special_tokens import ROLE_TOKENS
from core.tokenizer.tokenizer import Tokenizer

# BPE keeps every distinct word in memory, at 70 bytes or more per byte of text; pair statistics
# hardly change beyond this much text.
SAMPLE_BYTES = 20_000_000
MAX_DISTINCT_WORD_BYTES = 4_000_000
# Each merge rescans the words it changes: very long words are split.
MAX_WORD_CHARACTERS = 256
CANCEL_POLL_INTERVAL_S = 0.1
_LONG_WORD = re.compile(rf"\S{{{MAX_WORD_CHARACTERS}}}")


@dataclass(frozen=True)
class TrainedTokenizer:
    """A tokenizer and a note for people on how it was trained; the note may be empty."""

    tokenizer: Tokenizer
    note: str


def train_tokenizer(
    corpus: Corpus,
    reading: str,
    kind: str,
    vocab_size: int | None = None,
    *,
    progress: ProgressCallback = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> TrainedTokenizer:
    """Train a tokenizer of this kind on the corpus.

    Words and characters are counted in all of the text; BPE learns from an evenly spread sample of
    a large text. For pairs and conversations it has the special tokens of roles.

    Raises:
        InputError: the text or the vocabulary size cannot be used.
        Cancelled: `cancelled` returned true.
    """
    samples = read_with_progress(
        corpus, reading, f"reading the text for the {kind} tokenizer", progress, cancelled
    )
    in_chat = reading in CHAT_READINGS
    if in_chat and vocab_size:
        vocab_size -= len(ROLE_TOKENS)
    if kind != "bpe":
        texts = (text for sample in samples for text in sample.texts)
        tokenizer = Tokenizer.train(kind, texts, vocab_size)
        return TrainedTokenizer(tokenizer.with_roles() if in_chat else tokenizer, "")
    size = corpus.size
    share = min(1.0, SAMPLE_BYTES / max(1, size))
    parts = list(sample_evenly(samples, share))
    progress(size, size, "training the bpe tokenizer")

    def train(is_abandoned: CancelCheck) -> tuple[Tokenizer, list[str]]:
        selected = limit_distinct_words(parts)
        return Tokenizer.train(
            kind, _split_long_words(selected, is_abandoned), vocab_size
        ), selected

    tokenizer, selected = _run_until_cancelled(train, cancelled)
    if in_chat:
        tokenizer = tokenizer.with_roles()
    if share == 1.0 and len(selected) == len(parts):
        return TrainedTokenizer(tokenizer, "")
    characters = sum(map(len, selected))
    note = f"BPE trained on an even sample of {characters:,} characters"
    return TrainedTokenizer(tokenizer, note)


def _run_until_cancelled(
    work: Callable[[CancelCheck], tuple[Tokenizer, list[str]]], cancelled: CancelCheck
) -> tuple[Tokenizer, list[str]]:
    """Run work in a thread, abandoned on cancellation: the library learns merges in one long call.

    Python handles signals only between calls in the main thread, which therefore only waits.

    Raises:
        Cancelled: `cancelled` returned true; the thread ends later, or with the process.
    """
    future: Future[tuple[Tokenizer, list[str]]] = Future()
    abandoned = threading.Event()

    def run() -> None:
        try:
            future.set_result(work(abandoned.is_set))
        except BaseException as error:  # noqa: BLE001 - raised again by the waiting thread
            future.set_exception(error)

    threading.Thread(target=run, name="bpe", daemon=True).start()
    while True:
        try:
            return future.result(CANCEL_POLL_INTERVAL_S)
        except FutureTimeoutError:
            if future.done():  # an error of the work itself
                raise
            if cancelled():
                abandoned.set()
                raise Cancelled from None


def read_with_progress(
    corpus: Corpus, reading: str, phase: str, progress: ProgressCallback, cancelled: CancelCheck
) -> Iterator[CorpusSample]:
    """Read the samples of a corpus; report progress and check `cancelled` about once per MiB.

    Raises:
        InputError: the text cannot be used.
        Cancelled: `cancelled` returned true.
    """
    file_starts = [0]
    for path in corpus.files:
        file_starts.append(file_starts[-1] + unpacked_size(path))
    total, last_report = file_starts[-1], -BLOCK_BYTES
    for sample in read_samples(corpus, reading):
        done = min(file_starts[sample.file] + sample.offset, total)
        if done - last_report >= BLOCK_BYTES:
            last_report = done
            progress(done, total, phase)
            if cancelled():
                raise Cancelled
        yield sample


def sample_evenly(samples: Iterable[CorpusSample], share: float) -> Iterator[str]:
    """Yield about this share of the text, evenly spread, in parts of at most 32 Ki characters."""
    due = 0.0  # characters
    for text in (text for sample in samples for text in sample.texts):
        for start in range(0, len(text), CHUNK_BYTES):
            part = text[start : start + CHUNK_BYTES]
            due += share * len(part)
            if due >= len(part) * 0.5:
                due -= len(part)
                yield part


def limit_distinct_words(texts: list[str]) -> list[str]:
    """Return the texts, or every second, fourth … of them, within `MAX_DISTINCT_WORD_BYTES`."""
    while len(texts) > 1 and _has_too_many_words(texts):
        texts = texts[::2]
    return texts


def _has_too_many_words(texts: list[str]) -> bool:
    words: set[str] = set()
    size = 0
    for text in texts:
        new = set(text.split()) - words
        words |= new
        size += sum(len(word) if word.isascii() else len(word.encode()) for word in new)
        if size > MAX_DISTINCT_WORD_BYTES:
            return True
    return False


def _split_long_words(texts: list[str], cancelled: CancelCheck) -> Iterator[str]:
    """Yield the texts, those with very long words in parts."""
    for text in texts:
        if cancelled():
            raise Cancelled
        if _LONG_WORD.search(text):
            starts = range(0, len(text), MAX_WORD_CHARACTERS)
            yield from (text[start : start + MAX_WORD_CHARACTERS] for start in starts)
        else:
            yield text
