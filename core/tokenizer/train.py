"""Learning a tokenizer from a corpus of any size, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.errors import Cancelled
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress
from core.text.corpus import Corpus, CorpusSample, samples
from core.text.readers import BLOCK, CHUNK, unpacked_size
from core.tokenizer.tokenizer import Tokenizer

# Byte-pair encoding keeps every different word in memory, 70 bytes and more for each of its
# bytes; statistics of pieces hardly change beyond this much text.
SAMPLE_BYTES = 20_000_000
DIFFERENT_BYTES = 4_000_000
# Each join goes through the words it changes: a word without end would be gone through each time.
LONGEST_WORD = 256
_ENDLESS = re.compile(rf"\S{{{LONGEST_WORD}}}")


@dataclass(frozen=True)
class LearnedTokenizer:
    """A tokenizer and what has to be said about how it was learnt; `note` may be empty."""

    tokenizer: Tokenizer
    note: str


def learn_tokenizer(
    corpus: Corpus,
    reading: str,
    kind: str,
    vocab_size: int | None = None,
    *,
    progress: ProgressCallback = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> LearnedTokenizer:
    """A tokenizer of this kind for the corpus.

    Words and characters are counted in all of the text; pieces are learnt from an evenly spread
    sample where the text is large.

    Raises:
        InputError: the text or the size cannot be used.
        Cancelled: where `cancelled` said so.
    """
    texts = watched(
        corpus, reading, f"reading the text for the tokenizer {kind}", progress, cancelled
    )
    if kind != "bpe":
        return LearnedTokenizer(
            Tokenizer.train(kind, (sample.text for sample in texts), vocab_size), ""
        )
    size = corpus.size
    share = min(1.0, SAMPLE_BYTES / max(1, size))
    parts = list(spread(texts, share))
    kept = thinned(parts)
    progress(size, size, "learning the pieces of the tokenizer bpe")
    tokenizer = Tokenizer.train(kind, _for_training(kept, cancelled), vocab_size)
    if share == 1.0 and len(kept) == len(parts):
        return LearnedTokenizer(tokenizer, "")
    characters = sum(map(len, kept))
    return LearnedTokenizer(
        tokenizer, f"pieces learnt from an even sample of {characters:,} characters"
    )


def watched(
    corpus: Corpus, reading: str, phase: str, progress: ProgressCallback, cancelled: CancelCheck
) -> Iterator[CorpusSample]:
    """The samples, with progress and a look at `cancelled` about every million bytes."""
    begins = [0]
    for path in corpus.files:
        begins.append(begins[-1] + unpacked_size(path))
    told = -BLOCK
    for sample in samples(corpus, reading):
        done = min(begins[sample.file] + sample.offset, begins[-1])
        if done - told >= BLOCK:
            told = done
            progress(done, begins[-1], phase)
            if cancelled():
                raise Cancelled
        yield sample


def spread(texts: Iterable[CorpusSample], share: float) -> Iterator[str]:
    """About this share of the text, evenly, in parts of at most 32 Ki characters."""
    owed = 0.0
    for sample in texts:
        for start in range(0, len(sample.text), CHUNK):
            part = sample.text[start : start + CHUNK]
            owed += share * len(part)
            if owed >= len(part) * 0.5:
                owed -= len(part)
                yield part


def thinned(texts: list[str]) -> list[str]:
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
        if size > DIFFERENT_BYTES:
            return True
    return False


def _for_training(texts: list[str], cancelled: CancelCheck) -> Iterator[str]:
    for text in texts:
        if cancelled():
            raise Cancelled
        if _ENDLESS.search(text):
            yield from (text[n : n + LONGEST_WORD] for n in range(0, len(text), LONGEST_WORD))
        else:
            yield text
