"""A look inside an encoder: every token attends to all others, before and after.

Padding is added, as to the shorter rows of a training batch; nothing attends to it.

Shapes: T tokens of the text, P padding tokens, R rows (positions looked at), L layers, H heads.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.inference.head_patterns import name_patterns_both_ways
from core.inference.load import LoadedEncoder
from core.model.attention import AttentionRecord
from core.server.encoder_text import encode_text
from core.server.inspect import MAX_ROWS, head_mask, layer_lists, logit_lens, pack_weights, predict
from core.server.model_cache import ModelCache
from core.server.protocol import InsideRequest, check_range
from core.server.replies import InsideReply
from core.server.tokens import WindowToken
from core.tokenizer.special_tokens import PAD

PADDING_MULTIPLE = 8  # padding fills the text up to the next multiple, if the context has room


def inside_encoder(cache: ModelCache, request: InsideRequest) -> InsideReply:
    """Return what all layers say belongs in R places, and what all heads attend to there.

    Raises:
        InputError: the text is empty or longer than the context, or a number is out of range.
        UnknownWordError: words outside the vocabulary, unless they are allowed.
    """
    model, _ = cache.get_encoder(request)
    loaded = model.loaded
    ids = encode_text(model, request.prompt, request.tokens, allow_unknown=request.allow_unknown)
    config, length = loaded.model.config, len(ids)
    place = check_range(length - 1 if request.at is None else request.at, 0, length - 1, "at")
    rows = min(length, check_range(request.rows, 1, MAX_ROWS, "rows"))
    pads = min((length // PADDING_MULTIPLE + 1) * PADDING_MULTIPLE, config.context) - length
    mask = head_mask(config, request.disabled_heads)
    model.set_process_threads()
    record = _record(loaded, ids, pads, mask)
    full = record if mask is None else _record(loaded, ids, pads, None)
    start = min(max(0, place - rows // 2), length - rows)
    places = slice(start, start + rows)
    attention = torch.cat([weights[0, :, places] for weights in record.attention])  # (L*H, R, T+P)
    full_states, states = (each.hidden[-1][0, places] for each in (full, record))  # (R, D)
    predictions, ablations = predict(loaded, full_states, states)
    token_text = loaded.tokenizer.token_text
    return InsideReply(
        session=None,
        layers=config.layers,
        heads=config.heads,
        window=[WindowToken(number, id, token_text(id)) for number, id in enumerate(ids)],
        positions=list(range(start, start + rows)),
        lens=logit_lens(loaded, [hidden[0, places] for hidden in record.hidden]),
        predictions=predictions,
        ablations=ablations,
        attention=layer_lists(pack_weights(*_columns(attention, places, length)), config),
        patterns=layer_lists(name_patterns_both_ways(attention[..., :length], start), config),
        step=model.facts.step,
        both_ways=True,
        pads=pads,
    )


@torch.inference_mode()
def _record(
    loaded: LoadedEncoder, ids: list[int], pads: int, mask: Tensor | None
) -> AttentionRecord:
    """The record of a forward pass over the text and padding after it."""
    model, record = loaded.model, AttentionRecord()
    tokens = torch.tensor([[*ids, *[PAD] * pads]], device=model.device)  # (1, T+P)
    model(tokens, record=record, head_mask=None if mask is None else mask.to(model.device))
    return record


def _columns(weights: Tensor, places: slice, length: int) -> tuple[Tensor, Tensor]:
    """Attention weights (…, R, T+P) as one sum and the columns that are shown.

    Args:
        places: the tokens with a row.
        length: tokens of the text, T.

    Returns:
        The sum (…, R, 1) over tokens without a row; the weights (…, R, R+P) on rows and padding.
    """
    own, pads = weights[..., places], weights[..., length:]
    others = weights[..., :length].sum(-1, keepdim=True) - own.sum(-1, keepdim=True)
    return others, torch.cat((own, pads), -1)
