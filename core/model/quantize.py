"""The weights of a loaded model in fewer bits: reading them is what a token's time goes into.

Only weights are shortened; what flows between the products, and the keys and values, stay float32.
int8 has one scale for each row (Dettmers et al. 2022, "LLM.int8()", without its outliers); it is
read through an operator that PyTorch does not promise to keep, so a trial says whether it is there
and right. A shortened map takes the place of the one it was made from, one after another, so that
memory shrinks. A table that also serves as the output stays as it is beside the shortened output:
its rows are looked up one by one.

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
from core.model.decoder import Decoder
from core.model.gpt import GPT

INT8_MAX = 127
INT8_INPUT_MULTIPLE = 32  # the operator reads so many inputs at a time, also past the end of a row


class QuantizedLinear(nn.Module):
    """A linear map with fewer bits: float32 (…, I) to float32 (…, O)."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("bias", bias, persistent=False)


class BFloat16Linear(QuantizedLinear):
    """Weights rounded to bfloat16, on a processor in the order in which oneDNN reads them."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        short = weight.detach().bfloat16()
        super().__init__(short, None if bias is None else bias.detach().bfloat16())
        self.packed = short.device.type == "cpu"
        if self.packed:
            self.weight = torch.ops.mkldnn._reorder_linear_weight(short, 1)

    def forward(self, x: Tensor) -> Tensor:
        """See `QuantizedLinear`."""
        short = x.bfloat16()
        if not self.packed:
            return F.linear(short, self.weight, self.bias).float()
        made: Tensor = torch.ops.mkldnn._linear_pointwise.default(
            short, self.weight, self.bias, "none", [], ""
        )
        return made.float()


class Int8Linear(QuantizedLinear):
    """Weights as whole numbers to 127, times a scale for each output."""

    scales: Tensor

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        weight = weight.detach()
        scales = weight.abs().amax(1, keepdim=True).clamp(min=1e-12) / INT8_MAX  # (O, 1)
        scales = scales.bfloat16()  # the operator's; rounded now, so that the numbers fit them
        numbers = (weight / scales.float()).round_().clamp_(-INT8_MAX, INT8_MAX).to(torch.int8)
        self.padding = -weight.shape[1] % INT8_INPUT_MULTIPLE
        numbers = F.pad(numbers, (0, self.padding))  # (O, I + padding)
        super().__init__(numbers, None if bias is None else bias.detach().clone())
        self.in_features -= self.padding
        self.register_buffer("scales", scales.view(-1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """See `QuantizedLinear`."""
        rows = x.reshape(-1, self.in_features).bfloat16()
        if self.padding:
            rows = F.pad(rows, (0, self.padding))
        made: Tensor = torch._weight_int8pack_mm(rows, self.weight, self.scales).float()
        made = made.view(*x.shape[:-1], self.out_features)
        return made if self.bias is None else made + self.bias


QUANTIZED_LINEARS: dict[str, Callable[[Tensor, Tensor | None], QuantizedLinear]] = {
    BFLOAT16: BFloat16Linear,
    INT8: Int8Linear,
}


def unsupported_reason(precision: str, device: str = "cpu") -> str:
    """Why a device cannot multiply with such weights, found by trying; empty if it can."""
    return "" if precision == FLOAT32 else _tried(precision, device)


@functools.cache
def _tried(precision: str, device: str) -> str:
    x = torch.arange(64.0, device=device).view(2, 32)
    try:
        made = QUANTIZED_LINEARS[precision](torch.eye(32, device=device), None)(x)
    except (AttributeError, RuntimeError) as error:
        return (str(error).splitlines() or [type(error).__name__])[0]
    close = torch.allclose(made, x, rtol=2**-6, atol=2**-6)
    return "" if close else "its products come out wrong here"


def quantize_weights(model: Decoder, precision: str) -> None:
    """Has a model's maps read weights of a precision; for a model that only generates.

    Raises:
        InputError: there is none such, or the model's device cannot use it.
    """
    if precision not in PRECISIONS:
        raise InputError(
            f"There is no precision {precision!r}.", f"There are {', '.join(PRECISIONS)}."
        )
    if why := unsupported_reason(precision, model.device.type):
        raise InputError(
            f"{precision} cannot be used on {model.device}: {why}.",
            "Use float32; `minigpt-tui doctor` says what this machine can.",
        )
    if precision == FLOAT32:
        return
    kind = QUANTIZED_LINEARS[precision]
    if isinstance(model, GPT) and model.output is None:
        model.output = kind(model.embedding.weight, None)
    for module in list(model.modules()):
        for name, part in list(module.named_children()):
            if isinstance(part, nn.Linear):
                setattr(module, name, kind(part.weight, part.bias))
