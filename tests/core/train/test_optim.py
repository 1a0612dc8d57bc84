"""The learning-rate schedule, Adam and AdamW."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from core.config.configs import TrainConfig
from core.train import optim


def _config(**fields: object) -> TrainConfig:
    base = {
        "optimizer": "adamw",
        "learning_rate": 0.1,
        "schedule": "linear",
        "warmup_steps": 10,
        "beta2": 0.99,
        "weight_decay": 0.1,
    }
    return TrainConfig(**{**base, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("schedule", "step", "rate"),
    [
        ("linear", 0, 0.01),
        ("linear", 9, 0.1),
        ("linear", 10, 0.1),
        ("linear", 60, 0.055),
        ("linear", 110, 0.01),
        ("cosine", 10, 0.1),
        ("cosine", 60, 0.055),
        ("cosine", 110, 0.01),
        ("constant", 110, 0.1),
        ("linear", 500, 0.01),
    ],
)
def test_the_learning_rate_follows_its_schedule(schedule: str, step: int, rate: float) -> None:
    assert optim.learning_rate(step, 110, _config(schedule=schedule)) == pytest.approx(rate)


def _train(model: nn.Module, optimizer: optim.Optimizer, steps: range) -> None:
    for step in steps:
        torch.manual_seed(step)
        model(torch.randn(3, 4)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_adam_continues_identically_from_its_saved_tensors(kind: str) -> None:
    torch.manual_seed(0)
    whole, resumed = nn.Linear(4, 2), nn.Linear(4, 2)
    config = _config(optimizer=kind)
    first = optim.build_optimizer(whole, config)
    _train(whole, first, range(5))
    resumed.load_state_dict(whole.state_dict())
    second = optim.build_optimizer(resumed, config)
    second.load({name: tensor.clone() for name, tensor in first.tensors().items()}, 5)
    _train(whole, first, range(5, 9))
    _train(resumed, second, range(5, 9))
    assert torch.equal(whole.weight, resumed.weight)
    assert torch.equal(whole.bias, resumed.bias)


def test_only_matrices_are_decayed() -> None:
    model = nn.Linear(4, 2)
    before = model.bias.detach().clone(), model.weight.detach().clone()
    optimizer = optim.build_optimizer(model, _config())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert torch.equal(model.bias, before[0])
    assert torch.allclose(model.weight, before[1] * (1 - 0.1 * 0.1))


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_an_update_equals_that_of_pytorchs_class(kind: str) -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(4, 2), nn.Linear(4, 2)
    theirs.load_state_dict(ours.state_dict())
    own = optim.build_optimizer(ours, _config(optimizer=kind))
    groups = [
        {"params": [theirs.weight], "weight_decay": 0.1},
        {"params": [theirs.bias], "weight_decay": 0.0},
    ]
    rule = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
    reference = rule(groups, lr=0.1, betas=(0.9, 0.99), fused=True)
    _train(ours, own, range(4))
    for step in range(4):
        torch.manual_seed(step)
        theirs(torch.randn(3, 4)).square().sum().backward()
        reference.step()
        reference.zero_grad()
    assert torch.equal(ours.weight, theirs.weight)
    assert torch.equal(ours.bias, theirs.bias)


def test_an_update_does_not_import_the_compiler() -> None:
    """It would take two seconds at the start of every run."""
    code = (
        "import sys, torch; from core.model import factory; from core.train import optim; from "
        "core.config.configs import *;"
        "m = factory.build_model(ModelConfig(), seed=0);"
        "o = optim.build_optimizer(m, TrainConfig(optimizer='muon', learning_rate=1e-3, "
        "beta2=0.9));"
        "t = torch.zeros(1, 9, dtype=torch.int64) + 3;"
        "m.loss(t[:, 1:], t[:, 1:]).backward(); o.step();"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
