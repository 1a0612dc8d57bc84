"""The state of Inside: what the model server replied, and which token, layer and head are chosen.

Indices of tokens are positions in the text; rows count from the first token of the reply.
"""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from core.server.replies import InsideReply
from core.server.tokens import HeadAblation, TokenProbability, WindowToken
from core.tokenizer.special_tokens import EOS, SOS

FULL_WEIGHT = 65535  # of a packed attention weight
OTHERS = -1  # the column for all tokens that have none; of a decoder those before
MEAN_OF_HEADS = None
Grid = Sequence[int]  # of a head: per row the packed weight on other tokens, then on each column's


@dataclass
class InsideView:
    """A reply, and the choice of token, layer and head that all panels share.

    Attributes:
        at: position of the chosen token.
        layer: the chosen one, from 0.
        head: the chosen one, from 0; None is the mean of the layer's heads.
        disabled: heads that are switched off, each as layer and head.
        top: the first row shown.
    """

    reply: InsideReply
    at: int
    layer: int
    head: int | None = 0
    disabled: frozenset[tuple[int, int]] = frozenset()
    top: int = 0
    _grids: dict[tuple[int, int | None], Grid] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.reply.positions)

    @property
    def columns(self) -> int:
        """The number of tokens with a column: those of the rows, and padding."""
        return self.count + self.reply.pads

    @property
    def first(self) -> int:
        """The position of the first row."""
        return self.reply.positions[0]

    @property
    def row(self) -> int:
        """The row of the chosen token."""
        return self.at - self.first

    @property
    def length(self) -> int:
        """The number of tokens of the text."""
        return self.reply.window[-1].position + 1

    @property
    def window(self) -> range:
        """The positions in the model's context."""
        return range(self.reply.window[0].position, self.length)

    @property
    def tokens(self) -> list[WindowToken]:
        """The token of each row."""
        start = self.first - self.window.start
        return self.reply.window[start : start + self.count]

    @property
    def predictions(self) -> list[TokenProbability]:
        """The likeliest tokens after the chosen one."""
        return self.reply.predictions[self.row]

    @property
    def ablation(self) -> HeadAblation:
        """The effect of the disabled heads after the chosen token."""
        return self.reply.ablations[self.row]

    @property
    def pattern(self) -> str | None:
        """What the chosen head attends to; the mean of heads has no pattern."""
        return None if self.head is None else self.reply.patterns[self.layer][self.head]

    @property
    def has_others(self) -> bool:
        """Whether tokens in the context have no row: before the first, or of an encoder any."""
        if self.reply.both_ways:
            return len(self.window) > self.count
        return self.first > self.window.start

    def replace_reply(self, reply: InsideReply, at: int) -> None:
        """Show another reply, which has a row for this token; layer and head stay."""
        self.top += self.first - reply.positions[0]
        self.reply, self.at = reply, at
        self._grids.clear()

    def grid(self, layer: int, head: int | None) -> Grid:
        """The weights of a head, or the mean of all heads of a layer."""
        key = (layer, head)
        if key not in self._grids:
            if head is None:
                grids = [self.grid(layer, each) for each in range(self.reply.heads)]
                self._grids[key] = [sum(each) // len(grids) for each in zip(*grids, strict=True)]
            else:
                self._grids[key] = _unpack(self.reply.attention[layer][head])
        return self._grids[key]

    def weight(self, row: int, column: int, shown: range | None = None) -> float:
        """A weight of the chosen head.

        Args:
            column: its number; OTHERS is the sum over all tokens but those of `shown`.
            shown: the columns that are drawn; all by default.
        """
        grid, start = self.grid(self.layer, self.head), row * (1 + self.columns)
        if column == OTHERS:
            drawn = range(self.columns) if shown is None else shown
            others = [n for n in range(self.columns) if n not in drawn]
            return (grid[start] + sum(grid[start + 1 + n] for n in others)) / FULL_WEIGHT
        return grid[start + 1 + column] / FULL_WEIGHT

    def scroll_to_row(self, height: int) -> None:
        """Bring the chosen token's row into view, in so many rows."""
        self.top = min(self.top, self.row)
        self.top = max(self.top, self.row - height + 1)
        self.clamp_top(height)

    def clamp_top(self, height: int) -> None:
        """Leave no rows empty that could be filled."""
        self.top = max(0, min(self.top, self.count - height))

    def toggle(self) -> None:
        """Disable or enable the chosen head; with the mean, all heads of the layer."""
        heads = range(self.reply.heads) if self.head is None else [self.head]
        chosen = {(self.layer, head) for head in heads}
        is_off = chosen <= self.disabled
        self.disabled = self.disabled - chosen if is_off else self.disabled | chosen

    def next_head(self, by: int) -> None:
        """Choose another head; after the last comes the mean."""
        count = self.reply.heads + 1
        number = self.reply.heads if self.head is None else self.head
        number = (number + by) % count
        self.head = MEAN_OF_HEADS if number == self.reply.heads else number


def text_until(
    view: InsideView,
    prompt: str | None,
    chosen: Sequence[int],
    *,
    is_chat: bool = False,
    begins: Container[int] = frozenset((SOS, EOS)),
) -> tuple[str | None, list[int]] | None:
    """The text up to the chosen token, as a prompt and ids after it; None if it has neither.

    Args:
        prompt, chosen: of the whole text, as for `OpenStep`; without a prompt, all its ids.
        is_chat: whether messages are before the chosen ids, which no text can stand for.
        begins: ids with which an empty prompt begins.
    """
    prompt_length = view.length - len(chosen)
    if prompt is not None and view.at + 1 >= prompt_length:
        return prompt, list(chosen[: view.at + 1 - prompt_length])
    if view.window.start:
        return None
    tokens = view.reply.window[: view.at + 1]
    if is_chat:
        return None, [token.id for token in tokens]
    if tokens[0].id in begins:
        return "", [token.id for token in tokens[1:]]
    texts = [token.text for token in view.reply.window[:prompt_length]]
    if prompt is not None and "".join(texts) == prompt:
        return "".join(texts[: view.at + 1]), []
    return None


def _unpack(weights: str) -> Grid:
    numbers = array("H", b64decode(weights))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
