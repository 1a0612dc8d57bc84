"""The tutorial's decoder and encoder against recorded outputs of the tutorial's code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from core.config.configs import ModelConfig
from core.model.attention import AttentionRecord
from core.model.encoder import padding_mask
from core.model.state_dict import load_stored
from core.model.tutorial import TutorialEncoder, TutorialGPT, sinusoid_table

TOLERANCE = 1e-9
CONFIG = ModelConfig(
    architecture="tutorial",
    vocab_size=20,
    context=12,
    layers=2,
    heads=4,
    kv_heads=4,
    d_model=32,
    head_dim=8,
    d_ff=64,
    activation="relu",
    tie_embeddings=False,
    norm_eps=1e-5,
)


@pytest.fixture(scope="module")
def recorded() -> dict[str, Tensor]:
    return load_file(Path(__file__).parent / "parity" / "tutorial.safetensors")


@pytest.fixture(scope="module")
def decoder(recorded: dict[str, Tensor]) -> TutorialGPT:
    model = TutorialGPT(CONFIG, None).double().eval()
    load_stored(model, _under(recorded, "gpt."))
    return model


@pytest.fixture(scope="module")
def encoder(recorded: dict[str, Tensor]) -> TutorialEncoder:
    """With a projection of its own, which the tutorial's encoder lacks."""
    model = TutorialEncoder(replace(CONFIG, architecture="tutorial-encoder")).double().eval()
    weights = {f"encoder.{name}": tensor for name, tensor in _under(recorded, "enc.").items()}
    del weights["encoder.pos_emb.weight"]  # computed here, compared below
    weights |= {f"projection.{name}": tensor for name, tensor in model.output.state_dict().items()}
    load_stored(model, weights)
    return model


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _max_difference(a: Tensor, b: Tensor) -> float:
    assert a.shape == b.shape
    return (a - b).abs().max().item()


@torch.no_grad()
def test_decoder_logits_are_the_tutorials(
    decoder: TutorialGPT, recorded: dict[str, Tensor]
) -> None:
    """Detects another norm, residual or position."""
    logits = decoder.head(decoder(recorded["decoder.tokens"]))
    assert _max_difference(logits, recorded["decoder.logits"]) < TOLERANCE


@torch.no_grad()
def test_recorded_decoder_logits_are_the_tutorials(
    decoder: TutorialGPT, recorded: dict[str, Tensor]
) -> None:
    """Detects a difference between written-out and fused attention."""
    record = AttentionRecord()
    logits = decoder.head(decoder(recorded["decoder.tokens"], record=record))
    assert _max_difference(logits, recorded["decoder.logits"]) < TOLERANCE
    assert _max_difference(decoder.head(record.hidden[-1]), logits) == 0


@torch.no_grad()
def test_the_greedy_continuation_is_the_tutorials(
    decoder: TutorialGPT, recorded: dict[str, Tensor]
) -> None:
    expected = recorded["decoder.greedy"].tolist()
    ids = expected[:1]
    while len(ids) < len(expected):
        hidden = decoder(torch.tensor([ids]))
        ids.append(int(decoder.head(hidden[0, -1]).argmax()))
    assert ids == expected


@torch.no_grad()
def test_encoder_outputs_and_attention_are_the_tutorials(
    encoder: TutorialEncoder, recorded: dict[str, Tensor]
) -> None:
    """Detects attention to padding, and positions that count from 0 or skip padding."""
    record = AttentionRecord()
    outputs = encoder(recorded["encoder.tokens"], record=record)
    assert _max_difference(outputs, recorded["encoder.outputs"]) < TOLERANCE
    for layer, weights in enumerate(record.attention):
        assert _max_difference(weights, recorded[f"encoder.attention_layer{layer}"]) < TOLERANCE
    fused = encoder(recorded["encoder.tokens"])
    assert _max_difference(fused, recorded["encoder.outputs"]) < TOLERANCE


def test_the_sinusoid_table_is_the_tutorials(recorded: dict[str, Tensor]) -> None:
    """Detects sines and cosines in halves, and angles in single precision."""
    stored = recorded["enc.pos_emb.weight"]
    assert _max_difference(sinusoid_table(*stored.shape).double(), stored) < TOLERANCE


def test_the_padding_mask_is_true_for_tokens() -> None:
    mask = padding_mask(torch.tensor([[4, 2, 0], [3, 0, 0]]))
    assert mask.shape == (2, 1, 1, 3)
    assert mask[:, 0, 0].tolist() == [[True, True, False], [True, False, False]]


@torch.no_grad()
def test_word_order_changes_the_output() -> None:
    """With positions along the batch, equal rows would differ and order would not count."""
    model = TutorialGPT(CONFIG).eval()
    tokens = torch.tensor([[1, 5, 6, 7], [1, 6, 5, 7], [1, 5, 6, 7]])
    last = model(tokens)[:, -1]
    assert _max_difference(last[0], last[2]) < 1e-5
    assert _max_difference(last[0], last[1]) > 1e-2
