"""Fast path: weights of a loaded model in bfloat16 or int8, for inference only.

Decoding a token is bound by reading the weights, so fewer bits make it faster. Only weights are
quantised; activations, keys and values stay float32. int8 has one scale per row (Dettmers et al.
2022, "LLM.int8()", without its outliers).

Two private operators of PyTorch are used, each only if a trial finds it and its result is right:
`torch._weight_int8pack_mm`, and on a CPU `torch.ops.mkldnn._reorder_linear_weight` with the product
of `core.model.linear`.

Maps are replaced one after another, so that memory shrinks meanwhile. A tied embedding stays in
float32 beside the quantised output projection, as its rows are looked up one by one.

Shapes: I inputs, O outputs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.config.configs import BFLOAT16, FLOAT32, INT8, PRECISIONS
from core.errors import InputError
from core.model.gpt import GPT
from core.model.language_model import LanguageModel
from core.model.linear import onednn_linear

INT8_MAX = 127
INT8_INPUT_MULTIPLE = 32  # the operator reads so many inputs at a time, also past a row's end


class QuantizedLinear(nn.Module):
    """A linear map with quantised weights: float32 (…, I) to float32 (…, O)."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("bias", bias, persistent=False)


class BFloat16Linear(QuantizedLinear):
    """Weights rounded to bfloat16; on a CPU in the layout that oneDNN reads."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        rounded = weight.detach().bfloat16()
        super().__init__(rounded, None if bias is None else bias.detach().bfloat16())
        self.is_packed = rounded.device.type == "cpu"
        if self.is_packed:
            self.weight = torch.ops.mkldnn._reorder_linear_weight(rounded, 1)

    def forward(self, x: Tensor) -> Tensor:
        """See `QuantizedLinear`."""
        product = onednn_linear if self.is_packed else F.linear
        return product(x.bfloat16(), self.weight, self.bias).float()


class Int8Linear(QuantizedLinear):
    """Weights as integers from -127 to 127, times a scale per output."""

    scales: Tensor

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        weight = weight.detach()
        scales = weight.abs().amax(1, keepdim=True).clamp(min=1e-12) / INT8_MAX  # (O, 1)
        # The operator takes bfloat16 scales; rounding them first keeps the integers exact.
        scales = scales.bfloat16()
        integers = (weight / scales.float()).round_().clamp_(-INT8_MAX, INT8_MAX).to(torch.int8)
        self.padding = -weight.shape[1] % INT8_INPUT_MULTIPLE
        integers = F.pad(integers, (0, self.padding))  # (O, I + padding)
        super().__init__(integers, None if bias is None else bias.detach().clone())
        self.in_features -= self.padding
        self.register_buffer("scales", scales.view(-1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """See `QuantizedLinear`."""
        rows = x.reshape(-1, self.in_features).bfloat16()
        if self.padding:
            rows = F.pad(rows, (0, self.padding))
        product: Tensor = torch._weight_int8pack_mm(rows, self.weight, self.scales).float()
        product = product.view(*x.shape[:-1], self.out_features)
        return product if self.bias is None else product + self.bias


QUANTIZED_LINEARS: dict[str, Callable[[Tensor, Tensor | None], QuantizedLinear]] = {
    BFLOAT16: BFloat16Linear,
    INT8: Int8Linear,
}


@functools.cache
def unsupported_reason(precision: str, device: str = "cpu") -> str | None:
    """Why a device cannot compute with such weights, found by a trial; None if it can."""
    if precision == FLOAT32:
        return None
    x = torch.arange(64.0, device=device).view(2, 32)
    try:
        product = QUANTIZED_LINEARS[precision](torch.eye(32, device=device), None)(x)
    except (AttributeError, RuntimeError) as error:
        return (str(error).splitlines() or [type(error).__name__])[0]
    is_right = torch.allclose(product, x, rtol=2**-6, atol=2**-6)
    return None if is_right else "its products are wrong on this machine"


def quantize_weights(model: LanguageModel, precision: str) -> None:
    """Replace a model's linear maps by quantised ones; afterwards it can only do inference.

    Raises:
        InputError: an unknown precision, or one that the model's device does not support.
    """
    if precision not in PRECISIONS:
        raise InputError(
            f"There is no precision {precision!r}.", f"Precisions: {', '.join(PRECISIONS)}."
        )
    if reason := unsupported_reason(precision, model.device.type):
        raise InputError(
            f"{precision} cannot be used on {model.device}: {reason}.",
            "Use float32; `minigpt-tui doctor` shows what this machine supports.",
        )
    if precision == FLOAT32:
        return
    quantized = QUANTIZED_LINEARS[precision]
    if isinstance(model, GPT) and model.output is None:
        model.output = quantized(model.embedding.weight, None)
    for module in list(model.modules()):
        for name, part in list(module.named_children()):
            if isinstance(part, nn.Linear):
                setattr(module, name, quantized(part.weight, part.bias))
