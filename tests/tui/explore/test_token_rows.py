"""Rows of tokens: no text is lost, the cursor is visible, rows fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.common.sanitize import clean
from tui.explore.token_rows import (
    CURSOR,
    FORK,
    Layout,
    cursor_row,
    digit_row,
    layout_rows,
    tenths_digit,
)

TEXTS = st.lists(
    st.text(st.sampled_from(" ab\n界\x1b[") | st.characters(), max_size=7), max_size=12
)


def _lines(layout: Layout, width: int = 40) -> list[str]:
    return ["".join(piece.text for piece in row) for row in layout_rows(layout, width)]


@pytest.mark.parametrize(
    ("cursor", "line"),
    [
        (1, "[Python]is a"),
        (2, "Python[is]a"),
        (3, "Python is[a]"),
        (4, "Python is a[ ]"),
    ],
)
def test_the_brackets_of_the_cursor_replace_spaces(cursor: int, line: str) -> None:
    """Detects a text that shifts at each move."""
    assert _lines(Layout(["", "Python", " is", " a"], cursor)) == [line]


def test_branches_are_counted_before_the_token_of_the_fork() -> None:
    """Detects a count at another token."""
    layout = Layout(["", "Python", " is", " a"], 3, forks={2: 3, 3: 2})
    assert _lines(layout) == ["Python ‹3›is ‹2›[a]"]
    assert _lines(Layout(["", "a"], 2, forks={2: 2}, plain=True)) == ["a<2>[ ]"]


def test_a_token_without_text_is_visible_at_the_cursor() -> None:
    """Detects an invisible cursor: on half a character, a line break, the end of the text."""
    assert _lines(Layout(["a", "", "b"], 1)) == ["a[…]b"]
    assert _lines(Layout(["a", "\n", "b"], 1)) == ["a[↵", "]b"]
    assert _lines(Layout(["a", "\n", "b"], 1, plain=True)) == ["a[\\n", "]b"]
    assert _lines(Layout(["a", ""], 1, end="<eos>")) == ["a[<eos>]"]


@given(TEXTS, st.integers(1, 13), st.integers(8, 40))
def test_rows_fit_and_contain_the_whole_text(texts: list[str], cursor: int, width: int) -> None:
    """Detects a row that is cut off at the edge; a word that is lost at a break."""
    cursor = min(cursor, len(texts))
    found = layout_rows(Layout(texts, cursor), width)
    assert all(sum(cell_len(piece.text) for piece in row) <= width for row in found)
    shown = "".join(piece.text for row in found for piece in row if piece.kind != CURSOR)
    others = "".join(text for place, text in enumerate(texts) if place != cursor)
    assert "".join(shown.split()) == "".join(clean(others).split())
    assert any(piece.kind == CURSOR for piece in found[cursor_row(found, cursor)])


@given(TEXTS, st.dictionaries(st.integers(1, 12), st.integers(2, 9)))
def test_every_fork_of_the_text_is_found(texts: list[str], forks: dict[int, int]) -> None:
    """Detects a fork that is lost at a line break."""
    forks = {place: count for place, count in forks.items() if place <= len(texts)}
    found = layout_rows(Layout(texts, min(1, len(texts)), forks=forks), 30)
    signs = "".join(piece.text for row in found for piece in row if piece.kind == FORK)
    assert signs == "".join(f"‹{forks[place]}›" for place in sorted(forks))


def test_a_digit_is_below_the_first_character_of_each_token() -> None:
    """Detects digits below the wrong word, twice for a word on two rows, or none without colour."""
    chances = [None, 0.62, 0.009, 1.0]
    found = layout_rows(Layout(["", "Python", " isle", " 界x"], 0), 11)
    labelled: set[int] = set()
    assert [digit_row(row, chances, labelled) for row in found] == ["   6", "!    9"]
    one = layout_rows(Layout(["", "Python", " is", " a"], 4), 40)
    assert digit_row(one[0], chances, set()) == "6      !  9"


@pytest.mark.parametrize(
    ("chance", "sign"), [(None, " "), (0.0, "!"), (0.009, "!"), (0.05, "0"), (0.1, "1"), (1.0, "9")]
)
def test_probabilities_are_shown_in_tenths(chance: float | None, sign: str) -> None:
    """Detects a digit for another tenth."""
    assert tenths_digit(chance) == sign
