"""RMSNorm and rotary positions with gradients written out, for training on processors.

There PyTorch makes both, and their gradients, of many small operations, each of which reads and
writes all numbers once: for a small model that takes longer than the products.

Shapes: D the last dimension, K the head size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def should_use_custom_backward(x: Tensor) -> bool:
    """Whether a gradient will be wanted, on a device where passes are what it costs.

    A compiler makes few passes of many by itself.
    """
    if torch.compiler.is_compiling():
        return False
    return x.device.type == "cpu" and torch.is_grad_enabled() and x.requires_grad


class RMSNormFn(torch.autograd.Function):
    """x / rms(x) * weight over the last dimension.

    Gradient: with y = x / rms(x) and h = weight * g, it is (h - y * mean(h * y)) / rms(x).
    Source: Zhang & Sennrich 2019, "Root Mean Square Layer Normalization", section 3.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        """(…, D) and (D,) to (…, D)."""
        squares = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_()  # (…, 1)
        inverse = squares.div_(x.shape[-1]).add_(eps).rsqrt_()  # (…, 1)
        y: Tensor = x * inverse
        ctx.save_for_backward(y, inverse, weight)
        return y * weight

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        """Of x (…, D) and of weight (D,)."""
        y, inverse, weight = ctx.saved_tensors
        (gradient,) = gradients
        both = gradient * y
        share = torch.linalg.vecdot(both, weight).div_(-y.shape[-1]).unsqueeze(-1)  # (…, 1)
        of_weight = both.sum(tuple(range(both.ndim - 1)))
        of_x = torch.mul(gradient, weight, out=both).addcmul_(y, share).mul_(inverse)
        return of_x, of_weight, None


class RotaryFn(torch.autograd.Function):
    """Pairs of elements i and i + K/2 turned by their positions; back by the gradient.

    Source: Su et al. 2021, "RoFormer", section 3.4.2.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(B, H, T, K), with angles' (T, K/2), to (B, H, T, K)."""
        ctx.save_for_backward(cos, sin)
        return _turned(x, cos, sin, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Of x (B, H, T, K)."""
        cos, sin = ctx.saved_tensors
        return _turned(gradients[0], cos, sin, -1), None, None


def _turned(x: Tensor, cos: Tensor, sin: Tensor, way: int) -> Tensor:
    made: Tensor = torch.empty_like(x)
    a, b = x.chunk(2, dim=-1)  # (B, H, T, K/2) each
    first, second = made.chunk(2, dim=-1)
    torch.mul(a, cos, out=first).addcmul_(b, sin, value=-way)
    torch.mul(b, cos, out=second).addcmul_(a, sin, value=way)
    return made
