"""A text laid out token by token: which token each cell belongs to, where ways part, the cursor.

Everything stands as characters too: the cursor in brackets, the number of ways, a digit below each
token for how likely it was. Pure.

Legend: a bit is a piece of one token on one row; a row is one line of cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.cells import cell_len

from tui.common.sanitize import clean

TEXT, TYPED, CURSOR, FORK = "", "typed", "cursor", "fork"
UNLIKELY, NEVER = 0.01, "!"
NEWLINE, PLAIN_NEWLINE = "↵", "\\n"
NOTHING, PLAIN_NOTHING = "…", "..."  # a token without text of its own
OPEN, CLOSE = "[", "]"
WAYS, PLAIN_WAYS = ("‹", "›"), ("<", ">")
_WORDS = re.compile(r"\n|[^\S\n]+|[^\s]+")


class Bit(NamedTuple):
    """A piece of a token; `kind` is one of TEXT, TYPED, CURSOR, FORK."""

    token: int
    text: str
    kind: str = TEXT


Row = list[Bit]


@dataclass(frozen=True)
class Layout:
    """What is laid out.

    Attributes:
        texts: of the tokens; put together they are the text.
        cursor: the token it stands on; one beyond the last is the end.
        typed: how many tokens, from the first, a person typed.
        parted: where there are several ways, and how many.
        end: what stands at a cursor on a token that ends the text.
        plain: whether there are only plain characters.
    """

    texts: Sequence[str]
    cursor: int
    typed: int = 0
    parted: Mapping[int, int] = field(default_factory=dict)
    end: str = ""
    plain: bool = False


def rows(layout: Layout, width: int) -> list[Row]:
    """Rows of at most so many cells; broken between words, where they are not too long."""
    found: list[Row] = [[]]
    used = 0
    for word in _words(_bits(layout)):
        if word[0].text == "\n":
            found.append([])
            used = 0
            continue
        size = sum(cell_len(bit.text) for bit in word)
        if used and used + size > width:
            found.append([])
            used = 0
            if word[0].text.isspace():
                continue
        if size > width:
            used = _broken(word, width, found)
            continue
        found[-1] += word
        used += size
    return found


def _bits(layout: Layout) -> Iterator[Bit]:
    """Every token with what stands around it; the cursor's brackets take the place of blanks."""
    texts = [clean(text).replace("\t", " ") for text in layout.texts]
    closed = True
    for token, text in enumerate([*texts, ""]):
        here, ways = token == layout.cursor, layout.parted.get(token, 0)
        if token == len(texts) and not here and not ways:
            if not closed:
                yield Bit(token - 1, CLOSE, CURSOR)
            return
        blank = " " if text.startswith(" ") else ""
        if not closed:
            yield Bit(token - 1, CLOSE, CURSOR)
            closed, text, blank = True, text.removeprefix(blank), ""
        if ways:
            yield from _ways(token, blank, ways, layout.plain)
            text, blank = text.removeprefix(blank), ""
        if here:
            yield Bit(token, OPEN, CURSOR)
            yield from _under(layout, token, text.removeprefix(blank))
            closed = False
        elif text:
            yield Bit(token, text, TYPED if token < layout.typed else TEXT)
    yield Bit(len(texts), CLOSE, CURSOR)


def _ways(token: int, blank: str, ways: int, plain: bool) -> Iterator[Bit]:
    left, right = PLAIN_WAYS if plain else WAYS
    if blank:
        yield Bit(token, blank)
    yield Bit(token, f"{left}{ways}{right}", FORK)


def _under(layout: Layout, token: int, text: str) -> Iterator[Bit]:
    """What stands between the brackets: something, whatever the token is."""
    head, newline, rest = text.partition("\n")
    if head:
        yield Bit(token, head, CURSOR)
    if newline:
        yield Bit(token, PLAIN_NEWLINE if layout.plain else NEWLINE, CURSOR)
        yield Bit(token, "\n" + rest, CURSOR)
    elif not head and token < len(layout.texts):
        nothing = PLAIN_NOTHING if layout.plain else NOTHING
        yield Bit(token, layout.end or nothing, CURSOR)
    elif not head:
        yield Bit(token, " ", CURSOR)


def _words(bits: Iterator[Bit]) -> Iterator[list[Bit]]:
    """What is not to be broken: words, blanks, line breaks, wide characters."""
    word: list[Bit] = []
    for bit in bits:
        for part in _WORDS.findall(bit.text) if bit.kind != CURSOR else _kept(bit.text):
            apart = part == "\n" or (part.isspace() and bit.kind != CURSOR)
            wide = not apart and cell_len(part) > len(part)
            if word and (apart or wide):
                yield word
                word = []
            if apart:
                yield [Bit(bit.token, part, bit.kind)]
            elif wide:
                yield from ([Bit(bit.token, one, bit.kind)] for one in part)
            else:
                word.append(Bit(bit.token, part, bit.kind))
    if word:
        yield word


def _kept(text: str) -> list[str]:
    """A cursor's text is broken at line breaks only."""
    return [part for part in re.split(r"(\n)", text) if part]


def _broken(word: list[Bit], width: int, found: list[Row]) -> int:
    """Puts a word that is longer than a row on as many as it needs; the cells used of the last."""
    used = 0
    for bit in word:
        for character in bit.text:
            size = cell_len(character)
            if used + size > width:
                found.append([])
                used = 0
            row = found[-1]
            if row and row[-1][::2] == (bit.token, bit.kind):
                row[-1] = bit._replace(text=row[-1].text + character)
            else:
                row.append(bit._replace(text=character))
            used += size
    return used


def row_of(found: Sequence[Row], cursor: int) -> int:
    """The row the cursor stands on."""
    return next(
        (n for n, row in enumerate(found) for bit in row if bit.kind == CURSOR),
        next((n for n, row in enumerate(found) for bit in row if bit.token >= cursor), 0),
    )


def digit(chance: float | None) -> str:
    """Tenths of a chance: 0 to 9; a sign for what is very unlikely, a blank for what is unknown."""
    if chance is None:
        return " "
    return NEVER if chance < UNLIKELY else str(min(9, int(chance * 10)))


def digits(row: Row, chances: Sequence[float | None], begun: set[int]) -> str:
    """What stands below a row: a digit below the first character of each token.

    Args:
        begun: tokens that have their digit already; those of this row are added.
    """
    line = ""
    for bit in row:
        known = bit.token < len(chances) and bit.text not in (OPEN, CLOSE) and bit.kind != FORK
        sign = digit(chances[bit.token]) if known else " "
        first = known and bit.token not in begun and not bit.text.isspace()
        blanks = len(bit.text) - len(bit.text.lstrip())
        text = " " * blanks + sign if first else ""
        if first:
            begun.add(bit.token)
        line += text.ljust(cell_len(bit.text))
    return line.rstrip()
