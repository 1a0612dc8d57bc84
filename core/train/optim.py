"""The learning-rate schedule and the optimisers: Adam, AdamW and Muon.

The learning rate is a pure function of the step, so a resumed run continues exactly as the
uninterrupted one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.adamw import adamw

from core.config.configs import TrainConfig
from core.errors import DamagedError
from core.model.language_model import LanguageModel

ADAM_MOMENTS = ("exp_avg", "exp_avg_sq")
ADAM_EPSILON = 1e-8

MUON_MOMENT = "momentum"
NEWTON_SCHULZ_ITERATIONS = 3
# Each iteration maps a singular value s to a*s + b*s^3 + c*s^5. Amsel et al., 2025, "The Polar
# Express".
NEWTON_SCHULZ_COEFFICIENTS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115966949, 0.5518191394370137),
)
NORM_MARGIN = 1.02  # the iteration needs singular values of at most 1


def learning_rate(step: int, steps: int, config: TrainConfig) -> float:
    """The learning rate of update number `step` (from 0) of `steps`.

    Linear warm-up over `warmup_steps`, then constant, or linear or cosine decay down to the
    fraction `final_learning_rate` (Loshchilov and Hutter, 2017, without restarts).
    """
    assert config.learning_rate is not None
    assert config.warmup_steps is not None
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.learning_rate
    done = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    done = min(1.0, done)
    left = 1.0 - done if config.schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))
    return config.learning_rate * (
        config.final_learning_rate + (1.0 - config.final_learning_rate) * left
    )


class UpdateRule(Protocol):
    """How some parameters are updated from their gradients."""

    def step(self, rate: float, decay: float, found_inf: Tensor | None) -> None:
        """Update the parameters once, except where `found_inf` is 1."""

    def tensors(self) -> dict[str, Tensor]:
        """The state of the optimiser, `<moment>.<parameter>`, on the device."""

    def load(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Restore what `tensors` returned after `step` updates."""


