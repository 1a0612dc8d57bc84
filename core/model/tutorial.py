"""The tutorial's encoder and decoder, block by block in its order.

Scaled dot-product attention and the causal mask are in `core.model.attention`; this module has
multi-head attention, the position-wise feed-forward, the encoder (sinusoid table, layers), the
decoder layer and the GPT; the padding mask is in `core.model.encoder`.

Three things differ from the tutorial's listing. Positions count along a line, not along the batch,
where the model would never learn word order. Convolutions of kernel 1 are written as linear maps,
which they are; `core.model.state_dict` stores them as the tutorial does. And the encoder gives
padding a position like any other token, as attention masks it anyway. The tutorial does not train
its encoder and gives it no output: here it has the projection to the vocabulary of the GPT.

Shapes: B batch, T new tokens, H heads, D width, K head size, V vocabulary.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.config.configs import ModelConfig
from core.model.attention import ForwardPass, attend
from core.model.decoder import Decoder
from core.model.encoder import Encoder
from core.model.label_head import LabelHead
from core.model.language_model import uninitialised, uninitialised_embedding
from core.model.linear import Linear


class MultiHeadAttention(nn.Module):
    """Self-attention in H heads, followed by a residual and a norm.

    Queries, keys and values are one matrix in memory.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        inner = config.heads * config.head_dim
        self.qkv = uninitialised(Linear, config.d_model, 3 * inner)
        self.out = uninitialised(Linear, inner, config.d_model)
        self.norm = nn.LayerNorm(config.d_model, config.norm_eps)

    def forward(self, x: Tensor, layer: int, step: ForwardPass) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        batch, new, _ = x.shape
        qkv = self.qkv(x).view(batch, new, -1, self.head_dim)  # (B, T, 3H, K)
        q, k, v = qkv.transpose(1, 2).chunk(3, dim=1)  # (B, H, T, K) each
        attended = attend(q, k, v, layer, step)  # (B, H, T, K)
        heads = attended.transpose(1, 2).reshape(batch, new, -1)  # (B, T, H*K)
        normed: Tensor = self.norm(x + step.apply_dropout(self.out(heads)))
        return normed


class TutorialFeedForward(nn.Module):
    """Two linear maps with a ReLU between, followed by a residual and a norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.up = uninitialised(Linear, config.d_model, config.d_ff)
        self.down = uninitialised(Linear, config.d_ff, config.d_model)
        self.norm = nn.LayerNorm(config.d_model, config.norm_eps)

    def forward(self, x: Tensor, step: ForwardPass) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        normed: Tensor = self.norm(x + step.apply_dropout(self.down(F.relu(self.up(x)))))
        return normed


def sinusoid_table(rows: int, width: int) -> Tensor:
    """(rows, D) in float32: sines in even columns, cosines in odd ones.

    The angles of columns 2i and 2i+1 are position / 10000^(2i/D) (Vaswani et al. 2017, section
    3.5), computed in float64 and rounded, as in the tutorial.
    """
    columns = torch.arange(width, dtype=torch.float64) // 2 * 2  # (D,)
    frequencies = 10000.0 ** -(columns / width)  # (D,)
    angles = torch.outer(torch.arange(rows, dtype=torch.float64), frequencies)  # (rows, D)
    even = torch.arange(width) % 2 == 0
    return torch.where(even, angles.sin(), angles.cos()).float()


class EncoderLayer(nn.Module):
    """Attention over the whole line, followed by the position-wise feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(config)
        self.feed_forward = TutorialFeedForward(config)

    def forward(self, x: Tensor, layer: int, step: ForwardPass) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        encoded: Tensor = self.feed_forward(self.attention(x, layer, step), step)
        return encoded


