"""Muon: what its iteration makes of a matrix, what it leaves alone, and how it is kept."""

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
    """Muon's settings with nothing open."""
    base = {"optimizer": "muon", "learning_rate": 0.05, "beta2": 0.99, "weight_decay": 0.0}
    return TrainConfig(**{**base, **fields})  # type: ignore[arg-type]


def learn(model: nn.Module, optimizer: optim.Optimizer, steps: range) -> None:
    """Updates that are a function of their number."""
    for step in steps:
        torch.manual_seed(step)
        tokens = torch.randint(3, 11, (4, 9))
        model.loss(tokens[:, :-1], tokens[:, 1:]).backward()  # type: ignore[operator]
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 8, 24), (1, 1, 5)])
def test_singular_values_come_together_and_vectors_stay(shape: tuple[int, int, int]) -> None:
    """An update that is one large direction and nothing else."""
    torch.manual_seed(0)
    u, _, v = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    lengths = torch.linspace(30.0, 1.0, shape[1])  # the longest direction thirty times the least
    found = orthogonalize(u * lengths @ v)
    values = torch.linalg.svdvals(found)
    assert values.min() > 0.15  # from a thirtieth of the longest
    assert values.max() < 2.0
    between = u.mT @ found @ v.mT  # diagonal where the singular vectors are the same
    assert torch.allclose(between, torch.diag_embed(between.diagonal(dim1=-2, dim2=-1)), atol=1e-4)


def test_a_matrix_without_a_gradient_that_is_not_zero_does_not_move() -> None:
    """Zero divided by zero in every weight."""
    weight = nn.Parameter(torch.ones(4, 4))
    weight.grad = torch.zeros(4, 4)
    Muon({"w": weight}, {"w": (4,)}, 0.9).step(0.1, 0.0, None)
    assert torch.equal(weight, torch.ones(4, 4))


def test_matrices_below_each_other_are_turned_each_for_itself() -> None:
    """Queries a hundred times as long as values take all of the update."""
    torch.manual_seed(0)
    first, second = torch.randn(4, 6), torch.randn(4, 6)
    joined, alone = nn.Parameter(torch.zeros(8, 6)), nn.Parameter(torch.zeros(4, 6))
    joined.grad, alone.grad = torch.cat((100 * first, second)), second.clone()
    Muon({"w": joined}, {"w": (4, 4)}, 0.9).step(0.1, 0.0, None)
    Muon({"w": alone}, {"w": (4,)}, 0.9).step(0.1, 0.0, None)
    assert torch.allclose(joined[4:], alone, atol=1e-6)


def test_only_what_is_inside_the_blocks_is_muons() -> None:
    """Embeddings made orthogonal, which takes what is known of rare words."""
    heights = factory.build_model(SHAPE, seed=0).block_matrices()
    assert set(heights.values()) == {(16, 8, 8), (24, 24), (16,)}
    assert len(heights) == 8
    assert all(name.startswith("blocks.") for name in heights)


def test_it_continues_from_its_tensors_identically() -> None:
    """A resumed run that is another one."""
    whole, resumed = factory.build_model(SHAPE, seed=0), factory.build_model(SHAPE, seed=1)
    first, second = (optim.build_optimizer(model, settings()) for model in (whole, resumed))
    learn(whole, first, range(4))
    resumed.load_state_dict(whole.state_dict())
    second.load({name: tensor.clone() for name, tensor in first.tensors().items()}, 4)
    learn(whole, first, range(4, 8))
    learn(resumed, second, range(4, 8))
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_what_is_not_finite_changes_neither_weights_nor_memory(kind: str) -> None:
    """A run whose weights are gone before anybody has seen the loss."""
    model = factory.build_model(SHAPE, seed=0)
    optimizer = optim.build_optimizer(model, settings(optimizer=kind, learning_rate=0.01))
    learn(model, optimizer, range(2))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    kept = {name: tensor.clone() for name, tensor in optimizer.tensors().items()}
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, float("nan"))
    optimizer.found_inf = torch.ones(())
    optimizer.step()
    for parameter, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, old)
    for name, tensor in optimizer.tensors().items():
        assert torch.equal(tensor, kept[name]), name


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_it_learns(kind: str) -> None:
    """An update in the wrong direction."""
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
