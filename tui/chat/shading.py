"""How sure the model was of each token of a reply: a shade, and a raised digit in tenths. Pure.

Only uncertain tokens are marked, so that a reply of a sure model stays plain text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tui.common.wrapping import Piece

# The shade of a token is the number of limits that its probability is below.
SHADE_LIMITS = (0.6, 0.35, 0.1)
SHADES = ("", "shade1", "shade2", "shade3")
DIGIT = "digit"  # the style of raised digits, which are no part of the text
RAISED_DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
UNLIKELY_SIGN = "!"  # instead of a digit, below a tenth

Chance = tuple[int, float]  # characters of a token's text, and its probability


def shade_level(probability: float | None) -> int:
    """How uncertain a token was, 0 to 3; 0 where it is unknown."""
    if probability is None:
        return 0
    return sum(probability < limit for limit in SHADE_LIMITS)


def raised_digit(probability: float) -> str:
    """A probability in tenths as a raised digit; `!` below a tenth."""
    tenths = min(9, int(probability * 10))
    return RAISED_DIGITS[tenths] if tenths else UNLIKELY_SIGN


def token_pieces(text: str, probability: float | None) -> list[Piece]:
    """A token's text as styled pieces: blanks, the word in its shade, the digit, blanks."""
    level, word = shade_level(probability), text.strip()
    if not level or not word or probability is None:
        return [(text, "")] if text else []
    start = text.index(word)
    before, after = text[:start], text[start + len(word) :]
    pieces = [
        (before, ""),
        (word, SHADES[level]),
        (raised_digit(probability), DIGIT),
        (after, ""),
    ]
    return [piece for piece in pieces if piece[0]]


def split_by_chances(text: str, chances: Iterable[Chance]) -> Iterator[tuple[str, float | None]]:
    """Split the text of a reply into its tokens with their probabilities.

    Where the lengths do not make up the text, all of it is one part without a probability.
    """
    known = list(chances)
    if sum(length for length, _ in known) != len(text) or any(length < 0 for length, _ in known):
        yield text, None
        return
    at = 0
    for length, probability in known:
        yield text[at : at + length], probability
        at += length


def merge_pieces(pieces: Iterable[Piece]) -> list[Piece]:
    """Join neighbours of the same style."""
    merged: list[Piece] = []
    for text, style in pieces:
        if merged and merged[-1][1] == style:
            merged[-1] = merged[-1][0] + text, style
        else:
            merged.append((text, style))
    return merged
