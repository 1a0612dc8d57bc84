"""Where a run's model read it: the index of the run's text, and where parts of a reply stand there.

Joins run, text, tokens and index; knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core.attribution.corpus_index import (
    REBUILT_NOTE,
    CorpusIndex,
    build_index,
    index_exists,
    open_index,
)
from core.attribution.ngram_index import NgramIndex, Occurrences
from core.attribution.overlap import CopiedSpans, find_copies
from core.attribution.passages import PassageReader
from core.dataset import token_store
from core.dataset.token_store import TokenFile
from core.paths import Home
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress
from core.run.directory import Run
from core.run.record import read_record
from core.text import catalog
from core.text.corpus import Corpus
from core.tokenizer.tokenizer import Tokenizer

MAX_PASSAGES = 20

Json = dict[str, Any]


@dataclass(frozen=True)
class IndexedText:
    """The text a run was trained on, with its tokens and their index.

    Attributes:
        folder: of the tokens in the cache.
        notes: what a person should know of how it was opened.
    """

    corpus: Corpus
    tokenizer: Tokenizer
    tokens: TokenFile
    folder: Path
    index: CorpusIndex
    notes: tuple[str, ...] = ()

    @property
    def ngrams(self) -> NgramIndex:
        """What can be asked of it."""
        return self.index.ngrams

    @cached_property
    def _reader(self) -> PassageReader:
        return PassageReader(self.corpus, self.tokens, self.tokenizer, self.index.newline_counts)

    def find_copies(
        self, ids: Sequence[int], least: int, check: Callable[[], None] = lambda: None
    ) -> CopiedSpans:
        """Which parts of a reply stand in it."""
        return find_copies(self.ngrams, ids, least, self.tokenizer.unk_id, check)

    def read_passages(self, found: Occurrences, count: int, most: int) -> list[Json]:
        """Some of the places where `count` tokens stand, in the order of the text.

        Raises:
            InputError: the text cannot be read any more.
        """
        chosen = sorted(found.positions[:most].tolist())
        passages = [self._reader.passage(token, count) for token in chosen]
        return [
            {
                "file": str(place.file),
                "line": place.line,
                "offset": place.offset,
                "before": place.before,
                "text": place.text,
                "after": place.after,
            }
            for place in passages
        ]


@dataclass(frozen=True)
class AttributionSource:
    """A run's text and where its tokens belong in the cache, whether they are there or not."""

    home: Home
    corpus: Corpus
    reading: str
    tokenizer: Tokenizer
    folder: Path

    def open(self) -> IndexedText | None:
        """The text if its index is there and whole."""
        stored = token_store.open_tokens(self.folder)
        index = open_index(self.folder, stored) if stored else None
        if stored is None or index is None:
            return None
        return IndexedText(self.corpus, self.tokenizer, stored, self.folder, index)

    def build(
        self, progress: ProgressCallback = no_progress, cancelled: CancelCheck = never_cancelled
    ) -> tuple[IndexedText, str]:
        """The text with its index, made if need be: "kept", "made" or, after damage, "remade".

        Raises:
            MiniGPTError: the text cannot be read, or the cache not be written.
            Cancelled: where `cancelled` said so.
        """
        found = self.open()
        if found:
            return found, "kept"
        damaged = index_exists(self.folder)
        stored = token_store.open_tokens(self.folder) or token_store.build_tokens(
            self.corpus,
            self.reading,
            self.tokenizer,
            self.home,
            progress=progress,
            cancelled=cancelled,
        )
        index = build_index(
            self.folder, stored, self.corpus, progress=progress, cancelled=cancelled
        )
        notes = (REBUILT_NOTE,) if damaged else ()
        text = IndexedText(self.corpus, self.tokenizer, stored, self.folder, index, notes)
        return text, "remade" if damaged else "made"


def find_source(home: Home, run: Run, tokenizer: Tokenizer | None = None) -> AttributionSource:
    """The text of a run.

    Raises:
        InputError: it is not known, not there any more, or has changed.
        DamagedError: the run's record or tokenizer cannot be read.
    """
    text = read_record(run)["corpus"]
    tokenizer = tokenizer or Tokenizer.load(run.folder)
    corpus = catalog.find_by_hash(
        text["sha256"], home, text["name"], text["encoding"], text["errors"]
    )
    folder = token_store.tokens_folder(corpus, text["sha256"], text["reading"], tokenizer, home)
    return AttributionSource(home, corpus, text["reading"], tokenizer, folder)


def copies_to_json(text: IndexedText, found: CopiedSpans, most: int) -> Json:
    """What is said of a reply: figures, then each span with its first places.

    Raises:
        InputError: the text cannot be read any more.
    """
    return {
        "tokens": found.tokens,
        "copied": found.copied,
        "share": found.share,
        "longest": found.longest,
        "bigrams": found.bigrams,
        "new_bigrams": found.new_bigrams,
        "spans": [
            {
                "begin": span.begin,
                "end": span.end,
                "count": span.occurrences.count,
                "at_least": span.occurrences.at_least,
                "places": text.read_passages(span.occurrences, span.end - span.begin, most),
            }
            for span in found.spans
        ],
        "encoding": text.corpus.encoding,
        "errors": text.corpus.errors,
        "notes": list(text.notes),
    }
