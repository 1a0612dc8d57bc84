"""How a stored tensor lies in a parameter in memory: some of its rows, and in which form.

Shapes: H heads, K head size, I inputs and O outputs of a linear map.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Shape = tuple[int, ...]
Form = Literal["plain", "convolution", "transposed", "interleaved"]


@dataclass(frozen=True)
class TensorSlice:
    """A stored tensor: some rows of a parameter in memory.

    Attributes:
        name: of the stored tensor.
        rows: number of rows of the parameter; None is all of them.
        form: "plain" as in memory; "convolution" with a last dimension of size 1; "transposed" a
            linear map as (I, O); "interleaved" queries, keys and values of a head side by side:
            (H, 3, K) rows, in memory (3, H, K).
        heads: of an interleaved tensor.
    """

    name: str
    rows: int | None = None
    form: Form = "plain"
    heads: int = 1

    def view(self, weight: Tensor) -> Tensor:
        """The rows in the order of the stored tensor, which may have merged dimensions."""
        if self.form == "convolution":
            return weight.unsqueeze(-1)
        if self.form == "transposed":
            return weight.t()
        if self.form == "interleaved":
            return weight.view(3, self.heads, -1, *weight.shape[1:]).transpose(0, 1)
        return weight

    def stored_shape(self, view: Tensor) -> Shape:
        """The shape of the stored tensor, from the view of it."""
        if self.form == "interleaved":
            return (math.prod(view.shape[:3]), *view.shape[3:])
        return tuple(view.shape)


TensorLayout = dict[str, tuple[TensorSlice, ...]]
"""The stored tensors of every parameter, by the parameter's name in memory."""


def with_bias(ours: str, theirs: str, form: Form = "plain", heads: int = 1) -> TensorLayout:
    """The layout of a map or norm with a bias, each stored as one tensor."""
    bias: Form = "interleaved" if form == "interleaved" else "plain"
    return {
        f"{ours}.weight": (TensorSlice(f"{theirs}.weight", form=form, heads=heads),),
        f"{ours}.bias": (TensorSlice(f"{theirs}.bias", form=bias, heads=heads),),
    }
