"""What belongs in a blank, as rows: by the encoder, by a decoder, and by the corpus."""

from __future__ import annotations

from dataclasses import dataclass

from core.server.replies import FillPlace
from core.server.tokens import RankedToken
from tui.common.sanitize import one_line
from tui.explore.blank_text import BlankText
from tui.explore.candidates import percent

UNKNOWN = "–"


@dataclass(frozen=True)
class BlankRow:
    """One token that could be in a blank.

    Attributes:
        encoder, decoder: its probability; None if it is not among the likeliest.
        count: how often it is between the same neighbours in the corpus; None if that is unknown,
            as of those that are not among the most frequent.
        is_original: whether it is the token that was masked.
    """

    id: int
    text: str
    encoder: float | None = None
    decoder: float | None = None
    count: int | None = None
    is_original: bool = False


def blank_rows(place: FillPlace) -> list[BlankRow]:
    """The likeliest tokens of the encoder, then those that only the decoder or the corpus names."""
    encoder = {token.id: token.probability for token in place.candidates}
    decoder = {token.id: token.probability for token in place.decoder or ()}
    counts = {token.id: token.occurrences for token in place.counts or ()}
    is_complete = place.counts is not None and sum(counts.values()) == place.total
    texts = {token.id: token.text for token in (*place.candidates, *(place.decoder or ()))}
    texts |= {token.id: token.text for token in place.counts or ()}
    original = place.original
    for known, shares in ((original, encoder), (place.decoder_original, decoder)):
        if known is not None:
            texts.setdefault(known.id, known.text)
            shares.setdefault(known.id, known.probability)
    rows = [
        BlankRow(
            id,
            text,
            encoder.get(id),
            decoder.get(id),
            counts.get(id, 0 if is_complete else None),
            original is not None and id == original.id,
        )
        for id, text in texts.items()
    ]
    return sorted(rows, key=_order)


def _order(row: BlankRow) -> tuple[float, float, int, int]:
    return -(row.encoder or 0.0), -(row.decoder or 0.0), -(row.count or 0), row.id


def share_text(share: float | None) -> str:
    """A probability; a dash if it is not among the likeliest."""
    return UNKNOWN if share is None else percent(share)


def word_line(text: BlankText, place: FillPlace | None, decoder: str | None) -> str:
    """Describe the token that was masked, and how likely each model finds it."""
    if place is None:
        return ""
    pieces = len(text.word)
    part = f"piece {list(text.word).index(place.place) + 1} of {pieces} · " if pieces > 1 else ""
    if place.original is None:
        return f"{part}a blank, so there is no word to compare with"
    known = [("encoder", place.original)]
    if decoder is not None and place.decoder_original is not None:
        known.append(("decoder", place.decoder_original))
    words = " · ".join(f"{name} {_rank(token)}" for name, token in known)
    put_in = place.place in text.choices
    what = "instead of" if put_in else "masked:" if text.is_masked else "here is"
    return f"{part}{what} “{one_line(place.original.text.strip())}” · {words}"


def _rank(token: RankedToken) -> str:
    return f"{percent(token.probability)}, rank {token.rank:,}"


def corpus_line(text: BlankText, place: FillPlace | None) -> str:
    """Describe how often the corpus has one token between the neighbours of a place."""
    if place is None:
        return ""
    if place.counts is None:
        return "corpus: not counted (a neighbour is masked, or the text is missing)"
    left, right = (_neighbour(text, place.place + by) for by in (-1, 1))
    least = "at least " if place.at_least else ""
    count = f"{least}{place.total:,} token{'s' * (place.total != 1)}"
    return f"corpus: {count} between {left} and {right}"


def _neighbour(text: BlankText, place: int) -> str:
    """The token beside a blank, or the one put in there."""
    token = text.tokens[place] if 0 <= place < len(text.tokens) else None
    if token is None or token.word is None:
        return "the start" if place <= 0 else "the end"
    shown = text.choices[place].text if place in text.choices else token.text
    return f"“{one_line(shown.strip()) or '␣'}”"
