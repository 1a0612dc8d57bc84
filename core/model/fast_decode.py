"""One more token through the modern decoder, in as few operations as it takes.

A step of generation is bound by reading the weights once. What comes on top is some microseconds
for every operation, whatever its size, and more for every Python attribute on the way. So what a
step needs is looked up once, queries and keys are normed and turned together, and norms are
written out in place. The results are those of `core.model.gpt` up to rounding; a test holds the two
together.

Shapes: B rows, H heads, G key/value heads, K head size, D width, F inner size, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from core.model.attention import Pass, attend
from core.model.kv_cache import KVCache
from core.model.linear import prepared, prepared_onto

if TYPE_CHECKING:
    from core.model.gpt import GPT, Block, RMSNorm

Map = Callable[[Tensor], Tensor]
# Stores what a layer's new token offers, and looks from it at all so far.
Reader = Callable[[int, Tensor, Tensor, Tensor], Tensor]
Onto = Callable[[Tensor, Tensor], Tensor]  # of rows, and of what their map is added to


@dataclass(frozen=True)
class _Norm:
    """A root-mean-square norm over n elements; see `_normed`.

    Attributes:
        weight: (…, n) its weight times the root of n.
        floor: a number, the root of n times its epsilon.
    """

    weight: Tensor
    floor: Tensor


@dataclass(frozen=True)
class _Layer:
    """One block's norms and maps of rows."""

    norm: _Norm
    qkv: Map
    head_norm: _Norm  # (H+G, 1, K): a query's for each query head, then a key's for each key head
    out: Onto
    second_norm: _Norm
    gate_up: Map
    activation: Map
    down: Onto


class OneToken:
    """Reads one token of every row at a time; the model's weights must not change meanwhile."""

    def __init__(self, model: GPT) -> None:
        self._config = model.config
        table = (model.cos, model.cos, -model.sin, model.sin)
        self._turns = torch.cat(table, dim=-1).view(len(model.cos), 2, -1)  # (context, 2, K)
        self._embedding = model.embedding.weight.detach()
        self._layers = [_layer(cast("Block", block)) for block in model.blocks]
        self._norm = _norm(model.norm, model.norm.weight)
        self._output = prepared(model.embedding if model.output is None else model.output)

    def __call__(self, tokens: Tensor, cache: KVCache, head_mask: Tensor | None = None) -> Tensor:
        """Logits (B, V) after the ids (B, 1), whose keys and values the cache holds then."""
        place = cache.length
        assert place < self._config.context, f"{place + 1} tokens, {self._config.context=}"
        step = Pass(None, cache, None, head_mask, 0.0)

        def read(number: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            return attend(q, k, v, number, step)

        return self._through(tokens, self._turns[place], read)

    def at(self, tokens: Tensor, cache: KVCache, place: Tensor, span: int) -> Tensor:
        """As a call, by operations that are the same wherever the token stands.

        Args:
            place: (1,), where it stands; the cache's length stays as it is.
            span: places that are looked at; those after the token's own are hidden.
        """
        visible = (torch.arange(span, device=place.device) <= place)[None, None, None]

        def read(number: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            keys, values = cache.put(number, k, v, place, span)  # (B, G, span, K) each
            grouped = q.shape[1] != k.shape[1]
            return F.scaled_dot_product_attention(q, keys, values, visible, enable_gqa=grouped)

        return self._through(tokens, self._turns.index_select(0, place)[0], read)

    def _through(self, tokens: Tensor, turn: Tensor, read: Reader) -> Tensor:
        x = F.embedding(tokens[:, 0], self._embedding)  # (B, D)
        turns = turn.unbind()  # (K,) each
        for number, layer in enumerate(self._layers):
            x = self._attention(layer, x, number, turns, read)
            x = self._feed_forward(layer, x)
        return self._output(_normed(x, self._norm))

    def _attention(
        self, layer: _Layer, x: Tensor, number: int, turn: Sequence[Tensor], read: Reader
    ) -> Tensor:
        """(B, D) to (B, D)."""
        queries, keys, size = self._config.heads, self._config.kv_heads, self._config.head_dim
        qkv = layer.qkv(_normed(x, layer.norm)).view(x.shape[0], -1, 1, size)  # (B, H+2G, 1, K)
        qk = _normed(qkv.narrow(1, 0, queries + keys), layer.head_norm)  # (B, H+G, 1, K)
        # Element i is paired with element i + K/2, which rolling by K/2 brings to its place.
        qk = torch.addcmul(qk * turn[0], qk.roll(size // 2, -1), turn[1])
        q, k = qk.narrow(1, 0, queries), qk.narrow(1, queries, keys)
        found = read(number, q, k, qkv.narrow(1, queries + keys, keys))  # (B, H, 1, K)
        return layer.out(found.view(x.shape[0], -1), x)  # (B, H*K) to (B, D)

    def _feed_forward(self, layer: _Layer, x: Tensor) -> Tensor:
        """(B, D) to (B, D)."""
        gate, up = layer.gate_up(_normed(x, layer.second_norm)).chunk(2, -1)  # (B, F) each
        return layer.down(layer.activation(gate).mul_(up), x)


def _normed(x: Tensor, norm: _Norm) -> Tensor:
    """x / rms(x) * weight over the last dimension, in a quarter of the time of PyTorch's own.

    With n elements, the root of mean(x²) + eps is hypot(|x|, root of n·eps) / root of n.
    """
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    normed: Tensor = (x / length.hypot_(norm.floor)).mul_(norm.weight)
    return normed


def _layer(block: Block) -> _Layer:
    attention, mixer = block.attention, block.feed_forward
    head_weights = (
        attention.q_norm.weight.expand(attention.heads, 1, -1),
        attention.k_norm.weight.expand(attention.kv_heads, 1, -1),
    )
    return _Layer(
        norm=_norm(block.attention_norm, block.attention_norm.weight),
        qkv=prepared(attention.qkv),
        head_norm=_norm(attention.q_norm, torch.cat(head_weights)),
        out=prepared_onto(attention.out),
        second_norm=_norm(block.feed_forward_norm, block.feed_forward_norm.weight),
        gate_up=prepared(mixer.gate_up),
        activation=mixer.activation,
        down=prepared_onto(mixer.down),
    )


def _norm(norm: RMSNorm, weight: Tensor) -> _Norm:
    size = weight.shape[-1]
    floor = torch.tensor(math.sqrt(size * norm.eps), dtype=weight.dtype, device=weight.device)
    return _Norm(weight.detach() * math.sqrt(size), floor)
