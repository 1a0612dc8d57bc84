"""Pre-norm transformers and their blocks: what `transformers` calls Qwen3 and EuroBERT, and others.

The modern decoder has RMSNorm, also on queries and keys, rotary positions, a gated feed-forward and
no biases; the encoder no norms on queries and keys. The decoders of other programs differ as the
properties of `ModelConfig` say: each difference is made here in one place.
Queries, keys and values are one matrix in memory, and so are gate and up projection;
`core.model.state_dict` splits them for storage.

Shapes: B batch, T new tokens, H heads, G key/value heads, D width, K head size, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.config.configs import ModelConfig
from core.model import fused_ops
from core.model.attention import ForwardPass, attend
from core.model.decoder import Decoder, DecodeStep
from core.model.encoder import Encoder
from core.model.fast_decode import CudaGraphDecoder, FastDecoder
from core.model.label_head import LabelHead
from core.model.language_model import LanguageModel, uninitialised, uninitialised_embedding
from core.model.linear import Linear, linear

INITIAL_STD = 0.02

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "relu": F.relu,
    "relu2": lambda x: F.relu(x).square(),
    "gelu": F.gelu,
    "gelu_new": partial(F.gelu, approximate="tanh"),
}


class RMSNorm(nn.Module):
    """x / rms(x) * weight over the last dimension (Zhang & Sennrich 2019).

    Computed in the precision of the weight, also if autocast passes in bfloat16.
    """

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(…, size) to (…, size)."""
        x = x.to(self.weight.dtype)
        if fused_ops.should_use_custom_backward(x):
            normed: Tensor = fused_ops.RMSNormFn.apply(x, self.weight, self.eps)  # type: ignore[no-untyped-call]
            return normed
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class LayerNorm(nn.LayerNorm):
    """(x - mean) / deviation * weight + bias over the last dimension (Ba et al. 2016)."""

    def forward(self, x: Tensor) -> Tensor:
        """(…, size) to (…, size), in the precision of the weight."""
        return super().forward(x.to(self.weight.dtype))


def make_norm(config: ModelConfig) -> RMSNorm | LayerNorm:
    """A norm of the residual stream."""
    kind = LayerNorm if config.has_layer_norm else RMSNorm
    return kind(config.d_model, config.norm_eps)


def rotary_table(context: int, size: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosine and sine (context, K/2) of every position's angles (Su et al. 2021).

    Pair i of a head is rotated by position / theta^(2i/K).
    """
    frequencies = theta ** -(torch.arange(0, size, 2, dtype=torch.float32) / size)  # (K/2,)
    angles = torch.outer(torch.arange(context, dtype=torch.float32), frequencies)  # (context, K/2)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate x (B, H, T, K) by its positions; element i is paired with element i + K/2.

    A table for fewer elements R leaves those after the first R as they are.
    """
    size = 2 * cos.shape[-1]
    if size == 0:
        return x
    if size < x.shape[-1]:
        return torch.cat((rotate(x[..., :size], cos, sin), x[..., size:]), dim=-1)
    if fused_ops.should_use_custom_backward(x):
        rotated: Tensor = fused_ops.RotaryFn.apply(x, cos, sin)  # type: ignore[no-untyped-call]
        return rotated
    a, b = x.chunk(2, dim=-1)  # (B, H, T, K/2) each
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


class Attention(nn.Module):
    """Grouped-query self-attention (Ainslie et al. 2023); Qwen3 norms queries and keys."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads = config.heads, config.kv_heads
        self.head_dim = config.head_dim
        rows = (config.heads + 2 * config.kv_heads) * config.head_dim
        self.qkv = uninitialised(Linear, config.d_model, rows, bias=config.has_qkv_bias)
        inner, bias = config.heads * config.head_dim, config.attention_bias
        self.out = uninitialised(Linear, inner, config.d_model, bias=bias)
        self.q_norm = self.k_norm = None
        if config.has_qk_norm:
            self.q_norm = RMSNorm(config.head_dim, config.norm_eps)
            self.k_norm = RMSNorm(config.head_dim, config.norm_eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, layer: int, step: ForwardPass) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        batch, new, _ = x.shape
        qkv = self.qkv(x).view(batch, new, -1, self.head_dim)  # (B, T, H+2G, K)
        q, k, v = qkv.transpose(1, 2).split((self.heads, self.kv_heads, self.kv_heads), dim=1)
        if self.q_norm is not None and self.k_norm is not None:
            q, k = self.q_norm(q), self.k_norm(k)
        q = rotate(q, cos, sin).to(v.dtype)  # (B, H, T, K)
        k = rotate(k, cos, sin).to(v.dtype)  # (B, G, T, K)
        attended = attend(q, k, v, layer, step)  # (B, H, T, K)
        heads = attended.transpose(1, 2).reshape(batch, new, -1)  # (B, T, H*K)
        output: Tensor = self.out(heads)
        return output


class FeedForward(nn.Module):
    """down(activation(gate x) * up x); with the activation silu, SwiGLU (Shazeer 2020)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        bias = config.mlp_bias
        self.gate_up = uninitialised(Linear, config.d_model, 2 * config.d_ff, bias=bias)
        self.down = uninitialised(Linear, config.d_ff, config.d_model, bias=bias)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        output: Tensor = self.down(self.activation(gate) * up)
        return output


class PlainFeedForward(nn.Module):
    """down(activation(up x)), without a gate (Vaswani et al. 2017)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        bias = config.mlp_bias
        self.up = uninitialised(Linear, config.d_model, config.d_ff, bias=bias)
        self.down = uninitialised(Linear, config.d_ff, config.d_model, bias=bias)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        output: Tensor = self.down(self.activation(self.up(x)))
        return output


class Block(nn.Module):
    """One layer: attention and feed-forward, each on the norm of the residual stream it adds to.

    With a parallel residual, the feed-forward does not read what the attention has added
    (Wang & Komatsuzaki 2021, "GPT-J-6B").
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention_norm = make_norm(config)
        self.attention = Attention(config)
        self.feed_forward_norm = make_norm(config)
        self.feed_forward: nn.Module = (FeedForward if config.has_gate else PlainFeedForward)(
            config
        )
        self.is_parallel = config.parallel_residual

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, layer: int, step: ForwardPass) -> Tensor:
        """(B, T, D) to (B, T, D)."""
        attended = self.attention(self.attention_norm(x), cos, sin, layer, step)
        after = x + step.apply_dropout(attended)
        normed = self.feed_forward_norm(x if self.is_parallel else after)
        return after + step.apply_dropout(self.feed_forward(normed))