class Adam:
    """Adam (Kingma and Ba, 2015), or AdamW (Loshchilov and Hutter, 2019).

    Uses PyTorch's functions instead of its classes: the classes import the compiler, which takes
    longer than a hundred updates of a small model. The fused kernel reads each parameter once.

    Args:
        named: the parameters to update, by name.
        betas: decay of the running means of the gradient and of its square.
        decoupled: decay the weights directly (AdamW) instead of through the gradient.
    """

    def __init__(
        self, named: Mapping[str, nn.Parameter], betas: tuple[float, float], *, decoupled: bool
    ) -> None:
        self._named = dict(named)
        self._betas, self._update = betas, adamw if decoupled else adam
        self._means = {
            moment: {name: torch.zeros_like(p) for name, p in self._named.items()}
            for moment in ADAM_MOMENTS
        }
        self._steps = {
            name: torch.zeros((), dtype=torch.float32, device=p.device)
            for name, p in self._named.items()
        }

    @torch.no_grad()
    def step(self, rate: float, decay: float, found_inf: Tensor | None) -> None:
        """See `UpdateRule.step`; only matrices are decayed."""
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
        means, squares = ([self._means[moment][name] for name in names] for moment in ADAM_MOMENTS)
        update: Any = self._update
        update(
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
            eps=ADAM_EPSILON,
            maximize=False,
        )

    def tensors(self) -> dict[str, Tensor]:
        """See `UpdateRule.tensors`."""
        return {f"{m}.{name}": t for m, means in self._means.items() for name, t in means.items()}

    def load(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """See `UpdateRule.load`."""
        for name, own in self.tensors().items():
            own.copy_(tensors[name])
        for count in self._steps.values():
            count.fill_(step)


@dataclass(frozen=True)
class MatrixRows:
    """A matrix within a parameter.

    Attributes:
        name: of the parameter.
        first, last: its rows there, [first, last).
    """

    name: str
    first: int
    last: int


class Muon:
    """Momentum whose matrices are orthogonalised before they become updates.

    For matrices inside the blocks only; embeddings, output projections and vectors belong to
    another optimiser. Matrices stacked in one parameter (queries, keys, values) are orthogonalised
    separately; all of one shape go through the iteration as one batch.

    Source: Jordan et al., 2024, "Muon: An optimizer for hidden layers in neural networks".

    Args:
        named: the parameters to update, all matrices, by name.
        heights: rows of the matrices stacked in each parameter.
        momentum: decay of the running mean of the gradient.
    """

    def __init__(
        self,
        named: Mapping[str, nn.Parameter],
        heights: Mapping[str, Sequence[int]],
        momentum: float,
    ) -> None:
        self._named, self._momentum = dict(named), momentum
        self._means = {name: torch.zeros_like(p) for name, p in self._named.items()}
        self._by_shape: dict[tuple[int, int], list[MatrixRows]] = {}
        for name, parameter in self._named.items():
            rows, columns = parameter.shape
            assert sum(heights[name]) == rows, f"{name}: {heights[name]} of {rows} rows"
            for first, last in pairwise(accumulate(heights[name], initial=0)):
                shape = min(last - first, columns), max(last - first, columns)
                self._by_shape.setdefault(shape, []).append(MatrixRows(name, first, last))

    @torch.no_grad()
    def step(self, rate: float, decay: float, found_inf: Tensor | None) -> None:
        """See `UpdateRule.step`."""
        names = list(self._named)
        gradients = [_gradient(self._named[name]) for name in names]
        means = [self._means[name] for name in names]
        effective_rate: Tensor | float = rate
        if found_inf is not None:
            pairs = zip(means, gradients, strict=True)
            gradients = [torch.where(found_inf > 0, mean, new) for mean, new in pairs]
            effective_rate = rate * (1.0 - found_inf)
        torch._foreach_lerp_(means, gradients, 1.0 - self._momentum)
        # Nesterov momentum: the mean as it will be if the gradient stays the same.
        nesterov = torch._foreach_lerp(gradients, means, self._momentum)
        updates = dict(zip(names, nesterov, strict=True))
        for matrices in self._by_shape.values():
            self._update_matrices(matrices, updates, effective_rate, decay)

    def _update_matrices(
        self,
        matrices: list[MatrixRows],
        updates: Mapping[str, Tensor],
        rate: Tensor | float,
        decay: float,
    ) -> None:
        """Update matrices of one shape, some of them transposed."""
        wide = [_wide(updates[matrix.name][matrix.first : matrix.last]) for matrix in matrices]
        orthogonal = orthogonalize(torch.stack(wide))  # (N, R, C)
        for matrix, update in zip(matrices, orthogonal, strict=True):
            weight = self._named[matrix.name].data[matrix.first : matrix.last]
            rows, columns = weight.shape
            if decay:
                weight.mul_(1.0 - rate * decay)
            # The factor makes the change of an output independent of the shape.
            oriented = update if rows <= columns else update.mT
            weight.sub_(oriented * (rate * math.sqrt(max(1.0, rows / columns))))

    def tensors(self) -> dict[str, Tensor]:
        """See `UpdateRule.tensors`."""
        return {f"{MUON_MOMENT}.{name}": mean for name, mean in self._means.items()}

    def load(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """See `UpdateRule.load`; the number of updates is not needed."""
        for name, own in self.tensors().items():
            own.copy_(tensors[name])


def orthogonalize(matrices: Tensor) -> Tensor:
    """Approximately the nearest orthogonal matrices, (N, R, C) with R at most C.

    Newton-Schulz iteration: it keeps the singular vectors and moves the singular values towards 1.
    """
    x: Tensor = matrices / (NORM_MARGIN * matrices.norm(dim=(-2, -1), keepdim=True)).clamp(min=1e-7)
    for a, b, c in NEWTON_SCHULZ_COEFFICIENTS[:NEWTON_SCHULZ_ITERATIONS]:
        square = x @ x.mT  # (N, R, R)
        polynomial = torch.baddbmm(square, square, square, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    return x


def _gradient(parameter: nn.Parameter) -> Tensor:
    assert parameter.grad is not None, "a matrix without a gradient"
    return parameter.grad


def _wide(matrix: Tensor) -> Tensor:
    """The matrix, or its transpose if it has more rows than columns."""
    return matrix if matrix.shape[0] <= matrix.shape[1] else matrix.mT


@dataclass
class Optimizer:
    """All parameters of a model, each under one update rule.

    Attributes:
        rules: each with the factor between its rate and the learning rate of the run.
        rate: learning rate of the next update.
        weight_decay: of matrices, at the next update.
        found_inf: () float on the device; where it is 1, an update does nothing.
    """

    model: nn.Module
    rules: list[tuple[UpdateRule, float]]
    rate: float
    weight_decay: float = 0.0
    found_inf: Tensor | None = None

    def step(self) -> None:
        """Update the parameters once."""
        for rule, factor in self.rules:
            rule.step(self.rate * factor, self.weight_decay, self.found_inf)

    def zero_grad(self) -> None:
        """Free the gradients."""
        for parameter in self.model.parameters():
            parameter.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """The state of the optimiser, `<moment>.<parameter>`, on the device."""
        return {name: tensor for rule, _ in self.rules for name, tensor in rule.tensors().items()}

    def load(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Restore what `tensors` returned after `step` updates.

        Raises:
            DamagedError: tensors are missing, or their shapes do not fit; nothing is restored.
        """
        if step == 0:
            return
        wrong = [name for name, own in self.tensors().items() if not _fits(tensors.get(name), own)]
        if wrong:
            raise DamagedError(
                f"The optimiser's tensors of the checkpoint of step {step} do not fit the model: "
                f"{len(wrong)} are missing or have another shape, {wrong[0]} is the first.",
                f"Delete the folder checkpoint/{step} to resume from the checkpoint before it.",
            )
        for rule, _ in self.rules:
            rule.load(tensors, step)


def _fits(tensor: Tensor | None, own: Tensor) -> bool:
    return tensor is not None and tensor.shape == own.shape and tensor.is_floating_point()


def build_optimizer(model: nn.Module, config: TrainConfig) -> Optimizer:
    """The optimiser of the model's parameters.

    With `muon`, matrices inside the blocks belong to Muon; the other parameters belong to AdamW
    at the fraction `adam_share` of the learning rate.
    """
    assert config.learning_rate is not None
    assert config.beta2 is not None
    named = dict(model.named_parameters())
    betas = config.beta1, config.beta2
    rules: list[tuple[UpdateRule, float]]
    if config.optimizer == "muon":
        assert isinstance(model, LanguageModel)
        heights = model.block_matrices()
        matrices = {name: parameter for name, parameter in named.items() if name in heights}
        others = {name: parameter for name, parameter in named.items() if name not in heights}
        rules = [
            (Muon(matrices, heights, config.momentum), 1.0),
            (Adam(others, betas, decoupled=True), config.adam_share),
        ]
    else:
        rules = [(Adam(named, betas, decoupled=config.optimizer == "adamw"), 1.0)]
    return Optimizer(model, rules, config.learning_rate, config.weight_decay or 0.0)
