"""Learning a tokenizer from a corpus of any size, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.errors import Cancelled
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress
from core.text.corpus import Corpus, CorpusSample, read_samples
from core.text.readers import BLOCK_BYTES, CHUNK_BYTES, unpacked_size
from core.tokenizer.tokenizer import Tokenizer

# Byte-pair encoding keeps every different word in memory, 70 bytes and more for each of its
# bytes; statistics of pieces hardly change beyond this much text.
SAMPLE_BYTES = 20_000_000
MAX_DISTINCT_WORD_BYTES = 4_000_000
# Each join goes through the words it changes: a word without end would be gone through each time.
MAX_WORD_CHARACTERS = 256
_ENDLESS = re.compile(rf"\S{{{MAX_WORD_CHARACTERS}}}")


@dataclass(frozen=True)
class TrainedTokenizer:
    """A tokenizer and what has to be said about how it was learnt; `note` may be empty."""

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
    """A tokenizer of this kind for the corpus.

    Words and characters are counted in all of the text; pieces are learnt from an evenly spread
    sample where the text is large.

    Raises:
        InputError: the text or the size cannot be used.
        Cancelled: where `cancelled` said so.
    """
    texts = read_with_progress(
        corpus, reading, f"reading the text for the tokenizer {kind}", progress, cancelled
    )
    if kind != "bpe":
        return TrainedTokenizer(
            Tokenizer.train(kind, (sample.text for sample in texts), vocab_size), ""
        )
    size = corpus.size
    share = min(1.0, SAMPLE_BYTES / max(1, size))
    parts = list(sample_evenly(texts, share))
    kept = limit_distinct_words(parts)
    progress(size, size, "learning the pieces of the tokenizer bpe")
    tokenizer = Tokenizer.train(kind, _for_training(kept, cancelled), vocab_size)
    if share == 1.0 and len(kept) == len(parts):
        return TrainedTokenizer(tokenizer, "")
    characters = sum(map(len, kept))
    return TrainedTokenizer(
        tokenizer, f"pieces learnt from an even sample of {characters:,} characters"
    )


def read_with_progress(
    corpus: Corpus, reading: str, phase: str, progress: ProgressCallback, cancelled: CancelCheck
) -> Iterator[CorpusSample]:
    """The samples, with progress and a look at `cancelled` about every million bytes."""
    begins = [0]
    for path in corpus.files:
        begins.append(begins[-1] + unpacked_size(path))
    told = -BLOCK_BYTES
    for sample in read_samples(corpus, reading):
        done = min(begins[sample.file] + sample.offset, begins[-1])
        if done - told >= BLOCK_BYTES:
            told = done
            progress(done, begins[-1], phase)
            if cancelled():
                raise Cancelled
        yield sample


def sample_evenly(texts: Iterable[CorpusSample], share: float) -> Iterator[str]:
    """About this share of the text, evenly, in parts of at most 32 Ki characters."""
    owed = 0.0
    for sample in texts:
        for start in range(0, len(sample.text), CHUNK_BYTES):
            part = sample.text[start : start + CHUNK_BYTES]
            owed += share * len(part)
            if owed >= len(part) * 0.5:
                owed -= len(part)
                yield part


def limit_distinct_words(texts: list[str]) -> list[str]:
    """The texts, or every second, fourth … where they hold too many different words."""
    while len(texts) > 1 and _too_different(texts):
        texts = texts[::2]
    return texts


def _too_different(texts: list[str]) -> bool:
    seen: set[str] = set()
    size = 0
    for text in texts:
        new = set(text.split()) - seen
        seen |= new
        size += sum(len(word) if word.isascii() else len(word.encode()) for word in new)
        if size > MAX_DISTINCT_WORD_BYTES:
            return True
    return False


def _for_training(texts: list[str], cancelled: CancelCheck) -> Iterator[str]:
    for text in texts:
        if cancelled():
            raise Cancelled
        if _ENDLESS.search(text):
            yield from (
                text[n : n + MAX_WORD_CHARACTERS] for n in range(0, len(text), MAX_WORD_CHARACTERS)
            )
        else:
            yield text
