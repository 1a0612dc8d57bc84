"""Attention of all models: a fused kernel, or written out to record its weights.

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

MASKED_SCORE = -1e9  # of positions a token must not attend to, as in the tutorial
# Fast path in training on CPUs: up to so many tokens, `_matmul_attention` beats the fused kernel.
MATMUL_MAX_TOKENS_FLOAT32 = 64
MATMUL_MAX_TOKENS_BFLOAT16 = 512


@dataclass
class AttentionRecord:
    """Hidden states and attention weights of a forward pass that is given this record.

    Attributes:
        hidden: the hidden state (B, T, D) after the embedding and after every layer.
        attention: the attention weights (B, H, T, S) of every layer.
    """

    hidden: list[Tensor] = field(default_factory=list)
    attention: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class ForwardPass:
    """What all layers of one forward pass share.

    Attributes:
        visible: boolean, broadcasts to (B, H, T, S), true where a new token may attend; None is
            causal attention, for which the fused kernel needs no mask.
        cache, record, head_mask: arguments of `Decoder.forward`.
        dropout: fraction of activations to drop, 0 outside training.
    """

    visible: Tensor | None
    cache: KVCache | None
    record: AttentionRecord | None
    head_mask: Tensor | None
    dropout: float

    def record_hidden(self, hidden: Tensor) -> None:
        """Add a hidden state to the record, if there is one."""
        if self.record is not None:
            self.record.hidden.append(hidden)

    def apply_dropout(self, x: Tensor) -> Tensor:
        """Dropout (Srivastava et al. 2014)."""
        return F.dropout(x, self.dropout) if self.dropout else x


def causal_mask(new: int, total: int, device: torch.device | None = None) -> Tensor:
    """(T, S) boolean, true where a token may attend: itself and all earlier ones.

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
        visible: boolean, broadcasts to (B, H, T, S); false positions score -1e9.
        dropout: fraction of the weights to drop.

    Returns:
        The weighted values (B, H, T, K), and the weights (B, H, T, S) before dropout.
    """
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])  # (B, H, T, S)
    weights = scores.masked_fill(~visible, MASKED_SCORE).softmax(dim=-1)
    return F.dropout(weights, dropout) @ v, weights


def attend(q: Tensor, k: Tensor, v: Tensor, layer: int, step: ForwardPass) -> Tensor:
    """Attention of one layer.

    Args:
        q: (B, H, T, K).
        k, v: (B, G, T, K), of the new tokens; G divides H, neighbouring heads share.
        layer: number of the layer, for the cache and the head mask.
        step: state of this forward pass.

    Returns:
        (B, H, T, K).
    """
    if step.cache is not None:
        k, v = step.cache.append(layer, k, v)  # (B, G, S, K)
    attended = _fused(q, k, v, step) if step.record is None else _recorded(q, k, v, step)
    if step.head_mask is not None:
        attended = attended * step.head_mask[layer][:, None, None].to(attended)  # (H, 1, 1)
    return attended


def _fused(q: Tensor, k: Tensor, v: Tensor, step: ForwardPass) -> Tensor:
    """PyTorch's fused kernel; a single new token attends to all positions and needs no mask."""
    if _should_use_matmuls(q, step):
        return _matmul_attention(q, k, v, step.visible)
    return F.scaled_dot_product_attention(
        q,
        k,
        v,
        attn_mask=step.visible,
        dropout_p=step.dropout,
        is_causal=step.visible is None and q.shape[2] > 1,
        enable_gqa=q.shape[1] != k.shape[1],
    )


def _should_use_matmuls(q: Tensor, step: ForwardPass) -> bool:
    """Whether `_matmul_attention` is faster: the fused kernel's gradient is slow on CPUs.

    `_matmul_attention` keeps the weights of all heads for the backward pass, so it is for short
    contexts only. It takes causal attention and an encoder's padding mask, which has 4 dimensions.
    """
    if torch.compiler.is_compiling() or q.device.type != "cpu" or not q.requires_grad:
        return False
    is_pack = step.visible is not None and step.visible.dim() != 4  # (N, N)
    if is_pack or step.dropout:
        return False
    return q.shape[2] <= (
        MATMUL_MAX_TOKENS_FLOAT32 if q.dtype == torch.float32 else MATMUL_MAX_TOKENS_BFLOAT16
    )


def _matmul_attention(q: Tensor, k: Tensor, v: Tensor, visible: Tensor | None) -> Tensor:
    """Attention by two matrix products; heads that share keys are rows of one product.

    Args:
        visible: an encoder's padding mask (B, 1, 1, T); None is causal attention.
    """
    batch, heads, new, size = q.shape
    groups = k.shape[1]
    rows = q.reshape(batch * groups, -1, size)  # (B*G, H/G*T, K)
    keys, values = (x.reshape(batch * groups, new, size) for x in (k, v))
    if visible is None:
        bias = _causal_bias(new, heads // groups, q.dtype)  # (H/G*T, T)
    else:
        hidden = (~visible).to(q.dtype).mul_(MASKED_SCORE)  # (B, 1, 1, T)
        bias = hidden.expand(-1, groups, -1, -1).reshape(batch * groups, 1, new)
    scores = torch.baddbmm(bias, rows, keys.transpose(1, 2), alpha=size**-0.5)  # (B*G, H/G*T, T)
    with torch.autocast("cpu", enabled=False):
        weights = scores.softmax(dim=-1)  # accumulates in float32 for every dtype
    return torch.bmm(weights, values).view(batch, heads, new, size)


@lru_cache(maxsize=4)
def _causal_bias(new: int, share: int, dtype: torch.dtype) -> Tensor:
    """(share*T, T) to add to scores: `MASKED_SCORE` for later tokens, else 0."""
    return (~causal_mask(new, new)).to(dtype).mul_(MASKED_SCORE).repeat(share, 1)


def _recorded(q: Tensor, k: Tensor, v: Tensor, step: ForwardPass) -> Tensor:
    """The written-out attention; adds its weights to the record."""
    assert step.record is not None
    assert step.visible is not None
    share = q.shape[1] // k.shape[1]
    k = k.repeat_interleave(share, dim=1)  # (B, H, S, K)
    v = v.repeat_interleave(share, dim=1)  # (B, H, S, K)
    attended, weights = scaled_dot_product_attention(q, k, v, step.visible, step.dropout)
    step.record.attention.append(weights)
    return attended
