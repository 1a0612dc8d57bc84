"""What both decoders have in common: the interface that training and generation stand on.

It knows nothing of text, files or optimisers.

Shapes: B batch, T new tokens, D width, V vocabulary.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.config.budget import count_parameters
from core.config.configs import ModelConfig
from core.model.attention import AttentionRecord, ForwardPass, causal_mask
from core.model.kv_cache import KVCache
from core.tokenizer.special_tokens import PAD

ModuleT = TypeVar("ModuleT", bound=nn.Module)
DecodeStep = Callable[[Tensor, KVCache, Tensor | None], Tensor]


class Decoder(nn.Module):
    """A language model that reads from left to right.

    Attributes:
        config: its shape.
        dropout: share of activations dropped while training; may be set at any time.
        recompute: whether training keeps of each layer only what goes into it; as `dropout`.
        call_in_training: calls a part with what it is given, in training; as `dropout`.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.dropout = 0.0
        self.recompute = False
        self.call_in_training = call_directly

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.parameters()).device

    def forward(
        self,
        tokens: Tensor,
        *,
        cache: KVCache | None = None,
        record: AttentionRecord | None = None,
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
        start = cache.length if cache is not None else 0
        new = tokens.shape[1]
        assert start + new <= self.config.context, f"{start + new} tokens, {self.config.context=}"
        masked = record is not None or (start > 0 and new > 1)
        visible = causal_mask(new, start + new, tokens.device) if masked else None
        step = ForwardPass(visible, cache, record, head_mask, self._dropped())
        return self.layers(tokens, slice(start, start + new), step)

    def block_matrices(self) -> dict[str, tuple[int, ...]]:
        """The matrices inside the blocks: name, and rows of those that stand below each other."""
        shape = self.config
        queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        joined = {
            "qkv.weight": (queries, keys, keys),
            "gate_up.weight": (shape.d_ff, shape.d_ff),
        }
        return {
            name: joined.get(".".join(name.split(".")[-2:]), (weight.shape[0],))
            for name, weight in self.named_parameters()
            if name.startswith("blocks.") and weight.ndim == 2
        }

    @abstractmethod
    def layers(self, tokens: Tensor, positions: slice | Tensor, step: ForwardPass) -> Tensor:
        """Embedding and blocks: ids (B, T) at positions (T,) to hidden states (B, T, D)."""

    @abstractmethod
    def head(self, hidden: Tensor) -> Tensor:
        """Logits (…, V) of hidden states (…, D), the last layer's or any other's."""

    def make_decode_step(self) -> DecodeStep:
        """How to read one more token of every row; the weights must not change meanwhile.

        Returns:
            Logits (B, V) from ids (B, 1), a cache and a head mask; see `forward`.
        """

        def one(tokens: Tensor, cache: KVCache, head_mask: Tensor | None) -> Tensor:
            return self.head(self(tokens, cache=cache, head_mask=head_mask))[:, -1]

        return one

    @abstractmethod
    def initialise(self, seed: int) -> None:
        """Set every weight anew; the same seed gives the same weights, whatever ran before."""

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats over the targets that are not padding, float32.

        Args:
            tokens, targets: ids (B, T), int64. Zero if all targets are padding.
        """
        if targets.device.type != "cpu":
            # Counting the targets here would make the host wait for the device.
            hidden = self(tokens)
        elif should_pack_lines(self.config, targets):
            hidden, targets = self._packed(tokens, targets)
        else:
            real = targets.ne(PAD)
            hidden, targets = self(tokens)[real], targets[real]  # (N, D), (N,)
        mean: Tensor = self._called(self._mean, hidden, targets)
        return mean

    def _mean(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Of the cross-entropy of hidden states (…, D) and targets (…), ()."""
        logits = self.head(hidden).float().flatten(0, -2)  # (N, V)
        total = F.cross_entropy(logits, targets.flatten(), ignore_index=PAD, reduction="sum")
        return total / targets.ne(PAD).sum().clamp(min=1)

    def _packed(self, tokens: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states (N, D) and targets (N,) of the tokens that have one.

        They are read as one row of N in which each sees only what came before it in its own
        line: no padding enters a product (Krell et al. 2021, "Efficient Sequence Packing").
        """
        line, place = targets.ne(PAD).nonzero().unbind(1)  # (N,) each
        visible = (line[:, None] == line) & (place[:, None] >= place)  # (N, N)
        step = ForwardPass(visible, None, None, None, self._dropped())
        hidden = self.layers(tokens[line, place][None], place, step)  # (1, N, D)
        return hidden[0], targets[line, place]

    def run_block(self, block: nn.Module, x: Tensor, *rest: object) -> Tensor:
        """A block's output; with `recompute` its inside is forgotten and computed again backwards.

        Source: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".
        """
        if self.recompute and self._learns():
            kept = self.dropout > 0.0
            given = (self.call_in_training, block, x, *rest)
            out = checkpoint(*given, use_reentrant=False, preserve_rng_state=kept)
        else:
            out = self._called(block, x, *rest)
        assert isinstance(out, Tensor)
        return out

    def _called(self, part: Callable[..., Any], *given: object) -> Any:
        return self.call_in_training(part, *given) if self._learns() else part(*given)

    def _learns(self) -> bool:
        return self.training and torch.is_grad_enabled()

    def _dropped(self) -> float:
        return self.dropout if self.training else 0.0


def call_directly(part: Callable[..., Any], *given: object) -> Any:
    """The part of what it is given."""
    return part(*given)


def should_pack_lines(config: ModelConfig, targets: Tensor) -> bool:
    """Whether padding costs more than attention over all lines at once would.

    Counts multiplications of a forward pass over targets (B, T).
    """
    rows, longest = targets.shape
    real = int(targets.ne(PAD).sum())
    if real == 0:
        return False
    tables = 2 * config.vocab_size * config.d_model
    weights = max(1, count_parameters(config) - tables)
    score = 2 * config.layers * config.heads * config.head_dim
    padded = rows * longest * (weights + longest * score)
    return real * (weights + real * score) < padded


def uninitialised(kind: Callable[..., ModuleT], *args: int, **options: bool) -> ModuleT:
    """A module whose weights are not drawn yet: the global random state stays untouched."""
    with torch.device("meta"):
        module = kind(*args, **options)
    return module.to_empty(device="cpu")


def uninitialised_embedding(count: int, width: int) -> nn.Embedding:
    """A table whose weights are not drawn yet.

    Not with `uninitialised`: what an embedding draws on the device "meta" has PyTorch import its
    compiler, which takes longer than all the rest of loading a model.
    """
    numbers = torch.empty(count, width)
    table: nn.Embedding = nn.Embedding.from_pretrained(numbers, freeze=False)  # type: ignore[no-untyped-call]
    return table
