"""The loss of both decoders, with padded and with packed lines."""

from __future__ import annotations

import pytest
import torch

from core.config.configs import ModelConfig
from core.model import factory, language_model
from core.model.decoder import Decoder
from core.model.language_model import should_pack_lines
from core.tokenizer.special_tokens import PAD

CASES = ["qwen3", "tutorial"]


def _model(architecture: str) -> Decoder:
    fields = {"activation": "relu", "tie_embeddings": False} if architecture == "tutorial" else {}
    config = ModelConfig(
        architecture=architecture,
        vocab_size=30,
        context=16,
        layers=2,
        heads=2,
        kv_heads=2,
        d_model=16,
        head_dim=8,
        d_ff=24,
        **fields,  # type: ignore[arg-type]
    )
    return factory.build_model(config, seed=2).double()


def _padded_lines() -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.randint(3, 30, (5, 13), generator=torch.manual_seed(0))
    for row, length in zip(ids, (13, 4, 9, 2, 7), strict=True):
        row[length:] = PAD
    return ids[:, :-1], ids[:, 1:]


def _loss_and_gradient(
    model: Decoder, monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    monkeypatch.setattr(language_model, "should_pack_lines", lambda config, targets: packed)
    tokens, targets = _padded_lines()
    model.zero_grad()
    loss = model.loss(tokens.masked_fill(targets == PAD, PAD), targets)
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return loss.detach(), torch.cat(gradients)


@pytest.mark.parametrize("architecture", CASES)
def test_packed_lines_have_the_loss_and_gradient_of_padded_lines(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _model(architecture)
    padded = _loss_and_gradient(model, monkeypatch, packed=False)
    packed = _loss_and_gradient(model, monkeypatch, packed=True)
    # The loss is computed in float32, whatever the precision of the model.
    assert torch.allclose(padded[0], packed[0], atol=1e-6)
    assert torch.allclose(padded[1], packed[1], atol=1e-7)


@pytest.mark.parametrize("architecture", CASES)
def test_more_padding_does_not_change_the_loss(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, (tokens, targets) = _model(architecture), _padded_lines()
    wider = torch.zeros(5, 3, dtype=torch.long)
    losses = [
        model.loss(tokens, targets),
        model.loss(torch.cat((tokens, wider), 1), torch.cat((targets, wider), 1)),
    ]
    assert torch.allclose(losses[0], losses[1])


def test_lines_are_packed_for_large_models_with_much_padding() -> None:
    large = ModelConfig(layers=6, heads=8, kv_heads=8, d_model=512, head_dim=64, d_ff=2048)
    _, targets = _padded_lines()
    needed = targets.ne(PAD)
    assert should_pack_lines(large, needed)
    assert not should_pack_lines(large, torch.full((5, 12), True))
    assert not should_pack_lines(ModelConfig(d_model=8, d_ff=8, head_dim=2), needed.repeat(500, 1))
    assert not should_pack_lines(large, torch.full((2, 3), False))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("architecture", CASES)
def test_tokens_without_a_target_are_read_by_those_after_them(
    architecture: str, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prompt that is not learnt would else vanish from the input of what is learnt."""
    monkeypatch.setattr(language_model, "should_pack_lines", lambda config, needed: packed)
    model, (tokens, targets) = _model(architecture), _padded_lines()
    masked = targets.clone()
    masked[:, :3] = PAD  # of every line the first three targets
    logits = model.head(model(tokens))  # (B, T, V)
    losses = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), masked.flatten(), ignore_index=PAD, reduction="none"
    )
    expected = losses.sum() / masked.ne(PAD).sum()
    assert torch.allclose(model.loss(tokens, masked).double(), expected, atol=1e-6)
