"""A linear map that is quick for few rows on a processor, forward and backward.

For some dozens of rows oneDNN's product is up to twice as quick as the one PyTorch takes by
itself (figures in docs/benchmarks.md). It is reached through an operator that PyTorch does not
promise to keep, so it is used only where a trial shows that it is there and right; everything
else goes the ordinary way, with the same results up to rounding.

Shapes: N rows, I inputs, O outputs.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MOST_ROWS = 64


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (N, I) times the transpose of weight (O, I), plus bias: (N, O)."""
    made: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return made


@functools.cache
def few_rows_are_quick() -> bool:
    """Whether this PyTorch and processor have the operator, and it computes what it should."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    x, weight, bias = torch.arange(6.0).view(3, 2), torch.eye(2), torch.ones(2)
    try:
        return torch.equal(_product(x, weight, bias), x + 1.0)
    except (AttributeError, RuntimeError):
        return False


class _FewRows(torch.autograd.Function):
    """`F.linear` whose three products, of the value and of both gradients, are oneDNN's."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """(N, I) to (N, O)."""
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of x (N, I), weight (O, I) and bias (O,), from that of the output (N, O)."""
        x, weight = ctx.saved_tensors
        (gradient,) = gradients
        gradient = gradient.contiguous()
        return _product(gradient, weight.t()), _product(gradient.t(), x.t()), gradient.sum(0)


class Linear(nn.Linear):
    """`nn.Linear`, quicker where it trains on few rows in float32 on a processor."""

    def forward(self, x: Tensor) -> Tensor:
        """(…, I) to (…, O)."""
        rows = x.numel() // self.in_features
        if (
            rows <= MOST_ROWS
            and x.requires_grad
            and x.device.type == "cpu"
            and x.dtype == self.weight.dtype == torch.float32
            and not torch.is_autocast_enabled("cpu")
            and few_rows_are_quick()
        ):
            made: Tensor = _FewRows.apply(x.reshape(rows, -1), self.weight, self.bias)  # type: ignore[no-untyped-call]
            return made.view(*x.shape[:-1], -1)
        return F.linear(x, self.weight, self.bias)
