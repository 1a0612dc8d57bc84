"""The baseline of the training benchmarks: a plain GPT-2 decoder with a plain training loop.

It follows the documented recipe of nanoGPT: learned positions, layer norms without biases, GELU,
tied embeddings, AdamW with weight decay on matrices, gradient clipping at 1.

Shapes: B batch, T tokens, H heads, K head size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class PlainShape:
    """The shape of a plain model."""

    vocab_size: int
    context: int
    layers: int
    heads: int
    width: int


class PlainBlock(nn.Module):
    """A GPT-2 layer."""

    def __init__(self, size: PlainShape) -> None:
        super().__init__()
        self.size, width = size, size.width
        self.norm_1, self.norm_2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.attention = nn.Linear(width, 3 * width, bias=False)
        self.mixed = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        heads = self.attention(self.norm_1(x)).split(width, dim=2)
        q, k, v = (part.view(batch, length, self.size.heads, -1).transpose(1, 2) for part in heads)
        values = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, H, T, K)
        x = x + self.mixed(values.transpose(1, 2).reshape(batch, length, width))
        output: Tensor = x + self.down(F.gelu(self.up(self.norm_2(x))))
        return output


class PlainGPT(nn.Module):
    """The GPT-2 decoder."""

    def __init__(self, size: PlainShape) -> None:
        super().__init__()
        self.tokens = nn.Embedding(size.vocab_size, size.width)
        self.places = nn.Embedding(size.context, size.width)
        self.blocks = nn.ModuleList(PlainBlock(size) for _ in range(size.layers))
        self.norm = nn.LayerNorm(size.width, bias=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                residual = name.endswith(("mixed.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * size.layers) if residual else 0.02)

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy over (B, T) in nats."""
        x = self.tokens(tokens) + self.places.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        scores = F.linear(self.norm(x), self.tokens.weight)
        return F.cross_entropy(scores.flatten(0, 1), targets.flatten())


class PlainLoop:
    """Training updates on random windows.

    On a GPU in bfloat16 with the fused AdamW, as in the recipe.

    Args:
        ids: (N,) on the device.
        compiled: whether to use `torch.compile`.
    """

    def __init__(
        self, size: PlainShape, ids: Tensor, batch: int, rate: float, *, compiled: bool = False
    ) -> None:
        self.model = PlainGPT(size).to(ids.device)
        self._loss = torch.compile(self.model.loss) if compiled else self.model.loss
        on_gpu = ids.device.type == "cuda"
        self._precision = torch.autocast(ids.device.type, torch.bfloat16, enabled=on_gpu)
        self._ids, self._batch, self._context = ids, batch, size.context
        decayed = [p for p in self.model.parameters() if p.dim() == 2]
        others = [p for p in self.model.parameters() if p.dim() != 2]
        groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
        self._adamw = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), fused=on_gpu or None)

    def update(self, rate: float) -> None:
        """Make one training step."""
        for group in self._adamw.param_groups:
            group["lr"] = rate
        length = self._context
        starts = torch.randint(len(self._ids) - length, (self._batch,)).tolist()
        tokens = torch.stack([self._ids[start : start + length] for start in starts])
        targets = torch.stack([self._ids[start + 1 : start + 1 + length] for start in starts])
        with self._precision:
            loss = self._loss(tokens, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._adamw.step()
        self._adamw.zero_grad(set_to_none=True)
