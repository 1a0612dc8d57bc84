"""Parameter groups, optimisers and the course of the learning rate.

Everything about the rate is a pure function of the step, so that a resumed run goes on exactly as
the uninterrupted one would have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from core.train.adam import Adam
from core.config.configs import TrainConfig
from core.model.decoder import Decoder
from core.errors import DamagedError
from core.train.muon import Muon


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


class Rule(Protocol):
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
    rules: list[tuple[Rule, float]]
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


def build(model: nn.Module, config: TrainConfig) -> Optimizer:
    """The optimiser over the model's parameters; only matrices are decayed.

    With `muon` the matrices inside the blocks are Muon's; the rest is AdamW's at
    `adam_share` of the learning rate.
    """
    assert config.learning_rate is not None
    assert config.beta2 is not None
    named = dict(model.named_parameters())
    betas = config.beta1, config.beta2
    if config.optimizer != "muon":
        rules: list[tuple[Rule, float]] = [
            (Adam(named, betas, decoupled=config.optimizer == "adamw"), 1.0)
        ]
        return Optimizer(model, rules, config.learning_rate, config.weight_decay or 0.0)
    assert isinstance(model, Decoder)
    heights = model.matrices()
    inside = {name: parameter for name, parameter in named.items() if name in heights}
    beside = {name: parameter for name, parameter in named.items() if name not in heights}
    rules = [
        (Muon(inside, heights, config.momentum), 1.0),
        (Adam(beside, betas, decoupled=True), config.adam_share),
    ]
    return Optimizer(model, rules, config.learning_rate, config.weight_decay or 0.0)
