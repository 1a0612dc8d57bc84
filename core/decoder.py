"""What both decoders have in common: the interface that training and generation stand on.

It knows nothing of text, files or optimisers.

Shapes: B batch, T new tokens, D width, V vocabulary.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.attention import Pass, Record, causal_mask
from core.cache import KVCache
from core.config import ModelConfig
from core.tokenizer import PAD

M = TypeVar("M", bound=nn.Module)


class Decoder(nn.Module):
    """A language model that reads from left to right.

    Attributes:
        config: its shape.
        dropout: share of activations dropped while training; may be set at any time.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.dropout = 0.0

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.parameters()).device

    @abstractmethod
    def forward(
        self,
        tokens: Tensor,
        *,
        cache: KVCache | None = None,
        record: Record | None = None,
        head_mask: Tensor | None = None,
    ) -> Tensor:
        """The hidden states (B, T, D) after the last layer; `head` makes logits of them.

        Args:
            tokens: ids (B, T), int64; with a cache only the new ones.
            cache: what was read before; the new tokens are added to it.
            record: filled with the attention weights and hidden states of every layer; this
                takes the written-out attention instead of the fused kernel.
            head_mask: (layers, H), a factor on what each head says: 1 leaves it, 0 silences it.
        """

    @abstractmethod
    def head(self, hidden: Tensor) -> Tensor:
        """Logits (…, V) of hidden states (…, D), the last layer's or any other's."""

    @abstractmethod
    def initialise(self, seed: int) -> None:
        """Set every weight anew; the same seed gives the same weights, whatever ran before."""

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats over the targets that are not padding, float32.

        Args:
            tokens, targets: ids (B, T), int64. Zero if all targets are padding.
        """
        hidden: Tensor = self(tokens)
        hidden, targets = hidden.flatten(0, 1), targets.flatten()  # (B*T, D), (B*T,)
        if targets.device.type == "cpu":
            # On a GPU counting the targets would make the host wait for it.
            real = targets.ne(PAD).nonzero().squeeze(1)
            hidden, targets = hidden[real], targets[real]
        logits = self.head(hidden).float()
        total = F.cross_entropy(logits, targets, ignore_index=PAD, reduction="sum")
        return total / targets.ne(PAD).sum().clamp(min=1)

    def begin(
        self,
        tokens: Tensor,
        cache: KVCache | None,
        record: Record | None,
        head_mask: Tensor | None,
    ) -> Pass:
        """What the layers of one forward pass share."""
        start = cache.length if cache is not None else 0
        new = tokens.shape[1]
        assert start + new <= self.config.context, f"{start + new} tokens, {self.config.context=}"
        masked = record is not None or (start > 0 and new > 1)
        visible = causal_mask(new, start + new, tokens.device) if masked else None
        return Pass(start, visible, cache, record, head_mask, self.dropout if self.training else 0)


def unset(kind: Callable[..., M], *args: int, **options: bool) -> M:
    """A module whose weights are not drawn yet: the global random state stays untouched."""
    with torch.device("meta"):
        module = kind(*args, **options)
    return module.to_empty(device="cpu")
