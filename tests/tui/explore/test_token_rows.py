"""A text laid out by tokens: nothing of it is lost, the cursor is seen, rows fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.common.sanitize import clean
from tui.explore.token_rows import CURSOR, FORK, Layout, digit, digits, row_of, rows

TEXTS = st.lists(
    st.text(st.sampled_from(" ab\n界\x1b[") | st.characters(), max_size=7), max_size=12
)


def _shown(layout: Layout, width: int = 40) -> list[str]:
    return ["".join(bit.text for bit in row) for row in rows(layout, width)]


@pytest.mark.parametrize(
    ("cursor", "shown"),
    [
        (1, "[Python]is a"),
        (2, "Python[is]a"),
        (3, "Python is[a]"),
        (4, "Python is a[ ]"),
    ],
)
def test_the_cursor_stands_in_brackets_in_the_place_of_blanks(cursor: int, shown: str) -> None:
    """A text that jumps at each move."""
    assert _shown(Layout(["", "Python", " is", " a"], cursor)) == [shown]


def test_ways_are_counted_before_the_token_where_they_part() -> None:
    layout = Layout(["", "Python", " is", " a"], 3, parted={2: 3, 3: 2})
    assert _shown(layout) == ["Python ‹3›is ‹2›[a]"]
    assert _shown(Layout(["", "a"], 2, parted={2: 2}, plain=True)) == ["a<2>[ ]"]


def test_a_token_without_text_is_seen_under_the_cursor() -> None:
    """A cursor that is nowhere: on half a character, a line break, the end of the text."""
    assert _shown(Layout(["a", "", "b"], 1)) == ["a[…]b"]
    assert _shown(Layout(["a", "\n", "b"], 1)) == ["a[↵", "]b"]
    assert _shown(Layout(["a", "\n", "b"], 1, plain=True)) == ["a[\\n", "]b"]
    assert _shown(Layout(["a", ""], 1, end="<eos>")) == ["a[<eos>]"]


@given(TEXTS, st.integers(1, 13), st.integers(8, 40))
def test_rows_fit_and_hold_the_whole_text(texts: list[str], cursor: int, width: int) -> None:
    """A row that is cut off at the edge; a word that is lost at a break."""
    cursor = min(cursor, len(texts))
    found = rows(Layout(texts, cursor), width)
    assert all(sum(cell_len(bit.text) for bit in row) <= width for row in found)
    told = "".join(bit.text for row in found for bit in row if bit.kind != CURSOR)
    others = "".join(text for place, text in enumerate(texts) if place != cursor)
    assert "".join(told.split()) == "".join(clean(others).split())
    assert any(bit.kind == CURSOR for bit in found[row_of(found, cursor)])


@given(TEXTS, st.dictionaries(st.integers(1, 12), st.integers(2, 9)))
def test_every_fork_of_the_text_is_shown(texts: list[str], parted: dict[int, int]) -> None:
    parted = {place: ways for place, ways in parted.items() if place <= len(texts)}
    found = rows(Layout(texts, min(1, len(texts)), parted=parted), 30)
    signs = "".join(bit.text for row in found for bit in row if bit.kind == FORK)
    assert signs == "".join(f"‹{parted[place]}›" for place in sorted(parted))


def test_a_digit_stands_below_the_first_character_of_each_token() -> None:
    """Digits below the wrong word, twice for a word on two rows, or none without colour."""
    chances = [None, 0.62, 0.009, 1.0]
    found = rows(Layout(["", "Python", " isle", " 界x"], 0), 11)
    begun: set[int] = set()
    assert [digits(row, chances, begun) for row in found] == ["   6", "!    9"]
    one = rows(Layout(["", "Python", " is", " a"], 4), 40)
    assert digits(one[0], chances, set()) == "6      !  9"


@pytest.mark.parametrize(
    ("chance", "sign"), [(None, " "), (0.0, "!"), (0.009, "!"), (0.05, "0"), (0.1, "1"), (1.0, "9")]
)
def test_tenths(chance: float | None, sign: str) -> None:
    assert digit(chance) == sign
