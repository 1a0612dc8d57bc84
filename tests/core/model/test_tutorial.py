"""The tutorial's decoder and encoder against recorded outputs of the tutorial's own blocks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from core.config.configs import ModelConfig
from core.model.attention import AttentionRecord
from core.model.state_dict import load_stored
from core.model.tutorial import Encoder, TutorialGPT, padding_mask, sinusoid_table

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
def encoder(recorded: dict[str, Tensor]) -> Encoder:
    model = Encoder(CONFIG, None).double().eval()
    weights = _under(recorded, "enc.")
    del weights["pos_emb.weight"]  # a formula here, compared below
    load_stored(model, weights)
    return model


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _apart(a: Tensor, b: Tensor) -> float:
    assert a.shape == b.shape
    return (a - b).abs().max().item()


@torch.no_grad()
def test_decoder_logits(decoder: TutorialGPT, recorded: dict[str, Tensor]) -> None:
    """A norm, a residual or the place of a position that differs from the tutorial's."""
    logits = decoder.head(decoder(recorded["decoder.tokens"]))
    assert _apart(logits, recorded["decoder.logits"]) < TOLERANCE


@torch.no_grad()
def test_decoder_recorded_path(decoder: TutorialGPT, recorded: dict[str, Tensor]) -> None:
    """The written-out attention drifting from the fused one."""
    record = AttentionRecord()
    logits = decoder.head(decoder(recorded["decoder.tokens"], record=record))
    assert _apart(logits, recorded["decoder.logits"]) < TOLERANCE
    assert _apart(decoder.head(record.hidden[-1]), logits) == 0


@torch.no_grad()
def test_greedy_continuation(decoder: TutorialGPT, recorded: dict[str, Tensor]) -> None:
    """Reading the wrong position's logits while generating."""
    expected = recorded["decoder.greedy"].tolist()
    ids = expected[:1]
    while len(ids) < len(expected):
        hidden = decoder(torch.tensor([ids]))
        ids.append(int(decoder.head(hidden[0, -1]).argmax()))
    assert ids == expected


@torch.no_grad()
def test_encoder_outputs_and_attention(encoder: Encoder, recorded: dict[str, Tensor]) -> None:
    """Padding looked at, or positions that count from 0 or skip padding."""
    record = AttentionRecord()
    outputs = encoder(recorded["encoder.tokens"], record=record)
    assert _apart(outputs, recorded["encoder.outputs"]) < TOLERANCE
    for layer, weights in enumerate(record.attention):
        assert _apart(weights, recorded[f"encoder.attention_layer{layer}"]) < TOLERANCE
    fused = encoder(recorded["encoder.tokens"])
    assert _apart(fused, recorded["encoder.outputs"]) < TOLERANCE


def test_sinusoid_table(recorded: dict[str, Tensor]) -> None:
    """Sines and cosines in halves, or angles that lost their precision before the sine."""
    stored = recorded["enc.pos_emb.weight"]
    assert _apart(sinusoid_table(*stored.shape).double(), stored) < TOLERANCE


def test_padding_mask_shows_words_only() -> None:
    """A mask that means the opposite of what attention takes it for."""
    mask = padding_mask(torch.tensor([[4, 2, 0], [3, 0, 0]]))
    assert mask.shape == (2, 1, 1, 3)
    assert mask[:, 0, 0].tolist() == [[True, True, False], [True, False, False]]


@torch.no_grad()
def test_word_order_matters() -> None:
    """Positions that run over the batch: then all rows of one batch differ, and no order counts."""
    model = TutorialGPT(CONFIG).eval()
    tokens = torch.tensor([[1, 5, 6, 7], [1, 6, 5, 7], [1, 5, 6, 7]])
    last = model(tokens)[:, -1]
    assert _apart(last[0], last[2]) < 1e-5
    assert _apart(last[0], last[1]) > 1e-2
