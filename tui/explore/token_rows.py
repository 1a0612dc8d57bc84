"""A text laid out in rows of tokens, with the cursor, fork counts and probability digits.

Everything is shown by characters too, not only by colour: the cursor in brackets, the number of
branches, and a digit below each token for its probability.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.cells import cell_len

from tui.common.sanitize import clean

TEXT, TYPED, BLANK, CURSOR, FORK = "", "typed", "blank", "cursor", "fork"
UNLIKELY, UNLIKELY_SIGN = 0.01, "!"
NEWLINE, PLAIN_NEWLINE = "↵", "\\n"
NO_TEXT, PLAIN_NO_TEXT = "…", "..."  # for a token without text of its own
OPEN, CLOSE = "[", "]"
FORK_MARKS, PLAIN_FORK_MARKS = ("‹", "›"), ("<", ">")
_WORDS = re.compile(r"\n|[^\S\n]+|[^\s]+")


class TokenPiece(NamedTuple):
    """A piece of one token on one row; `kind` is TEXT, TYPED, BLANK, CURSOR or FORK."""

    token: int
    text: str
    kind: str = TEXT


Row = list[TokenPiece]


@dataclass(frozen=True)
class Layout:
    """What is laid out.

    Attributes:
        texts: of the tokens; joined they are the text.
        cursor: the index of the token at the cursor; one beyond the last is the end.
        typed: how many tokens, from the first, were typed.
        forks: the number of branches by position.
        end: shown for a token that ends the text, at the cursor.
        plain: whether only ASCII characters are used.
        blanks: indices of the tokens that are blanks, or were put into one.
    """

    texts: Sequence[str]
    cursor: int
    typed: int = 0
    forks: Mapping[int, int] = field(default_factory=dict)
    end: str = ""
    plain: bool = False
    blanks: frozenset[int] = frozenset()


def layout_rows(layout: Layout, width: int) -> list[Row]:
    """Wrap the tokens into rows of at most `width` cells, between words where possible."""
    rows: list[Row] = [[]]
    used = 0
    for word in _words(_pieces(layout)):
        if word[0].text == "\n":
            rows.append([])
            used = 0
            continue
        size = sum(cell_len(piece.text) for piece in word)
        if used and used + size > width:
            rows.append([])
            used = 0
            if word[0].text.isspace():
                continue
        if size > width:
            used = _break_word(word, width, rows)
            continue
        rows[-1] += word
        used += size
    return rows


def _pieces(layout: Layout) -> Iterator[TokenPiece]:
    """Yield every token with its marks; the cursor's brackets replace the spaces around it."""
    texts = [clean(text).replace("\t", " ") for text in layout.texts]
    closed = True
    for token, text in enumerate([*texts, ""]):
        here, branches = token == layout.cursor, layout.forks.get(token, 0)
        if token == len(texts) and not here and not branches:
            if not closed:
                yield TokenPiece(token - 1, CLOSE, CURSOR)
            return
        blank = " " if text.startswith(" ") else ""
        if not closed:
            yield TokenPiece(token - 1, CLOSE, CURSOR)
            closed, text, blank = True, text.removeprefix(blank), ""
        if branches:
            left, right = PLAIN_FORK_MARKS if layout.plain else FORK_MARKS
            if blank:
                yield TokenPiece(token, blank)
            yield TokenPiece(token, f"{left}{branches}{right}", FORK)
            text, blank = text.removeprefix(blank), ""
        if here:
            yield TokenPiece(token, OPEN, CURSOR)
            yield from _cursor_pieces(layout, token, text.removeprefix(blank))
            closed = False
        elif text:
            kind = TYPED if token < layout.typed else TEXT
            yield TokenPiece(token, text, BLANK if token in layout.blanks else kind)
    yield TokenPiece(len(texts), CLOSE, CURSOR)


def _cursor_pieces(layout: Layout, token: int, text: str) -> Iterator[TokenPiece]:
    """Yield what is between the cursor's brackets; never nothing."""
    head, newline, rest = text.partition("\n")
    if head:
        yield TokenPiece(token, head, CURSOR)
    if newline:
        yield TokenPiece(token, PLAIN_NEWLINE if layout.plain else NEWLINE, CURSOR)
        yield TokenPiece(token, "\n" + rest, CURSOR)
    elif not head and token < len(layout.texts):
        no_text = PLAIN_NO_TEXT if layout.plain else NO_TEXT
        yield TokenPiece(token, layout.end or no_text, CURSOR)
    elif not head:
        yield TokenPiece(token, " ", CURSOR)


def _words(pieces: Iterator[TokenPiece]) -> Iterator[list[TokenPiece]]:
    """Yield what must not be broken: words, spaces, line breaks, wide characters."""
    word: list[TokenPiece] = []
    for piece in pieces:
        # Text at the cursor is broken at line breaks only.
        parts = (
            re.split(r"(\n)", piece.text) if piece.kind == CURSOR else _WORDS.findall(piece.text)
        )
        for part in filter(None, parts):
            separate = part == "\n" or (part.isspace() and piece.kind != CURSOR)
            wide = not separate and cell_len(part) > len(part)
            if word and (separate or wide):
                yield word
                word = []
            if separate:
                yield [TokenPiece(piece.token, part, piece.kind)]
            elif wide:
                yield from ([TokenPiece(piece.token, one, piece.kind)] for one in part)
            else:
                word.append(TokenPiece(piece.token, part, piece.kind))
    if word:
        yield word


def _break_word(word: list[TokenPiece], width: int, rows: list[Row]) -> int:
    """Add a word longer than a row, on several rows; return the cells used of the last."""
    used = 0
    for piece in word:
        for character in piece.text:
            size = cell_len(character)
            if used + size > width:
                rows.append([])
                used = 0
            row = rows[-1]
            if row and row[-1][::2] == (piece.token, piece.kind):
                row[-1] = piece._replace(text=row[-1].text + character)
            else:
                row.append(piece._replace(text=character))
            used += size
    return used


def cursor_row(rows: Sequence[Row], cursor: int) -> int:
    """Return the index of the row with the cursor."""
    return next(
        (n for n, row in enumerate(rows) for piece in row if piece.kind == CURSOR),
        next((n for n, row in enumerate(rows) for piece in row if piece.token >= cursor), 0),
    )


def tenths_digit(probability: float | None) -> str:
    """Return a probability in tenths, 0 to 9; "!" below 1 %, a space where unknown."""
    if probability is None:
        return " "
    return UNLIKELY_SIGN if probability < UNLIKELY else str(min(9, int(probability * 10)))


def digit_row(row: Row, probabilities: Sequence[float | None], labelled: set[int]) -> str:
    """Return the line below a row: a digit below the first character of each token.

    Args:
        labelled: tokens that have their digit on an earlier row; those of this row are added.
    """
    line = ""
    for piece in row:
        is_text = (
            piece.text not in (OPEN, CLOSE) and piece.kind != FORK and not piece.text.isspace()
        )
        text = ""
        if is_text and piece.token < len(probabilities) and piece.token not in labelled:
            blanks = len(piece.text) - len(piece.text.lstrip())
            text = " " * blanks + tenths_digit(probabilities[piece.token])
            labelled.add(piece.token)
        line += text.ljust(cell_len(piece.text))
    return line.rstrip()
