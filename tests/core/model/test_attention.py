"""Attention by two matrix products agrees with the formula and with the fused kernel."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.model import attention
from core.model.attention import ForwardPass, attend, causal_mask, scaled_dot_product_attention

CAUSAL = ForwardPass(visible=None, cache=None, record=None, head_mask=None, dropout=0.0)


def _parts(heads: int, groups: int, tokens: int, dtype: torch.dtype) -> list[Tensor]:
    """Queries (2, H, T, 8), keys and values (2, G, T, 8), with the strides of a model."""
    torch.manual_seed(0)
    sizes = (heads, groups, groups)
    parts = [torch.randn(2, tokens, size, 8, dtype=dtype).transpose(1, 2) for size in sizes]
    return [part.requires_grad_() for part in parts]


def _attend(parts: list[Tensor]) -> list[Tensor]:
    """The result, and the gradients of a weighted sum of it."""
    attended = attend(parts[0], parts[1], parts[2], 0, CAUSAL)
    weights = torch.linspace(-1, 1, attended.numel()).view(attended.shape)
    return [attended, *torch.autograd.grad((attended * weights).sum(), parts)]


@pytest.mark.parametrize(("heads", "groups"), [(4, 4), (4, 2), (6, 1)])
@pytest.mark.parametrize("tokens", [1, 2, 33, 64])
def test_two_products_agree_with_the_formula(heads: int, groups: int, tokens: int) -> None:
    """Detects heads with the keys of others, and tokens that attend to later ones."""
    parts = _parts(heads, groups, tokens, torch.float32)
    tensors = _attend(parts)
    q, k, v = parts
    keys, values = (x.repeat_interleave(heads // groups, dim=1) for x in (k, v))
    attended, _ = scaled_dot_product_attention(q, keys, values, causal_mask(tokens, tokens))
    weights = torch.linspace(-1, 1, attended.numel()).view(attended.shape)
    expected = [attended, *torch.autograd.grad((attended * weights).sum(), parts)]
    for one, other in zip(tensors, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_bfloat16_stays_close_to_float32() -> None:
    parts = _parts(4, 2, 200, torch.float32)
    expected = _attend(parts)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        tensors = _attend([part.detach().bfloat16().requires_grad_() for part in parts])
    assert tensors[0].dtype == torch.bfloat16
    for one, other in zip(tensors, expected, strict=True):
        assert F.cosine_similarity(one.float().flatten(), other.flatten(), dim=0) > 0.999


@pytest.mark.parametrize(
    ("tokens", "dtype", "fused"),
    [
        (64, torch.float32, False),
        (65, torch.float32, True),
        (512, torch.bfloat16, False),
        (513, torch.bfloat16, True),
    ],
)
def test_long_contexts_use_the_fused_kernel(
    monkeypatch: pytest.MonkeyPatch, tokens: int, dtype: torch.dtype, fused: bool
) -> None:
    """Keeping the weights of all heads for thousands of tokens would take gigabytes."""
    kernel, calls = F.scaled_dot_product_attention, list[int]()

    def counted(q: Tensor, *rest: Tensor, **more: object) -> Tensor:
        calls.append(q.shape[2])
        return kernel(q, *rest, **more)

    monkeypatch.setattr(attention.F, "scaled_dot_product_attention", counted)
    _attend(_parts(2, 1, tokens, dtype))
    assert bool(calls) == fused
