"""Fast path: RMSNorm and rotary positions with hand-written gradients, for training on a CPU.

There PyTorch composes both, and their gradients, of many small operations that each read and write
all numbers once: for a small model that takes longer than the matrix products.

Shapes: D the last dimension, K the head size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def should_use_custom_backward(x: Tensor) -> bool:
    """Whether a gradient is needed on a CPU; a compiler fuses the small operations by itself."""
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
        inverse_rms = squares.div_(x.shape[-1]).add_(eps).rsqrt_()  # (…, 1)
        y: Tensor = x * inverse_rms
        ctx.save_for_backward(y, inverse_rms, weight)
        return y * weight

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gradients of x (…, D) and of weight (D,)."""
        y, inverse_rms, weight = ctx.saved_tensors
        (gradient,) = gradients
        product = gradient * y  # (…, D)
        negative_mean = torch.linalg.vecdot(product, weight).div_(-y.shape[-1]).unsqueeze(-1)
        weight_gradient = product.sum(tuple(range(product.ndim - 1)))
        h = torch.mul(gradient, weight, out=product)
        return h.addcmul_(y, negative_mean).mul_(inverse_rms), weight_gradient, None


class RotaryFn(torch.autograd.Function):
    """Rotate the pairs of elements i and i + K/2 by their positions' angles.

    Source: Su et al. 2021, "RoFormer", section 3.4.2.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(B, H, T, K), with cosines and sines (T, K/2), to (B, H, T, K)."""
        ctx.save_for_backward(cos, sin)
        return _rotate(x, cos, sin, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of x (B, H, T, K): rotated back."""
        cos, sin = ctx.saved_tensors
        return _rotate(gradients[0], cos, sin, -1), None, None


def _rotate(x: Tensor, cos: Tensor, sin: Tensor, direction: int) -> Tensor:
    rotated: Tensor = torch.empty_like(x)
    a, b = x.chunk(2, dim=-1)  # (B, H, T, K/2) each
    first, second = rotated.chunk(2, dim=-1)
    torch.mul(a, cos, out=first).addcmul_(b, sin, value=-direction)
    torch.mul(b, cos, out=second).addcmul_(a, sin, value=direction)
    return rotated
