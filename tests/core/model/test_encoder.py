"""Both encoders: they see what follows, ignore padding, and learn packed as padded."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from core.config.budget import count_parameters
from core.config.configs import ModelConfig
from core.model import factory, language_model
from core.model.attention import AttentionRecord
from core.model.encoder import Encoder

MODERN = ModelConfig(
    architecture="eurobert",
    vocab_size=30,
    context=16,
    layers=2,
    heads=4,
    kv_heads=2,
    d_model=32,
    head_dim=8,
    d_ff=48,
)
TUTORIAL = ModelConfig(
    architecture="tutorial-encoder",
    vocab_size=30,
    context=16,
    layers=2,
    heads=4,
    kv_heads=4,
    d_model=32,
    head_dim=8,
    d_ff=48,
    activation="relu",
    tie_embeddings=False,
    norm_eps=1e-5,
)
LABELLERS = [dataclasses.replace(config, labels=3) for config in (MODERN, TUTORIAL)]
labellers = pytest.mark.parametrize("config", LABELLERS, ids=["modern", "tutorial"])
both = pytest.mark.parametrize("config", [MODERN, TUTORIAL], ids=["modern", "tutorial"])


def _encoder(config: ModelConfig) -> Encoder:
    return factory.build_encoder(config, seed=1)


@both
@torch.no_grad()
def test_a_token_sees_what_follows(config: ModelConfig) -> None:
    model = _encoder(config).eval()
    hidden = model(torch.tensor([[1, 5, 6, 7], [1, 5, 6, 8]]))
    assert (hidden[0, 1] - hidden[1, 1]).abs().max() > 1e-3


@both
@torch.no_grad()
def test_padding_changes_nothing(config: ModelConfig) -> None:
    model = _encoder(config).eval()
    line = [1, 5, 6, 7, 2]
    padded = model(torch.tensor([[*line, 0, 0], [1, 9, 9, 9, 9, 9, 2]]))[0, : len(line)]
    assert (padded - model(torch.tensor([line]))[0]).abs().max() < 1e-5


@both
@torch.no_grad()
def test_recorded_attention_is_over_both_sides_and_never_over_padding(config: ModelConfig) -> None:
    model = _encoder(config).eval()
    record = AttentionRecord()
    tokens = torch.tensor([[1, 5, 6, 2, 0, 0]])
    hidden = model(tokens, record=record)
    assert (hidden - model(tokens)).abs().max() < 1e-5
    assert len(record.attention) == config.layers
    for weights in record.attention:
        assert weights[..., 4:].abs().max() == 0
        assert weights[:, :, 0, 3].min() > 0


@both
def test_packed_and_padded_rows_have_the_same_loss_and_gradients(
    config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = torch.tensor([[1, 5, 6, 7, 8, 2], [1, 9, 2, 0, 0, 0]])
    targets = torch.tensor([[0, 5, 0, 0, 9, 0], [0, 4, 0, 0, 0, 0]])
    results = []
    for packs in (False, True):
        monkeypatch.setattr(language_model, "should_pack_lines", lambda *_, packs=packs: packs)
        model = _encoder(config)
        loss = model.loss(tokens, targets)
        loss.backward()
        results.append((loss.item(), [weight.grad for weight in model.parameters()]))
    assert results[0][0] == pytest.approx(results[1][0], abs=1e-5)
    for a, b in zip(results[0][1], results[1][1], strict=True):
        assert a is not None
        assert b is not None
        assert (a - b).abs().max() < 1e-5


@labellers
@torch.no_grad()
def test_labels_are_read_at_the_first_token_which_sees_the_whole_text(config: ModelConfig) -> None:
    model = _encoder(config).eval()
    texts = torch.tensor([[1, 5, 6, 7, 2], [1, 5, 6, 8, 2]])
    logits = model.label_logits(texts)
    assert logits.shape == (2, 3)
    assert (logits[0] - logits[1]).abs().max() > 1e-6
    padded = model.label_logits(torch.tensor([[1, 5, 6, 7, 2, 0, 0]]))
    assert (padded[0] - logits[0]).abs().max() < 1e-5


@labellers
def test_the_loss_of_labels_is_their_mean_cross_entropy(
    config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers count from 1, as 0 is padding; packed as padded."""
    tokens = torch.tensor([[1, 5, 6, 7, 8, 2], [1, 9, 2, 0, 0, 0]])
    targets = torch.tensor([[3, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]])
    model = _encoder(config)
    expected = -model.label_logits(tokens).log_softmax(-1)[[0, 1], [2, 0]].mean().item()
    for packs in (False, True):
        monkeypatch.setattr(language_model, "should_pack_lines", lambda *_, packs=packs: packs)
        assert model.loss(tokens, targets).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("config", [MODERN, TUTORIAL, *LABELLERS])
def test_parameters_are_counted(config: ModelConfig) -> None:
    assert count_parameters(config) == sum(p.numel() for p in _encoder(config).parameters())
