"""Attention as both decoders use it: fast, or written out so that it can be looked at.

It knows nothing of how queries, keys and values came about.

Shapes: B batch, T new tokens, S all tokens so far, H heads, G key/value heads, K head size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from core.model.kv_cache import KVCache

MATMUL_MAX_TOKENS_FLOAT32, MATMUL_MAX_TOKENS_BFLOAT16 = 64, 512  # tokens
MASKED_SCORE = -1e9  # the score of what may not be looked at, as in the tutorial


@dataclass
class AttentionRecord:
    """What a forward pass saw on its way, filled when it is handed to one.

    Attributes:
        hidden: the hidden state (B, T, D) after the embedding and after every layer.
        attention: the attention weights (B, H, T, S) of every layer.
    """

    hidden: list[Tensor] = field(default_factory=list)
    attention: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class ForwardPass:
    """What the layers of one forward pass share.

    Attributes:
        visible: boolean, broadcasts to (B, H, T, S), what each new token may look at; None for
            the usual case, everything up to itself, which the fused kernel knows by itself.
        cache, record, head_mask: as handed to the model.
        dropout: share of activations to drop, 0 outside training.
    """

    visible: Tensor | None
    cache: KVCache | None
    record: AttentionRecord | None
    head_mask: Tensor | None
    dropout: float

    def record_hidden(self, hidden: Tensor) -> None:
        """Keep a hidden state if somebody records."""
        if self.record is not None:
            self.record.hidden.append(hidden)

    def apply_dropout(self, x: Tensor) -> Tensor:
        """Dropout (Srivastava et al. 2014), untouched while it is off."""
        return F.dropout(x, self.dropout) if self.dropout else x


def causal_mask(new: int, total: int, device: torch.device | None = None) -> Tensor:
    """(T, S) boolean, true where a token may look: at itself and at what came before it.

    The `new` tokens are the last ones of the `total`.
    """
    allowed = torch.ones(new, total, dtype=torch.bool, device=device)
    return allowed.tril(total - new)


def scaled_dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, visible: Tensor, dropout: float = 0.0
) -> tuple[Tensor, Tensor]:
    """softmax(q kT / sqrt(K)) v, written out (Vaswani et al. 2017, equation 1).

    Args:
        q: (B, H, T, K).
        k, v: (B, H, S, K).
        visible: boolean, broadcasts to (B, H, T, S); what is false scores -1e9.
        dropout: share of the weights to drop.

    Returns:
        What was read (B, H, T, K), and the weights (B, H, T, S) before any dropout.
    """
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])  # (B, H, T, S)
    weights = scores.masked_fill(~visible, MASKED_SCORE).softmax(dim=-1)
    return F.dropout(weights, dropout) @ v, weights


def attend(q: Tensor, k: Tensor, v: Tensor, layer: int, step: ForwardPass) -> Tensor:
    """Attention of one layer's new tokens over what they may look at.

    Args:
        q: (B, H, T, K).
        k, v: (B, G, T, K), the new tokens' only; G divides H, neighbouring heads share.
        layer: number of the layer, for the cache and the head mask.
        step: what this forward pass shares.

    Returns:
        (B, H, T, K).
    """
    if step.cache is not None:
        k, v = step.cache.append(layer, k, v)  # (B, G, S, K)
    read = _fast(q, k, v, step) if step.record is None else _recorded(q, k, v, step)
    if step.head_mask is not None:
        read = read * step.head_mask[layer][:, None, None].to(read)  # (H, 1, 1)
    return read


def _fast(q: Tensor, k: Tensor, v: Tensor, step: ForwardPass) -> Tensor:
    """PyTorch's fused kernel; one new token looks at everything there is, so it needs no mask."""
    if _by_products(q, step):
        return _products(q, k, v)
    return F.scaled_dot_product_attention(
        q,
        k,
        v,
        attn_mask=step.visible,
        dropout_p=step.dropout,
        is_causal=step.visible is None and q.shape[2] > 1,
        enable_gqa=q.shape[1] != k.shape[1],
    )


def _by_products(q: Tensor, step: ForwardPass) -> bool:
    """Whether two products and a softmax are quicker: the fused kernel's gradient is slow on CPUs.

    The weights of all heads are kept for it, so it is for short contexts only.
    """
    if torch.compiler.is_compiling() or q.device.type != "cpu" or not q.requires_grad:
        return False
    if step.visible is not None or step.dropout:
        return False
    return q.shape[2] <= (
        MATMUL_MAX_TOKENS_FLOAT32 if q.dtype == torch.float32 else MATMUL_MAX_TOKENS_BFLOAT16
    )


def _products(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention; heads that share keys are rows of one product."""
    batch, heads, new, size = q.shape
    groups = k.shape[1]
    rows = q.reshape(batch * groups, -1, size)  # (B*G, H/G*T, K)
    keys, values = (x.reshape(batch * groups, new, size) for x in (k, v))
    hidden = _hidden(new, heads // groups, q.dtype)  # (H/G*T, T)
    scores = torch.baddbmm(hidden, rows, keys.transpose(1, 2), alpha=size**-0.5)  # (B*G, H/G*T, T)
    with torch.autocast("cpu", enabled=False):
        weights = scores.softmax(dim=-1)  # sums in float32, whatever it is given
    return torch.bmm(weights, values).view(batch, heads, new, size)


@lru_cache(maxsize=4)
def _hidden(new: int, share: int, dtype: torch.dtype) -> Tensor:
    """(share*T, T), what is added to scores: much less than nothing where a token is to come."""
    return (~causal_mask(new, new)).to(dtype).mul_(MASKED_SCORE).repeat(share, 1)


def _recorded(q: Tensor, k: Tensor, v: Tensor, step: ForwardPass) -> Tensor:
    assert step.record is not None
    assert step.visible is not None
    share = q.shape[1] // k.shape[1]
    k = k.repeat_interleave(share, dim=1)  # (B, H, S, K)
    v = v.repeat_interleave(share, dim=1)  # (B, H, S, K)
    read, weights = scaled_dot_product_attention(q, k, v, step.visible, step.dropout)
    step.record.attention.append(weights)
    return read
