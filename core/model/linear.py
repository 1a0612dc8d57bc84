"""Fast path: linear maps in float32 on a CPU, in inference and in training.

PyTorch's own product reads the weights of a single row up to twice as slowly as oneDNN's, which
runs at memory speed. For thousands of rows, on CPUs with AVX-512, oneDNN is 20 to 50 % faster, too
(docs/benchmarks.md). It takes the weights in their usual layout, so nothing is stored twice.

oneDNN is reached through the private operator `torch.ops.mkldnn._linear_pointwise`. It is used only
if a trial on this machine finds it and its result is right; otherwise `F.linear` computes the same
up to rounding.

Shapes: N rows, I inputs, O outputs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MAX_FEW_ROWS = 64
MAX_ONEDNN_OUTPUTS = 3072  # summed over in one product, in gradients of inputs
# For one row and a smaller weight, calling oneDNN takes longer than the product.
MIN_ONEDNN_WEIGHTS = 2**17


def onednn_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (…, I) times the transpose of weight (O, I), plus bias: (…, O)."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise.default(x, weight, bias, "none", [], "")
    return product


def onednn_linear_add(
    x: Tensor, other: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """`onednn_linear` plus other (…, O)."""
    total: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, other, weight, bias, "add")
    return total


@functools.cache
def has_onednn_linear() -> bool:
    """Whether this PyTorch and CPU have the operator and it computes the right result."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    x, weight, bias = torch.arange(6.0).view(3, 2), torch.eye(2), torch.ones(2)
    try:
        is_right = torch.equal(onednn_linear(x, weight, bias), x + 1.0)
        return is_right and torch.equal(onednn_linear_add(x, x, weight, bias), 2.0 * x + 1.0)
    except (AttributeError, RuntimeError):
        return False


@functools.cache
def is_onednn_fast_for_many_rows() -> bool:
    """Whether oneDNN is also faster for many rows, which was measured with AVX-512 only."""
    return str(torch.backends.cpu.get_cpu_capability()).startswith("AVX512")


def _inference_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The faster of the two products if there are no gradients."""
    if weight.numel() < MIN_ONEDNN_WEIGHTS and x.numel() == x.shape[-1]:
        return F.linear(x, weight, bias)
    return onednn_linear(x, weight, bias)


class OneDNNLinearFn(torch.autograd.Function):
    """`F.linear` whose value and gradients are computed by oneDNN."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(N, I) to (N, O)."""
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        return onednn_linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Gradients of x (N, I), weight (O, I) and bias (O,) from that of the output (N, O)."""
        x, weight = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        bias_gradient = gradient.sum(0) if ctx.has_bias else None
        return _input_gradient(gradient, weight), _weight_gradient(gradient, x), bias_gradient


def _input_gradient(gradient: Tensor, weight: Tensor) -> Tensor:
    """(N, O) times weight (O, I): (N, I), summed over slices of the outputs."""
    slices = -(-weight.shape[0] // MAX_ONEDNN_OUTPUTS)
    (first, rows), *rest = zip(gradient.chunk(slices, 1), weight.chunk(slices), strict=True)
    total = onednn_linear(first, rows.t())
    for columns, rows in rest:
        total = onednn_linear_add(columns, total, rows.t())
    return total


def _weight_gradient(gradient: Tensor, x: Tensor) -> Tensor:
    """The transpose of (N, O) times x (N, I): (O, I).

    oneDNN copies the transposed gradient to rows; for many rows that is only worth it where a large
    map narrows.
    """
    outputs, inputs = gradient.shape[1], x.shape[1]
    is_narrowing = 2 * outputs <= inputs and outputs * inputs >= MIN_ONEDNN_WEIGHTS
    if len(x) > MAX_FEW_ROWS and not is_narrowing:
        return gradient.t() @ x
    # oneDNN is hundreds of times slower on a slice of wider rows.
    return onednn_linear(gradient.t(), x.contiguous().t())


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear`, faster in float32 on a CPU: (…, I) to (…, O)."""
    if (
        torch.compiler.is_compiling()
        or x.device.type != "cpu"
        or not x.dtype == weight.dtype == torch.float32
        or torch.is_autocast_enabled("cpu")
        or not x.numel()
        or not has_onednn_linear()
    ):
        return F.linear(x, weight, bias)
    if not torch.is_grad_enabled():
        return _inference_linear(x, weight, bias)
    rows = x.reshape(-1, x.shape[-1])
    if not x.requires_grad or (len(rows) > MAX_FEW_ROWS and not is_onednn_fast_for_many_rows()):
        return F.linear(x, weight, bias)
    product: Tensor = OneDNNLinearFn.apply(rows, weight, bias)  # type: ignore[no-untyped-call]
    return product.view(*x.shape[:-1], -1)


class Linear(nn.Linear):
    """`nn.Linear` computed by `linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """(…, I) to (…, O)."""
        return linear(x, self.weight, self.bias)


def prepare_linear(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """The linear map of a module for inference, with the checks of `linear` done once.

    Args:
        module: a linear map, or an embedding used as one; its weight must not change.
    """
    if not isinstance(module, Linear | nn.Embedding):
        return module.forward
    weight, bias = module.weight.detach(), getattr(module, "bias", None)
    product = _inference_linear if _can_use_onednn(weight) else F.linear
    return functools.partial(product, weight=weight, bias=bias)


def prepare_linear_add(module: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """Like `prepare_linear`, for x (…, I) and a term (…, O) to which the product is added."""
    if (
        isinstance(module, Linear)
        and _can_use_onednn(module.weight)
        and module.weight.numel() >= MIN_ONEDNN_WEIGHTS
    ):
        weight, bias = module.weight.detach(), module.bias
        return functools.partial(onednn_linear_add, weight=weight, bias=bias)
    product = prepare_linear(module)
    return lambda x, other: other + product(x)


def _can_use_onednn(weight: Tensor) -> bool:
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and has_onednn_linear()
