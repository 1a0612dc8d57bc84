"""Passages of a text that occur verbatim in the corpus, as text with marks.

Everything is rendered from the model server's `OriginReply`.
"""

from __future__ import annotations

from dataclasses import dataclass

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


def summary(reply: OriginReply) -> str:
    """Describe the share copied, the longest copy and new bigrams."""
    new = f"{reply.new_bigrams:,} of {reply.bigrams:,} bigrams are new"
    words = [
        f"{reply.share:.0%} of {reply.tokens:,} token{'s' * (reply.tokens != 1)} copied",
        f"longest copy {reply.longest:,}",
        new if reply.bigrams else "no bigrams",
    ]
    return " · ".join(words)


def times(span: OriginSpan) -> str:
    """How often a span occurs; a plus means at least."""
    return f"{span.count:,}{'+' * span.at_least}"


def places_title(span: OriginSpan | None) -> str:
    """The title of a span's places."""
    if span is None:
        return "In the corpus"
    times = "once" if span.count == 1 and not span.at_least else _times_in_words(span)
    shown = len(span.places)
    return f"In the corpus {times}" + (f", first {shown:,} shown" if shown < span.count else "")


def _times_in_words(span: OriginSpan) -> str:
    return f"{'at least ' * span.at_least}{span.count:,} times"


def occurrences(span: OriginSpan) -> str:
    """Describe a span's length and how often it occurs."""
    times = "once" if span.count == 1 and not span.at_least else _times_in_words(span)
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


@dataclass(frozen=True)
class ReplyPieces:
    """A reply as styled text.

    Attributes:
        pieces: the prompt and the reply, spans between marks.
        view: index of the piece with the chosen span; None without one.
        spans: index of the span that a piece shows.
    """

    pieces: list[Piece]
    view: int | None
    spans: dict[int, int]


def reply_pieces(
    prompt: str, reply: OriginReply, chosen: int, marks: tuple[str, str], prompt_mark: str
) -> ReplyPieces:
    """Render a reply with its prompt, spans between marks."""
    left, right = marks
    pieces: list[Piece] = [(f"{prompt_mark} ", "accent"), (prompt, "prompt")]
    spans: dict[int, int] = {}
    at, view = 0, None
    for number, (begin, end) in enumerate(marked_ranges(reply)):
        begin = max(begin, at)
        if end <= begin:
            continue
        style = CHOSEN if number == chosen else COPIED
        if number == chosen:
            view = len(pieces) + 1
        spans[len(pieces) + 1] = number
        pieces += [(reply.text[at:begin], ""), (f"{left}{reply.text[begin:end]}{right}", style)]
        at = end
    return ReplyPieces([*pieces, (reply.text[at:], "")], view, spans)


def place_pieces(place: OriginPlace, marks: tuple[str, str]) -> list[Piece]:
    """Render a place with the text around it."""
    left, right = marks
    return [(place.before, ""), (f"{left}{place.text}{right}", CHOSEN), (place.after, "")]