class ModernTransformer(LanguageModel):
    """What the modern decoder and encoder share: everything but who may attend to whom.

    Args:
        config: the shape.
        seed: of the initial weights; None leaves them uninitialised, to be loaded.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, config: ModelConfig, seed: int | None = 0) -> None:
        super().__init__(config)
        self.embedding = uninitialised_embedding(config.vocab_size, config.d_model)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = make_norm(config)
        self.positions: nn.Embedding | None = None
        if config.has_learned_positions:
            self.positions = uninitialised_embedding(config.context, config.d_model)
        self.output: nn.Module | None = None
        if config.labels:
            self.output = LabelHead(config)
        elif not config.tie_embeddings:
            self.output = uninitialised(Linear, config.d_model, config.vocab_size, bias=False)
        cos, sin = rotary_table(config.context, config.rotary_size, config.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        if seed is not None:
            self.initialise(seed)

    def layers(self, tokens: Tensor, positions: slice | Tensor, step: ForwardPass) -> Tensor:
        """See `LanguageModel.layers`; the final norm is part of `head`."""
        cos, sin = self.cos[positions], self.sin[positions]  # (T, K/2) or (B, T, K/2)
        x = self.embedding(tokens)  # (B, T, D)
        if self.positions is not None:
            x = x + self.positions.weight[positions]
        if cos.dim() == 3:
            cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)  # the same for all heads
        return self._run_blocks(step.apply_dropout(x), step, cos, sin)

    def head(self, hidden: Tensor) -> Tensor:
        """Final norm and projection, (…, D) to (…, V), or with labels (…, labels)."""
        normed = self.norm(hidden)
        if self.output is None:
            return linear(normed, self.embedding.weight)
        logits: Tensor = self.output(normed)
        return logits

    def initialise(self, seed: int) -> None:
        """Normal with standard deviation 0.02, divided by sqrt(2 * layers) where a block adds.

        Norms are 1, biases 0.
        From Radford et al. 2019 (GPT-2): the residual stream does not grow with the depth.
        """
        generator = torch.Generator().manual_seed(seed)
        residual = INITIAL_STD / math.sqrt(2 * self.config.layers)
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if weight.dim() == 1:
                    weight.fill_(0.0 if name.endswith("bias") else 1.0)
                    continue
                std = residual if name.endswith(("out.weight", "down.weight")) else INITIAL_STD
                # Drawn on the host, so that every device gets the same weights.
                values = torch.empty(weight.shape).normal_(0.0, std, generator=generator)
                weight.copy_(values)


class GPT(ModernTransformer, Decoder):
    """The modern decoder, and those of other programs."""

    def make_decode_step(self) -> DecodeStep:
        """See `Decoder.make_decode_step`; without a fast path for LayerNorm and plain layers."""
        if self.config.has_layer_norm or self.config.rotary_size != self.config.head_dim:
            return super().make_decode_step()
        decoder = FastDecoder(self)
        return CudaGraphDecoder(decoder) if self.device.type == "cuda" else decoder


class ModernEncoder(ModernTransformer, Encoder):
    """The modern decoder's blocks without its causal mask and norms of queries and keys."""
