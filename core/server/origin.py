"""The corpus index of a run: building it, next-token counts, and copied passages with their source.

Building needs no model and runs beside other requests. An index in use is kept open.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.attribution.attribution import (
    MAX_PASSAGES,
    AttributionSource,
    IndexedText,
    find_source,
)
from core.attribution.corpus_index import METADATA_FILE
from core.attribution.neighbour_counts import NeighbourCounts, count_between
from core.attribution.ngram_index import NextTokenCounts
from core.errors import MiniGPTError, StateError
from core.paths import Home
from core.progress import CancelCheck, throttled
from core.run import store
from core.server.protocol import IndexRequest, OriginRequest, check_range
from core.server.replies import IndexProgress, IndexReply, OriginPlace, OriginReply, OriginSpan
from core.tokenizer.tokenizer import Tokenizer

MAX_OPEN_INDEXES = 4
MAX_COMPARED_TOKENS = 16_384
MAX_MIN_TOKENS = 1024


def build_index(
    home: Home,
    request: IndexRequest,
    send: Callable[[IndexProgress], None],
    cancelled: CancelCheck,
) -> IndexReply:
    """Build the index of a run's training text unless it exists.

    Raises:
        MiniGPTError: no such run, its text cannot be read, or the disk is full.
        Cancelled: the request was cancelled.
    """
    start = time.perf_counter()

    def send_progress(done: int, total: int, phase: str) -> None:
        send(IndexProgress(phase=phase, finished=done, total=total))

    source = find_source(home, store.find_run(home, request.run))
    text, how = source.build(throttled(send_progress), cancelled)
    return IndexReply(
        how=how,
        tokens=len(text.ngrams.positions),
        bytes=text.index.size,
        depth=text.ngrams.depth,
        notes=list(text.notes),
        seconds=round(time.perf_counter() - start, 3),
    )


@dataclass
class _CachedIndex:
    """The text of a run.

    Attributes:
        record_time: modification time of the run's record, in nanoseconds.
        index_time: that of the index; None if there is none.
        text: None without an index.
    """

    record_time: int
    source: AttributionSource
    index_time: int | None = None
    text: IndexedText | None = None


@dataclass
class IndexCache:
    """The open indexes by run, the most recently used last."""

    home: Home
    _cached: OrderedDict[str, _CachedIndex] = field(default_factory=OrderedDict)

    def next_token_counts(self, run: str, ids: Sequence[int]) -> NextTokenCounts | None:
        """The tokens that follow these in a run's training text; None without an index."""
        try:
            text = self.find(run)
        except MiniGPTError:
            # An `index` or `origin` request reports the error.
            return None
        return NextTokenCounts(text.ngrams, ids) if text else None

    def count_between(self, run: str, left: int, right: int) -> NeighbourCounts | None:
        """The tokens between two others in a run's training text; None if it is not stored."""
        try:
            text = self.find(run)
            if text:
                return count_between(text.tokens, left, right, text.ngrams)
            tokens = self._cached[run].source.open_tokens()
        except MiniGPTError:
            # An `index` or `origin` request reports the error.
            return None
        return count_between(tokens, left, right) if tokens else None

    def find(self, run: str) -> IndexedText | None:
        """The indexed text of a run; None without an index.

        Raises:
            MiniGPTError: the run or its text is missing, or has changed.
        """
        directory = store.find_run(self.home, run)
        record_time = directory.record.stat().st_mtime_ns
        cached = self._cached.get(run)
        if cached is None or cached.record_time != record_time:
            cached = _CachedIndex(record_time, find_source(self.home, directory))
        index_time = _index_time(cached.source)
        if cached.text is None or cached.index_time != index_time:
            cached.text = None if index_time is None else cached.source.open()
            cached.index_time = index_time
        self._cached[run] = cached
        self._cached.move_to_end(run)
        if len(self._cached) > MAX_OPEN_INDEXES:
            self._cached.popitem(last=False)
        return cached.text

    def get(self, run: str) -> IndexedText:
        """The indexed text of a run.

        Raises:
            StateError: it has no index.
        """
        text = self.find(run)
        if text is None:
            raise StateError(f"The text of {run} has no index yet.", "Request `index` first.")
        return text


def _index_time(source: AttributionSource) -> int | None:
    """When the index was built, in nanoseconds; None if there is none."""
    try:
        return (source.folder / METADATA_FILE).stat().st_mtime_ns
    except OSError:
        return None


@dataclass(frozen=True)
class TokenizedText:
    """A text with its tokens.

    Attributes:
        spans: begin and end, in characters, of each token.
    """

    ids: list[int]
    text: str
    spans: list[tuple[int, int]]


def detokenize(tokenizer: Tokenizer, before: Sequence[int], ids: Sequence[int]) -> TokenizedText:
    """The text of tokens that follow others."""
    stream, text, spans = tokenizer.stream(before), "", []
    for id in ids:
        begin = len(text)
        text += stream.push(id)
        blank = tokenizer.kind == "word" and text[begin : begin + 1] == " "
        spans.append((begin + blank, len(text)))
    return TokenizedText(list(ids), text, spans)


def tokenize(tokenizer: Tokenizer, text: str) -> TokenizedText:
    """The tokens of a text; unknown words become <unk>, which is in no copied passage."""
    return TokenizedText(tokenizer.encode(text), text, tokenizer.spans(text))


def find_origin(
    corpus: IndexedText, text: TokenizedText, request: OriginRequest, check: Callable[[], None]
) -> OriginReply:
    """Find the parts of a text that occur in the corpus, and where.

    Args:
        check: raises Cancelled if the request was cancelled.

    Raises:
        InputError: too many tokens or places, or a corpus that cannot be read any more.
    """
    check_range(request.min_tokens, 1, MAX_MIN_TOKENS, "min_tokens")
    check_range(request.max_places, 0, MAX_PASSAGES, "max_places")
    check_range(len(text.ids), 0, MAX_COMPARED_TOKENS, "The number of tokens")
    copies = corpus.find_copies(text.ids, request.min_tokens, check)
    spans = []
    for span in copies.spans:
        length, occurrences = span.end - span.begin, span.occurrences
        passages = corpus.read_passages(occurrences, length, request.max_places)
        spans.append(
            OriginSpan(
                begin=span.begin,
                end=span.end,
                from_=text.spans[span.begin][0],
                to=text.spans[span.end - 1][1],
                count=occurrences.count,
                at_least=occurrences.at_least,
                places=[
                    OriginPlace(**vars(passage) | {"file": str(passage.file)})
                    for passage in passages
                ],
            )
        )
    return OriginReply(
        text=text.text,
        tokens=copies.tokens,
        copied=copies.copied,
        share=copies.share,
        longest=copies.longest,
        bigrams=copies.bigrams,
        new_bigrams=copies.new_bigrams,
        spans=spans,
        encoding=corpus.corpus.encoding,
        errors=corpus.corpus.errors,
        notes=list(corpus.notes),
    )
