"""Texts about candidate tokens."""

from __future__ import annotations

import pytest

from core.server.tokens import CandidateToken, CorpusCount
from tui.common.format import format_short_count
from tui.explore.candidates import corpus_count


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *((0, "0"), (999, "999"), (1000, "1.0k"), (2139, "2.1k"), (9960, "10k")),
        *((489_412, "489k"), (999_600, "1.0M"), (48_000_000, "48M"), (2_000_000_000, "2.0G")),
    ],
)
def test_counts_take_at_most_four_cells(number: int, text: str) -> None:
    assert format_short_count(number) == text


def token(following: int, total: int, length: int) -> CandidateToken:
    return CandidateToken(
        id=3,
        text="a",
        probability=0.5,
        chance=0.5,
        rank=1,
        removed=None,
        corpus=CorpusCount(following, total, length),
    )


@pytest.mark.parametrize(
    ("counts", "width", "text"),
    [
        ((12, 14, 3), None, "12 of 14 after 3"),
        ((12, 14, 3), 20, "12 of 14 after 3"),
        ((12, 14, 3), 11, "12/14 ·3"),
        ((12, 14, 0), 11, "12/14"),
        ((2139, 489_412, 0), 20, "2,139/489,412"),
        ((2139, 489_412, 0), 11, "2.1k/489k"),
        ((2139, 489_412, 3), 11, "2.1k/489k·3"),
        ((489_412, 489_412, 12), 11, "489k/489k"),
    ],
)
def test_corpus_counts_are_shortened_but_never_cut(
    counts: tuple[int, int, int], width: int | None, text: str
) -> None:
    """2,139/489,412 was shown as "2,139/489,4"."""
    assert corpus_count(token(*counts), width) == text
    assert width is None or len(text) <= width
