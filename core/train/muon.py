"""Muon: momentum whose matrices are made orthogonal before they become updates.

Jordan et al., 2024, "Muon: An optimizer for hidden layers in neural networks"; the coefficients
of the iteration are those of Amsel et al., 2025, "The Polar Express". For the matrices inside the
blocks only: embeddings, output projections and vectors are another optimiser's.

Matrices that stand below each other in one parameter, such as queries, keys and values, are made
orthogonal each for itself. All of one shape go through the iteration together, as one batch.

Shapes: N matrices of one shape, R rows, C columns, R at most C.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn

MOMENTUM = "momentum"
ITERATIONS = 3
# Each iteration maps a singular value s to a*s + b*s^3 + c*s^5; later ones finish what is left.
COEFFICIENTS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115966949, 0.5518191394370137),
)
SAFETY = 1.02  # singular values must not be above one where the iteration begins


@dataclass(frozen=True)
class Part:
    """A matrix within a parameter.

    Attributes:
        name: of the parameter.
        first, last: its rows there.
    """

    name: str
    first: int
    last: int


def orthogonal(matrices: Tensor) -> Tensor:
    """Nearly the nearest orthogonal matrices to those given, (N, R, C) both.

    Newton and Schulz's iteration: the singular vectors stay, the singular values go towards one.
    """
    x: Tensor = matrices / (SAFETY * matrices.norm(dim=(-2, -1), keepdim=True)).clamp(min=1e-7)
    for a, b, c in COEFFICIENTS[:ITERATIONS]:
        square = x @ x.mT  # (N, R, R)
        mixed = torch.baddbmm(square, square, square, beta=b, alpha=c)
        x = torch.baddbmm(x, mixed, x, beta=a)
    return x


class Muon:
    """Momentum of the matrices inside the blocks.

    Args:
        named: the parameters it updates, all matrices.
        heights: rows of the matrices that stand below each other in each of them.
        momentum: how much of it is kept at a step.
    """

    def __init__(
        self,
        named: Mapping[str, nn.Parameter],
        heights: Mapping[str, Sequence[int]],
        momentum: float,
    ) -> None:
        self._named, self._momentum = dict(named), momentum
        self._means = {name: torch.zeros_like(p) for name, p in self._named.items()}
        self._shapes: dict[tuple[int, int], list[Part]] = {}
        for name, parameter in self._named.items():
            rows, columns = parameter.shape
            assert sum(heights[name]) == rows, f"{name}: {heights[name]} of {rows} rows"
            for first, last in pairwise(accumulate(heights[name], initial=0)):
                shape = min(last - first, columns), max(last - first, columns)
                self._shapes.setdefault(shape, []).append(Part(name, first, last))

    @torch.no_grad()
    def step(self, rate: float, decay: float, found_inf: Tensor | None) -> None:
        """One update; where `found_inf` is one nothing is done."""
        names = list(self._named)
        gradients = [_gradient(self._named[name]) for name in names]
        means = [self._means[name] for name in names]
        going: Tensor | float = rate
        if found_inf is not None:
            pairs = zip(means, gradients, strict=True)
            gradients = [torch.where(found_inf > 0, mean, new) for mean, new in pairs]
            going = rate * (1.0 - found_inf)
        torch._foreach_lerp_(means, gradients, 1.0 - self._momentum)
        # Nesterov's look ahead: the mean as it will be if the gradient stays.
        ahead = dict(zip(names, torch._foreach_lerp(gradients, means, self._momentum), strict=True))
        for parts in self._shapes.values():
            self._turn(parts, ahead, going, decay)

    def _turn(
        self, parts: list[Part], ahead: Mapping[str, Tensor], rate: Tensor | float, decay: float
    ) -> None:
        wide = [_wide(ahead[part.name][part.first : part.last]) for part in parts]
        turned = orthogonal(torch.stack(wide))  # (N, R, C)
        for part, update in zip(parts, turned, strict=True):
            weight = self._named[part.name].data[part.first : part.last]
            rows, columns = weight.shape
            if decay:
                weight.mul_(1.0 - rate * decay)
            # Every output moves by as much, however many inputs and outputs there are.
            there = update if rows <= columns else update.mT
            weight.sub_(there * (rate * math.sqrt(max(1.0, rows / columns))))

    def tensors(self) -> dict[str, Tensor]:
        """What has to be kept, `momentum.<parameter>`, on the device."""
        return {f"{MOMENTUM}.{name}": mean for name, mean in self._means.items()}

    def load(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Puts back what `tensors` gave; how many updates there were does not matter."""
        for name, own in self.tensors().items():
            own.copy_(tensors[name])


def _gradient(parameter: nn.Parameter) -> Tensor:
    assert parameter.grad is not None, "a matrix without a gradient"
    return parameter.grad


def _wide(matrix: Tensor) -> Tensor:
    """The matrix (R, C), or its transpose where that is the wide one."""
    return matrix if matrix.shape[0] <= matrix.shape[1] else matrix.mT