class TutorialEncoder(Encoder):
    """The tutorial's encoder with a projection to the vocabulary, or a head of labels.

    Args:
        config: the shape; `context` is the longest line.
        seed: of the initial weights; None leaves them uninitialised, to be loaded.
    """

    table: Tensor

    def __init__(self, config: ModelConfig, seed: int | None = 0) -> None:
        super().__init__(config)
        self.embedding = uninitialised_embedding(config.vocab_size, config.d_model)
        self.blocks = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        self.output: nn.Module
        if config.labels:
            self.output = LabelHead(config)
        else:
            self.output = uninitialised(Linear, config.d_model, config.vocab_size)
        # Positions count from 1; row 0 of the table is unused.
        table = sinusoid_table(config.context + 1, config.d_model)
        self.register_buffer("table", table, persistent=False)
        if seed is not None:
            self.initialise(seed)

    def layers(self, tokens: Tensor, positions: slice | Tensor, step: ForwardPass) -> Tensor:
        """See `LanguageModel.layers`."""
        embedded: Tensor = self.embedding(tokens)  # (B, T, D)
        x = step.apply_dropout(embedded + self.table[1:][positions].to(embedded))
        return self._run_blocks(x, step)

    def head(self, hidden: Tensor) -> Tensor:
        """Projection (…, D) to (…, V); the last layer ends with a norm."""
        logits: Tensor = self.output(hidden)
        return logits

    def initialise(self, seed: int) -> None:
        """PyTorch's defaults, as in the tutorial; see `initialise_like_pytorch`."""
        initialise_like_pytorch(self, seed)


class DecoderLayer(nn.Module):
    """Attention and feed-forward, each with a second residual and norm around it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(config)
        self.norm1 = nn.LayerNorm(config.d_model, config.norm_eps)
        self.feed_forward = TutorialFeedForward(config)
        self.norm2 = nn.LayerNorm(config.d_model, config.norm_eps)

    def forward(self, x: Tensor, layer: int, step: ForwardPass) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        x = self.norm1(x + self.attention(x, layer, step))
        normed: Tensor = self.norm2(x + self.feed_forward(x, step))
        return normed


class TutorialGPT(Decoder):
    """The tutorial's GPT: learnt positions, decoder layers, a projection with bias.

    Only later tokens are masked: padding follows a line, whose tokens do not attend to it.

    Args:
        config: the shape.
        seed: of the initial weights; None leaves them uninitialised, to be loaded.
    """

    def __init__(self, config: ModelConfig, seed: int | None = 0) -> None:
        super().__init__(config)
        self.embedding = uninitialised_embedding(config.vocab_size, config.d_model)
        self.positions = uninitialised_embedding(config.context, config.d_model)
        self.blocks = nn.ModuleList(DecoderLayer(config) for _ in range(config.layers))
        self.output: nn.Module = uninitialised(Linear, config.d_model, config.vocab_size)
        if seed is not None:
            self.initialise(seed)

    def layers(self, tokens: Tensor, positions: slice | Tensor, step: ForwardPass) -> Tensor:
        """See `LanguageModel.layers`."""
        x = step.apply_dropout(
            self.embedding(tokens) + self.positions.weight[positions]
        )  # (B, T, D)
        return self._run_blocks(x, step)

    def head(self, hidden: Tensor) -> Tensor:
        """Projection (…, D) to (…, V); the last layer ends with a norm."""
        logits: Tensor = self.output(hidden)
        return logits

    def initialise(self, seed: int) -> None:
        """PyTorch's defaults, as in the tutorial; see `initialise_like_pytorch`."""
        initialise_like_pytorch(self, seed)


def initialise_like_pytorch(model: nn.Module, seed: int) -> None:
    """Embeddings standard normal; linear maps uniform within 1/sqrt(inputs); norms 1 and 0.

    The same seed gives the same weights, whatever was drawn before. They are drawn on the host, so
    that every device gets the same ones.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Embedding):
                values = torch.empty(module.weight.shape).normal_(generator=generator)
                module.weight.copy_(values)
            elif isinstance(module, nn.Linear):
                bound = 1 / math.sqrt(module.in_features)
                for weight in (module.weight, module.bias):
                    values = torch.empty(weight.shape)
                    weight.copy_(values.uniform_(-bound, bound, generator=generator))
            elif isinstance(module, nn.LayerNorm):
                module.reset_parameters()
