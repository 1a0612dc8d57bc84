"""Quantised weights: logits close to float32, less memory, an error where unsupported."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from core.config.configs import BFLOAT16, FLOAT32, INT8, ModelConfig
from core.errors import InputError
from core.inference.session import Session
from core.model import factory, quantize
from core.model.decoder import Decoder
from core.model.quantize import BFloat16Linear, Int8Linear, quantize_weights
from tests.support.sessions import SHAPE, TUTORIAL, VOCAB, feed, some_ids

kinds = pytest.mark.parametrize("kind", [BFLOAT16, INT8])
shapes = pytest.mark.parametrize(
    "shape",
    [SHAPE, SHAPE | {"tie_embeddings": False}, TUTORIAL],
    ids=["tied", "untied", "tutorial"],
)


@pytest.fixture(autouse=True)
def skip_unsupported(request: pytest.FixtureRequest) -> None:
    kind = request.node.callspec.params.get("kind") if hasattr(request.node, "callspec") else None
    if kind and (reason := quantize.unsupported_reason(kind)):
        pytest.skip(f"not on this machine: {reason}")


def _model(shape: dict[str, Any]) -> Decoder:
    model = factory.build_model(ModelConfig(vocab_size=VOCAB, context=16, **shape), seed=3).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3, generator=torch.Generator().manual_seed(weight.numel()))
    return model


def _logits(model: Decoder) -> torch.Tensor:
    session = Session(model)
    session.extend(some_ids(9))
    rows = [session.next_logits(), *(feed(session, [id]) for id in some_ids(20, seed=1))]
    return torch.cat(rows)  # (21, V), while the window slides


@kinds
@shapes
def test_logits_hardly_change(shape: dict[str, Any], kind: str) -> None:
    """Detects a scale on the wrong row, and a map or tied output missed or quantised twice."""
    expected, model = _logits(_model(shape)), _model(shape)
    quantize_weights(model, kind)
    maps = [part for part in model.modules() if isinstance(part, nn.Linear)]
    logits = _logits(model)
    assert not maps
    assert 0 < (logits - expected).norm() / expected.norm() < 0.04


@pytest.mark.parametrize("inputs", [1, 24, 32, 33, 344])
@pytest.mark.parametrize("rows", [(1,), (7,), (2, 70)])
@pytest.mark.parametrize("kind", [INT8])
def test_int8_maps_of_any_width(inputs: int, rows: tuple[int, ...], kind: str) -> None:
    """The operator reads 32 inputs at a time, also past the end of a row."""
    torch.manual_seed(0)
    weight, x = torch.randn(5, inputs), torch.randn(*rows, inputs)
    bias = torch.randn(5)
    y, expected = Int8Linear(weight, bias)(x), x @ weight.t() + bias
    assert y.shape == expected.shape
    assert y.dtype == torch.float32
    assert ((y - expected).norm() / expected.norm()) < 0.03


@kinds
def test_a_row_of_zeros_stays_zero(kind: str) -> None:
    """Its scale must not be a zero divisor."""
    linear = {INT8: Int8Linear, BFLOAT16: BFloat16Linear}[kind](torch.zeros(4, 32))
    assert linear(torch.ones(1, 32)).tolist() == [[0.0] * 4]


def test_int8_weights_take_a_quarter_of_float32() -> None:
    linear = Int8Linear(torch.randn(64, 96))
    assert linear.weight.nbytes + linear.scales.nbytes < 64 * 96 * 1.1


def test_float32_changes_nothing() -> None:
    model = _model(SHAPE)
    before = list(model.modules())
    quantize_weights(model, FLOAT32)
    assert list(model.modules()) == before


def test_an_unsupported_precision_is_an_error_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another PyTorch may not have the private operator."""

    def absent(*arguments: object) -> torch.Tensor:
        raise AttributeError("no such operator")

    monkeypatch.setattr(torch, "_weight_int8pack_mm", absent)
    quantize.unsupported_reason.cache_clear()
    try:
        with pytest.raises(InputError, match="no such operator"):
            quantize_weights(_model(SHAPE), INT8)
    finally:
        quantize.unsupported_reason.cache_clear()
    with pytest.raises(InputError, match="no precision"):
        quantize_weights(_model(SHAPE), "int3")


def test_an_operator_with_wrong_results_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch, "_weight_int8pack_mm", lambda x, weight, scales: x * 2)
    quantize.unsupported_reason.cache_clear()
    try:
        assert "wrong" in str(quantize.unsupported_reason(INT8))
    finally:
        quantize.unsupported_reason.cache_clear()
