"""Linear maps by oneDNN: values and gradients of `F.linear`, and the fallback to it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from core.model import linear
from core.model.linear import MAX_FEW_ROWS, Linear


def _gradients(layer: Linear, x: torch.Tensor, *, plain: bool) -> list[torch.Tensor]:
    x = x.clone().requires_grad_()
    layer.zero_grad()
    y = F.linear(x, layer.weight, layer.bias) if plain else layer(x)
    y.square().sum().backward()
    tensors = [y, x.grad, layer.weight.grad, layer.bias.grad]
    return [tensor.detach().clone() for tensor in tensors if tensor is not None]


@pytest.mark.parametrize("many", [False, True], ids=["few rows", "any rows"])
@pytest.mark.parametrize("most", [7, 4096], ids=["in slices", "whole"])
@pytest.mark.parametrize("outputs", [8, 24, 40])
@pytest.mark.parametrize(
    "shape", [(1, 24), (5, 24), (2, 7, 24), (1, MAX_FEW_ROWS, 24), (3, 50, 24)]
)
def test_values_and_gradients_are_those_of_a_linear_map(
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
def test_onednn_computes_many_rows_only_where_it_is_faster(
    many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "is_onednn_fast_for_many_rows", lambda: many)
    layer = Linear(4, 3)
    for rows, by_onednn in ((MAX_FEW_ROWS, True), (MAX_FEW_ROWS + 1, many)):
        y = layer(torch.randn(rows, 4, requires_grad=True))
        node = y.grad_fn.next_functions[0][0] if y.grad_fn.name() == "ViewBackward0" else None
        assert ("OneDNNLinearFn" in str(node or y.grad_fn)) == by_onednn


@pytest.mark.parametrize("error", [AttributeError, RuntimeError])
def test_without_the_operator_pytorchs_product_is_used(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*arguments: object) -> torch.Tensor:
        raise error("no such operator")

    monkeypatch.setattr(linear, "onednn_linear", missing)
    linear.has_onednn_linear.cache_clear()
    try:
        assert not linear.has_onednn_linear()
        layer, x = Linear(4, 3), torch.randn(2, 4, requires_grad=True)
        assert torch.equal(layer(x), F.linear(x, layer.weight, layer.bias))
    finally:
        linear.has_onednn_linear.cache_clear()


def test_an_operator_with_wrong_results_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(linear, "onednn_linear", lambda x, weight, bias=None: x * 2)
    linear.has_onednn_linear.cache_clear()
    try:
        assert not linear.has_onednn_linear()
    finally:
        linear.has_onednn_linear.cache_clear()
