"""Adam and AdamW: one pass over memory for each parameter.

By PyTorch's functions rather than its classes: a class has the compiler imported, to tell it to
leave the optimiser alone, and that takes longer than a hundred updates of a small model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.adamw import adamw

MOMENTS = ("exp_avg", "exp_avg_sq")
EPSILON = 1e-8


class Adam:
    """Running means of the gradient and of its square, a pair for each parameter.

    Args:
        named: the parameters it updates.
        betas: how much of each mean is kept.
        decoupled: whether weights decay beside the gradient (AdamW, Loshchilov and Hutter, 2019)
            or as a part of it (Adam, Kingma and Ba, 2015).
    """

    def __init__(
        self, named: Mapping[str, nn.Parameter], betas: tuple[float, float], *, decoupled: bool
    ) -> None:
        self._named = dict(named)
        self._betas, self._rule = betas, adamw if decoupled else adam
        self._means = {
            moment: {name: torch.zeros_like(p) for name, p in self._named.items()}
            for moment in MOMENTS
        }
        self._steps = {
            name: torch.zeros((), dtype=torch.float32, device=p.device)
            for name, p in self._named.items()
        }

    @torch.no_grad()
    def step(self, rate: float, decay: float, found_inf: Tensor | None) -> None:
        """One update; only matrices are decayed, and where `found_inf` is one nothing is done."""
        for decayed in (True, False):
            names = [
                name
                for name, p in self._named.items()
                if p.grad is not None and (p.ndim >= 2) == decayed
            ]
            if names:
                self._step(names, rate, decay if decayed else 0.0, found_inf)

    def _step(self, names: list[str], rate: float, decay: float, found_inf: Tensor | None) -> None:
        gradients = [self._named[name].grad for name in names]
        means, squares = ([self._means[moment][name] for name in names] for moment in MOMENTS)
        rule: Any = self._rule
        rule(
            [self._named[name] for name in names],
            gradients,
            means,
            squares,
            [],
            [self._steps[name] for name in names],
            fused=True,
            foreach=False,
            capturable=False,
            differentiable=False,
            grad_scale=None,
            found_inf=found_inf,
            has_complex=False,
            amsgrad=False,
            beta1=self._betas[0],
            beta2=self._betas[1],
            lr=rate,
            weight_decay=decay,
            eps=EPSILON,
            maximize=False,
        )

    def tensors(self) -> dict[str, Tensor]:
        """What has to be kept, `<moment>.<parameter>`, on the device."""
        return {f"{m}.{name}": t for m, means in self._means.items() for name, t in means.items()}

    def load(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Puts back what `tensors` gave after `step` updates."""
        for name, own in self.tensors().items():
            own.copy_(tensors[name])
        for count in self._steps.values():
            count.fill_(step)
