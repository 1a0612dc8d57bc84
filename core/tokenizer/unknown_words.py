"""The error for words and characters outside the vocabulary, with the nearest known words."""

from __future__ import annotations

from collections.abc import Iterable

from core.errors import InputError, nearest

MAX_NAMED_UNITS = 5
MAX_COMPARED_WORDS = 20_000
CHARACTERS_PER_EDIT = 4


class UnknownWordError(InputError):
    """Words or characters outside the vocabulary.

    Args:
        noun: "word" or "character".
        near: the nearest known ones of each.
    """

    title = "Unknown to the model"

    def __init__(self, noun: str, near: dict[str, list[str]]) -> None:
        named = list(near)[:MAX_NAMED_UNITS]
        more = f" and {len(near) - len(named)} more" if len(near) > len(named) else ""
        listing = ", ".join(repr(unit) for unit in named)
        suggestions = [
            f"{unit!r}: {', '.join(map(repr, near[unit]))}" for unit in named if near[unit]
        ]
        super().__init__(
            f"The {noun}{'s' * (len(near) > 1)} {listing}{more} "
            f"{'is' if len(near) == 1 else 'are'} not in the vocabulary.",
            f"Nearest known: {'; '.join(suggestions)}"
            if suggestions
            else f"Use known {noun}s only.",
        )
        self.near = near


def find_nearest_words(words: Iterable[str], known: list[str]) -> dict[str, list[str]]:
    """Return the nearest known words of each word."""
    return {word: _find_nearest(word, known) for word in words}


def _find_nearest(word: str, known: list[str]) -> list[str]:
    if len(known) > MAX_COMPARED_WORDS:
        # Comparing with a million words takes minutes; a typo seldom changes the first letter.
        known = [
            other
            for other in known
            if other[0].casefold() == word[0].casefold() and abs(len(other) - len(word)) <= 2
        ]
    similar = nearest(word, known[:MAX_COMPARED_WORDS])
    return [other for other in similar if _is_near(word.casefold(), other.casefold())]


def _is_near(word: str, other: str) -> bool:
    """Whether one may be a typo of the other: at most an edit per four characters, and one."""
    shorter, longer = sorted((word, other), key=len)
    if len(shorter) >= CHARACTERS_PER_EDIT and longer.startswith(shorter):
        return True
    return _edit_distance(word, other) <= 1 + len(shorter) // CHARACTERS_PER_EDIT


def _edit_distance(one: str, other: str) -> int:
    """The fewest insertions, deletions and substitutions (Levenshtein, 1966)."""
    row = list(range(len(other) + 1))
    for number, left in enumerate(one, 1):
        diagonal, row[0] = row[0], number
        for place, right in enumerate(other, 1):
            substituted = diagonal + (left != right)
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, substituted)
    return row[-1]
