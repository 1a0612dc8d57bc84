"""Keys and values already computed, kept so that a new token costs one token's work.

A plain object that the caller owns: no model holds one, so two conversations never meet in it.

Shapes: B batch, T new tokens, S all tokens so far, G key/value heads, K head size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.config.configs import ModelConfig


class KVCache:
    """Room for `length` tokens of `batch` rows in every layer, taken at once.

    Args:
        config: the model that will fill it.
        batch: rows that advance together.
        length: the most tokens it will ever hold.
        device, dtype: where and as what the model computes.
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
        """Rows that advance together."""
        return self.keys.shape[1]

    @property
    def capacity(self) -> int:
        """The most tokens it can hold."""
        return self.keys.shape[3]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store one layer's new keys and values, (B, G, T, K) each.

        The length grows once the last layer has stored its own: until then every layer of a
        forward pass writes at the same place.

        Returns:
            All keys and values of that layer so far, (B, G, S, K): views, not copies.
        """
        begin, new = self.length, k.shape[2]
        end = begin + new
        assert end <= self.capacity, f"{end} tokens in a cache of {self.capacity}"
        keys, values = self._layers[layer]
        keys.narrow(2, begin, new).copy_(k)
        values.narrow(2, begin, new).copy_(v)
        if layer == self.config.layers - 1:
            self.length = end
        return keys.narrow(2, 0, end), values.narrow(2, 0, end)

    def write_at(
        self, layer: int, k: Tensor, v: Tensor, place: Tensor, span: int
    ) -> tuple[Tensor, Tensor]:
        """Store one token's keys and values, (B, G, 1, K) each, where the device says.

        The host need not know where that is, and the length stays.

        Args:
            place: (1,), where they belong.

        Returns:
            Keys and values of the first `span` places of that layer, (B, G, span, K): views.
        """
        keys, values = self._layers[layer]
        keys.index_copy_(2, place, k)
        values.index_copy_(2, place, v)
        return keys.narrow(2, 0, span), values.narrow(2, 0, span)

    def zero_unused(self) -> None:
        """Zeroes where nothing is stored: hidden or not, what is not a number spoils a sum."""
        for part in (self.keys, self.values):
            part.narrow(3, self.length, self.capacity - self.length).zero_()

    def truncate(self, length: int) -> None:
        """Forget everything after the first `length` tokens."""
        assert 0 <= length <= self.length, f"cut to {length} of {self.length}"
        self.length = length

    def fork(self, n: int) -> KVCache:
        """A copy with every row `n` times, side by side: row r becomes rows r*n to r*n + n-1."""
        twin = KVCache(
            self.config, self.batch * n, self.capacity, self.keys.device, self.keys.dtype
        )
        used = slice(0, self.length)
        twin.keys[:, :, :, used] = self.keys[:, :, :, used].repeat_interleave(n, dim=1)
        twin.values[:, :, :, used] = self.values[:, :, :, used].repeat_interleave(n, dim=1)
        twin.length = self.length
        return twin
