"""Which parts of a text stand verbatim in the corpus: maximal spans, and how much they are.

A span is maximal if neither the token before it nor the one after it can be added; two may overlap.
Special tokens and unknown words end a span: what they stand for is not known to be the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.attribution.ngram_index import Found, Occurrences
from core.tokenizer.tokenizer import SPECIAL

LEAST_TOKENS = 4


@dataclass(frozen=True)
class Span:
    """A part that stands in the corpus.

    Attributes:
        begin, end: its tokens.
        found: where.
    """

    begin: int
    end: int
    found: Found


@dataclass(frozen=True)
class Copies:
    """What of a text stands in the corpus.

    Attributes:
        tokens: of the text, special ones left out.
        spans: maximal ones of at least so many tokens, by their beginning.
        copied: tokens within them.
        longest: tokens of the longest sequence that stands there, however short.
        bigrams, new_bigrams: pairs of neighbours, and those that never stand there.
    """

    tokens: int
    spans: list[Span]
    copied: int
    longest: int
    bigrams: int
    new_bigrams: int

    @property
    def share(self) -> float:
        """The share of the tokens that was copied."""
        return self.copied / self.tokens if self.tokens else 0.0

    @property
    def new_share(self) -> float:
        """The share of the pairs that are new."""
        return self.new_bigrams / self.bigrams if self.bigrams else 0.0


def copies(
    where: Occurrences,
    ids: Sequence[int],
    least: int = LEAST_TOKENS,
    unknown: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> Copies:
    """Compares a text with the corpus.

    Args:
        least: tokens of the shortest span.
        unknown: the id of what the vocabulary does not hold.
        check: called again and again; may raise.
    """
    spans: list[Span] = []
    longest = known_pairs = 0
    for begin, end in _plain_parts(ids, unknown):
        found = list(_maximal(where, ids, begin, end, check))
        longest = max([longest, *(span.end - span.begin for span in found)])
        spans += [span for span in found if span.end - span.begin >= least]
        known_pairs += len({n for span in found for n in range(span.begin, span.end - 1)})
    covered = {place for span in spans for place in range(span.begin, span.end)}
    said = [id >= len(SPECIAL) for id in ids]
    pairs = sum(one and other for one, other in pairwise(said))
    return Copies(sum(said), spans, len(covered), longest, pairs, pairs - known_pairs)


def _plain_parts(ids: Sequence[int], unknown: int | None) -> Iterator[tuple[int, int]]:
    """The ranges between special tokens and unknown words."""
    begin = 0
    for place, id in enumerate([*ids, 0]):
        if id < len(SPECIAL) or id == unknown:
            if place > begin:
                yield begin, place
            begin = place + 1


def _maximal(
    where: Occurrences, ids: Sequence[int], begin: int, end: int, check: Callable[[], None]
) -> Iterator[Span]:
    """The maximal spans of ids[begin:end], single tokens too."""
    reached = begin
    for first in range(begin, end):
        check()
        before, longest = reached, None
        reached = max(reached, first)
        # Without its first token a span stands there too: the end never comes back.
        while reached < end:
            found = where.find(ids[first : reached + 1])
            if not found.count:
                break
            longest, reached = found, reached + 1
        if longest is not None and reached > before:
            yield Span(first, reached, longest)
