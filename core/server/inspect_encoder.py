"""A look inside an encoder: every token attends to all others, before and after.

Padding is added as in a batch of training, whose rows are as long as the longest; nothing attends
to it.

Shapes: T tokens of the text, P padding tokens, R rows (positions looked at), L layers, H heads.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.errors import InputError
from core.inference.fill import encode_blanks
from core.inference.head_patterns import name_patterns_both_ways
from core.inference.load import LoadedEncoder
from core.model.attention import AttentionRecord
from core.server.inspect import MAX_ROWS, head_mask, layer_lists, logit_lens, pack_weights, predict
from core.server.model_cache import ModelCache
from core.server.protocol import InsideRequest, check_range
from core.server.replies import InsideReply
from core.server.tokens import WindowToken
from core.tokenizer.special_tokens import PAD

PADDED_TO = 8  # a multiple of it, as the longest line of a batch often is


def inside_encoder(cache: ModelCache, request: InsideRequest) -> InsideReply:
    """Return what all layers say belongs in R places, and what all heads attend to there."""
    model, _ = cache.get_encoder(request)
    loaded = model.loaded
    ids = _text_ids(loaded, request)
    config, length = loaded.model.config, len(ids)
    place = check_range(length - 1 if request.at is None else request.at, 0, length - 1, "at")
    rows = min(length, check_range(request.rows, 1, MAX_ROWS, "rows"))
    pads = min((length // PADDED_TO + 1) * PADDED_TO, config.context) - length
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


def _text_ids(loaded: LoadedEncoder, request: InsideRequest) -> list[int]:
    """The ids of the text of a request.

    Raises:
        InputError: it is empty, too long, or has ids that are not in the vocabulary.
    """
    ids, tokenizer, context = request.tokens, loaded.tokenizer, loaded.model.config.context
    if ids is None:
        ids = encode_blanks(
            tokenizer, loaded.reading, request.prompt, allow_unknown=request.allow_unknown
        )
    if not ids:
        raise InputError("There is no text to look at.", "Type one.")
    if len(ids) > context:
        raise InputError(
            f"The text has {len(ids):,} tokens; the encoder reads at most {context:,}.",
            "Use a shorter text.",
        )
    for id in ids:
        check_range(id, 0, tokenizer.vocab_size - 1, "token")
    return ids


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
    """The weights (…, R, T+P) on tokens without a row, summed, and on those of rows and padding."""
    own, pads = weights[..., places], weights[..., length:]
    others = weights[..., :length].sum(-1, keepdim=True) - own.sum(-1, keepdim=True)
    return others, torch.cat((own, pads), -1)
