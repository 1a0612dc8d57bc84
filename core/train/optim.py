"""Parameter groups, optimisers and the course of the learning rate.

Everything about the rate is a pure function of the step, so that a resumed run goes on exactly as
the uninterrupted one would have.

Adam and AdamW: one pass over memory for each parameter.

By PyTorch's functions rather than its classes: a class has the compiler imported, to tell it to
leave the optimiser alone, and that takes longer than a hundred updates of a small model.

Muon: momentum whose matrices are made orthogonal before they become updates.

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
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.adamw import adamw

from core.config.configs import TrainConfig
from core.errors import DamagedError
from core.model.decoder import Decoder

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


MOMENTUM = "momentum"
NEWTON_SCHULZ_ITERATIONS = 3
# Each iteration maps a singular value s to a*s + b*s^3 + c*s^5; later ones finish what is left.
NEWTON_SCHULZ_COEFFICIENTS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115966949, 0.5518191394370137),
)
NORM_MARGIN = 1.02  # singular values must not be above one where the iteration begins


@dataclass(frozen=True)
class MatrixRows:
    """A matrix within a parameter.

    Attributes:
        name: of the parameter.
        first, last: its rows there.
    """

    name: str
    first: int
    last: int


def orthogonalize(matrices: Tensor) -> Tensor:
    """Nearly the nearest orthogonal matrices to those given, (N, R, C) both.

    Newton and Schulz's iteration: the singular vectors stay, the singular values go towards one.
    """
    x: Tensor = matrices / (NORM_MARGIN * matrices.norm(dim=(-2, -1), keepdim=True)).clamp(min=1e-7)
    for a, b, c in NEWTON_SCHULZ_COEFFICIENTS[:NEWTON_SCHULZ_ITERATIONS]:
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
        self._shapes: dict[tuple[int, int], list[MatrixRows]] = {}
        for name, parameter in self._named.items():
            rows, columns = parameter.shape
            assert sum(heights[name]) == rows, f"{name}: {heights[name]} of {rows} rows"
            for first, last in pairwise(accumulate(heights[name], initial=0)):
                shape = min(last - first, columns), max(last - first, columns)
                self._shapes.setdefault(shape, []).append(MatrixRows(name, first, last))

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
        self,
        parts: list[MatrixRows],
        ahead: Mapping[str, Tensor],
        rate: Tensor | float,
        decay: float,
    ) -> None:
        wide = [_wide(ahead[part.name][part.first : part.last]) for part in parts]
        turned = orthogonalize(torch.stack(wide))  # (N, R, C)
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


def learning_rate(step: int, steps: int, config: TrainConfig) -> float:
    """The rate of update number `step` (from 0) of `steps`.

    Linear warm-up over `warmup_steps`, then constant, or a straight line or half a cosine down
    to `final_learning_rate` of the highest (Loshchilov and Hutter, 2017, without restarts).
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
        """One update; where `found_inf` is one nothing is done."""

    def tensors(self) -> dict[str, Tensor]:
        """What has to be kept, by name, on the device."""

    def load(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Puts back what `tensors` gave after `step` updates."""


@dataclass
class Optimizer:
    """All parameters of a model, each under one rule.

    Attributes:
        rules: each with the factor between its rate and the run's learning rate.
        rate: of the next update.
        weight_decay: of the matrices, at the next update.
        found_inf: () float on the device; where it is one an update does nothing.
    """

    model: nn.Module
    rules: list[tuple[UpdateRule, float]]
    rate: float
    weight_decay: float = 0.0
    found_inf: Tensor | None = None

    def step(self) -> None:
        """One update."""
        for rule, factor in self.rules:
            rule.step(self.rate * factor, self.weight_decay, self.found_inf)

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        for parameter in self.model.parameters():
            parameter.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """What has to be kept, `<what>.<parameter>`, on the device."""
        return {name: tensor for rule, _ in self.rules for name, tensor in rule.tensors().items()}

    def load(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Puts back what `tensors` gave after `step` updates; the inverse of it.

        Raises:
            DamagedError: tensors are missing, or not of the model's shapes; nothing is put back.
        """
        if step == 0:
            return
        wrong = [name for name, own in self.tensors().items() if not _fits(tensors.get(name), own)]
        if wrong:
            raise DamagedError(
                f"The optimiser's tensors of the checkpoint of step {step} do not fit its model: "
                f"{len(wrong)} of them, {wrong[0]} the first.",
                f"Without the folder checkpoint/{step} the run goes on from the checkpoint before.",
            )
        for rule, _ in self.rules:
            rule.load(tensors, step)


def _fits(found: Tensor | None, own: Tensor) -> bool:
    return found is not None and found.shape == own.shape and found.is_floating_point()


def build_optimizer(model: nn.Module, config: TrainConfig) -> Optimizer:
    """The optimiser over the model's parameters; only matrices are decayed.

    With `muon` the matrices inside the blocks are Muon's; the rest is AdamW's at
    `adam_share` of the learning rate.
    """
    assert config.learning_rate is not None
    assert config.beta2 is not None
    named = dict(model.named_parameters())
    betas = config.beta1, config.beta2
    if config.optimizer != "muon":
        rules: list[tuple[UpdateRule, float]] = [
            (Adam(named, betas, decoupled=config.optimizer == "adamw"), 1.0)
        ]
        return Optimizer(model, rules, config.learning_rate, config.weight_decay or 0.0)
    assert isinstance(model, Decoder)
    heights = model.block_matrices()
    inside = {name: parameter for name, parameter in named.items() if name in heights}
    beside = {name: parameter for name, parameter in named.items() if name not in heights}
    rules = [
        (Muon(inside, heights, config.momentum), 1.0),
        (Adam(beside, betas, decoupled=True), config.adam_share),
    ]
    return Optimizer(model, rules, config.learning_rate, config.weight_decay or 0.0)
