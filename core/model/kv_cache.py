"""Keys and values of earlier tokens, so that decoding a new token computes only its own.

The caller owns the cache; no model holds one, so conversations cannot share it by accident.

Shapes: B batch, T new tokens, S all tokens so far, G key/value heads, K head size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.config.configs import ModelConfig


class KVCache:
    """Keys and values of every layer, allocated at once.

    Args:
        config: of the model that fills it.
        batch: rows, which all have the same length.
        length: capacity in tokens.
        device, dtype: of the model's activations.

    Attributes:
        length: tokens stored.
    """

    def __init__(
        self,
        config: ModelConfig,
        batch: int,
        length: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.config = config
        self.length = 0
        shape = (config.layers, batch, config.kv_heads, length, config.head_dim)
        self.keys = torch.empty(shape, device=device, dtype=dtype)
        self.values = torch.empty(shape, device=device, dtype=dtype)
        self._layers = list(zip(self.keys, self.values, strict=True))  # (B, G, length, K) each

    @property
    def batch(self) -> int:
        """Rows."""
        return self.keys.shape[1]

    @property
    def capacity(self) -> int:
        """Tokens it can store."""
        return self.keys.shape[3]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store one layer's new keys and values, (B, G, T, K) each.

        The length grows with the last layer: until then, every layer of a forward pass writes at
        the same positions.

        Returns:
            All keys and values of that layer, (B, G, S, K): views, not copies.
        """
        start, new = self.length, k.shape[2]
        end = start + new
        assert end <= self.capacity, f"{end} tokens in a cache for {self.capacity}"
        keys, values = self._layers[layer]
        keys.narrow(2, start, new).copy_(k)
        values.narrow(2, start, new).copy_(v)
        if layer == self.config.layers - 1:
            self.length = end
        return keys.narrow(2, 0, end), values.narrow(2, 0, end)

    def write_at(
        self, layer: int, k: Tensor, v: Tensor, position: Tensor, span: int
    ) -> tuple[Tensor, Tensor]:
        """Store one token's keys and values, (B, G, 1, K) each, at a position known to the device.

        The length does not change.

        Args:
            position: (1,), on the device of the cache.

        Returns:
            Keys and values of the first `span` positions of that layer, (B, G, span, K): views.
        """
        keys, values = self._layers[layer]
        keys.index_copy_(2, position, k)
        values.index_copy_(2, position, v)
        return keys.narrow(2, 0, span), values.narrow(2, 0, span)

    def zero_unused(self) -> None:
        """Set unused positions to zero: a NaN there would spoil sums even if it is masked."""
        for part in (self.keys, self.values):
            part.narrow(3, self.length, self.capacity - self.length).zero_()

    def truncate(self, length: int) -> None:
        """Keep the first `length` tokens only."""
        assert 0 <= length <= self.length, f"truncate to {length} of {self.length}"
        self.length = length

    def fork(self, n: int) -> KVCache:
        """A copy with every row repeated `n` times: row r becomes rows r*n to r*n + n-1."""
        copy = KVCache(
            self.config, self.batch * n, self.capacity, self.keys.device, self.keys.dtype
        )
        used = slice(0, self.length)
        copy.keys[:, :, :, used] = self.keys[:, :, :, used].repeat_interleave(n, dim=1)
        copy.values[:, :, :, used] = self.values[:, :, :, used].repeat_interleave(n, dim=1)
        copy.length = self.length
        return copy
