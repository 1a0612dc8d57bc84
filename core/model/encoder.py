"""The tutorial's encoder: what it shows before it builds its decoder.

Padding gets a position like any other word, and is hidden from attention instead.

Shapes: B batch, T tokens, H heads, D width, K head size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.model.attention import Pass, Record
from core.config.configs import ModelConfig
from core.model.decoder import unset
from core.tokenizer.tokenizer import PAD
from core.model.tutorial import FeedForward, MultiHeadAttention, initialise_plainly


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
        self.feed_forward = FeedForward(config)

    def forward(self, x: Tensor, layer: int, step: Pass) -> Tensor:
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
        self.embedding = unset(nn.Embedding, config.vocab_size, config.d_model)
        self.blocks = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        if seed is not None:
            initialise_plainly(self, seed)

    def forward(self, tokens: Tensor, *, record: Record | None = None) -> Tensor:
        """Ids (B, T), at least one word in each line, to (B, T, D); `record` as in `Decoder`."""
        # Positions count from 1; row 0 of the table belongs to no word.
        table = sinusoid_table(self.config.context + 1, self.config.d_model)
        words: Tensor = self.embedding(tokens)  # (B, T, D)
        dropout = self.dropout if self.training else 0.0
        step = Pass(padding_mask(tokens), None, record, None, dropout)
        x = step.drop(words + table[1 : tokens.shape[1] + 1].to(words))
        step.note(x)
        for layer, block in enumerate(self.blocks):
            x = block(x, layer, step)
            step.note(x)
        return x
