"""Layers and attention as text: column widths, the tokens shown, the prediction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from core.server.replies import InsideReply
from core.server.tokens import HeadAblation, TokenProbability, WindowToken
from tui.common.format import CHOSEN, COPIED
from tui.explore.layers import (
    fit_columns,
    layer_table,
    position,
    prediction_line,
    text_pieces,
    weight_digit,
    window_index,
    window_positions,
)

LAYERS = 3
TOKENS = st.lists(st.text(max_size=12), min_size=1, max_size=60)


def _reply(
    tokens: list[str], index: int, weights: list[float] | None = None, first: int = 0
) -> InsideReply:
    """Return a reply for a token of the window; equal weights unless given."""
    equal = [1.0 / (index + 1) if n <= index else 0.0 for n in range(len(tokens))]
    row = weights or equal
    return InsideReply(
        session="s1",
        layer=LAYERS - 1,
        head=None,
        layers=LAYERS,
        heads=2,
        window=[WindowToken(first + n, n, token) for n, token in enumerate(tokens)],
        positions=[first + index],
        lens=[[TokenProbability(0, f"t{depth}", 0.5) for depth in range(LAYERS + 1)]],
        attention=[row],
        attention_by_layer=[row] * LAYERS,
        ablation=HeadAblation(0, "is", 0.62, 0.31),
    )


@pytest.mark.parametrize(
    ("weight", "digit"),
    [(0.0, "·"), (0.049, "·"), (0.05, "1"), (0.14, "1"), (0.5, "5"), (0.97, "9"), (1.0, "9")],
)
def test_a_weight_is_one_character(weight: float, digit: str) -> None:
    """Detects a column that is shifted by a weight of two digits."""
    assert weight_digit(weight, plain=False) == digit
    assert weight_digit(weight, plain=True) == digit.replace("·", ".")


@given(tokens=TOKENS, width=st.integers(30, 200), data=st.data())
def test_the_table_fits_with_any_tokens(tokens: list[str], width: int, data: st.DataObject) -> None:
    """Detects columns beside their names, or a row wider than the screen."""
    index = data.draw(st.integers(0, len(tokens) - 1))
    reply = _reply(tokens, index)
    columns = fit_columns(reply, 0, width)
    assert index in columns.tokens
    assert list(columns.tokens) == sorted(set(columns.tokens))
    assert max(columns.tokens) == index, "later tokens get no attention"
    lines = layer_table(reply, 0, None, columns, plain=True).plain.split("\n")
    assert len(lines) == 2 + 1 + LAYERS
    if width >= 50:
        assert max(cell_len(line) for line in lines) <= width
    lead = cell_len(lines[1]) - len(columns.tokens) * columns.width
    digits = [lines[3][lead + columns.width * number] for number in range(len(columns.tokens))]
    assert set(digits) == {weight_digit(1.0 / (index + 1), plain=True)}


def test_the_tokens_with_the_largest_weights_have_columns() -> None:
    """Detects a strong weight that is not shown because there are too many tokens."""
    weights = [0.0] * 100
    weights[3], weights[50], weights[90] = 0.5, 0.3, 0.1
    reply = _reply([f"t{number}" for number in range(100)], 99, weights)
    columns = fit_columns(reply, 1, 78)
    assert {3, 50, 90, 99} <= set(columns.tokens)
    assert len(columns.tokens) < 100


def test_position_and_strong_weights_are_marked_in_the_text() -> None:
    """Detects marks at other tokens."""
    pieces, view = text_pieces(_reply(["a", "b", "c", "d"], 2), 0, plain=True)
    assert pieces[view] == ("[c]", CHOSEN)
    assert pieces[0] == ("a", COPIED)
    assert pieces[-2] == ("d", "muted")


def test_disabled_heads_are_named_with_their_effect() -> None:
    """Detects numbers from 0, or the effect of other heads."""
    reply = _reply(["a", "b"], 1)
    assert prediction_line(reply, []) == "after “b” (2) the model predicts “is”, 62.0%"
    assert prediction_line(reply, [(1, 0)]).endswith("62.0%; without 2.1: 31.0%")


def test_positions_count_from_the_beginning_of_the_text() -> None:
    """Detects a window that does not start at the first token."""
    reply = _reply(["x", "y"], 1, first=5)
    assert (position(reply), window_index(reply)) == (6, 1)
    assert window_positions(reply) == range(5, 7)
