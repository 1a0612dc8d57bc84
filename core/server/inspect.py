"""A look inside a model: what each layer predicts, and the attention weights of its heads.

Logit lens: every layer's hidden state through the final norm and projection (nostalgebraist 2020,
"interpreting GPT: the logit lens"). A head that is switched off adds nothing to its layer.

Shapes: T tokens in the window, R rows (positions looked at), D width, V vocabulary, L layers,
H heads.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from core.config.configs import ModelConfig
from core.errors import InputError
from core.inference.head_patterns import name_patterns
from core.inference.load import LoadedEncoder, LoadedModel
from core.inference.sampling import check_finite
from core.inference.session import MAX_LOGITS_BYTES, Session, window_start
from core.model.attention import AttentionRecord
from core.server.model_cache import CachedModel, ModelCache, OpenSession
from core.server.prompt import prompt_tokens
from core.server.protocol import InsideRequest, TraceRequest, check_range
from core.server.replies import InsideReply, TraceReply
from core.server.tokens import HeadAblation, TokenProbability, TracedEnd, TracedToken, WindowToken
from core.system.machine import free_memory

MAX_ROWS = 64
MAX_PREDICTIONS = 8
FULL_WEIGHT = 65535  # of a packed attention weight
MAX_TRACED_TOKENS = 4096
MAX_MEMORY_SHARE = 0.5
MAX_RECORD_BYTES = 128 * 2**20  # of attention weights; a larger record is not kept
MAX_RECORDS = 2  # with all heads, and without those that are switched off


def inside(cache: ModelCache, request: InsideRequest) -> InsideReply:
    """Return what all layers predict and all heads attend to, at R positions around one."""
    text = _open_text(cache, request)
    session, window = text.session, text.session.window()
    config, place = session.model.config, _place_in_window(window, request.at)
    rows = min(len(window), check_range(request.rows, 1, MAX_ROWS, "rows"))
    mask = head_mask(config, request.disabled_heads)
    _check_memory(session, len(window))
    text.model.set_process_threads()
    record = _inspect(text, mask)
    full = record if mask is None else _inspect(text, None)
    start = min(max(0, place - rows // 2), len(window) - rows)
    places = slice(start, start + rows)
    ids, token_text = session.ids, text.model.loaded.tokenizer.token_text
    window_ids = [ids[index] for index in window]
    attention = torch.cat([weights[0, :, places] for weights in record.attention])  # (L * H, R, T)
    predictions, ablations = predict(
        text.model.loaded, full.hidden[-1][0, places], record.hidden[-1][0, places]
    )
    return InsideReply(
        session=request.session,
        layers=config.layers,
        heads=config.heads,
        window=[WindowToken(index, ids[index], token_text(ids[index])) for index in window],
        positions=list(window[places]),
        lens=logit_lens(text.model.loaded, [hidden[0, places] for hidden in record.hidden]),
        predictions=predictions,
        ablations=ablations,
        attention=layer_lists(pack_weights(*_columns(attention, start)), config),
        patterns=layer_lists(name_patterns(attention, window_ids, start), config),
        step=text.model.facts.step,
    )


def _open_text(cache: ModelCache, request: InsideRequest) -> OpenSession:
    if request.session is not None:
        return cache.get_session(request.session)
    model, _ = cache.get_model(request)
    session = model.new_session()
    session.extend(prompt_tokens(model.loaded, request).ids)
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


def head_mask(config: ModelConfig, disabled: Sequence[Sequence[int]]) -> Tensor | None:
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


def _inspect(text: OpenSession, mask: Tensor | None) -> AttentionRecord:
    """The record of a forward pass over the window; the last ones are kept unless too large."""
    key = (
        tuple(text.session.ids),
        None if mask is None else tuple(mask.flatten().tolist()),
    )
    if key not in text.records:
        device = text.session.model.device
        on_device = None if mask is None else mask.to(device)
        record = text.session.inspect(head_mask=on_device)
        if sum(weights.nbytes for weights in record.attention) > MAX_RECORD_BYTES:
            return record
        if len(text.records) >= MAX_RECORDS:
            with_all_heads = (key[0], None)
            for other in [other for other in text.records if other != with_all_heads]:
                del text.records[other]
        text.records[key] = record
    return text.records[key]


def layer_lists(of_heads: list[str], config: ModelConfig) -> list[list[str]]:
    """L lists of H texts."""
    return [
        of_heads[layer * config.heads : (layer + 1) * config.heads]
        for layer in range(config.layers)
    ]


def _columns(weights: Tensor, start: int) -> tuple[Tensor, Tensor]:
    """The weights (H, R, T) on all tokens before row `start`, summed, and on those of the rows."""
    rows = weights.shape[1]
    return weights[..., :start].sum(-1, keepdim=True), weights[..., start : start + rows]


def pack_weights(others: Tensor, own: Tensor) -> list[str]:
    """The weights of H heads for `InsideReply`.

    Args:
        others: (H, R, 1), the sum over all tokens without a column.
        own: (H, R, C), on the tokens with one.
    """
    block = torch.cat((others, own), -1)  # (H, R, 1 + C)
    numbers = block.float().cpu().mul(FULL_WEIGHT).round().clamp(0, FULL_WEIGHT).int().numpy()
    return [b64encode(head.astype("<u2").tobytes()).decode() for head in numbers]


@torch.inference_mode()
def logit_lens(
    loaded: LoadedModel | LoadedEncoder, hidden: Sequence[Tensor]
) -> list[list[TokenProbability]]:
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
def predict(
    loaded: LoadedModel | LoadedEncoder, full: Tensor, masked: Tensor
) -> tuple[list[list[TokenProbability]], list[HeadAblation]]:
    """For each row the most likely tokens, and what became of the likeliest one with all heads.

    Args:
        full, masked: the last layer's states (R, D) with all heads, and without those disabled.
    """
    token_text = loaded.tokenizer.token_text
    before, after = (loaded.model.head(state).float().softmax(-1) for state in (full, masked))
    top = after.topk(min(MAX_PREDICTIONS, after.shape[-1]))  # (R, 8)
    predictions = [
        [TokenProbability(id, token_text(id), value) for id, value in zip(ids, values, strict=True)]
        for ids, values in zip(top.indices.tolist(), top.values.tolist(), strict=True)
    ]
    values, best = before.max(-1)  # (R,)
    without = after.gather(1, best[:, None])[:, 0]
    ablations = [
        HeadAblation(id, token_text(id), value, remaining)
        for id, value, remaining in zip(
            best.tolist(), values.tolist(), without.tolist(), strict=True
        )
    ]
    return predictions, ablations


def trace(cache: ModelCache, request: TraceRequest) -> TraceReply:
    """Return what each layer predicted before each token of a text, and after the last."""
    model, _ = cache.get_model(request)
    ids, start = model.loaded.encode(request.text), model.loaded.start_id
    if ids[0] != start:
        ids = [start, *ids]
    check_range(len(ids) - 1, 0, MAX_TRACED_TOKENS, "The number of tokens to trace")
    model.set_process_threads()
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
