"""Attention by two products is what is written out, whichever way its caller goes."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.model import attention
from core.model.attention import ForwardPass, attend, causal_mask, scaled_dot_product_attention

PLAIN = ForwardPass(visible=None, cache=None, record=None, head_mask=None, dropout=0.0)


def _parts(heads: int, groups: int, tokens: int, dtype: torch.dtype) -> list[Tensor]:
    """Queries (2, H, T, 8), keys and values (2, G, T, 8), as a model's strides have them."""
    torch.manual_seed(0)
    sizes = (heads, groups, groups)
    parts = [torch.randn(2, tokens, size, 8, dtype=dtype).transpose(1, 2) for size in sizes]
    return [part.requires_grad_() for part in parts]


def _read(parts: list[Tensor]) -> list[Tensor]:
    """What is read, and the gradients of some weighing of it."""
    read = attend(parts[0], parts[1], parts[2], 0, PLAIN)
    weights = torch.linspace(-1, 1, read.numel()).view(read.shape)
    return [read, *torch.autograd.grad((read * weights).sum(), parts)]


@pytest.mark.parametrize(("heads", "groups"), [(4, 4), (4, 2), (6, 1)])
@pytest.mark.parametrize("tokens", [1, 2, 33, 64])
def test_products_agree_with_the_formula(heads: int, groups: int, tokens: int) -> None:
    """Heads that read another's keys; a token that sees what is to come."""
    parts = _parts(heads, groups, tokens, torch.float32)
    found = _read(parts)
    q, k, v = parts
    keys, values = (x.repeat_interleave(heads // groups, dim=1) for x in (k, v))
    read, _ = scaled_dot_product_attention(q, keys, values, causal_mask(tokens, tokens))
    weights = torch.linspace(-1, 1, read.numel()).view(read.shape)
    expected = [read, *torch.autograd.grad((read * weights).sum(), parts)]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_short_numbers_stay_close_to_long_ones() -> None:
    parts = _parts(4, 2, 200, torch.float32)
    expected = _read(parts)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = _read([part.detach().bfloat16().requires_grad_() for part in parts])
    assert found[0].dtype == torch.bfloat16
    for one, other in zip(found, expected, strict=True):
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
def test_long_contexts_go_through_the_fused_kernel(
    monkeypatch: pytest.MonkeyPatch, tokens: int, dtype: torch.dtype, fused: bool
) -> None:
    """The weights of all heads, kept for a context of thousands, are gigabytes."""
    kernel, calls = F.scaled_dot_product_attention, list[int]()

    def noted(q: Tensor, *rest: Tensor, **more: object) -> Tensor:
        calls.append(q.shape[2])
        return kernel(q, *rest, **more)

    monkeypatch.setattr(attention.F, "scaled_dot_product_attention", noted)
    _read(_parts(2, 1, tokens, dtype))
    assert bool(calls) == fused
