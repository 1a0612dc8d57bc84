"""Both decoders by their interface: causal; the same logits with a cache and when recorded."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.config.budget import activation_floats_per_layer, count_parameters, training_bytes
from core.config.configs import ModelConfig
from core.config.presets import PRESETS
from core.errors import SettingsError
from core.model.attention import AttentionRecord
from core.model.decoder import Decoder
from core.model.factory import build_model
from core.model.kv_cache import KVCache
from core.tokenizer.special_tokens import PAD

MODERN = ModelConfig(
    vocab_size=97, context=32, layers=3, heads=4, kv_heads=2, d_model=48, head_dim=16, d_ff=80
)
TUTORIAL = dataclasses.replace(
    MODERN,
    architecture="tutorial",
    kv_heads=4,
    activation="relu",
    tie_embeddings=False,
    norm_eps=1e-5,
)
SHAPES = [
    MODERN,
    dataclasses.replace(MODERN, kv_heads=4, activation="relu2", tie_embeddings=False),
    dataclasses.replace(MODERN, heads=3, kv_heads=1, d_model=50, head_dim=6, layers=1),
    TUTORIAL,
    dataclasses.replace(TUTORIAL, heads=2, kv_heads=2, head_dim=10),
]


@pytest.fixture(params=[MODERN, TUTORIAL], ids=["modern", "tutorial"])
def model(request: pytest.FixtureRequest) -> Decoder:
    """Either decoder, with weights far enough from zero to show mistakes."""
    model = build_model(request.param).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.2, generator=torch.Generator().manual_seed(weight.numel()))
    return model


def tokens(rows: int = 2, length: int = 24, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(3, 97, (rows, length), generator=generator)


def logits(model: Decoder, ids: Tensor, **options: object) -> Tensor:
    with torch.no_grad():
        values: Tensor = model.head(model(ids, **options))
    return values


def assert_same(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_later_tokens_do_not_change_earlier_logits(model: Decoder) -> None:
    """Detects a missing mask, or one that is off by one."""
    ids = tokens()
    changed = ids.clone()
    changed[:, 10] = (changed[:, 10] - 2) % 90 + 3
    before, after = logits(model, ids), logits(model, changed)
    assert_same(before[:, :10], after[:, :10])
    assert not torch.allclose(before[:, 10], after[:, 10], atol=1e-3)


def test_padding_after_a_line_changes_nothing(model: Decoder) -> None:
    """The prediction of a line must not depend on the length of others in its batch."""
    ids = tokens()
    padded = F.pad(ids, (0, 6), value=PAD)
    assert_same(logits(model, padded)[:, :24], logits(model, ids))


@pytest.mark.parametrize("lengths", [[24], [1] * 24, [7, 17], [5, 1, 12, 6], [23, 1]])
def test_logits_with_a_cache_are_those_without(model: Decoder, lengths: list[int]) -> None:
    """Detects wrong positions or a wrong mask for one or more tokens after a cache."""
    ids = tokens()
    cache = KVCache(model.config, 2, 30)
    parts = [logits(model, part, cache=cache) for part in torch.split(ids, lengths, dim=1)]
    assert cache.length == 24
    assert_same(torch.cat(parts, dim=1), logits(model, ids))


def test_recording_after_a_cache_has_the_same_logits(model: Decoder) -> None:
    """Detects a mask other than the fused kernel's after a cache."""
    ids, record = tokens(), AttentionRecord()
    cache = KVCache(model.config, 2, 24)
    logits(model, ids[:, :9], cache=cache)
    recorded = logits(model, ids[:, 9:], cache=cache, record=record)
    assert_same(recorded, logits(model, ids)[:, 9:])
    assert record.attention[0].shape == (2, model.config.heads, 15, 24)


def test_a_record_has_every_layer_and_does_not_change_logits(model: Decoder) -> None:
    ids, record = tokens(), AttentionRecord()
    recorded = logits(model, ids, record=record)
    assert_same(recorded, logits(model, ids))
    shape = model.config
    assert [h.shape for h in record.hidden] == [(2, 24, shape.d_model)] * (shape.layers + 1)
    assert [a.shape for a in record.attention] == [(2, shape.heads, 24, 24)] * shape.layers
    for weights in record.attention:
        assert_same(weights.sum(-1), torch.ones(2, shape.heads, 24))
        assert weights.triu(1).max() == 0
    assert_same(model.head(record.hidden[-1]), recorded)
    assert model.head(record.hidden[1]).shape == (2, 24, shape.vocab_size)


def test_a_head_mask_of_ones_changes_nothing(model: Decoder) -> None:
    ones = torch.ones(model.config.layers, model.config.heads)
    assert torch.equal(logits(model, tokens(), head_mask=ones), logits(model, tokens()))


@pytest.mark.parametrize("recording", [False, True])
def test_a_head_mask_of_zero_removes_that_head(model: Decoder, recording: bool) -> None:
    """As zero columns in the output projection: detects a mask on the wrong layer or head."""
    shape, layer, head = model.config, 1, 2
    mask = torch.ones(shape.layers, shape.heads)
    mask[layer, head] = 0
    record = AttentionRecord() if recording else None
    masked = logits(model, tokens(), head_mask=mask, record=record)
    columns = slice(head * shape.head_dim, (head + 1) * shape.head_dim)
    with torch.no_grad():
        model.get_parameter(f"blocks.{layer}.attention.out.weight")[:, columns] = 0
    assert_same(masked, logits(model, tokens()))


