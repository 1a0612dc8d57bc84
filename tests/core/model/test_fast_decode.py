"""The fast decoder: same logits and same greedy tokens as the model itself."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from core.config.configs import ModelConfig
from core.inference.session import Session, window_start
from core.model import linear
from core.model.decoder import Decoder
from core.model.factory import build_model
from core.model.kv_cache import KVCache
from tests.support.sessions import feed, feed_rows

TIED = ModelConfig(
    vocab_size=61, context=24, layers=3, heads=4, kv_heads=4, d_model=40, head_dim=10, d_ff=72
)
SHAPES = {
    "tied": TIED,
    "untied": dataclasses.replace(TIED, tie_embeddings=False, norm_eps=1e-3),
    "grouped": dataclasses.replace(TIED, heads=6, kv_heads=2, head_dim=16, rope_theta=3e4),
    "one key head": dataclasses.replace(TIED, kv_heads=1, activation="relu2", layers=1),
    "llama": dataclasses.replace(
        TIED, architecture="llama", kv_heads=2, attention_bias=True, mlp_bias=True
    ),
    "qwen2": dataclasses.replace(TIED, architecture="qwen2", kv_heads=2),
    "gpt2": dataclasses.replace(
        TIED, architecture="gpt2", attention_bias=True, mlp_bias=True, activation="gelu_new"
    ),
    "gpt_neox": dataclasses.replace(
        TIED,
        architecture="gpt_neox",
        mlp_bias=True,
        rotary_share=0.4,
        parallel_residual=True,
        activation="gelu",
    ),
    "tutorial": ModelConfig(
        architecture="tutorial",
        vocab_size=61,
        context=24,
        layers=2,
        heads=4,
        kv_heads=4,
        d_model=40,
        head_dim=10,
        d_ff=72,
        activation="relu",
        tie_embeddings=False,
        norm_eps=1e-5,
    ),
}
shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())


def distinct_model(shape: ModelConfig) -> Decoder:
    """All weights, norms too, far enough from their initial values to show every mistake."""
    model = build_model(shape).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in model.parameters():
            drawn = torch.empty_like(weight).normal_(0, 0.25, generator=generator)
            weight.copy_(drawn if weight.dim() > 1 else 1 + drawn)
    return model


@torch.inference_mode()
def _plain(model: Decoder, rows: list[list[int]], keep_first: int = 0) -> Tensor:
    """The logits (B, V) after rows of ids, by the definition of the context window."""
    start = window_start(len(rows[0]), model.config.context, keep_first)
    window = torch.tensor([row[:keep_first] + row[max(start, keep_first) :] for row in rows])
    logits: Tensor = model.head(model(window))[:, -1]
    return logits


def _close(logits: Tensor, expected: Tensor) -> bool:
    same = logits.argmax(-1).tolist() == expected.argmax(-1).tolist()
    return same and torch.allclose(logits, expected, rtol=1e-4, atol=1e-4)


@shapes
@pytest.mark.parametrize("keep_first", [0, 1])
def test_logits_and_greedy_tokens_are_the_models_while_the_window_slides(
    shape: ModelConfig, keep_first: int
) -> None:
    """Detects a wrong rotary pair, norm weight or epsilon, position or shared head."""
    model, ids = distinct_model(shape), [1, 30, 12]
    session = Session(model, keep_first=keep_first)
    session.extend(ids)
    for _ in range(2 * shape.context):
        assert _close(session.next_logits(), _plain(model, [ids], keep_first))
        ids.append(int(session.next_logits()[0].argmax()))
        session.extend(ids[-1:])


@shapes
def test_logits_are_the_models_after_a_cut_and_a_fork(shape: ModelConfig) -> None:
    """Detects rows that share a cache, or a position that is not the cache's."""
    model, ids = distinct_model(shape), [1, 30, 12, 7, 9, 8]
    session = Session(model)
    session.extend(ids[:3])
    for id in ids[3:]:
        feed(session, [id])
    session.truncate(4)
    assert _close(feed(session, [20]), _plain(model, [[*ids[:4], 20]]))
    twin = session.fork(3)
    rows = [[*ids[:4], 20, more] for more in (5, 6, 7)]
    assert _close(feed_rows(twin, [[5], [6], [7]]), _plain(model, rows))
    assert _close(feed(session, [6]), _plain(model, rows[1:2]))


@shapes
@torch.inference_mode()
def test_a_masked_head_has_no_effect(shape: ModelConfig) -> None:
    model, mask = distinct_model(shape), torch.ones(shape.layers, shape.heads)
    mask[0, 1] = 0.0
    ids = [1, 30, 12, 7]
    session = Session(model, head_mask=mask)
    session.extend(ids[:3])
    assert session.next_logits() is not None
    expected = model.head(model(torch.tensor([ids]), head_mask=mask))[:, -1]
    assert _close(feed(session, ids[3:]), expected)
    assert not torch.allclose(expected, _plain(model, [ids]), atol=1e-3)


@shapes
def test_without_onednn_the_logits_are_the_same(
    shape: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU without oneDNN, or with a PyTorch without the operator."""
    fast = Session(distinct_model(shape))
    feed(fast, [1, 30])
    logits = feed(fast, [12])
    monkeypatch.setattr(linear, "has_onednn_linear", lambda: False)
    plain = Session(distinct_model(shape))
    feed(plain, [1, 30])
    assert _close(logits, feed(plain, [12]))


@pytest.mark.parametrize("shape", [SHAPES["grouped"], SHAPES["untied"]])
@torch.inference_mode()
def test_decoding_into_a_full_cache_is_an_assertion_error(shape: ModelConfig) -> None:
    """The position would be past the rotary table."""
    model, cache = distinct_model(shape), KVCache(shape, 1, shape.context)
    model(torch.ones(1, shape.context, dtype=torch.int64), cache=cache)
    with pytest.raises(AssertionError):
        model.make_decode_step()(torch.tensor([[5]]), cache, None)


@pytest.mark.parametrize("shape", [SHAPES["tied"]])
def test_a_new_session_uses_weights_changed_since(shape: ModelConfig) -> None:
    """Weights prepared for one session must not be used in the next one."""
    model = distinct_model(shape)
    before = Session(model)
    feed(before, [1, 30])
    feed(before, [12])
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.1)
    after = Session(model)
    feed(after, [1, 30])
    assert _close(feed(after, [12]), _plain(model, [[1, 30, 12]]))
