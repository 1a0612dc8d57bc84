"""Wrapping as it comes: nothing is lost, nothing is too wide, and pieces do not show."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.common.wrapping import Piece, Wrapper

LETTERS = st.text("ab \n中é。한ש\u0301", max_size=60)


def wrapped(pieces: list[Piece], width: int) -> Wrapper:
    found = Wrapper(width)
    for piece in pieces:
        found.append(piece)
    return found


def lines(text: str, width: int) -> list[str]:
    found = wrapped([(text, "")], width)
    return ["".join(part for part, _ in line.pieces) for line in found.lines]


@pytest.mark.parametrize(
    ("text", "width", "rows"),
    [
        ("", 5, [""]),
        ("one two", 10, ["one two"]),
        ("one two", 5, ["one ", "two"]),
        ("one two", 3, ["one ", "two"]),
        ("abcdef", 4, ["abcd", "ef"]),
        ("a abcdef", 4, ["a ", "abcd", "ef"]),
        ("a\n\nb", 4, ["a", "", "b"]),
        ("abcd \nb", 4, ["abcd ", "b"]),
        ("abcd      e", 4, ["abcd      ", "e"]),
        ("  indented", 8, ["  ", "indented"]),
        ("我们喜欢", 5, ["我们", "喜欢"]),
        ("ab 我们喜欢", 5, ["ab 我", "们喜", "欢"]),
        ("中", 1, ["中"]),
        ("e\u0301e\u0301e\u0301", 2, ["e\u0301e\u0301", "e\u0301"]),
    ],
)
def test_lines_break_between_words_and_beside_wide_characters(
    text: str, width: int, rows: list[str]
) -> None:
    """An empty row after a full one; a Chinese paragraph that leaves its mark alone on a row."""
    assert lines(text, width) == rows


@given(LETTERS, st.integers(1, 12), st.lists(st.integers(0, 60)))
def test_pieces_do_not_show(text: str, width: int, cuts: list[int]) -> None:
    """A word that breaks elsewhere because it came in two tokens."""
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    parts = [text[a:b] for a, b in pairwise(edges)]
    if any(part[0] == "\u0301" for part in parts):
        return  # a mark of its own piece may stay behind its letter
    found = wrapped([(part, "") for part in parts], width)
    assert ["".join(t for t, _ in line.pieces) for line in found.lines] == lines(text, width)


@given(st.lists(st.tuples(LETTERS, st.sampled_from(["", "muted"]))), st.integers(1, 12))
def test_nothing_is_lost_and_every_place_is_known(pieces: list[Piece], width: int) -> None:
    """A copy that lacks blanks; a selection that is a character off; a style on other letters."""
    found = wrapped(pieces, width)
    paragraphs = "".join(text for text, _ in pieces).split("\n")
    for line in found.lines:
        text = "".join(part for part, _ in line.pieces)
        assert (len(text), cell_len(text)) == (line.length, line.width)
        assert text == paragraphs[line.paragraph][line.start : line.start + line.length]
    told = "".join("".join(t for t, _ in line.pieces) for line in found.lines)
    assert told == "".join(paragraphs)
    styles = [(c, style) for text, style in pieces for c in text if c != "\n"]
    assert [(c, s) for line in found.lines for t, s in line.pieces for c in t] == styles


@given(LETTERS, st.integers(2, 12))
def test_only_blanks_hang_over_the_edge(text: str, width: int) -> None:
    """A line that runs into the scrollbar."""
    for line in lines(text, width):
        assert cell_len(line.rstrip()) <= width


def test_earlier_lines_stay_as_they_are() -> None:
    """A transcript that is drawn anew with every token."""
    found = wrapped([("one two three four five", "")], 9)
    before = found.lines[:-1]
    found.append((" sixseveneight nine", ""))
    assert found.lines[: len(before)] == before
