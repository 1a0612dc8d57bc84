"""Graphemes: what a reader takes for one character, such as an emoji joined from several."""

from __future__ import annotations

from rich.cells import split_graphemes

MAX_GRAPHEME_CHARACTERS = 32  # longer ones are taken apart, so that long lines cost nothing


def grapheme_start(text: str, end: int) -> int:
    """Return where the grapheme before an index begins; 0 at the start of the text."""
    start = max(0, end - MAX_GRAPHEME_CHARACTERS)
    spans, _ = split_graphemes(text[start:end])
    return start + spans[-1][0] if spans else 0


def grapheme_end(text: str, start: int) -> int:
    """Return where the grapheme at an index ends; at most the length of the text."""
    spans, _ = split_graphemes(text[start : start + MAX_GRAPHEME_CHARACTERS])
    return start + spans[0][1] if spans else len(text)
