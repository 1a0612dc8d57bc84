"""Incremental wrapping: no text is lost, no line too wide, and the pieces make no difference."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.common.wrapping import Piece, Wrapper

TEXTS = st.text("ab \n中é。한ש\u0301", max_size=60)


def wrap(pieces: list[Piece], width: int) -> Wrapper:
    wrapper = Wrapper(width)
    for piece in pieces:
        wrapper.append(piece)
    return wrapper


def lines(text: str, width: int) -> list[str]:
    wrapper = wrap([(text, "")], width)
    return ["".join(part for part, _ in line.pieces) for line in wrapper.lines]


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
        ("ab👨\u200d👩\u200d👧\u200d👦cd", 5, ["ab👨\u200d👩\u200d👧\u200d👦c", "d"]),
        ("abc👨\u200d👩\u200d👧\u200d👦", 4, ["abc", "👨\u200d👩\u200d👧\u200d👦"]),
        ("👨\u200d👩\u200d👧\u200d👦☀\ufe0f", 1, ["👨\u200d👩\u200d👧\u200d👦", "☀\ufe0f"]),
        ("e\u0301e\u0301e\u0301", 2, ["e\u0301e\u0301", "e\u0301"]),
    ],
)
def test_lines_break_between_words_and_beside_wide_characters(
    text: str, width: int, rows: list[str]
) -> None:
    assert lines(text, width) == rows


@given(TEXTS, st.integers(1, 12), st.lists(st.integers(0, 60)))
def test_lines_do_not_depend_on_the_pieces(text: str, width: int, cuts: list[int]) -> None:
    """As when a word arrives in two tokens."""
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    parts = [text[a:b] for a, b in pairwise(edges)]
    if any(part[0] == "\u0301" for part in parts):
        return  # a combining mark in a piece of its own may be separated from its letter
    wrapper = wrap([(part, "") for part in parts], width)
    assert ["".join(t for t, _ in line.pieces) for line in wrapper.lines] == lines(text, width)


@given(st.lists(st.tuples(TEXTS, st.sampled_from(["", "muted"]))), st.integers(1, 12))
def test_text_positions_and_styles_are_preserved(pieces: list[Piece], width: int) -> None:
    """Copying and selecting rely on them."""
    wrapper = wrap(pieces, width)
    paragraphs = "".join(text for text, _ in pieces).split("\n")
    for line in wrapper.lines:
        text = "".join(part for part, _ in line.pieces)
        assert (len(text), cell_len(text)) == (line.length, line.width)
        assert text == paragraphs[line.paragraph][line.start : line.start + line.length]
    joined = "".join("".join(t for t, _ in line.pieces) for line in wrapper.lines)
    assert joined == "".join(paragraphs)
    styles = [(c, style) for text, style in pieces for c in text if c != "\n"]
    assert [(c, s) for line in wrapper.lines for t, s in line.pieces for c in t] == styles


@given(TEXTS, st.integers(2, 12))
def test_only_spaces_exceed_the_width(text: str, width: int) -> None:
    for line in lines(text, width):
        assert cell_len(line.rstrip()) <= width


def test_earlier_lines_never_change() -> None:
    """Else the whole transcript would be redrawn with every token."""
    wrapper = wrap([("one two three four five", "")], 9)
    before = wrapper.lines[:-1]
    wrapper.append((" sixseveneight nine", ""))
    assert wrapper.lines[: len(before)] == before
