"""Parameter groups, optimisers and the course of the learning rate.

Everything about the rate is a pure function of the step, so that a resumed run goes on exactly as
the uninterrupted one would have.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from core.config import TrainConfig
from core.errors import DamagedError

MOMENTS = ("exp_avg", "exp_avg_sq")


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


def build(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser over the model's parameters; only matrices are decayed.

    Adam (Kingma and Ba, 2015) or AdamW (Loshchilov and Hutter, 2019), in their fused form: one
    pass over memory for each parameter.
    """
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    assert config.learning_rate is not None
    assert config.beta2 is not None
    return kind(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2), fused=True)


def apply(optimizer: torch.optim.Optimizer, rate: float, weight_decay: float) -> None:
    """Sets the rate of the next update, and the decay of the matrices."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.param_groups[0]["weight_decay"] = weight_decay


def state_tensors(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """The moments by parameter name, on the device: `exp_avg.<name>`, `exp_avg_sq.<name>`."""
    return {
        f"{moment}.{name}": optimizer.state[parameter][moment]
        for name, parameter in model.named_parameters()
        for moment in MOMENTS
        if moment in optimizer.state[parameter]
    }


def load_state(
    optimizer: torch.optim.Optimizer, model: nn.Module, tensors: dict[str, Tensor], step: int
) -> None:
    """Puts back what `state_tensors` gave after `step` updates; the inverse of it.

    Raises:
        DamagedError: tensors are missing, or not of the model's shapes; nothing is put back.
    """
    if step == 0:
        return
    wrong = [
        f"{moment}.{name}"
        for name, parameter in model.named_parameters()
        for moment in MOMENTS
        if not _fits(tensors.get(f"{moment}.{name}"), parameter)
    ]
    if wrong:
        raise DamagedError(
            f"The optimiser's tensors of the checkpoint of step {step} do not fit its model: "
            f"{len(wrong)} of them, {wrong[0]} the first.",
            f"Without the folder checkpoint/{step} the run goes on from the checkpoint before.",
        )
    for name, parameter in model.named_parameters():
        state = optimizer.state[parameter]
        state["step"] = torch.tensor(float(step), device=parameter.device)
        for moment in MOMENTS:
            state[moment] = tensors[f"{moment}.{name}"].to(parameter.device, copy=True)


def _fits(moment: Tensor | None, parameter: Tensor) -> bool:
    if moment is None:
        return False
    return moment.shape == parameter.shape and moment.is_floating_point()
