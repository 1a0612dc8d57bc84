"""Attribution for a run: its training text with tokens and index, ready to be searched.

Joins run, text, tokens and index; loads no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from core.attribution.corpus_index import (
    REBUILT_NOTE,
    CorpusIndex,
    build_index,
    index_exists,
    open_index,
)
from core.attribution.ngram_index import NgramIndex, Occurrences
from core.attribution.overlap import CopiedSpans, find_copies
from core.attribution.passages import Passage, PassageReader
from core.dataset.token_store import TokenFile, build_tokens, open_tokens, tokens_folder
from core.errors import InputError
from core.paths import Home
from core.progress import CancelCheck, ProgressCallback, never_cancelled, no_progress
from core.run.directory import Run
from core.run.record import read_record
from core.text.catalog import find_by_hash
from core.text.corpus import Corpus
from core.tokenizer.tokenizer import Tokenizer

MAX_PASSAGES = 20


@dataclass(frozen=True)
class IndexedText:
    """The training text of a run with its tokens and their index.

    Attributes:
        folder: of the tokens in the cache.
        notes: for people, on how it was opened.
    """

    corpus: Corpus
    tokenizer: Tokenizer
    tokens: TokenFile
    folder: Path
    index: CorpusIndex
    notes: tuple[str, ...] = ()

    @property
    def ngrams(self) -> NgramIndex:
        """The index by token sequence."""
        return self.index.ngrams

    @cached_property
    def _reader(self) -> PassageReader:
        return PassageReader(self.corpus, self.tokens, self.tokenizer, self.index.newline_counts)

    def find_copies(
        self, ids: Sequence[int], min_tokens: int, check: Callable[[], None] = lambda: None
    ) -> CopiedSpans:
        """Find the parts of a reply that occur in the text."""
        tokenizer = self.tokenizer
        return find_copies(
            self.ngrams, ids, min_tokens, tokenizer.unk_id, check, tokenizer.is_special
        )

    def read_passages(self, occurrences: Occurrences, count: int, limit: int) -> list[Passage]:
        """Read the first passages of an occurring sequence of `count` tokens, in text order.

        Raises:
            InputError: the text can no longer be read.
        """
        positions = sorted(occurrences.positions[:limit].tolist())
        return [self._reader.passage(position, count) for position in positions]


@dataclass(frozen=True)
class AttributionSource:
    """The training text of a run, and the cache folder of its tokens, which may not exist yet."""

    home: Home
    corpus: Corpus
    reading: str
    tokenizer: Tokenizer
    folder: Path

    def open_tokens(self) -> TokenFile | None:
        """The tokens of the text if they are stored."""
        return open_tokens(self.folder)

    def open(self) -> IndexedText | None:
        """Open the text if it has an intact index."""
        tokens = self.open_tokens()
        index = open_index(self.folder, tokens) if tokens else None
        if tokens is None or index is None:
            return None
        return IndexedText(self.corpus, self.tokenizer, tokens, self.folder, index)

    def build(
        self, progress: ProgressCallback = no_progress, cancelled: CancelCheck = never_cancelled
    ) -> tuple[IndexedText, str]:
        """Open the text, building its tokens and index if needed.

        Returns:
            The text, and "kept" (was there), "made", or "remade" (was damaged).

        Raises:
            MiniGPTError: the text cannot be read, or the cache cannot be written.
            Cancelled: `cancelled` returned true.
        """
        text = self.open()
        if text:
            return text, "kept"
        is_damaged = index_exists(self.folder)
        tokens = open_tokens(self.folder) or build_tokens(
            self.corpus,
            self.reading,
            self.tokenizer,
            self.home,
            progress=progress,
            cancelled=cancelled,
        )
        index = build_index(
            self.folder, tokens, self.corpus, progress=progress, cancelled=cancelled
        )
        notes = (REBUILT_NOTE,) if is_damaged else ()
        text = IndexedText(self.corpus, self.tokenizer, tokens, self.folder, index, notes)
        return text, "remade" if is_damaged else "made"


def find_source(home: Home, run: Run, tokenizer: Tokenizer | None = None) -> AttributionSource:
    """Find the training text of a run.

    Raises:
        InputError: the text is unknown, missing or changed.
        DamagedError: the run's record or tokenizer cannot be read.
    """
    text = read_record(run)["corpus"]
    tokenizer = tokenizer or Tokenizer.load(run.folder)
    if tokenizer.is_imported:
        raise InputError(
            f"{run.name} has the tokenizer of another program, for which no training text is "
            "searched.",
            "Only of models trained here from the start is the origin of a text found.",
        )
    corpus = find_by_hash(text["sha256"], home, text["name"], text["encoding"], text["errors"])
    folder = tokens_folder(corpus, text["sha256"], text["reading"], tokenizer, home)
    return AttributionSource(home, corpus, text["reading"], tokenizer, folder)
