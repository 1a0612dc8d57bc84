from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from core.model import linear
from core.model.linear import MAX_FEW_ROWS, Linear


def _gradients(layer: Linear, x: torch.Tensor, *, plain: bool) -> list[torch.Tensor]:
    x = x.clone().requires_grad_()
    layer.zero_grad()
    made = F.linear(x, layer.weight, layer.bias) if plain else layer(x)
    made.square().sum().backward()
    found = [made, x.grad, layer.weight.grad, layer.bias.grad]
    return [tensor.detach().clone() for tensor in found if tensor is not None]


@pytest.mark.parametrize("many", [False, True], ids=["few rows", "any rows"])
@pytest.mark.parametrize("most", [7, 4096], ids=["in pieces", "whole"])
@pytest.mark.parametrize("outputs", [8, 24, 40])
@pytest.mark.parametrize(
    "shape", [(1, 24), (5, 24), (2, 7, 24), (1, MAX_FEW_ROWS, 24), (3, 50, 24)]
)
def test_it_is_a_linear_map_with_its_gradients(
    shape: tuple[int, ...], outputs: int, most: int, many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "is_onednn_fast_for_many_rows", lambda: many)
    monkeypatch.setattr(linear, "MAX_ONEDNN_OUTPUTS", most)
    torch.manual_seed(0)
    layer, x = Linear(24, outputs), torch.randn(shape)
    ours, plain = (_gradients(layer, x, plain=way) for way in (False, True))
    assert len(ours) == 4
    for one, other in zip(ours, plain, strict=True):
        assert torch.allclose(one, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("many", [False, True])
def test_many_rows_are_for_the_operator_where_it_is_quicker(
    many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "is_onednn_fast_for_many_rows", lambda: many)
    layer = Linear(4, 3)
    for rows, by_operator in ((MAX_FEW_ROWS, True), (MAX_FEW_ROWS + 1, many)):
        made = layer(torch.randn(rows, 4, requires_grad=True))
        node = made.grad_fn.next_functions[0][0] if made.grad_fn.name() == "ViewBackward0" else None
        assert ("_Products" in str(node or made.grad_fn)) == by_operator


@pytest.mark.parametrize("error", [AttributeError, RuntimeError])
def test_without_the_operator_it_goes_the_ordinary_way(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*arguments: object) -> torch.Tensor:
        raise error("no such operator")

    monkeypatch.setattr(linear, "_product", missing)
    linear.has_onednn_linear.cache_clear()
    try:
        assert not linear.has_onednn_linear()
        layer, x = Linear(4, 3), torch.randn(2, 4, requires_grad=True)
        assert torch.equal(layer(x), F.linear(x, layer.weight, layer.bias))
    finally:
        linear.has_onednn_linear.cache_clear()


def test_an_operator_that_computes_something_else_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(linear, "_product", lambda x, weight, bias=None: x * 2)
    linear.has_onednn_linear.cache_clear()
    try:
        assert not linear.has_onednn_linear()
    finally:
        linear.has_onednn_linear.cache_clear()