def test_the_loss_is_the_mean_over_targets_that_are_not_padding(model: Decoder) -> None:
    """Detects padding in the sum or in the number of targets."""
    ids = tokens(3, 12)
    targets = ids.roll(-1, dims=1)
    targets[0, 5:] = PAD
    targets[1, 1:] = PAD
    expected = F.cross_entropy(logits(model, ids).flatten(0, 1), targets.flatten(), ignore_index=0)
    assert_same(model.loss(ids, targets), expected)
    assert model.loss(ids, torch.full_like(ids, PAD)).item() == 0


def test_loss_in_bfloat16(model: Decoder) -> None:
    """Detects products that refuse mixed precisions, or a loss summed in 8 bits."""
    ids = tokens()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model.loss(ids[:, :-1], ids[:, 1:])
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(model.loss(ids[:, :-1], ids[:, 1:]).item(), rel=0.02)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("config", [*SHAPES, ModelConfig(vocab_size=2048, d_model=128)])
def test_the_initial_loss_is_near_that_of_a_uniform_guess(config: ModelConfig) -> None:
    """Larger initial weights would have to be unlearnt first."""
    model, ids = build_model(config), tokens(4, 32)
    loss = model.loss(ids[:, :-1], ids[:, 1:]).item()
    assert abs(loss - math.log(config.vocab_size)) < 0.35


@pytest.mark.parametrize("config", SHAPES)
def test_the_same_seed_gives_the_same_weights(config: ModelConfig) -> None:
    """Weights must not depend on earlier random numbers, nor change later ones."""
    torch.manual_seed(5)
    first, after = build_model(config, 7), torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3), after)
    second, other = build_model(config, 7), build_model(config, 8)
    pairs = zip(first.parameters(), second.parameters(), other.parameters(), strict=True)
    for a, b, c in pairs:
        assert torch.equal(a, b)
        assert a.dim() == 1 or not torch.equal(a, c)


def test_dropout_is_active_only_in_training(model: Decoder) -> None:
    """Also if it is set after construction."""
    ids = tokens()
    plain = logits(model, ids)
    model.dropout = 0.5
    assert torch.equal(logits(model, ids), plain)
    model.train()
    torch.manual_seed(0)
    dropped = logits(model, ids)
    assert not torch.allclose(dropped, plain)
    torch.manual_seed(0)
    assert torch.equal(logits(model, ids), dropped)
    model.dropout = 0.0
    assert torch.equal(logits(model, ids), plain)


@settings(deadline=None, max_examples=40)
@given(
    tutorial=st.booleans(),
    sizes=st.tuples(*[st.integers(1, 5)] * 4),
    share=st.sampled_from([1, 2, 3]),
    tied=st.booleans(),
)
def test_the_parameter_formula_agrees_with_the_model(
    tutorial: bool, sizes: tuple[int, int, int, int], share: int, tied: bool
) -> None:
    layers, groups, half, width = sizes
    config = ModelConfig(
        architecture="tutorial" if tutorial else "qwen3",
        vocab_size=11,
        context=9,
        layers=layers,
        heads=groups * share,
        kv_heads=groups * (share if tutorial else 1),
        d_model=7 * width,
        head_dim=2 * half,
        d_ff=13,
        activation="relu" if tutorial else "silu",
        tie_embeddings=tied and not tutorial,
    )
    parameters = build_model(config, None).parameters()
    assert sum(p.numel() for p in parameters) == count_parameters(config)


@pytest.mark.parametrize("preset", ["tutorial", "tiny", "small"])
def test_the_memory_estimate_agrees_with_saved_activations(preset: str) -> None:
    """A wrong estimate starts runs that die, or rejects runs that fit."""
    config = ModelConfig(vocab_size=50, **{**PRESETS[preset].model, "layers": 2})
    one = _saved_bytes(dataclasses.replace(config, layers=1))
    per_token = (_saved_bytes(config) - one) / (2 * 32)
    assert per_token == pytest.approx(4 * activation_floats_per_layer(config), rel=0.05)
    assert training_bytes(config, 2, 32) > 16 * count_parameters(config) + 64 * per_token


def _saved_bytes(config: ModelConfig) -> int:
    """Bytes saved for the backward pass of two rows of 32 tokens, without the weights."""
    model = build_model(config)
    own = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers())}
    saved: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        address = tensor.untyped_storage().data_ptr()
        if address not in own:
            saved[address] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        hidden = model(torch.full((2, 32), 3))
    assert hidden.shape == (2, 32, config.d_model)
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values())


def test_settings_the_tutorial_does_not_have_are_an_error() -> None:
    """They must not be accepted and ignored."""
    with pytest.raises(SettingsError) as caught:
        build_model(dataclasses.replace(MODERN, architecture="tutorial"))
    assert set(caught.value.problems) == {"kv_heads", "activation", "tie_embeddings"}
