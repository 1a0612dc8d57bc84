"""Prompts that cannot be written with a vocabulary."""

from __future__ import annotations

import pytest

from core.errors import InputError
from core.tokenizer.tokenizer import KINDS, Tokenizer
from core.tokenizer.unknown_words import UnknownWordError
from tests.support.vocabularies import ALL, CHAR, WORD


def test_unknown_words_of_a_prompt_are_named_with_what_was_meant() -> None:
    """The tutorial ends in a KeyError here."""
    with pytest.raises(UnknownWordError) as caught:
        WORD.encode_prompt("python is langage. zzz")
    assert list(caught.value.near) == ["python", "langage.", "zzz"]
    assert caught.value.near["python"] == ["Python"]
    assert caught.value.near["zzz"] == []
    assert "'langage.': language." in caught.value.hint
    with pytest.raises(UnknownWordError, match="characters 'Q', '!'"):
        CHAR.encode_prompt("Q!Q")
    assert WORD.encode_prompt("") == []


def test_nearest_words_are_found_in_a_large_vocabulary() -> None:
    """Comparing with every word would take minutes; a slip keeps the first letter."""
    tokenizer = Tokenizer.train("word", [" ".join(f"w{n}" for n in range(30_000)), "banana"])
    with pytest.raises(UnknownWordError) as caught:
        tokenizer.encode_prompt("bannana")
    assert caught.value.near == {"bannana": ["banana"]}


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_character_in_a_prompt_is_said(kind: str) -> None:
    """A terminal that is not in UTF-8 gives lone surrogates."""
    with pytest.raises(InputError, match="position 1"):
        ALL[kind].encode_prompt("a\udce9")
