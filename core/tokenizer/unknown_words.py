"""A prompt with words that a vocabulary does not hold: which, and what was likely meant."""

from __future__ import annotations

from core.errors import InputError, nearest
from core.tokenizer.special_tokens import SPECIAL
from core.tokenizer.tokenizer import Tokenizer
from core.tokenizer.vocabulary import split_words, unescape_special

MAX_NAMED_UNITS = 5
MAX_COMPARED_WORDS = 20_000


class UnknownWordError(InputError):
    """Words or characters that the model has never seen.

    Args:
        noun: "word" or "character".
        near: the nearest known ones of each.
    """

    title = "The model does not know this"

    def __init__(self, noun: str, near: dict[str, list[str]]) -> None:
        named = list(near)[:MAX_NAMED_UNITS]
        more = f" and {len(near) - len(named)} more" if len(near) > len(named) else ""
        listing = ", ".join(repr(unit) for unit in named)
        meant = [f"{unit!r}: {', '.join(near[unit])}" for unit in named if near[unit]]
        super().__init__(
            f"Not in the vocabulary: the {noun}{'s' * (len(near) > 1)} {listing}{more}.",
            f"Nearest known: {'; '.join(meant)}." if meant else f"Use known {noun}s only.",
        )
        self.near = near


def unknown_word_error(tokenizer: Tokenizer, text: str) -> UnknownWordError:
    """The error for a prompt that holds unknown words or characters."""
    is_word = tokenizer.kind == "word"
    units = split_words(text) if is_word else list(text)
    missing = [unit for unit in dict.fromkeys(units) if tokenizer.id_of(unit) is None]
    if not is_word:
        return UnknownWordError("character", {unit: [] for unit in missing})
    known = [unescape_special(name) for name in tokenizer.units[len(SPECIAL) : -1]]
    return UnknownWordError("word", {unit: _nearest(unit, known) for unit in missing})


def _nearest(word: str, known: list[str]) -> list[str]:
    if len(known) > MAX_COMPARED_WORDS:
        # Comparing with a million words takes minutes; a slip seldom changes the first letter.
        known = [
            other
            for other in known
            if other[0].casefold() == word[0].casefold() and abs(len(other) - len(word)) <= 2
        ]
    return nearest(word, known[:MAX_COMPARED_WORDS])
