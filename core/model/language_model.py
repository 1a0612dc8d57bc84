"""What decoders and encoders share: training interface, cross-entropy, packing of padded rows.

Shapes: B batch, T tokens, D width, V vocabulary.
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
from core.model.attention import ForwardPass
from core.tokenizer.special_tokens import PAD

ModuleT = TypeVar("ModuleT", bound=nn.Module)


class LanguageModel(nn.Module):
    """A transformer over the tokens of a vocabulary, as training sees it.

    Subclasses define `forward`: ids (B, T) to the hidden states (B, T, D) after the last layer.

    Attributes:
        config: its shape.
        blocks: the layers.
        dropout: fraction of activations dropped in training; may be set at any time.
        no_target: stands in targets for tokens that are not to be predicted; may be set at any
            time, see `Tokenizer.no_target`.
        recompute: whether training keeps only the input of each layer and recomputes the rest in
            the backward pass; may be set at any time.
        call_in_training: calls the blocks and the loss in training, so that a compiled call can
            take its place; may be set at any time.
    """

    blocks: nn.ModuleList

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.dropout = 0.0
        self.no_target = PAD
        self.recompute = False
        self.call_in_training = call_directly

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.parameters()).device

    def block_matrices(self) -> dict[str, tuple[int, ...]]:
        """The matrices of the blocks by name, with the rows of each matrix fused into them."""
        shape = self.config
        queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        fused = {
            "qkv.weight": (queries, keys, keys),
            "gate_up.weight": (shape.d_ff, shape.d_ff),
        }
        return {
            name: fused.get(".".join(name.split(".")[-2:]), (weight.shape[0],))
            for name, weight in self.named_parameters()
            if name.startswith("blocks.") and weight.ndim == 2
        }

    @abstractmethod
    def layers(self, tokens: Tensor, positions: slice | Tensor, step: ForwardPass) -> Tensor:
        """Embedding and blocks: ids (B, T) to hidden states (B, T, D).

        Args:
            positions: of the tokens: of all rows (T,), or of each row (B, T).
        """

    @abstractmethod
    def head(self, hidden: Tensor) -> Tensor:
        """Logits (…, V) of hidden states (…, D), the last layer's or any other's."""

    @abstractmethod
    def initialise(self, seed: int) -> None:
        """Draw all weights; the same seed gives the same weights, whatever was drawn before."""

    @abstractmethod
    def needed_tokens(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """(B, T) boolean: the tokens that have to be read for the targets of their rows."""

    @abstractmethod
    def visible_in_pack(self, line: Tensor, position: Tensor) -> Tensor:
        """(N, N) boolean: which of N packed tokens each may attend to.

        Args:
            line, position: (N,) the row that each token is of, and its position there.
        """

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats per target, float32; 0 if all targets are padding.

        Args:
            tokens, targets: ids (B, T), int64. Targets of `no_target` are left out.
        """
        if targets.device.type != "cpu":
            # Counting the targets would synchronise host and device.
            hidden: Tensor = self(tokens)  # (B, T, D)
        else:
            is_target = targets.ne(self.no_target)  # (B, T)
            needed = self.needed_tokens(tokens, targets)  # (B, T)
            if should_pack_lines(self.config, needed):
                hidden, targets = self._pack(tokens, targets, needed)  # (N, D), (N,)
                is_target = targets.ne(self.no_target)
            else:
                hidden = self(tokens)  # (B, T, D)
            if not is_target.all():
                hidden, targets = hidden[is_target], targets[is_target]  # (N, D), (N,)
        loss: Tensor = self._call(self._mean_loss, hidden, targets)
        return loss

    def _mean_loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy () from hidden states (…, D) and targets (…)."""
        logits = self.head(hidden).float().flatten(0, -2)  # (N, V)
        total = F.cross_entropy(
            logits, targets.flatten(), ignore_index=self.no_target, reduction="sum"
        )
        return total / targets.ne(self.no_target).sum().clamp(min=1)

    def _pack(self, tokens: Tensor, targets: Tensor, needed: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states (N, D) and targets (N,) of the N tokens that are needed (B, T).

        They form one row in which each attends only to tokens of its own line, so no padding
        enters a matrix product (Krell et al. 2021, "Efficient Sequence Packing").
        """
        line, position = needed.nonzero().unbind(1)  # (N,) each
        visible = self.visible_in_pack(line, position)  # (N, N)
        step = ForwardPass(visible, None, None, None, self._active_dropout())
        hidden = self.layers(tokens[line, position][None], position, step)  # (1, N, D)
        return hidden[0], targets[line, position]

    def _run_blocks(self, x: Tensor, step: ForwardPass, *shared: Tensor) -> Tensor:
        """The hidden states (B, T, D) after the last block, of those after the embedding.

        Args:
            shared: what every block takes after its input.
        """
        step.record_hidden(x)
        for layer, block in enumerate(self.blocks):
            x = self._run_block(block, x, *shared, layer, step)
            step.record_hidden(x)
        return x

    def _run_block(self, block: nn.Module, x: Tensor, *rest: object) -> Tensor:
        """A block's output; with `recompute` its activations are recomputed in the backward pass.

        Source: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".
        """
        if self.recompute and self._is_training_step():
            out = checkpoint(
                self.call_in_training,
                block,
                x,
                *rest,
                use_reentrant=False,
                preserve_rng_state=self.dropout > 0.0,
            )
        else:
            out = self._call(block, x, *rest)
        assert isinstance(out, Tensor)
        return out

    def _call(self, part: Callable[..., Any], *arguments: object) -> Any:
        if self._is_training_step():
            return self.call_in_training(part, *arguments)
        return part(*arguments)

    def _is_training_step(self) -> bool:
        return self.training and torch.is_grad_enabled()

    def _active_dropout(self) -> float:
        return self.dropout if self.training else 0.0


def call_directly(part: Callable[..., Any], *arguments: object) -> Any:
    """Call a part of the model without compiling it (the default of `call_in_training`)."""
    return part(*arguments)


def should_pack_lines(config: ModelConfig, needed: Tensor) -> bool:
    """Whether padding costs more multiplications than attention over all lines at once.

    Args:
        needed: (B, T) boolean, whether a token has to be read.
    """
    rows, longest = needed.shape
    real = int(needed.sum())
    if real == 0:
        return False
    tables = 2 * config.vocab_size * config.d_model
    weights = max(1, count_parameters(config) - tables)
    score = 2 * config.layers * config.heads * config.head_dim
    padded = rows * longest * (weights + longest * score)
    return real * (weights + real * score) < padded


def uninitialised(kind: Callable[..., ModuleT], *args: int, **options: bool) -> ModuleT:
    """A module whose weights are not drawn, which would advance the global random state."""
    with torch.device("meta"):
        module = kind(*args, **options)
    return module.to_empty(device="cpu")


def uninitialised_embedding(count: int, width: int) -> nn.Embedding:
    """An embedding whose weights are not drawn.

    Not with `uninitialised`: an embedding that draws on the device "meta" makes PyTorch import its
    compiler, which takes longer than loading the model.
    """
    weights = torch.empty(count, width)
    embedding: nn.Embedding = nn.Embedding.from_pretrained(weights, freeze=False)  # type: ignore[no-untyped-call]
    return embedding
