"""A linear map that is quick on a processor, in generation and in training.

For one row oneDNN's product reads the weights at the memory's speed, where the one PyTorch takes
by itself is up to twice as slow; for thousands, on processors with AVX-512, it is a fifth to a half
ahead (figures in docs/benchmarks.md).
It takes the weights as they are: nothing is stored twice. It is reached through an operator that
PyTorch does not promise to keep, so it is used only where a trial shows that it is there and
right; everything else goes the ordinary way, with the same results up to rounding.

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
MAX_ONEDNN_OUTPUTS = 3072  # that oneDNN sums over at its best, in gradients of inputs
MIN_ONEDNN_WEIGHTS = (
    2**17
)  # weights: for one row of fewer than these oneDNN's call takes longer than the product


def _inferred(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The quicker of the two products where nothing is differentiated."""
    if weight.numel() < MIN_ONEDNN_WEIGHTS and x.numel() == x.shape[-1]:
        return F.linear(x, weight, bias)
    return _product(x, weight, bias)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (…, I) times the transpose of weight (O, I), plus bias: (…, O)."""
    made: Tensor = torch.ops.mkldnn._linear_pointwise.default(x, weight, bias, "none", [], "")
    return made


def _product_onto(x: Tensor, onto: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`_product`, added to what (…, O) is there."""
    made: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, onto, weight, bias, "add")
    return made


@functools.cache
def has_onednn_linear() -> bool:
    """Whether this PyTorch and processor have the operator, and it computes what it should."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    x, weight, bias = torch.arange(6.0).view(3, 2), torch.eye(2), torch.ones(2)
    try:
        right = torch.equal(_product(x, weight, bias), x + 1.0)
        return right and torch.equal(_product_onto(x, x, weight, bias), 2.0 * x + 1.0)
    except (AttributeError, RuntimeError):
        return False


@functools.cache
def is_onednn_fast_for_many_rows() -> bool:
    """Whether oneDNN is ahead in large products, too: it was measured to be so with AVX-512."""
    return str(torch.backends.cpu.get_cpu_capability()).startswith("AVX512")


class OneDNNLinearFn(torch.autograd.Function):
    """`F.linear` whose products, of the value and of both gradients, are the quicker ones."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(N, I) to (N, O)."""
        ctx.save_for_backward(x, weight)
        ctx.biased = bias is not None
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Of x (N, I), weight (O, I) and bias (O,), from that of the output (N, O)."""
        x, weight = ctx.saved_tensors
        (gradient,) = gradients
        gradient = gradient.contiguous()
        bias = gradient.sum(0) if ctx.biased else None
        return _of_input(gradient, weight), _of_weight(gradient, x), bias


def _of_input(gradient: Tensor, weight: Tensor) -> Tensor:
    """(N, O) times weight (O, I): (N, I), the outputs in pieces."""
    pieces = -(-weight.shape[0] // MAX_ONEDNN_OUTPUTS)
    (first, part), *more = zip(gradient.chunk(pieces, 1), weight.chunk(pieces), strict=True)
    made = _product(first, part.t())
    for another, part in more:
        made = _product_onto(another, made, part.t())
    return made


def _of_weight(gradient: Tensor, x: Tensor) -> Tensor:
    """The transpose of (N, O) times x (N, I): (O, I).

    oneDNN wants its first operand row by row, and so has the gradient copied: of many rows that
    pays only where a large map narrows.
    """
    outputs, inputs = gradient.shape[1], x.shape[1]
    narrows = 2 * outputs <= inputs and outputs * inputs >= MIN_ONEDNN_WEIGHTS
    if len(x) > MAX_FEW_ROWS and not narrows:
        return gradient.t() @ x
    # Of a slice of wider rows it would be hundreds of times slower.
    return _product(gradient.t(), x.contiguous().t())


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear`, quicker in float32 on a processor: (…, I) to (…, O)."""
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
        return _inferred(x, weight, bias)
    rows = x.reshape(-1, x.shape[-1])
    if not x.requires_grad or (len(rows) > MAX_FEW_ROWS and not is_onednn_fast_for_many_rows()):
        return F.linear(x, weight, bias)
    made: Tensor = OneDNNLinearFn.apply(rows, weight, bias)  # type: ignore[no-untyped-call]
    return made.view(*x.shape[:-1], -1)


class Linear(nn.Linear):
    """`nn.Linear` by way of `linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """(…, I) to (…, O)."""
        return linear(x, self.weight, self.bias)


def prepare_linear(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """The map of a module's weight, with what `linear` asks each time asked once.

    Args:
        module: a linear map, or a table that is used as one; its weight must stay what it is.
    """
    if not isinstance(module, Linear | nn.Embedding):
        return module.forward
    weight, bias = module.weight.detach(), getattr(module, "bias", None)
    if _is_quick(weight):
        return functools.partial(_inferred, weight=weight, bias=bias)
    return functools.partial(F.linear, weight=weight, bias=bias)


def prepare_linear_add(module: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """Like `prepare_linear`, of x (…, I) and what (…, O) its product is added to."""
    product = prepare_linear(module)
    if (
        isinstance(module, Linear)
        and _is_quick(module.weight)
        and module.weight.numel() >= MIN_ONEDNN_WEIGHTS
    ):
        weight, bias = module.weight.detach(), module.bias
        return functools.partial(_product_onto, weight=weight, bias=bias)
    return lambda x, onto: onto + product(x)


def _is_quick(weight: Tensor) -> bool:
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and has_onednn_linear()
