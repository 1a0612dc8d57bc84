"""Prompts outside the vocabulary."""

from __future__ import annotations

import pytest

from core.errors import InputError
from core.tokenizer.tokenizer import KINDS, Tokenizer
from core.tokenizer.unknown_words import UnknownWordError
from tests.support.vocabularies import ALL, CHAR, WORD


def test_error_for_unknown_words_suggests_the_nearest_known_ones() -> None:
    """The tutorial's code ends in a KeyError here."""
    with pytest.raises(UnknownWordError) as caught:
        WORD.encode_prompt("python is langage. zzz")
    assert list(caught.value.near) == ["python", "langage.", "zzz"]
    assert caught.value.near["python"] == ["Python"]
    assert caught.value.near["zzz"] == []
    assert "'langage.': 'language.'" in caught.value.hint
    with pytest.raises(UnknownWordError, match="characters 'Q', '!'"):
        CHAR.encode_prompt("Q!Q")
    assert WORD.encode_prompt("") == []


def test_nearest_words_are_found_in_a_large_vocabulary() -> None:
    """Comparing with every word would take minutes; a typo keeps the first letter."""
    tokenizer = Tokenizer.train("word", [" ".join(f"w{n}" for n in range(30_000)), "banana"])
    with pytest.raises(UnknownWordError) as caught:
        tokenizer.encode_prompt("bannana")
    assert caught.value.near == {"bannana": ["banana"]}


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("mississippi", []),
        ("sausages", []),
        ("facade", []),
        ("usse", ["use"]),
        ("fascinate", ["fascinated"]),
        ("Fascinatted", ["fascinated"]),
    ],
)
def test_a_word_far_from_all_known_ones_gets_no_suggestion(word: str, near: list[str]) -> None:
    """`fascinated`, `use` and `see` were offered for words that have nothing to do with them."""
    tokenizer = Tokenizer.train("word", ["fascinated use see seems is a the language"])
    with pytest.raises(UnknownWordError) as caught:
        tokenizer.encode_prompt(word)
    assert caught.value.near == {word: near}


@pytest.mark.parametrize("kind", KINDS)
def test_error_for_a_lone_surrogate_names_its_position(kind: str) -> None:
    """A terminal that is not in UTF-8 produces lone surrogates."""
    with pytest.raises(InputError, match="position 1"):
        ALL[kind].encode_prompt("a\udce9")
