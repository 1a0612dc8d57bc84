"""The words and numbers of Inside: digits, names of tokens, the text line, tables to copy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from core.inference.head_patterns import (
    EVEN,
    FIRST,
    MIXED,
    NEAR,
    NEXT,
    PREVIOUS,
    REPEAT,
    SAME,
    SELF,
    SHORT,
)
from core.server.tokens import TokenProbability
from tests.support.inside import inside_view
from tui.explore.layers import (
    PATTERN_MEANINGS,
    attention_as_table,
    attention_hint,
    attention_title,
    choice_line,
    heat_level,
    lens_as_table,
    lens_cell,
    patterns_as_table,
    prediction_line,
    rows_shown,
    strongest_weights,
    tenths,
    text_line,
    token_name,
    weight_digit,
    whole_percent,
)

TOKENS = st.lists(st.text(max_size=12), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("weight", "digit"),
    [(0.0, "·"), (0.049, "·"), (0.05, "1"), (0.14, "1"), (0.5, "5"), (0.97, "9"), (1.0, "9")],
)
def test_a_weight_is_one_character(weight: float, digit: str) -> None:
    """Detects a column that is shifted by a weight of two digits."""
    assert weight_digit(weight, plain=False) == digit
    assert weight_digit(weight, plain=True) == digit.replace("·", ".")


@pytest.mark.parametrize(
    ("share", "digit", "level", "percent"),
    [
        (0.0, "0", 0, "0 %"),
        (0.004, "0", 0, "<1 %"),
        (0.1, "1", 0, "10 %"),
        (0.3, "3", 2, "30 %"),
        (0.7, "7", 4, "70 %"),
        (0.999, "9", 5, "100 %"),
        (1.0, "9", 5, "100 %"),
    ],
)
def test_a_probability_has_a_digit_and_a_shade(
    share: float, digit: str, level: int, percent: str
) -> None:
    assert (tenths(share), heat_level(share), whole_percent(share)) == (digit, level, percent)


@pytest.mark.parametrize(
    ("text", "name"),
    [(" fox", "fox"), ("fox", "fox"), (" ", "·"), ("  ", "··"), ("a b", "a·b"), ("\n", "␊")],
)
def test_the_space_before_a_word_is_not_shown(text: str, name: str) -> None:
    """Other spaces are: a token of spaces would have no name."""
    assert token_name(text, plain=False) == name


@given(text=st.text(max_size=20), share=st.floats(0, 1), width=st.integers(6, 20))
def test_a_cell_of_a_layer_has_its_width_and_keeps_its_digit(
    text: str, share: float, width: int
) -> None:
    for plain in (False, True):
        cell = lens_cell(TokenProbability(0, text, share), width, plain=plain)
        assert cell_len(cell) == width
        digit = tenths(share) if plain else "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(tenths(share))]
        assert digit in cell


def test_a_chosen_token_as_wide_as_the_line_leaves_no_room_for_the_text_before() -> None:
    view = inside_view(["the", "00000000⺀"])
    view.at = 1
    assert text_line(view, 12, plain=True, brackets=True).plain == "[00000000⺀]"


@given(tokens=TOKENS, width=st.integers(12, 120), data=st.data())
def test_the_text_line_fits_with_the_chosen_token(
    tokens: list[str], width: int, data: st.DataObject
) -> None:
    """Detects a chosen token that is out of sight in a long text."""
    view = inside_view(tokens)
    view.at = data.draw(st.sampled_from(list(view.reply.positions)))
    line = text_line(view, width, plain=True, brackets=True)
    assert line.cell_length <= width
    name = token_name(tokens[view.at], plain=True)
    if cell_len(name) + 2 <= width:
        assert f"[{name}]" in line.plain


def test_title_and_hint_name_the_head_and_its_pattern() -> None:
    view = inside_view(["a", "b", "c"])
    view.layer, view.head = 1, 1
    assert attention_title(view) == "Layer 2, head 2 looks at"
    assert attention_hint(view, 20) == "mostly the previous token"
    assert attention_hint(view, 80) == "row looks at column, in tenths · mostly the previous token"
    view.head = 0
    assert attention_hint(view, 20) == "all tokens evenly"
    view.head = None
    assert attention_title(view) == "Layer 2, mean of heads looks at"


def test_every_pattern_has_a_meaning() -> None:
    """Detects a name of the server that the screen does not know."""
    names = (PREVIOUS, NEXT, FIRST, SELF, REPEAT, SAME, EVEN, NEAR, MIXED, SHORT)
    assert sorted(names) == sorted(PATTERN_MEANINGS)


def test_disabled_heads_are_named_with_their_effect() -> None:
    """Detects numbers from 0."""
    view = inside_view(["a", "b"])
    assert prediction_line(view, plain=False).plain.startswith("→ is 62 %")
    assert choice_line(view).plain == "layer 3 of 3 · head 1 of 2 · no head is off"
    view.disabled = frozenset({(2, 1), (0, 0)})
    text = choice_line(view, is_short=True).plain
    assert text == "off: 1.1, 3.2 · is 62 % → 31 %"
    text = choice_line(view).plain
    assert text == "layer 3 of 3 · head 1 of 2 · off: 1.1, 3.2 · is 62 %, without 31 %"


def test_rows_of_a_longer_text_are_named() -> None:
    view = inside_view(["x"] * 100, rows=range(30, 94))
    view.top = 9
    assert rows_shown(view, 34) == "tokens 40–73 of 100"
    assert rows_shown(inside_view(["x"] * 5), 5) == ""


def test_the_largest_weights_come_first_with_those_of_earlier_tokens() -> None:
    view = inside_view([f"t{n}" for n in range(10)], rows=range(6, 10))
    names = [name for name, _ in strongest_weights(view)]
    assert names == ["t9", "earlier tokens", "t8", "t7", "t6"]
    assert sum(weight for _, weight in strongest_weights(view)) == pytest.approx(1, abs=1e-3)


def test_tables_to_copy_have_all_rows_and_numbers() -> None:
    view = inside_view(["a", "b"])
    assert lens_as_table(view).splitlines() == [
        "token\tinput\t1\t2\t3",
        "a\tt0 0.100\tt1 0.200\tt2 0.300\tt3 0.400",
        "b\tt0 0.100\tt1 0.200\tt2 0.300\tt3 0.400",
    ]
    assert attention_as_table(view).splitlines() == [
        "token\tearlier\ta\tb",
        "a\t0.000\t1.000",
        "b\t0.000\t0.125\t0.875",
    ]
    assert patterns_as_table(view).splitlines()[0] == "layer\t1\t2"
