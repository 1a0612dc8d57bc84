"""The state of Inside: weights, rows in view, heads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tokenizer.special_tokens import SOS
from tests.support.inside import inside_reply, inside_view
from tui.explore.inside_view import OTHERS, text_until

TOKENS = [f"t{number}" for number in range(100)]


@pytest.mark.parametrize("rows", [range(100), range(30, 94)])
@pytest.mark.parametrize("head", [0, 1, None])
def test_the_weights_of_a_row_are_all_of_its_attention(rows: range, head: int | None) -> None:
    """Wherever the shown columns begin, those before are summed up."""
    view = inside_view(TOKENS, rows)
    view.head = head
    for row in (0, 1, len(rows) - 1):
        for first in (0, row // 2, row):
            columns = [OTHERS, *range(first, row + 1)]
            shown = range(first, row + 1)
            total = sum(view.weight(row, column, shown) for column in columns)
            assert total == pytest.approx(1.0, abs=1e-3)
    own = {0: 0.75, 1: 0.5, None: 0.625}[head]
    assert view.weight(len(rows) - 1, len(rows) - 1) == pytest.approx(own, abs=0.01)


@given(count=st.integers(1, 64), height=st.integers(1, 40), top=st.integers(0, 64), data=st.data())
def test_the_chosen_row_is_in_view(count: int, height: int, top: int, data: st.DataObject) -> None:
    view = inside_view(["x"] * count)
    view.at, view.top = data.draw(st.integers(0, count - 1)), top
    view.scroll_to_row(height)
    assert view.top <= view.row < view.top + height
    assert view.top == 0 or view.top + height <= count, "no empty rows"


def test_another_block_keeps_what_is_in_view() -> None:
    view = inside_view(TOKENS, range(30, 94))
    view.top = 10
    view.replace_reply(inside_reply(TOKENS, range(20, 84)), 45)
    assert (view.first + view.top, view.at, view.row) == (40, 45, 25)
    assert view.has_others


def test_heads_follow_each_other_with_the_mean_after_the_last() -> None:
    view = inside_view(["a", "b"])
    heads = []
    for _ in range(4):
        heads.append(view.head)
        view.next_head(1)
    assert heads == [0, 1, None, 0]
    view.next_head(-1)
    view.next_head(-1)
    assert view.head is None


def test_the_mean_switches_all_heads_of_its_layer() -> None:
    view = inside_view(["a", "b"])
    view.toggle()
    assert view.disabled == {(2, 0)}
    view.head = None
    view.toggle()
    assert view.disabled == {(2, 0), (2, 1)}
    view.toggle()
    assert view.disabled == frozenset()


@pytest.mark.parametrize(
    ("at", "prompt", "chosen", "text"),
    [
        (3, "Once upon", [2, 3], ("Once upon", [2, 3])),
        (2, "Once upon", [2, 3], ("Once upon", [2])),
        (1, "Once upon", [2, 3], ("Once upon", [])),
        (0, "Once upon", [2, 3], ("Once", [])),
        (0, "Once  upon", [2, 3], None),
        (2, None, [0, 1, 2, 3], None),
    ],
)
def test_step_continues_the_text_up_to_the_chosen_token(
    at: int, prompt: str | None, chosen: list[int], text: tuple[str, list[int]] | None
) -> None:
    """A prompt is cut only if its tokens are its text."""
    view = inside_view(["Once", " upon", " a", " time"])
    view.at = at
    assert text_until(view, prompt, chosen) == text


def test_a_text_with_a_start_token_continues_after_it() -> None:
    """Also without a prompt, and not if that token has left the context."""
    view = inside_view(["Once", " upon", " a", " time"])
    tokens = [token._replace(id=token.id + SOS) for token in view.reply.window]
    view.reply = replace(view.reply, window=tokens)
    view.at = 2
    assert text_until(view, None, [1, 2, 3, 4]) == ("", [2, 3])
    view.reply = replace(
        view.reply,
        window=[token._replace(position=token.position + 9) for token in tokens],
        positions=[11],
    )
    view.at = 11
    assert text_until(view, None, list(range(13))) is None
