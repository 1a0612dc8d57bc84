"""Shortened weights: close to the long ones, in less memory, refused where they cannot be used."""

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
from tests.support.sessions import SHAPE, TUTORIAL, VOCAB, some_ids

short = pytest.mark.parametrize("kind", [BFLOAT16, INT8])
shapes = pytest.mark.parametrize(
    "shape",
    [SHAPE, SHAPE | {"tie_embeddings": False}, TUTORIAL],
    ids=["tied", "untied", "tutorial"],
)


@pytest.fixture(autouse=True)
def possible(request: pytest.FixtureRequest) -> None:
    kind = request.node.callspec.params.get("kind") if hasattr(request.node, "callspec") else None
    if kind and (why := quantize.unsupported_reason(kind)):
        pytest.skip(f"not on this machine: {why}")


def _model(shape: dict[str, Any]) -> Decoder:
    model = factory.build_model(ModelConfig(vocab_size=VOCAB, context=16, **shape), seed=3).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3, generator=torch.Generator().manual_seed(weight.numel()))
    return model


def _said(model: Decoder) -> torch.Tensor:
    session = Session(model)
    session.extend(some_ids(9))
    rows = [session.logits, *(session.feed([id]) for id in some_ids(20, seed=1))]
    return torch.cat(rows)  # (21, V), over a slide


@short
@shapes
def test_what_the_model_says_hardly_changes(shape: dict[str, Any], kind: str) -> None:
    """A scale on the wrong row; a map, or the tied output, that was left out or made twice."""
    long, model = _said(_model(shape)), _model(shape)
    quantize_weights(model, kind)
    maps = [part for part in model.modules() if isinstance(part, nn.Linear)]
    found = _said(model)
    assert not maps
    assert 0 < (found - long).norm() / long.norm() < 0.04


@pytest.mark.parametrize("inputs", [1, 24, 32, 33, 344])
@pytest.mark.parametrize("rows", [(1,), (7,), (2, 70)])
@pytest.mark.parametrize("kind", [INT8])
def test_int8_of_any_width(inputs: int, rows: tuple[int, ...], kind: str) -> None:
    """The operator reads 32 inputs at a time, also past the end of a row that is no multiple."""
    torch.manual_seed(0)
    weight, x = torch.randn(5, inputs), torch.randn(*rows, inputs)
    bias = torch.randn(5)
    found, expected = Int8Linear(weight, bias)(x), x @ weight.t() + bias
    assert found.shape == expected.shape
    assert found.dtype == torch.float32
    assert ((found - expected).norm() / expected.norm()) < 0.03


@short
def test_a_row_of_zeros_stays_one(kind: str) -> None:
    """A scale of zero, by which is divided."""
    made = {INT8: Int8Linear, BFLOAT16: BFloat16Linear}[kind](torch.zeros(4, 32))
    assert made(torch.ones(1, 32)).tolist() == [[0.0] * 4]


def test_int8_weights_take_a_quarter() -> None:
    made = Int8Linear(torch.randn(64, 96))
    assert made.weight.nbytes + made.scales.nbytes < 64 * 96 * 1.1


def test_float32_changes_nothing() -> None:
    model = _model(SHAPE)
    before = list(model.modules())
    quantize_weights(model, FLOAT32)
    assert list(model.modules()) == before


def test_what_the_machine_cannot_do_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback from an operator that another PyTorch has not."""

    def absent(*arguments: object) -> torch.Tensor:
        raise AttributeError("no such operator")

    monkeypatch.setattr(torch, "_weight_int8pack_mm", absent)
    quantize._tried.cache_clear()
    try:
        with pytest.raises(InputError, match="no such operator"):
            quantize_weights(_model(SHAPE), INT8)
    finally:
        quantize._tried.cache_clear()
    with pytest.raises(InputError, match="no precision"):
        quantize_weights(_model(SHAPE), "int3")


def test_an_operator_that_computes_something_else_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch, "_weight_int8pack_mm", lambda x, weight, scales: x * 2)
    quantize._tried.cache_clear()
    try:
        assert "wrong" in quantize.unsupported_reason(INT8)
    finally:
        quantize._tried.cache_clear()
