from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from core import linear
from core.linear import MOST_ROWS, Linear


def _gradients(layer: Linear, x: torch.Tensor, *, plain: bool) -> list[torch.Tensor]:
    x = x.clone().requires_grad_()
    layer.zero_grad()
    made = F.linear(x, layer.weight, layer.bias) if plain else layer(x)
    made.square().sum().backward()
    found = [made, x.grad, layer.weight.grad, layer.bias.grad]
    return [tensor.detach().clone() for tensor in found if tensor is not None]


@pytest.mark.parametrize("shape", [(1, 24), (5, 24), (2, 7, 24), (1, MOST_ROWS, 24)])
def test_it_is_a_linear_map_with_its_gradients(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer, x = Linear(24, 40), torch.randn(shape)
    ours, plain = (_gradients(layer, x, plain=way) for way in (False, True))
    assert len(ours) == 4
    for one, other in zip(ours, plain, strict=True):
        assert torch.allclose(one, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("error", [AttributeError, RuntimeError])
def test_without_the_operator_it_goes_the_ordinary_way(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*arguments: object) -> torch.Tensor:
        raise error("no such operator")

    monkeypatch.setattr(linear, "_product", missing)
    linear.has_quick_product.cache_clear()
    try:
        assert not linear.has_quick_product()
        layer, x = Linear(4, 3), torch.randn(2, 4, requires_grad=True)
        assert torch.equal(layer(x), F.linear(x, layer.weight, layer.bias))
    finally:
        linear.has_quick_product.cache_clear()


def test_an_operator_that_computes_something_else_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(linear, "_product", lambda x, weight, bias=None: x * 2)
    linear.has_quick_product.cache_clear()
    try:
        assert not linear.has_quick_product()
    finally:
        linear.has_quick_product.cache_clear()
