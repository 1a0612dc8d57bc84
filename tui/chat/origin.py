"""Passages of a text that occur verbatim in the corpus, as text with marks.

Everything is rendered from the model server's `OriginReply`.
"""

from __future__ import annotations

from pathlib import Path

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from core.server.replies import OriginPlace, OriginReply, OriginSpan
from tui.common.format import CHOSEN, COPIED
from tui.common.sanitize import one_line
from tui.common.wrapping import Piece

MARKS, PLAIN_MARKS = ("‹", "›"), ("<", ">")
NO_COPIES = "No passage of {min_tokens} or more tokens occurs verbatim in the corpus."


def marked_ranges(reply: OriginReply) -> list[tuple[int, int]]:
    """Return the characters to mark for each span, without what the span before it covers."""
    ranges, covered = [], 0
    for span in reply.spans:
        begin = max(span.from_, covered)
        begin += len(reply.text[begin : span.to]) - len(reply.text[begin : span.to].lstrip())
        covered = max(covered, span.to)
        ranges.append((begin, covered))
    return ranges


def marked_text(reply: OriginReply, marks: tuple[str, str] = MARKS) -> str:
    """Return the text with each span between marks."""
    left, right = marks
    pieces, covered = [], 0
    for begin, end in marked_ranges(reply):
        if end > begin:
            pieces += [reply.text[covered:begin], left, reply.text[begin:end], right]
            covered = end
    return "".join([*pieces, reply.text[covered:]])


def summary(reply: OriginReply, chosen: int | None = None) -> str:
    """Describe the share copied, the longest copy and new bigrams.

    Args:
        chosen: the index of the selected span, named after the figures.
    """
    new = f"{reply.new_bigrams:,} of {reply.bigrams:,} bigrams are new"
    words = [
        f"{reply.share:.0%} of {reply.tokens:,} token{'s' * (reply.tokens != 1)} copied",
        f"longest copy {reply.longest:,}",
        new if reply.bigrams else "no bigrams",
    ]
    if chosen is not None and reply.spans:
        words.append(f"{chosen + 1} of {len(reply.spans)}")
    return " · ".join(words)


def occurrences(span: OriginSpan) -> str:
    """Describe a span's length and how often it occurs."""
    times = f"{'at least ' * span.at_least}{span.count:,} times"
    if span.count == 1 and not span.at_least:
        times = "once"
    return f"{span.end - span.begin:,} tokens, {times}"


def excerpt(place: OriginPlace, width: int) -> tuple[str, str, str]:
    """Return a place on one line of about `width` cells: the text before, the passage, after."""
    text = _shorten(one_line(place.text), width)
    side = max(0, (width - len(text)) // 2)
    before, after = one_line(place.before), one_line(place.after)
    if len(before) > side:
        before = f"…{before[len(before) - side + 1 :]}" if side else ""
    return before, text, _shorten(after, side)


def _shorten(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    return f"{text[: max(0, width - 1)]}…" if width else ""


def has_several_files(reply: OriginReply) -> bool:
    """Whether the places are in more than one file."""
    return len({place.file for span in reply.spans for place in span.places}) > 1


def reply_pieces(
    prompt: str, reply: OriginReply, chosen: int, marks: tuple[str, str], prompt_mark: str
) -> tuple[list[Piece], int | None]:
    """Render a reply with its prompt, spans between marks.

    Returns:
        The pieces, and the index of the one with the chosen span; None if there is none.
    """
    left, right = marks
    pieces: list[Piece] = [(f"{prompt_mark} ", "accent"), (prompt, "prompt")]
    at, view = 0, None
    for number, (begin, end) in enumerate(marked_ranges(reply)):
        begin = max(begin, at)
        if end <= begin:
            continue
        style = CHOSEN if number == chosen else COPIED
        if number == chosen:
            view = len(pieces) + 1
        pieces += [(reply.text[at:begin], ""), (f"{left}{reply.text[begin:end]}{right}", style)]
        at = end
    return [*pieces, (reply.text[at:], "")], view


def place_rows(
    span: OriginSpan, chosen: int, width: int, mark: str, *, with_files: bool
) -> Content:
    """Render how often a span occurs, and its places: two rows each."""
    rows = [Content.styled(occurrences(span), "bold")]
    for number, place in enumerate(span.places):
        sign = mark if number == chosen else " "
        file = f"{one_line(Path(place.file).name)}, " if with_files else ""
        heading = f"{sign} {file}line {place.line:,}"
        text = f"  {''.join(excerpt(place, max(8, width - 4)))}"
        rows.append(Content.styled(_fit(heading, width), "bold" if number == chosen else ""))
        rows.append(Content.styled(_fit(text, width), "dim"))
    more = span.count - len(span.places)
    if more > 0:
        rows.append(Content.styled(f"  and {more:,} more", "dim"))
    return Content("\n").join(rows)


def _fit(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, max(1, width - 1)) + "…"
