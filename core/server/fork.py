"""Several continuations of one beginning, in one batch.

Shapes: B rows, V vocabulary.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from core.config.configs import SamplingConfig
from core.errors import Cancelled, InputError
from core.inference.sampling import TokenSampler
from core.server.model_cache import ModelCache, OpenSession
from core.server.protocol import ForkRequest, check_range
from core.server.replies import FinishReason, ForkBatch, ForkBranch, ForkReply
from core.server.step import checked, known, reading
from core.server.tokens import TokenProbability
from core.system.machine import free_memory
from core.tokenizer.special_tokens import EOS

MOST_ROWS = 64
MOST_TOKENS = 1024
PART_SECONDS = 0.015  # between replies that tell what came


def fork(shelf: ModelCache, ask: ForkRequest, say: Callable[[ForkBatch], None]) -> ForkReply:
    """Several continuations in one batch; what came stays if the request is cancelled.

    Args:
        say: told on the way what came of each row since it was last told.
    """
    config = ask.settings
    kept = _beginning(shelf, ask)
    firsts = [known(kept, id) for id in ask.first_tokens or ()]
    count = check_range(
        len(firsts) if ask.first_tokens is not None else ask.count, 1, MOST_ROWS, "count"
    )
    check_range(ask.tokens, 1, MOST_TOKENS, "tokens")
    _check_room(kept, count)
    kept.held.use()
    reason: FinishReason = "length"
    rows = [ForkRow(kept, config, number) for number in range(count)]
    told = time.perf_counter()
    try:
        twin = kept.session.fork(count)
        for place in range(ask.tokens):
            shelf.watch.check()
            logits = twin.logits  # (B, V)
            forced = firsts if place == 0 and firsts else [None] * count
            pairs = zip(rows, logits, forced, strict=True)
            twin.extend_rows([[row.add(one, first)] for row, one, first in pairs])
            if all(row.ended for row in rows):
                break
            if time.perf_counter() - told >= PART_SECONDS:
                say(ForkBatch(rows=[row.news() for row in rows]))
                told = time.perf_counter()
    except Cancelled:
        reason = "cancelled"
    branches = [row.branch() for row in rows]
    return ForkReply(session=ask.session, reason=reason, rows=branches)


def _beginning(shelf: ModelCache, ask: ForkRequest) -> OpenSession:
    """The session to go on with, or one that has read the ids."""
    if (ask.session is None) == (ask.ids is None):
        raise InputError("It must be clear what is gone on with.", "A session, or ids.")
    if ask.session is not None:
        return shelf.session(ask.session)
    held, _ = shelf.model(ask)
    held.use()
    assert ask.ids is not None
    return reading(held, checked(held, ask.ids))


def _check_room(kept: OpenSession, count: int) -> None:
    """Raises InputError where so many rows do not fit into memory."""
    config = kept.session.model.config
    row = 8 * config.layers * config.kv_heads * config.context * config.head_dim
    most = max(1, free_memory() // 2 // row)
    if count > most:
        raise InputError(f"There is memory for {most} rows, not for {count}.", "Ask for fewer.")


class ForkRow:
    """One continuation of a fork.

    Args:
        number: added to the seed, so that rows differ.
    """

    def __init__(self, kept: OpenSession, config: SamplingConfig, number: int) -> None:
        tokenizer, ids = kept.held.loaded.tokenizer, kept.session.ids
        self._chooser = TokenSampler(
            config, ids, kept.session.model.config.vocab_size, seed=config.seed + number
        )
        self._stream = tokenizer.stream(ids)
        self._tokens: list[TokenProbability] = []
        self._told = 0
        self.ended = False

    def add(self, logits: Tensor, first: int | None) -> int:
        """Chooses the next id for logits (V,); after its end a row only keeps step."""
        if self.ended:
            return EOS
        id = first
        if id is None:
            id = self._chooser.choose(logits)
        else:
            self._chooser.note(id)
        chance = float(torch.log_softmax(logits, -1)[id].exp())
        self._tokens.append(TokenProbability(id, self._stream.push(id), chance))
        self.ended = id == EOS
        return id

    def news(self) -> list[TokenProbability]:
        """The tokens that came since this was last asked."""
        new = self._tokens[self._told :]
        self._told = len(self._tokens)
        return new

    def branch(self) -> ForkBranch:
        """The row in the last reply."""
        text = "".join(token.text for token in self._tokens)
        return ForkBranch(tokens=self._tokens, text=text, ended=self.ended)
