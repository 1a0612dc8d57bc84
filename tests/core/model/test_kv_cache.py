"""The key/value cache: append, truncate, fork."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from core.config.configs import ModelConfig
from core.model.factory import build_model
from core.model.kv_cache import KVCache

CONFIG = ModelConfig(
    vocab_size=40, context=16, layers=2, heads=4, kv_heads=2, d_model=32, head_dim=8, d_ff=48
)


def _filled(cache: KVCache, value: float, new: int) -> Tensor:
    return torch.full((cache.batch, CONFIG.kv_heads, new, CONFIG.head_dim), value)


def test_the_length_grows_with_the_last_layer() -> None:
    """Otherwise the second layer would write after the first one's tokens."""
    cache = KVCache(CONFIG, 3, 10)
    k = _filled(cache, 1.0, 4)
    assert cache.append(0, k, k)[0].shape == (3, 2, 4, 8)
    assert cache.length == 0
    cache.append(1, k, k)
    assert (cache.length, cache.capacity, cache.batch) == (4, 10, 3)


def test_append_returns_all_tokens() -> None:
    cache = KVCache(CONFIG, 1, 10)
    for value, new in ((1.0, 3), (2.0, 2)):
        for layer in range(2):
            keys, values = cache.append(
                layer, _filled(cache, value, new), _filled(cache, -value, new)
            )
    assert keys[0, 0, :, 0].tolist() == [1, 1, 1, 2, 2]
    assert values[0, 1, :, 7].tolist() == [-1, -1, -1, -2, -2]


def test_appending_to_a_full_cache_is_an_assertion_error() -> None:
    cache = KVCache(CONFIG, 1, 3)
    with pytest.raises(AssertionError):
        cache.append(0, _filled(cache, 1, 4), _filled(cache, 1, 4))


@torch.no_grad()
def test_truncated_tokens_are_not_attended_to() -> None:
    model = build_model(CONFIG).eval()
    cache = KVCache(CONFIG, 1, 16)
    ids, other = torch.randint(3, 40, (2, 1, 8)).unbind()
    model(ids, cache=cache)
    cache.truncate(5)
    hidden = model(other[:, 5:], cache=cache)
    expected = model(torch.cat((ids[:, :5], other[:, 5:]), dim=1))
    torch.testing.assert_close(hidden, expected[:, 5:], rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_forked_rows_are_independent() -> None:
    """They must not share memory with the original or with each other."""
    model = build_model(dataclasses.replace(CONFIG, tie_embeddings=False)).eval()
    cache = KVCache(CONFIG, 2, 16)
    ids = torch.randint(3, 40, (2, 6))
    model(ids, cache=cache)
    fork = cache.fork(3)
    before = cache.keys.clone()
    new = torch.randint(3, 40, (6, 2))
    hidden = model(new, cache=fork)
    assert (cache.length, fork.length, fork.batch) == (6, 8, 6)
    assert torch.equal(cache.keys, before)
    expected = model(torch.cat((ids.repeat_interleave(3, dim=0), new), dim=1))
    torch.testing.assert_close(hidden, expected[:, 6:], rtol=1e-5, atol=1e-5)
