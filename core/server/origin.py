"""What the sampler says of a run's text: its index, where a reply stands, what it says itself.

Indexing needs no model and goes on beside other requests. An index that is there is kept open.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.attribution.attribution import MAX_PASSAGES, AttributionSource, IndexedText, find_source
from core.attribution.corpus_index import METADATA_FILE
from core.attribution.ngram_index import NextTokenCounts
from core.errors import InputError, MiniGPTError
from core.paths import Home
from core.progress import CancelCheck, throttled
from core.run import store
from core.server.protocol import IndexRequest, OriginRequest, check_range
from core.server.replies import (
    Id,
    IndexProgress,
    IndexReply,
    OriginPlace,
    OriginReply,
    OriginSpan,
)
from core.tokenizer.tokenizer import Tokenizer

MOST_TEXTS = 4
MOST_TOKENS = 16_384
MOST_LEAST = 1024

Stamp = tuple[int, int]


@dataclass(frozen=True)
class Indexer:
    """Answers `index`."""

    home: Home

    def answer(
        self, id: Id, ask: Any, say: Callable[[Any], None], cancelled: CancelCheck
    ) -> IndexReply:
        """Makes the index of a run's text unless it is there.

        Raises:
            MiniGPTError: there is no such run, its text cannot be read, or there is no room.
            Cancelled: the request was.
        """
        assert isinstance(ask, IndexRequest)
        began = time.perf_counter()

        def tell(done: int, total: int, phase: str) -> None:
            say(IndexProgress(phase=phase, finished=done, total=total))

        text, how = find_source(self.home, store.find_run(self.home, ask.run)).build(
            throttled(tell), cancelled
        )
        return IndexReply(
            how=how,
            tokens=len(text.ngrams.positions),
            bytes=text.index.size,
            depth=text.ngrams.depth,
            notes=list(text.notes),
            seconds=round(time.perf_counter() - began, 3),
        )


@dataclass
class TextCache:
    """The texts whose index is open, by the run they belong to, the one used last at the end."""

    home: Home
    _open: OrderedDict[str, tuple[Stamp, AttributionSource, IndexedText | None]] = field(
        default_factory=OrderedDict
    )

    def beliefs(self, run: str, ids: Sequence[int]) -> NextTokenCounts | None:
        """What a run's text says after these tokens; None where it has no index, or is gone."""
        try:
            text = self.find(run)
        except MiniGPTError:
            # Who asks for the index is told why there is none.
            return None
        return NextTokenCounts(text.ngrams, ids) if text else None

    def find(self, run: str) -> IndexedText | None:
        """A run's text; None where it has no index.

        Raises:
            MiniGPTError: the run or its text is gone, or has changed.
        """
        folder = store.find_run(self.home, run)
        _, source, text = self._open.get(run, ((0, 0), None, None))
        made = folder.record.stat().st_mtime_ns
        if source is None or self._open[run][0][0] != made:
            source, text = find_source(self.home, folder), None
        stamp = made, _changed(source)
        if text is None or self._open[run][0] != stamp:
            text = source.open() if stamp[1] else None
        self._open[run] = stamp, source, text
        self._open.move_to_end(run)
        if len(self._open) > MOST_TEXTS:
            self._open.popitem(last=False)
        return text

    def get(self, run: str) -> IndexedText:
        """A run's text.

        Raises:
            InputError: it has no index.
        """
        text = self.find(run)
        if text is None:
            raise InputError(f"The text of {run} has no index yet.", "Ask for `index` first.")
        return text


def _changed(source: AttributionSource) -> int:
    """When the index was made; 0 if there is none."""
    try:
        return (source.folder / METADATA_FILE).stat().st_mtime_ns
    except OSError:
        return 0


@dataclass(frozen=True)
class Said:
    """Some tokens with their text.

    Attributes:
        spans: the characters of `text` that each token stands for.
    """

    ids: list[int]
    text: str
    spans: list[tuple[int, int]]


def said_by(tokenizer: Tokenizer, before: Sequence[int], ids: Sequence[int]) -> Said:
    """Tokens that follow others, and the text they make."""
    stream, text, spans = tokenizer.stream(before), "", []
    for id in ids:
        begin = len(text)
        text += stream.push(id)
        blank = tokenizer.kind == "word" and text[begin : begin + 1] == " "
        spans.append((begin + blank, len(text)))
    return Said(list(ids), text, spans)


def typed(tokenizer: Tokenizer, text: str) -> Said:
    """A text as the tokenizer reads it; what it does not know is no part of any span."""
    return Said(tokenizer.encode(text), text, tokenizer.spans(text))


def origin(
    text: IndexedText, said: Said, ask: OriginRequest, check: Callable[[], None]
) -> OriginReply:
    """Where parts of what was said stand in the text.

    Raises:
        InputError: too many tokens or places, or a text that cannot be read any more.
    """
    check_range(ask.min_tokens, 1, MOST_LEAST, "min_tokens")
    check_range(ask.max_places, 0, MAX_PASSAGES, "max_places")
    check_range(len(said.ids), 0, MOST_TOKENS, "The number of tokens")
    found = text.find_copies(said.ids, ask.min_tokens, check)
    spans = []
    for span in found.spans:
        places = text.read_passages(span.occurrences, span.end - span.begin, ask.max_places)
        spans.append(
            OriginSpan(
                begin=span.begin,
                end=span.end,
                from_=said.spans[span.begin][0],
                to=said.spans[span.end - 1][1],
                count=span.occurrences.count,
                at_least=span.occurrences.at_least,
                places=[OriginPlace(**place) for place in places],
            )
        )
    return OriginReply(
        text=said.text,
        tokens=found.tokens,
        copied=found.copied,
        share=found.share,
        longest=found.longest,
        bigrams=found.bigrams,
        new_bigrams=found.new_bigrams,
        spans=spans,
        encoding=text.corpus.encoding,
        errors=text.corpus.errors,
        notes=list(text.notes),
    )
