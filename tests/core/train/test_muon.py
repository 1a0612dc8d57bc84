"""Muon: the Newton-Schulz iteration, which parameters it updates, and its state."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from core.config.configs import ModelConfig, TrainConfig
from core.model import factory
from core.train import optim
from core.train.optim import Muon, orthogonalize

SHAPE = ModelConfig(
    vocab_size=11, context=8, layers=2, heads=4, kv_heads=2, d_model=16, head_dim=4, d_ff=24
)


def settings(**fields: object) -> TrainConfig:
    """Settings for Muon with nothing left open."""
    base = {"optimizer": "muon", "learning_rate": 0.05, "beta2": 0.99, "weight_decay": 0.0}
    return TrainConfig(**{**base, **fields})  # type: ignore[arg-type]


def train(model: nn.Module, optimizer: optim.Optimizer, steps: range) -> None:
    """Update the model; each update is a function of its number."""
    for step in steps:
        torch.manual_seed(step)
        tokens = torch.randint(3, 11, (4, 9))
        model.loss(tokens[:, :-1], tokens[:, 1:]).backward()  # type: ignore[operator]
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 8, 24), (1, 1, 5)])
def test_the_iteration_keeps_singular_vectors_and_equalises_singular_values(
    shape: tuple[int, int, int],
) -> None:
    """An update must not consist of a single large direction."""
    torch.manual_seed(0)
    u, _, v = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    singular_values = torch.linspace(30.0, 1.0, shape[1])
    result = orthogonalize(u * singular_values @ v)
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.15  # was a thirtieth of the largest
    assert values.max() < 2.0
    rotated = u.mT @ result @ v.mT  # diagonal if the singular vectors are the same
    assert torch.allclose(rotated, torch.diag_embed(rotated.diagonal(dim1=-2, dim2=-1)), atol=1e-4)


def test_a_zero_gradient_does_not_change_a_matrix() -> None:
    """Normalising it would divide zero by zero."""
    weight = nn.Parameter(torch.ones(4, 4))
    weight.grad = torch.zeros(4, 4)
    Muon({"w": weight}, {"w": (4,)}, 0.9).step(0.1, 0.0, None)
    assert torch.equal(weight, torch.ones(4, 4))


def test_stacked_matrices_are_orthogonalised_separately() -> None:
    """Queries with gradients a hundred times as large as those of values would take the update."""
    torch.manual_seed(0)
    first, second = torch.randn(4, 6), torch.randn(4, 6)
    joined, alone = nn.Parameter(torch.zeros(8, 6)), nn.Parameter(torch.zeros(4, 6))
    joined.grad, alone.grad = torch.cat((100 * first, second)), second.clone()
    Muon({"w": joined}, {"w": (4, 4)}, 0.9).step(0.1, 0.0, None)
    Muon({"w": alone}, {"w": (4,)}, 0.9).step(0.1, 0.0, None)
    assert torch.allclose(joined[4:], alone, atol=1e-6)


def test_muon_updates_only_matrices_inside_the_blocks() -> None:
    """Orthogonalised embeddings would lose what is known of rare words."""
    heights = factory.build_model(SHAPE, seed=0).block_matrices()
    assert set(heights.values()) == {(16, 8, 8), (24, 24), (16,)}
    assert len(heights) == 8
    assert all(name.startswith("blocks.") for name in heights)


def test_muon_continues_identically_from_its_saved_tensors() -> None:
    whole, resumed = factory.build_model(SHAPE, seed=0), factory.build_model(SHAPE, seed=1)
    first, second = (optim.build_optimizer(model, settings()) for model in (whole, resumed))
    train(whole, first, range(4))
    resumed.load_state_dict(whole.state_dict())
    second.load({name: tensor.clone() for name, tensor in first.tensors().items()}, 4)
    train(whole, first, range(4, 8))
    train(resumed, second, range(4, 8))
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_a_gradient_that_is_not_finite_changes_neither_weights_nor_moments(kind: str) -> None:
    """On a GPU the weights would be NaN before the host sees the loss."""
    model = factory.build_model(SHAPE, seed=0)
    optimizer = optim.build_optimizer(model, settings(optimizer=kind, learning_rate=0.01))
    train(model, optimizer, range(2))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    moments = {name: tensor.clone() for name, tensor in optimizer.tensors().items()}
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, float("nan"))
    optimizer.found_inf = torch.ones(())
    optimizer.step()
    for parameter, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, old)
    for name, tensor in optimizer.tensors().items():
        assert torch.equal(tensor, moments[name]), name


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_the_loss_falls(kind: str) -> None:
    model = factory.build_model(SHAPE, seed=0)
    optimizer = optim.build_optimizer(model, settings(optimizer=kind, learning_rate=0.02))
    tokens = torch.tensor([[3, 4, 5, 6, 7, 8, 9, 10, 3]])

    def loss() -> float:
        return float(model.loss(tokens[:, :-1], tokens[:, 1:]).detach())

    first = loss()
    for _ in range(30):
        model.loss(tokens[:, :-1], tokens[:, 1:]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    assert loss() < 0.6 * first
