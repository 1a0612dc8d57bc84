"""Hand-written gradients agree with those of the formulas, in double precision."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from core.config.configs import ModelConfig
from core.model import factory, fused_ops, gpt
from core.model.fused_ops import RMSNormFn, RotaryFn


def _numbers(*shape: int) -> Any:
    return torch.randn(*shape, dtype=torch.float64).requires_grad_()


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


def test_rms_norm_and_its_gradients() -> None:
    x, weight = _numbers(2, 3, 5), _numbers(5)
    torch.testing.assert_close(
        RMSNormFn.apply(x, weight, 1e-3), F.rms_norm(x, (5,), weight, 1e-3), rtol=1e-12, atol=1e-12
    )
    assert torch.autograd.gradcheck(lambda x, weight: RMSNormFn.apply(x, weight, 1e-3), (x, weight))


def test_rotary_positions_and_their_gradient() -> None:
    """Also for a view between keys and values in memory, like a model's queries."""
    whole = _numbers(2, 7, 6, 4)
    cos, sin = gpt.rotary_table(7, 4, 10_000.0)
    with torch.no_grad():
        expected = gpt.rotate(whole.transpose(1, 2)[:, 2:4], cos, sin)
    rotated = RotaryFn.apply(whole.transpose(1, 2)[:, 2:4], cos, sin)
    torch.testing.assert_close(rotated, expected, rtol=1e-6, atol=1e-6)
    back = torch.autograd.grad(rotated, whole, expected)[0].transpose(1, 2)
    torch.testing.assert_close(back[:, 2:4], whole.transpose(1, 2)[:, 2:4], rtol=1e-6, atol=1e-6)
    assert not back[:, :2].any()


def test_a_model_has_the_same_gradients_with_and_without_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Detects a missing term of a gradient although all values agree."""
    shape = {"layers": 2, "heads": 4, "kv_heads": 2, "d_model": 32, "head_dim": 8, "d_ff": 48}
    config = ModelConfig(architecture="qwen3", vocab_size=17, context=16, **shape)
    tokens = torch.randint(3, 17, (2, 17))

    def gradients() -> list[torch.Tensor]:
        model = factory.build_model(config, seed=1)
        model.loss(tokens[:, :-1], tokens[:, 1:]).backward()
        return [one.grad for one in model.parameters() if one.grad is not None]

    fast = gradients()
    monkeypatch.setattr(fused_ops, "should_use_custom_backward", lambda x: False)
    expected = gradients()
    assert len(fast) == len(expected) > 10
    for one, other in zip(fast, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
