"""Branches: several continuations of one text in one batch."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

from core.errors import Cancelled, InputError
from core.inference.generate import GeneratedToken, decode
from core.server.model_cache import ModelCache, OpenSession
from core.server.protocol import ForkRequest, check_range
from core.server.replies import ForkBatch, ForkBranch, ForkReply
from core.server.step import check_id, check_ids, session_of_text
from core.server.tokens import TokenProbability
from core.system.machine import free_memory

MAX_ROWS = 64
MAX_TOKENS = 1024
BATCH_SECONDS = 0.015


def fork(cache: ModelCache, request: ForkRequest, send: Callable[[ForkBatch], None]) -> ForkReply:
    """Continue a text in several ways; a cancelled request returns the tokens so far.

    Args:
        send: called with the tokens of each row since the last call.
    """
    text = _text_to_continue(cache, request)
    first_ids = [check_id(text, id) for id in request.first_tokens or ()]
    count = request.count if request.first_tokens is None else len(first_ids)
    check_range(count, 1, MAX_ROWS, "count")
    check_range(request.tokens, 1, MAX_TOKENS, "tokens")
    _check_memory(text, count)
    text.model.set_process_threads()
    settings = dataclasses.replace(request.settings, max_tokens=request.tokens)
    tokenizer = text.model.loaded.tokenizer
    rows: list[list[GeneratedToken]] = [[] for _ in range(count)]
    sent_tokens, sent_at = [0] * count, time.perf_counter()
    try:
        text.session.next_logits()  # The text is read once, not once per row.
        for tokens in decode(text.session.fork(count), tokenizer, settings, first_ids=first_ids):
            for row, token in zip(rows, tokens, strict=True):
                if token is not None:
                    row.append(token)
            if time.perf_counter() - sent_at >= BATCH_SECONDS:
                new = [row[sent:] for row, sent in zip(rows, sent_tokens, strict=True)]
                send(ForkBatch(rows=[_to_reply(row) for row in new]))
                sent_tokens, sent_at = [len(row) for row in rows], time.perf_counter()
            cache.watch.check()
    except Cancelled:
        pass
    return ForkReply(
        session=request.session, rows=[_branch(row) for row in rows], step=text.model.facts.step
    )


def _branch(row: Sequence[GeneratedToken]) -> ForkBranch:
    reason = row[-1].end_reason if row else None
    text = "".join(token.text for token in row)
    return ForkBranch(tokens=_to_reply(row), text=text, reason=reason or "cancelled")


def _to_reply(row: Sequence[GeneratedToken]) -> list[TokenProbability]:
    return [TokenProbability(token.id, token.text, token.probability) for token in row]


def _text_to_continue(cache: ModelCache, request: ForkRequest) -> OpenSession:
    if (request.session is None) == (request.ids is None):
        raise InputError("fork needs exactly one of session and ids.", "Pass one of the two.")
    if request.session is not None:
        return cache.get_session(request.session)
    assert request.ids is not None
    model, _ = cache.get_model(request)
    model.set_process_threads()
    return session_of_text(model, check_ids(model, request.ids))


def _check_memory(text: OpenSession, rows: int) -> None:
    """Raise InputError if the key/value cache of so many rows does not fit into memory."""
    config = text.session.model.config
    row_bytes = 8 * config.layers * config.kv_heads * config.context * config.head_dim
    most = max(1, free_memory() // 2 // row_bytes)
    if rows > most:
        raise InputError(f"There is memory for {most} rows, not for {rows}.", "Ask for fewer.")
