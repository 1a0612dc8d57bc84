"""What is going on inside a model: what each layer would say, and where its heads look.

The lens: every layer's hidden state through the final norm and projection (nostalgebraist 2020,
"interpreting GPT: the logit lens"). A head that is switched off adds nothing to its layer.

Shapes: T tokens in the window, R rows looked at, D width, V vocabulary, L layers, H heads.

A text taken apart: how likely each token was, its rank, and what each layer would have said.

Shapes: R places with the same window, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from core.config.configs import ModelConfig
from core.errors import InputError
from core.inference.load import LoadedModel
from core.inference.session import LOGITS_BYTES, Session, window_start
from core.model.attention import AttentionRecord
from core.server.model_cache import CachedModel, ModelCache, OpenSession
from core.server.protocol import InsideRequest, TraceRequest, check_range
from core.server.replies import InsideReply, TraceReply
from core.server.tokens import HeadAblation, TokenProbability, TracedEnd, TracedToken, WindowToken
from core.system.machine import free_memory
from core.tokenizer.special_tokens import EOS, SOS

MOST_ROWS = 64
MEMORY_SHARE = 0.5
KEPT_BYTES = 128 * 2**20  # of attention weights: looking there again needs no forward pass
KEPT_RECORDS = 2  # with all heads, and without those that are off


def inside(shelf: ModelCache, ask: InsideRequest) -> InsideReply:
    """The likeliest token after every layer and where heads look, at R places up to one."""
    kept = _opened(shelf, ask)
    session, window = kept.session, kept.session.window()
    config, last = session.model.config, _place(window, ask.at)
    rows = min(last + 1, check_range(ask.rows, 1, MOST_ROWS, "rows"))
    layer = check_range(ask.layer, -config.layers, config.layers - 1, "layer") % config.layers
    if ask.head is not None:
        check_range(ask.head, 0, config.heads - 1, "head")
    mask = _mask(config, ask.disabled_heads)
    _check_room(session, len(window))
    kept.held.use()
    record, places = _record(kept, mask), slice(last + 1 - rows, last + 1)
    looked = _looked(record, ask.head)  # (L, T, T)
    text = kept.held.loaded.tokenizer.token_text
    ids = session.ids
    return InsideReply(
        session=ask.session,
        layer=layer,
        head=ask.head,
        layers=config.layers,
        heads=config.heads,
        window=[WindowToken(place, ids[place], text(ids[place])) for place in window],
        positions=window[places],
        lens=lens(kept.held.loaded, [hidden[0, places] for hidden in record.hidden]),
        attention=_rounded(looked[layer, places]),
        attention_by_layer=_rounded(looked[:, last]),
        ablation=_whole(kept, record, last, mask),
    )


def _opened(shelf: ModelCache, ask: InsideRequest) -> OpenSession:
    if ask.session is not None:
        return shelf.session(ask.session)
    held, _ = shelf.model(ask)
    session = held.session()
    session.extend(held.loaded.encode(ask.prompt))
    return OpenSession(held, session, session.length)


def _place(window: Sequence[int], at: int | None) -> int:
    """Where in the window the place is that is asked for."""
    if at is None:
        return len(window) - 1
    if at not in window:
        raise InputError(
            f"The model does not see the place {at} any more, or not yet.",
            f"Look at one from {window[0]} to {window[-1]}.",
        )
    return window.index(at)


def _mask(config: ModelConfig, off: Sequence[Sequence[int]]) -> Tensor | None:
    """(L, H), 0 for the heads that are off; None where none is."""
    mask = torch.ones(config.layers, config.heads)
    for pair in off:
        check_range(len(pair), 2, 2, "The numbers that name a head")
        layer = check_range(pair[0], 0, config.layers - 1, "layer")
        mask[layer, check_range(pair[1], 0, config.heads - 1, "head")] = 0.0
    return mask if off else None


def _check_room(session: Session, seen: int) -> None:
    """Raises InputError where all attention weights together do not fit into memory."""
    config = session.model.config
    needed = 4 * config.layers * config.heads * seen * seen
    if needed > MEMORY_SHARE * free_memory():
        raise InputError(
            f"The attention over {seen} tokens takes {needed / 2**30:.1f} GiB.",
            "Look at a shorter text.",
        )


def _record(kept: OpenSession, mask: Tensor | None) -> AttentionRecord:
    """What a forward pass over the window sees; the last ones are kept if they are not too big."""
    key = tuple(kept.session.ids), None if mask is None else tuple(mask.flatten().tolist())
    if key not in kept.looked:
        device = kept.session.model.device
        record = kept.session.inspect(head_mask=None if mask is None else mask.to(device))
        if sum(weights.nbytes for weights in record.attention) > KEPT_BYTES:
            return record
        if len(kept.looked) >= KEPT_RECORDS:
            kept.looked.clear()
        kept.looked[key] = record
    return kept.looked[key]


def _looked(record: AttentionRecord, head: int | None) -> Tensor:
    """(L, T, T): the weights of one head of every layer, or the mean over them."""
    weights = [one[0] for one in record.attention]  # L times (H, T, T)
    return torch.stack([one.mean(0) if head is None else one[head] for one in weights])


def _rounded(weights: Tensor) -> list[list[float]]:
    found: list[list[float]] = weights.double().cpu().mul(1e6).round().div(1e6).tolist()
    return found


@torch.inference_mode()
def lens(loaded: LoadedModel, hidden: Sequence[Tensor]) -> list[list[TokenProbability]]:
    """For each row, after the embedding and after each layer: id, text, probability.

    Args:
        hidden: L+1 states (R, D).
    """
    text = loaded.tokenizer.token_text
    layers = []
    for state in hidden:  # (R, D)
        values, ids = loaded.model.head(state).float().softmax(-1).max(-1)  # (R,) of (R, V)
        pairs = zip(ids.tolist(), values.tolist(), strict=True)
        layers.append([TokenProbability(id, text(id), value) for id, value in pairs])
    return [list(row) for row in zip(*layers, strict=True)]


@torch.inference_mode()
def _whole(
    kept: OpenSession, record: AttentionRecord, last: int, mask: Tensor | None
) -> HeadAblation:
    """What the model says with all of its heads: id, text, probability, and the one without."""
    full = record if mask is None else _record(kept, None)
    head = kept.session.model.head
    said, now = (head(one.hidden[-1][0, last]).float().softmax(-1) for one in (full, record))
    id = int(said.argmax())
    text = kept.held.loaded.tokenizer.token_text(id)
    return HeadAblation(id, text, float(said[id]), float(now[id]))


MOST_TRACED = 4096


def trace(shelf: ModelCache, ask: TraceRequest) -> TraceReply:
    """Each token of a text as the model foresaw it, and what it would say after the last."""
    held, _ = shelf.model(ask)
    ids = held.loaded.tokenizer.encode_prompt(ask.text)
    check_range(len(ids), 0, MOST_TRACED, "The number of tokens to trace")
    held.use()
    ids = [SOS if held.loaded.keep_first else EOS, *ids]
    session = held.session()
    tokens: list[TracedToken] = []
    entropy, layers = 0.0, list[TokenProbability]()
    for part in _parts(held, len(ids)):
        shelf.watch.check()
        session.extend(ids[part.start : part.stop])
        hidden = [state[0, -len(part) :] for state in session.inspect().hidden]  # L+1 (R, D)
        entropy, layers = _add_traced(held, hidden, ids[part.start + 1 : part.stop + 1], tokens)
    return TraceReply(tokens=tokens, next=TracedEnd(entropy=entropy, lens=layers))


def _parts(held: CachedModel, length: int) -> Iterator[range]:
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
def _add_traced(
    held: CachedModel, hidden: Sequence[Tensor], following: Sequence[int], tokens: list[TracedToken]
) -> tuple[float, list[TokenProbability]]:
    """Add the tokens that follow the R positions; return entropy and lens of the last position.

    Args:
        hidden: L+1 states (R, D).
        following: R ids, or R - 1 at the end of the text.
    """
    text = held.loaded.tokenizer.token_text
    logs = held.loaded.model.head(hidden[-1]).float().log_softmax(-1)  # (R, V)
    entropies = (-(logs.exp() * logs).nan_to_num().sum(-1)).tolist()  # (R,)
    lenses = lens(held.loaded, hidden)
    for row, id in enumerate(following):
        tokens.append(
            TracedToken(
                id=id,
                text=text(id),
                probability=float(logs[row, id].exp()),
                rank=1 + int((logs[row] > logs[row, id]).sum()),
                entropy=entropies[row],
                lens=lenses[row],
            )
        )
    return entropies[-1], lenses[-1]
