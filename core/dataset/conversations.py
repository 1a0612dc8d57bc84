"""Cut conversations to the context of a model, between the exchanges."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.dataset.spans import Int64Array, Spans
from core.dataset.token_store import TokenFile
from core.text.corpus import PAIRS
from core.tokenizer.special_tokens import EOS


@dataclass(frozen=True)
class ConversationPieces:
    """Conversations, those longer than the context in pieces.

    Attributes:
        pieces: of at most context + 1 ids. A piece of a long one has <sos> and the system's message
            as its head, as in a chat whose oldest exchanges were dropped, unless it begins within
            an exchange.
        divided: conversations that became several pieces.
        cut_replies: exchanges longer than the context by themselves, cut within.
    """

    pieces: Spans
    divided: int
    cut_replies: int

    def describe(self, reading: str, context: int) -> str:
        """How many conversations or pairs, whichever `reading` is, were cut, and where."""
        is_one = self.divided == 1
        what = f"1 {reading[:-1]} does" if is_one else f"{self.divided:,} {reading} do"
        text = f"{what} not fit into {context} tokens and {'is' if is_one else 'are'} cut"
        if reading == PAIRS:  # of one exchange each
            return text
        return f"{text} between exchanges; within an exchange: {self.cut_replies:,}"


def cut_conversations(tokens: TokenFile, numbers: Int64Array, context: int) -> ConversationPieces:
    """Cut the conversations of these numbers into pieces of as many exchanges as fit."""
    assert tokens.is_reply is not None, "tokens of conversations"
    begins, ends = tokens.starts[numbers], tokens.starts[numbers + 1]
    is_long = ends - begins > context + 1
    if not is_long.any():
        return ConversationPieces(Spans(begins, ends), 0, 0)
    rows: list[tuple[int, int, int, int]] = []  # begin, end, head begin, head end
    cut_replies = 0
    for begin, end, long in zip(begins.tolist(), ends.tolist(), is_long.tolist(), strict=True):
        if not long:
            rows.append((begin, end, begin, begin))
            continue
        pieces, cuts = _cut_conversation(tokens, begin, end, context + 1)
        rows += pieces
        cut_replies += cuts
    table = np.array(rows, np.int64)  # (pieces, 4)
    spans = Spans(*(table[:, column] for column in range(4)))
    return ConversationPieces(spans, int(is_long.sum()), cut_replies)


def _cut_conversation(
    tokens: TokenFile, begin: int, end: int, room: int
) -> tuple[list[tuple[int, int, int, int]], int]:
    """The pieces of a conversation (begin, end, head begin, head end), and exchanges cut within.

    Args:
        room: ids of a piece.
    """
    assert tokens.is_reply is not None
    head_end, borders = _find_borders(tokens, begin, end)
    if head_end - begin > room // 2:  # too long to be repeated: <sos> alone
        head_end = begin + 1
    head = head_end - begin
    pieces: list[tuple[int, int, int, int]] = []
    cuts = 0
    start = borders[0]
    for exchange_begin, exchange_end in pairwise(borders):
        if exchange_end - start + head <= room:
            continue
        if exchange_begin > start:
            pieces.append((start, exchange_begin, begin, head_end))
            start = exchange_begin
        if exchange_end - start + head > room:  # longer than the context by itself
            cuts += 1
            stop = start + room - head
            pieces.append((start, stop, begin, head_end))
            while stop < exchange_end:  # neighbours share the id at the cut
                start, stop = stop - 1, min(stop - 1 + room, exchange_end)
                pieces.append((start, stop, begin, begin))
            start = exchange_end
    if borders[-1] > start:
        pieces.append((start, borders[-1], begin, head_end))
    pieces = [piece for piece in pieces if tokens.is_reply[piece[0] + 1 : piece[1]].any()]
    return pieces, cuts


def _find_borders(tokens: TokenFile, begin: int, end: int) -> tuple[int, list[int]]:
    """Where <sos> and the system's message end, and where the exchanges begin and the last ends.

    Every message ends with `<|end|>`. A reply's is the assistant's: an exchange ends there.
    """
    assert tokens.is_reply is not None
    message_ends = np.flatnonzero(tokens.ids[begin:end] == EOS) + begin + 1
    by_assistant = tokens.is_reply[message_ends - 1] == 1
    exchange_ends = message_ends[by_assistant].tolist()
    others = message_ends[~by_assistant].tolist()
    has_system = len(others) > len(exchange_ends)
    first = others[0] if has_system else begin + 1
    return first, [first, *exchange_ends]
