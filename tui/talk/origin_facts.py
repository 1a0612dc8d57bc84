"""What the screen of copies shows: the reply with marks, and the places beside it. Pure."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from tui.common.sanitize import one_line
from tui.talk.origin import Origin, Place, Span, around
from tui.talk.turn_text import joined
from tui.widgets.marked_text import CHOSEN, COPIED
from tui.common.wrapping import Piece

NONE = "No part of this stands in the corpus word for word: nothing of {least} tokens or more."


def reply_pieces(
    prompt: str, origin: Origin, chosen: int, marks: tuple[str, str], sign: str
) -> tuple[list[Piece], int | None]:
    """A reply with its prompt, copies between marks, and which piece is the chosen copy."""
    left, right = marks
    pieces: list[Piece] = [(f"{sign} ", "accent"), (prompt, "prompt")]
    cut = len(origin.text) - len(joined(prompt, origin.text))
    at, view = cut, None
    for number, (begin, end) in enumerate(origin.ranges()):
        begin = max(begin, at)
        if end <= begin:
            continue
        style = CHOSEN if number == chosen else COPIED
        if number == chosen:
            view = len(pieces) + 1
        part = f"{left}{origin.text[begin:end]}{right}"
        pieces += [(origin.text[at:begin], ""), (part, style)]
        at = end
    return [*pieces, (origin.text[at:], "")], view


def header(origin: Origin, chosen: int) -> str:
    """The figures, and which copy is chosen."""
    which = f" · {chosen + 1} of {len(origin.spans)}" if origin.spans else ""
    return f"{origin.header}{which}"


def place_rows(span: Span, chosen: int, width: int, sign: str, *, several: bool) -> Content:
    """How often a copy stands in the corpus, and where: two rows a place."""
    rows = [Content.styled(f"{span.tokens:,} tokens, {span.times}", "bold")]
    for number, place in enumerate(span.places):
        mark = sign if number == chosen else " "
        where = f"{one_line(place.file.name)}, " if several else ""
        head = f"{mark} {where}line {place.line:,}"
        rows.append(Content.styled(_fit(head, width), "bold" if number == chosen else ""))
        rows.append(Content.styled(_fit(f"  {_excerpt(place, width - 4)}", width), "dim"))
    more = span.count - len(span.places)
    if more > 0:
        rows.append(Content.styled(f"  and {more:,} more", "dim"))
    return Content("\n").join(rows)


def _excerpt(place: Place, width: int) -> str:
    return "".join(around(place, max(8, width)))


def _fit(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, max(1, width - 1)) + "…"
