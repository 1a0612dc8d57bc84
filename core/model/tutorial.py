"""The tutorial's decoder, piece by piece and in the tutorial's order.

1. scaled dot-product attention: `core.model.attention`   2. `MultiHeadAttention`
3. `TutorialFeedForward`, position-wise                     4. sinusoid table, padding mask,
encoder layer,
8. causal mask: `core.model.attention`                       encoder: `core.model.tutorial`
9. `DecoderLayer`   10. decoder and GPT: `TutorialGPT`

Two things differ from its listing. Positions run over the positions of a line, not over the
batch, or the model would never learn the order of words. And its convolutions of kernel 1 are the
linear maps that they are; `core.model.state_dict` stores them as the tutorial does.

Shapes: B batch, T new tokens, H heads, D width, K head size, V vocabulary.

The tutorial's encoder: what it shows before it builds its decoder.

Padding gets a position like any other word, and is hidden from attention instead.

Shapes: B batch, T tokens, H heads, D width, K head size.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.config.configs import ModelConfig
from core.model.attention import AttentionRecord, ForwardPass, attend
from core.model.decoder import Decoder, uninitialised, uninitialised_embedding
from core.model.linear import Linear
from core.tokenizer.special_tokens import PAD


class MultiHeadAttention(nn.Module):
    """Attention in H heads, then a residual and a norm of its own.

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
        read = attend(q, k, v, layer, step)  # (B, H, T, K)
        joined = read.transpose(1, 2).reshape(batch, new, -1)  # (B, T, H*K)
        normed: Tensor = self.norm(x + step.apply_dropout(self.out(joined)))
        return normed


class TutorialFeedForward(nn.Module):
    """Two linear maps with a ReLU between, then a residual and a norm of its own."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.up = uninitialised(Linear, config.d_model, config.d_ff)
        self.down = uninitialised(Linear, config.d_ff, config.d_model)
        self.norm = nn.LayerNorm(config.d_model, config.norm_eps)

    def forward(self, x: Tensor, step: ForwardPass) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        normed: Tensor = self.norm(x + step.apply_dropout(self.down(F.relu(self.up(x)))))
        return normed


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

    It masks only the future: padding stands behind a line, where no word of it looks.

    Args:
        config: its shape.
        seed: of the first weights; None leaves them unset for a caller who loads them.
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
        """See `Decoder.layers`."""
        x = step.apply_dropout(
            self.embedding(tokens) + self.positions.weight[positions]
        )  # (B, T, D)
        step.record_hidden(x)
        for layer, block in enumerate(self.blocks):
            x = self.run_block(block, x, layer, step)
            step.record_hidden(x)
        return x

    def head(self, hidden: Tensor) -> Tensor:
        """Projection (…, D) to (…, V); the last norm belongs to the last layer."""
        logits: Tensor = self.output(hidden)
        return logits

    def initialise(self, seed: int) -> None:
        """What PyTorch gives by default, as the tutorial leaves it; see `initialise_plainly`."""
        initialise_plainly(self, seed)


def initialise_plainly(model: nn.Module, seed: int) -> None:
    """Embeddings normal; linear maps uniform within 1/sqrt(inputs), weight and bias; norms 1 and 0.

    The same seed gives the same weights, whatever was drawn before.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Embedding):
                module.weight.copy_(_drawn(module.weight).normal_(generator=generator))
            elif isinstance(module, nn.Linear):
                bound = 1 / math.sqrt(module.in_features)
                for part in (module.weight, module.bias):
                    part.copy_(_drawn(part).uniform_(-bound, bound, generator=generator))
            elif isinstance(module, nn.LayerNorm):
                module.reset_parameters()


def _drawn(weight: Tensor) -> Tensor:
    """Room on the host for random numbers, so that every device gets the same ones."""
    return torch.empty(weight.shape)


def sinusoid_table(rows: int, width: int) -> Tensor:
    """(rows, D) in single precision: sines in even columns, cosines in odd ones.

    Columns 2i and 2i+1 turn by position / 10000^(2i/D) (Vaswani et al. 2017, section 3.5);
    computed in double precision and rounded, as the tutorial does.
    """
    columns = torch.arange(width, dtype=torch.float64) // 2 * 2  # (D,)
    speeds = 10000.0 ** -(columns / width)  # (D,)
    angles = torch.outer(torch.arange(rows, dtype=torch.float64), speeds)  # (rows, D)
    even = torch.arange(width) % 2 == 0
    return torch.where(even, angles.sin(), angles.cos()).float()


def padding_mask(tokens: Tensor) -> Tensor:
    """(B, 1, 1, T) boolean, true where a word stands that may be looked at."""
    return tokens.ne(PAD)[:, None, None, :]


class EncoderLayer(nn.Module):
    """Attention over the whole line, then the position-wise feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(config)
        self.feed_forward = TutorialFeedForward(config)

    def forward(self, x: Tensor, layer: int, step: ForwardPass) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        encoded: Tensor = self.feed_forward(self.attention(x, layer, step), step)
        return encoded


class Encoder(nn.Module):
    """Words and their places in a line, read in both directions.

    Args:
        config: its shape; `context` is the longest line.
        seed: of the first weights; None leaves them unset for a caller who loads them.
    """

    def __init__(self, config: ModelConfig, seed: int | None = 0) -> None:
        super().__init__()
        self.config = config
        self.dropout = 0.0
        self.embedding = uninitialised(nn.Embedding, config.vocab_size, config.d_model)
        self.blocks = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        if seed is not None:
            initialise_plainly(self, seed)

    def forward(self, tokens: Tensor, *, record: AttentionRecord | None = None) -> Tensor:
        """Ids (B, T), at least one word in each line, to (B, T, D); `record` as in `Decoder`."""
        # Positions count from 1; row 0 of the table belongs to no word.
        table = sinusoid_table(self.config.context + 1, self.config.d_model)
        words: Tensor = self.embedding(tokens)  # (B, T, D)
        dropout = self.dropout if self.training else 0.0
        step = ForwardPass(padding_mask(tokens), None, record, None, dropout)
        x = step.apply_dropout(words + table[1 : tokens.shape[1] + 1].to(words))
        step.record_hidden(x)
        for layer, block in enumerate(self.blocks):
            x = block(x, layer, step)
            step.record_hidden(x)
        return x
