"""What is going on inside a model: what each layer would say, and where its heads look.

The lens: every layer's hidden state through the final norm and projection (nostalgebraist 2020,
"interpreting GPT: the logit lens").

Shapes: T tokens in the window, R rows looked at, D width, V vocabulary, H heads.
"""

from __future__ import annotations

from typing import Any

import torch

from core.asks import Inside, count_of
from core.errors import InputError
from core.machine import free_memory
from core.session import Session
from core.shelf import Held, Shelf

MOST_ROWS = 64
MEMORY_SHARE = 0.5

Json = dict[str, Any]


def inside(shelf: Shelf, ask: Inside) -> Json:
    """The likeliest token after every layer and the attention of one, at the last R places."""
    held, session = _session(shelf, ask)
    config, window = session.model.config, session.window()
    rows = min(len(window), count_of(ask.rows, 1, MOST_ROWS, "rows"))
    layer = count_of(ask.layer, -config.layers, config.layers - 1, "layer") % config.layers
    if ask.head is not None:
        count_of(ask.head, 0, config.heads - 1, "head")
    _check_room(session, len(window))
    held.use()
    record = session.inspect()
    weights = record.attention[layer][0]  # (H, T, T)
    looked = weights.mean(0) if ask.head is None else weights[ask.head]  # (T, T)
    text = held.loaded.tokenizer.token_text
    return {
        "session": ask.session,
        "layer": layer,
        "head": ask.head,
        "window": [[place, session.ids[place], text(session.ids[place])] for place in window],
        "positions": window[-rows:],
        "lens": _lens(held, session, [hidden[0, -rows:] for hidden in record.hidden]),
        "attention": looked[-rows:].double().cpu().mul(1e6).round().div(1e6).tolist(),
    }


def _session(shelf: Shelf, ask: Inside) -> tuple[Held, Session]:
    if ask.session is not None:
        kept = shelf.session(ask.session)
        return kept.held, kept.session
    held, _ = shelf.model(ask)
    session = held.session()
    session.extend(held.loaded.encode(ask.prompt))
    return held, session


def _check_room(session: Session, seen: int) -> None:
    """Raises InputError where all attention weights together do not fit into memory."""
    config = session.model.config
    needed = 4 * config.layers * config.heads * seen * seen
    if needed > MEMORY_SHARE * free_memory():
        raise InputError(
            f"The attention over {seen} tokens takes {needed / 2**30:.1f} GiB.",
            "Look at a shorter text.",
        )


@torch.inference_mode()
def _lens(held: Held, session: Session, hidden: list[torch.Tensor]) -> list[list[list[Any]]]:
    """For each row, after the embedding and after each layer: id, text, probability."""
    text = held.loaded.tokenizer.token_text
    layers = []
    for state in hidden:  # (R, D)
        values, ids = session.model.head(state).float().softmax(-1).max(-1)  # (R,) of (R, V)
        pairs = zip(ids.tolist(), values.tolist(), strict=True)
        layers.append([[id, text(id), value] for id, value in pairs])
    return [list(row) for row in zip(*layers, strict=True)]
