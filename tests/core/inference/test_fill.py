"""Texts with blanks, filled in."""

from __future__ import annotations

import pytest

from core.inference.fill import text_with_blanks
from core.tokenizer.tokenizer import Tokenizer


@pytest.mark.parametrize(
    ("kind", "fill", "expected"),
    [
        ("char", " ", "a[ ]b"),
        ("char", "b", "a[b]b"),
        ("bpe", " ", "a[ ]b"),
        ("word", "b", "a [b] b"),
    ],
)
def test_a_blank_that_is_filled_in_is_not_shown_as_an_empty_one(
    kind: str, fill: str, expected: str
) -> None:
    """Detects a filled-in blank character that looks like a blank to fill in."""
    tokenizer = Tokenizer.train(kind, ["a b"]).with_mask()
    assert tokenizer.mask_id is not None
    a, b = (tokenizer.encode(letter) for letter in "ab")
    ids = [*a, tokenizer.mask_id, *b]
    (chosen,) = tokenizer.encode(fill)
    assert text_with_blanks(tokenizer, ids, {1: chosen}) == expected
