"""A text taken apart: how likely each token was, its rank, and what each layer would have said.

Shapes: R places with the same window, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from core.server.protocol import Trace, count_of
from core.server.inspect import lens
from core.inference.session import LOGITS_BYTES, Session, window_start
from core.server.model_cache import Held, Shelf
from core.tokenizer.tokenizer import EOS, SOS

MOST_TRACED = 4096

Json = dict[str, Any]


def trace(shelf: Shelf, ask: Trace) -> Json:
    """Each token of a text as the model foresaw it, and what it would say after the last."""
    held, _ = shelf.model(ask)
    ids = held.loaded.tokenizer.encode_prompt(ask.text)
    count_of(len(ids), 0, MOST_TRACED, "The number of tokens to trace")
    held.use()
    ids = [SOS if held.loaded.keep_first else EOS, *ids]
    session, places = held.session(), []
    for part in _parts(held, len(ids)):
        shelf.watch.check()
        session.extend(ids[part.start : part.stop])
        places += _places(held, session, ids[part.start + 1 : part.stop + 1], len(part))
    return {"tokens": places[:-1], "next": places[-1]}


def _parts(held: Held, length: int) -> Iterator[range]:
    """Places that see the same window, as many as have room at a time."""
    config, keep_first = held.loaded.model.config, held.loaded.keep_first
    most = max(1, LOGITS_BYTES // (4 * config.vocab_size))
    begun = 0
    for end in range(1, length + 1):
        here, after = (window_start(n, config.context, keep_first) for n in (end, end + 1))
        if end == length or here != after or end - begun == most:
            yield range(begun, end)
            begun = end


@torch.inference_mode()
def _places(held: Held, session: Session, came: Sequence[int], count: int) -> list[Json]:
    """What was foreseen at the last R places; `came` is what came after each, but for the last."""
    hidden = [state[0, -count:] for state in session.inspect().hidden]  # L+1 times (R, D)
    logs = held.loaded.model.head(hidden[-1]).float().log_softmax(-1)  # (R, V)
    entropy = -(logs.exp() * logs).nan_to_num().sum(-1)  # (R,)
    found = []
    for place, layers in enumerate(lens(held.loaded, hidden)):
        told = _told(held, logs[place], came[place]) if place < len(came) else {}
        found.append(told | {"entropy": float(entropy[place]), "lens": layers})
    return found


def _told(held: Held, logs: Tensor, id: int) -> Json:
    """A token that came, by the log-probabilities (V,) before it."""
    return {
        "id": id,
        "text": held.loaded.tokenizer.token_text(id),
        "probability": float(logs[id].exp()),
        "rank": 1 + int((logs > logs[id]).sum()),
    }
