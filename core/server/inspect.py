"""A look inside a model: what each layer predicts, and the attention weights of its heads.

Logit lens: every layer's hidden state through the final norm and projection (nostalgebraist 2020,
"interpreting GPT: the logit lens"). A head that is switched off adds nothing to its layer.

Shapes: T tokens in the window, R rows (positions looked at), D width, V vocabulary, L layers,
H heads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from core.config.configs import ModelConfig
from core.errors import InputError
from core.inference.load import LoadedModel
from core.inference.sampling import check_finite
from core.inference.session import MAX_LOGITS_BYTES, Session, window_start
from core.model.attention import AttentionRecord
from core.server.model_cache import CachedModel, ModelCache, OpenSession
from core.server.protocol import InsideRequest, TraceRequest, check_range
from core.server.replies import InsideReply, TraceReply
from core.server.tokens import HeadAblation, TokenProbability, TracedEnd, TracedToken, WindowToken
from core.system.machine import free_memory
from core.tokenizer.special_tokens import start_id

MAX_ROWS = 64
MAX_TRACED_TOKENS = 4096
MAX_MEMORY_SHARE = 0.5
MAX_RECORD_BYTES = 128 * 2**20  # of attention weights; a larger record is not kept
MAX_RECORDS = 2  # with all heads, and without those that are switched off


def inside(cache: ModelCache, request: InsideRequest) -> InsideReply:
    """Return the predictions of every layer and the attention at R positions up to one."""
    text = _open_text(cache, request)
    session, window = text.session, text.session.window()
    config, last = session.model.config, _place_in_window(window, request.at)
    rows = min(last + 1, check_range(request.rows, 1, MAX_ROWS, "rows"))
    layer = check_range(request.layer, -config.layers, config.layers - 1, "layer") % config.layers
    if request.head is not None:
        check_range(request.head, 0, config.heads - 1, "head")
    head_mask = _head_mask(config, request.disabled_heads)
    _check_memory(session, len(window))
    text.model.set_process_threads()
    record, places = _inspect(text, head_mask), slice(last + 1 - rows, last + 1)
    attention = _attention(record, request.head)  # (L, T, T)
    ids, token_text = session.ids, text.model.loaded.tokenizer.token_text
    return InsideReply(
        session=request.session,
        layer=layer,
        head=request.head,
        layers=config.layers,
        heads=config.heads,
        window=[WindowToken(index, ids[index], token_text(ids[index])) for index in window],
        positions=window[places],
        lens=logit_lens(text.model.loaded, [hidden[0, places] for hidden in record.hidden]),
        attention=_rounded(attention[layer, places]),
        attention_by_layer=_rounded(attention[:, last]),
        ablation=_ablation(text, record, last, head_mask),
        step=text.model.facts.step,
    )


def _open_text(cache: ModelCache, request: InsideRequest) -> OpenSession:
    if request.session is not None:
        return cache.get_session(request.session)
    model, _ = cache.get_model(request)
    session = model.new_session()
    session.extend(model.loaded.encode(request.prompt))
    return OpenSession(model, session, session.length)


def _place_in_window(window: Sequence[int], at: int | None) -> int:
    if at is None:
        return len(window) - 1
    if at not in window:
        raise InputError(
            f"The position {at} is not in the model's context.",
            f"Choose one from {window[0]} to {window[-1]}.",
        )
    return window.index(at)


def _head_mask(config: ModelConfig, disabled: Sequence[Sequence[int]]) -> Tensor | None:
    """(L, H), 0 for disabled heads; None if all are enabled."""
    mask = torch.ones(config.layers, config.heads)
    for pair in disabled:
        check_range(len(pair), 2, 2, "The numbers that name a head")
        layer = check_range(pair[0], 0, config.layers - 1, "layer")
        mask[layer, check_range(pair[1], 0, config.heads - 1, "head")] = 0.0
    return mask if disabled else None


def _check_memory(session: Session, tokens: int) -> None:
    """Raise InputError if the attention weights of all heads do not fit into memory."""
    config = session.model.config
    needed = 4 * config.layers * config.heads * tokens * tokens
    if needed > MAX_MEMORY_SHARE * free_memory():
        raise InputError(
            f"The attention weights of {tokens} tokens take {needed / 2**30:.1f} GiB.",
            "Use a shorter text.",
        )


def _inspect(text: OpenSession, head_mask: Tensor | None) -> AttentionRecord:
    """The record of a forward pass over the window; the last ones are kept unless too large."""
    key = (
        tuple(text.session.ids),
        None if head_mask is None else tuple(head_mask.flatten().tolist()),
    )
    if key not in text.records:
        device = text.session.model.device
        mask = None if head_mask is None else head_mask.to(device)
        record = text.session.inspect(head_mask=mask)
        if sum(weights.nbytes for weights in record.attention) > MAX_RECORD_BYTES:
            return record
        if len(text.records) >= MAX_RECORDS:
            text.records.clear()
        text.records[key] = record
    return text.records[key]


def _attention(record: AttentionRecord, head: int | None) -> Tensor:
    """(L, T, T): the weights of one head of every layer, or the mean over the heads."""
    by_layer = [weights[0] for weights in record.attention]  # L times (H, T, T)
    return torch.stack([layer.mean(0) if head is None else layer[head] for layer in by_layer])


def _rounded(weights: Tensor) -> list[list[float]]:
    rounded: list[list[float]] = weights.double().cpu().mul(1e6).round().div(1e6).tolist()
    return rounded


@torch.inference_mode()
def logit_lens(loaded: LoadedModel, hidden: Sequence[Tensor]) -> list[list[TokenProbability]]:
    """For each row the most likely token after the embedding and after each layer.

    Args:
        hidden: L+1 states (R, D).

    Raises:
        RunFailedError: the predictions are not finite.
    """
    token_text = loaded.tokenizer.token_text
    layers = []
    for state in hidden:  # (R, D)
        values, ids = loaded.model.head(state).float().softmax(-1).max(-1)  # (R,) of (R, V)
        check_finite(values)
        pairs = zip(ids.tolist(), values.tolist(), strict=True)
        layers.append([TokenProbability(id, token_text(id), value) for id, value in pairs])
    return [list(row) for row in zip(*layers, strict=True)]


@torch.inference_mode()
def _ablation(
    text: OpenSession, record: AttentionRecord, last: int, head_mask: Tensor | None
) -> HeadAblation:
    full = record if head_mask is None else _inspect(text, None)
    head = text.session.model.head
    before, after = (
        head(r.hidden[-1][0, last]).float().softmax(-1) for r in (full, record)
    )  # (V,)
    id = int(before.argmax())
    token_text = text.model.loaded.tokenizer.token_text(id)
    return HeadAblation(id, token_text, float(before[id]), float(after[id]))


def trace(cache: ModelCache, request: TraceRequest) -> TraceReply:
    """Return what each layer predicted before each token of a text, and after the last."""
    model, _ = cache.get_model(request)
    ids = model.loaded.tokenizer.encode_prompt(request.text)
    check_range(len(ids), 0, MAX_TRACED_TOKENS, "The number of tokens to trace")
    model.set_process_threads()
    ids = [start_id(model.loaded.reading), *ids]
    session, tokens = model.new_session(), list[TracedToken]()
    end = TracedEnd(entropy=0.0, lens=[])
    for part in _parts_with_one_window(model, len(ids)):
        cache.watch.check()
        session.extend(ids[part.start : part.stop])
        hidden = [state[0, -len(part) :] for state in session.inspect().hidden]  # L+1 times (R, D)
        traced, end = _trace_part(model, hidden, ids[part.start + 1 : part.stop + 1])
        tokens += traced
    return TraceReply(tokens=tokens, next=end, step=model.facts.step)


def _parts_with_one_window(model: CachedModel, length: int) -> Iterator[range]:
    """Ranges of positions that share a window, with logits that fit in memory."""
    config, keep_first = model.loaded.model.config, model.loaded.keep_first
    longest = max(1, MAX_LOGITS_BYTES // (4 * config.vocab_size))
    begin = 0
    for end in range(1, length + 1):
        here, after = (window_start(n, config.context, keep_first) for n in (end, end + 1))
        if end == length or here != after or end - begin == longest:
            yield range(begin, end)
            begin = end


@torch.inference_mode()
def _trace_part(
    model: CachedModel, hidden: Sequence[Tensor], following: Sequence[int]
) -> tuple[list[TracedToken], TracedEnd]:
    """Trace the tokens that follow R positions; also what is predicted after the last position.

    Args:
        hidden: L+1 states (R, D).
        following: the id after each position; after the last of the text there is none.
    """
    token_text = model.loaded.tokenizer.token_text
    logs = model.loaded.model.head(hidden[-1]).float().log_softmax(-1)  # (R, V)
    entropies = (-(logs.exp() * logs).nan_to_num().sum(-1)).tolist()  # (R,)
    lenses = logit_lens(model.loaded, hidden)
    tokens = [
        TracedToken(
            id=id,
            text=token_text(id),
            probability=float(logs[row, id].exp()),
            rank=1 + int((logs[row] > logs[row, id]).sum()),
            entropy=entropies[row],
            lens=lenses[row],
        )
        for row, id in enumerate(following)
    ]
    return tokens, TracedEnd(entropy=entropies[-1], lens=lenses[-1])
