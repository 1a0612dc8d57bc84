"""How uncertain tokens are marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.chat.shading import (
    DIGIT,
    merge_pieces,
    raised_digit,
    shade_level,
    split_by_chances,
    token_pieces,
)

chances = st.floats(0, 1)


@pytest.mark.parametrize(
    ("probability", "level", "digit"),
    [
        (1.0, 0, "⁹"),
        (0.6, 0, "⁶"),
        (0.599, 1, "⁵"),
        (0.35, 1, "³"),
        (0.349, 2, "³"),
        (0.1, 2, "¹"),
        (0.0999, 3, "!"),
        (0.0, 3, "!"),
    ],
)
def test_the_limits_are_those_of_the_legend(probability: float, level: int, digit: str) -> None:
    """Detects a shade or a digit of another probability."""
    assert shade_level(probability) == level
    assert raised_digit(probability) == digit


def test_only_the_word_of_an_uncertain_token_is_marked() -> None:
    """Detects shaded blanks; a certain or an unknown token that is marked."""
    assert token_pieces(" dens ", 0.34) == [
        (" ", ""),
        ("dens", "shade2"),
        ("³", DIGIT),
        (" ", ""),
    ]
    assert token_pieces(" dens", 0.9) == [(" dens", "")]
    assert token_pieces(" dens", None) == [(" dens", "")]
    assert token_pieces("\n", 0.01) == [("\n", "")]
    assert token_pieces("", 0.01) == []


@given(st.lists(st.tuples(st.text(max_size=6), chances), max_size=20))
def test_the_text_is_that_of_the_tokens(tokens: list[tuple[str, float]]) -> None:
    """Detects a character that is lost or added; marks that cannot be told from the text."""
    text = "".join(part for part, _ in tokens)
    recorded = [(len(part), chance) for part, chance in tokens]
    assert [*split_by_chances(text, recorded)] == tokens
    pieces = merge_pieces(p for part, chance in tokens for p in token_pieces(part, chance))
    assert "".join(part for part, style in pieces if style != DIGIT) == text


def test_probabilities_of_another_text_are_not_shown() -> None:
    """Detects shades beside the words that they belong to."""
    assert [*split_by_chances("abc", [(2, 0.5)])] == [("abc", None)]
    assert [*split_by_chances("abc", [(4, 0.5), (-1, 0.5)])] == [("abc", None)]
    assert [*split_by_chances("abc", [])] == [("abc", None)]
