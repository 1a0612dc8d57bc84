"""What stands in the corpus, in words and marks: for the command line and the screens. Pure.

A reply of the sampler's operation `origin` is read here and nowhere else.

What the screen of copies shows: the reply with marks, and the places beside it. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from tui.common.format import CHOSEN, COPIED
from tui.common.sanitize import one_line
from tui.common.wrapping import Piece
from tui.talk.reply import joined

MARKS, PLAIN_MARKS = ("‹", "›"), ("<", ">")


@dataclass(frozen=True)
class CorpusPlace:
    """Where a span stands: file, line from 1, byte; and the text there."""

    file: Path
    line: int
    offset: int
    before: str
    text: str
    after: str


@dataclass(frozen=True)
class CopiedPassage:
    """A part of a text that stands in the corpus.

    Attributes:
        begin, end: characters of the text.
        tokens: how long it is.
        count: how often it stands there; `at_least` if perhaps more often.
    """

    begin: int
    end: int
    tokens: int
    count: int
    at_least: bool
    places: tuple[CorpusPlace, ...]

    @property
    def times(self) -> str:
        """How often, in words."""
        if self.count == 1 and not self.at_least:
            return "once"
        return f"{'at least ' * self.at_least}{self.count:,} times"


@dataclass(frozen=True)
class ReplyOrigin:
    """A text and what of it stands in the corpus.

    Attributes:
        header: the figures in one line.
        encoding, errors: how to read the files.
        notes: what a person should know besides.
    """

    text: str
    header: str
    spans: tuple[CopiedPassage, ...]
    encoding: str
    errors: str
    notes: tuple[str, ...]

    def ranges(self) -> list[tuple[int, int]]:
        """The characters to be marked for each span: what the one before it has, it leaves."""
        found, reached = [], 0
        for span in self.spans:
            begin = max(span.begin, reached)
            begin += len(self.text[begin : span.end]) - len(self.text[begin : span.end].lstrip())
            reached = max(reached, span.end)
            found.append((begin, reached))
        return found

    def marked(self, marks: tuple[str, str] = MARKS) -> str:
        """The text with each span between marks."""
        left, right = marks
        pieces, reached = [], 0
        for begin, end in self.ranges():
            if end > begin:
                pieces += [self.text[reached:begin], left, self.text[begin:end], right]
                reached = end
        return "".join([*pieces, self.text[reached:]])


def read_origin(said: Mapping[str, Any]) -> ReplyOrigin:
    """The sampler's last reply to `origin`."""
    spans = tuple(
        CopiedPassage(
            begin=span["from"],
            end=span["to"],
            tokens=span["end"] - span["begin"],
            count=span["count"],
            at_least=span["at_least"],
            places=tuple(_place(place) for place in span["places"]),
        )
        for span in said["spans"]
    )
    return ReplyOrigin(
        text=said["text"],
        header=header(said),
        spans=spans,
        encoding=said["encoding"],
        errors=said["errors"],
        notes=tuple(said["notes"]),
    )


def _place(said: Mapping[str, Any]) -> CorpusPlace:
    return CorpusPlace(
        file=Path(said["file"]),
        line=said["line"],
        offset=said["offset"],
        before=said["before"],
        text=said["text"],
        after=said["after"],
    )


def header(said: Mapping[str, Any]) -> str:
    """The figures: share copied, longest copy, new pairs."""
    tokens, pairs = said["tokens"], said["bigrams"]
    words = [
        f"{said['share']:.0%} of {tokens:,} token{'s' * (tokens != 1)} copied",
        f"longest copy {said['longest']:,}",
        f"{said['new_bigrams']:,} of {pairs:,} pairs new" if pairs else "no pairs",
    ]
    return " · ".join(words)


def around(place: CorpusPlace, room: int) -> tuple[str, str, str]:
    """The place on one line of about `room` cells: what stands before, what was found, after."""
    text = _shortened(one_line(place.text), room)
    side = max(0, (room - len(text)) // 2)
    before, after = one_line(place.before), one_line(place.after)
    if len(before) > side:
        before = f"…{before[len(before) - side + 1 :]}" if side else ""
    return before, text, _shortened(after, side)


def _shortened(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    return f"{text[: max(0, room - 1)]}…" if room else ""


def lines_of(span: CopiedPassage) -> str:
    """The lines it stands on, as far as they are known."""
    numbers = [f"{place.line:,}" for place in span.places]
    more = "…" if span.count > len(numbers) or span.at_least else ""
    return f"line{'s' * (len(numbers) != 1)} {', '.join(numbers)}{more}"


def several(spans: Sequence[CopiedPassage]) -> bool:
    """Whether they stand in more than one file."""
    return len({place.file for span in spans for place in span.places}) > 1


NONE = "No part of this stands in the corpus word for word: nothing of {least} tokens or more."


def reply_pieces(
    prompt: str, origin: ReplyOrigin, chosen: int, marks: tuple[str, str], sign: str
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


def chosen_header(origin: ReplyOrigin, chosen: int) -> str:
    """The figures, and which copy is chosen."""
    which = f" · {chosen + 1} of {len(origin.spans)}" if origin.spans else ""
    return f"{origin.header}{which}"


def place_rows(
    span: CopiedPassage, chosen: int, width: int, sign: str, *, several: bool
) -> Content:
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


def _excerpt(place: CorpusPlace, width: int) -> str:
    return "".join(around(place, max(8, width)))


def _fit(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, max(1, width - 1)) + "…"
