"""Tiny decoders for tests of sessions, and logits without a cache to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from core.config.configs import ModelConfig
from core.inference.session import Session, window_start
from core.model import factory
from core.model.attention import AttentionRecord
from core.model.decoder import Decoder

CONTEXT = 8
VOCAB = 20
SHAPE: dict[str, Any] = {
    "layers": 2,
    "heads": 2,
    "kv_heads": 1,
    "d_model": 16,
    "head_dim": 8,
    "d_ff": 24,
}
TUTORIAL = SHAPE | {
    "architecture": "tutorial",
    "kv_heads": 2,
    "activation": "relu",
    "tie_embeddings": False,
    "norm_eps": 1e-5,
}

architectures = pytest.mark.parametrize("architecture", ["qwen3", "tutorial"])
both = pytest.mark.parametrize("keep_first", [0, 1])


@cache
def tiny(architecture: str, context: int = CONTEXT) -> Decoder:
    """A tiny decoder with weights large enough for mistakes to change the logits."""
    shape = TUTORIAL if architecture == "tutorial" else SHAPE
    config = ModelConfig(vocab_size=VOCAB, context=context, **shape)
    model = factory.build_model(config, seed=3).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3, generator=torch.Generator().manual_seed(weight.numel()))
    return model


@torch.inference_mode()
def plain(model: Decoder, ids: list[int], keep_first: int) -> Tensor:
    """The logits (V,) after the ids without a cache, by the definition of the window."""
    start = window_start(len(ids), model.config.context, keep_first)
    logits: Tensor = model.head(model(torch.tensor([ids[:keep_first] + ids[start:]])))[0, -1]
    return logits


def some_ids(count: int, seed: int = 0) -> list[int]:
    """Random ids, none special, by the seed."""
    result: list[int] = torch.randint(
        3, VOCAB, (count,), generator=torch.Generator().manual_seed(seed)
    ).tolist()
    return result


def feed(session: Session, ids: Sequence[int]) -> Tensor:
    """Append ids to the only row; return the logits after them, (1, V)."""
    return feed_rows(session, [ids])


def feed_rows(session: Session, ids: Sequence[Sequence[int]]) -> Tensor:
    """Append ids to each row; return the logits after them, (B, V)."""
    session.extend_rows(ids)
    return session.next_logits()


def close(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are equal up to rounding."""
    return torch.allclose(a, b, rtol=1e-4, atol=1e-4)


def count_tokens(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record the lengths of the forward passes of the shared model from now on."""
    model, read = tiny("qwen3"), []
    forward, stepper = model.forward, model.make_decode_step()

    def counting(tokens: Tensor, **options: Any) -> Tensor:
        read.append(tokens.shape[1])
        return forward(tokens, **options)

    def one(*arguments: Any) -> Tensor:
        read.append(1)
        return stepper(*arguments)

    monkeypatch.setattr(model, "forward", counting)
    monkeypatch.setattr(model, "make_decode_step", lambda: one)
    return read


def last(model: Decoder, record: AttentionRecord) -> Tensor:
    """The logits (V,) after the last id of a record."""
    with torch.inference_mode():
        logits: Tensor = model.head(record.hidden[-1])[0, -1]
    return logits
