"""Layers and looks as columns: their widths, which tokens are shown, and the words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.common.format import CHOSEN, COPIED
from tui.explore.layers import LayerView, columns, digit, read, table, text_pieces, words

TOKENS = st.lists(st.text(max_size=12), min_size=1, max_size=60)


def _looked(tokens: list[str], place: int, layers: int = 3) -> LayerView:
    share = 1.0 / (place + 1)
    row = tuple(share if at <= place else 0.0 for at in range(len(tokens)))
    return LayerView(
        tokens=tuple(tokens),
        place=place,
        number=place,
        lens=tuple((f"t{depth}", 0.5) for depth in range(layers + 1)),
        looks=(row,) * layers,
        heads=2,
        whole=("is", 0.62, 0.31),
    )


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.0, "·"), (0.049, "·"), (0.05, "1"), (0.14, "1"), (0.5, "5"), (0.97, "9"), (1.0, "9")],
)
def test_a_share_is_one_character(share: float, said: str) -> None:
    assert digit(share, plain=False) == said
    assert digit(share, plain=True) == said.replace("·", ".")


@given(tokens=TOKENS, room=st.integers(30, 200), data=st.data())
def test_the_table_fits_whatever_is_in_the_tokens(
    tokens: list[str], room: int, data: st.DataObject
) -> None:
    """Columns beside their names, or a row longer than the screen."""
    place = data.draw(st.integers(0, len(tokens) - 1))
    looked = _looked(tokens, place)
    shape = columns(looked, 0, room)
    assert place in shape.places
    assert list(shape.places) == sorted(set(shape.places))
    assert max(shape.places) == place, "it does not see what comes after"
    lines = table(looked, 0, None, shape, plain=True).plain.split("\n")
    assert len(lines) == 2 + 1 + looked.layers
    if room >= 50:
        assert max(cell_len(line) for line in lines) <= room
    lead = cell_len(lines[1]) - len(shape.places) * shape.width
    digits = [lines[3][lead + shape.width * number] for number in range(len(shape.places))]
    expected = digit(1.0 / (place + 1), plain=True)
    assert set(digits) == {expected}


def test_those_most_looked_at_are_shown_where_not_all_have_room() -> None:
    tokens = [f"t{number}" for number in range(100)]
    shares = [0.0] * 100
    shares[3], shares[50], shares[90] = 0.5, 0.3, 0.1
    looked = _looked(tokens, 99)
    looked = LayerView(**{**looked.__dict__, "looks": (tuple(shares),) * 3})
    shape = columns(looked, 1, 78)
    assert {3, 50, 90, 99} <= set(shape.places)
    assert len(shape.places) < 100


def test_the_place_and_what_it_looks_at_are_marked_in_the_text() -> None:
    looked = _looked(["a", "b", "c", "d"], 2)
    pieces, view = text_pieces(looked, 0, plain=True)
    assert pieces[view] == ("[c]", CHOSEN)
    assert pieces[0] == ("a", COPIED)
    assert pieces[-2] == ("d", "muted")


def test_heads_that_are_off_are_named_with_what_they_change() -> None:
    looked = _looked(["a", "b"], 1)
    assert words(looked, []) == "after “b” (2) the model says “is”, 62.0%"
    assert words(looked, [(1, 0)]).endswith("62.0%; without 2.1: 31.0%")


def test_a_reply_is_read_by_the_places_of_the_whole_text() -> None:
    """A window that does not begin at the first token."""
    said = {
        "window": [[5, 1, "x"], [6, 2, "y"]],
        "positions": [6],
        "lens": [[[1, "x", 0.5], [2, "y", 0.25]]],
        "looks": [[0.25, 0.75]],
        "whole": [2, "y", 0.25, 0.125],
        "heads": 2,
    }
    looked = read(said)
    assert (looked.place, looked.number, looked.layers) == (1, 6, 1)
    assert looked.lens == (("x", 0.5), ("y", 0.25))
