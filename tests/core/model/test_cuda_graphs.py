"""Captured decoding steps, with a stand-in for CUDA graphs that needs no GPU."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from core.config.configs import ModelConfig
from core.inference.session import Session
from core.model import fast_decode
from core.model.fast_decode import GRAPH_AFTER_TOKENS, CudaGraphDecoder, FastDecoder, Replay
from core.model.gpt import GPT
from core.model.kv_cache import KVCache
from tests.core.model.test_fast_decode import SHAPES, distinct_model
from tests.support.sessions import feed, feed_rows

Work = Callable[[], Tensor]
WITHOUT_GRAPHS = ("tutorial", "gpt2", "gpt_neox")
MODERN = {name: shape for name, shape in SHAPES.items() if name not in WITHOUT_GRAPHS}
shapes = pytest.mark.parametrize("shape", MODERN.values(), ids=MODERN.keys())


@pytest.fixture(autouse=True)
def small_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_decode, "MIN_GRAPH_SPAN", 4)


class FakeGraphs:
    """Capture by running the work again on replay, into the same memory."""

    def __init__(self) -> None:
        self.captured = self.replayed = 0

    def __call__(self, work: Work, device: torch.device) -> tuple[Replay, Tensor]:
        self.captured += 1
        result = work()

        def replay() -> None:
            self.replayed += 1
            result.copy_(work())

        return replay, result


def model_of(shape: ModelConfig) -> GPT:
    model = distinct_model(shape)
    assert isinstance(model, GPT)
    return model


def decode(step: Callable[..., Tensor], ids: list[list[int]], cache: KVCache) -> list[Tensor]:
    """The logits after each column of ids."""
    with torch.inference_mode():
        columns = torch.tensor(ids).unbind(1)
        return [step(column[:, None], cache).clone() for column in columns]


def close(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.allclose(a, b, atol=1e-4) for a, b in zip(one, other, strict=True))


@shapes
def test_replayed_steps_have_the_same_logits(shape: ModelConfig) -> None:
    """From the first position to the last, over every span, in a cache full of NaN."""
    model, graphs = model_of(shape), FakeGraphs()
    ids = torch.randint(3, 61, (2, 24), generator=torch.Generator().manual_seed(0)).tolist()
    cache, other = (KVCache(shape, 2, 24) for _ in range(2))
    cache.keys.fill_(float("nan"))
    cache.values.fill_(float("nan"))
    decoder = CudaGraphDecoder(FastDecoder(model), graphs)
    assert close(decode(decoder, ids, cache), decode(FastDecoder(model), ids, other))
    assert decoder.failure is None
    # Positions 8 to 15 and 16 to 23; the first of each is captured.
    assert graphs.captured == 2
    assert graphs.replayed == 24 - GRAPH_AFTER_TOKENS
    assert cache.length == 24
    assert torch.allclose(cache.keys, other.keys, atol=1e-5)


def test_sessions_that_slide_truncate_and_fork_have_the_same_logits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A replay after a truncation, or in a fork, must not write into another conversation."""
    model, graphs = model_of(MODERN["tied"]), FakeGraphs()
    monkeypatch.setattr(
        model, "make_decode_step", lambda: CudaGraphDecoder(FastDecoder(model), graphs)
    )
    sessions = Session(model), Session(model_of(MODERN["tied"]))
    logits: list[list[Tensor]] = [[], []]
    for session, steps in zip(sessions, logits, strict=True):
        for number in range(30):  # beyond the context: the window slides
            steps.append(feed(session, [3 + number % 7]).clone())
        session.truncate(28)
        steps.append(feed(session, [9]).clone())
        branches = session.fork(3)
        for number in range(12):
            steps.append(feed_rows(branches, [[4], [5 + number % 3], [6]]).clone())
        steps.append(feed(session, [11]).clone())
    assert close(*logits)
    assert graphs.captured >= 2
    assert graphs.replayed > 20


def test_a_head_mask_is_computed_without_graphs() -> None:
    model, graphs = model_of(MODERN["tied"]), FakeGraphs()
    cache, decoder = KVCache(model.config, 1, 24), CudaGraphDecoder(FastDecoder(model), graphs)
    mask = torch.ones(3, 4)
    mask[1, 2] = 0.0
    ids = [[5] * (GRAPH_AFTER_TOKENS + 3)]
    decode(decoder, ids, cache)
    replayed = graphs.replayed
    assert replayed
    other = KVCache(model.config, 1, 24)
    decode(FastDecoder(model), ids, other)
    with torch.inference_mode():
        token = torch.tensor([[7]])
        expected = FastDecoder(model)(token, other, mask)
        assert torch.allclose(decoder(token, cache, mask), expected, atol=1e-5)
    assert graphs.replayed == replayed


def fail_capture(work: Work, device: torch.device) -> tuple[Replay, Tensor]:
    raise RuntimeError("operation not permitted when stream is capturing\nmore")


def replay_ones(work: Work, device: torch.device) -> tuple[Replay, Tensor]:
    result = work()
    return lambda: result.fill_(1.0), result


def replay_nan(work: Work, device: torch.device) -> tuple[Replay, Tensor]:
    result = work()
    return lambda: result.fill_(float("nan")), result


@pytest.mark.parametrize(
    ("capture", "reason"),
    [
        (fail_capture, "operation not permitted when stream is capturing"),
        (replay_ones, "a graph computes something else"),
        (replay_nan, "a graph computes something else"),
    ],
)
def test_graphs_that_fail_or_are_wrong_are_not_used(
    capture: fast_decode.CaptureGraph, reason: str
) -> None:
    model = model_of(MODERN["tied"])
    ids = [[3 + number % 9 for number in range(20)]]
    decoder = CudaGraphDecoder(FastDecoder(model), capture)
    caches = [KVCache(model.config, 1, 24) for _ in range(2)]
    assert close(decode(decoder, ids, caches[0]), decode(FastDecoder(model), ids, caches[1]))
    assert decoder.failure == reason


def test_no_graph_is_captured_for_a_short_reply() -> None:
    model, graphs = model_of(MODERN["tied"]), FakeGraphs()
    decode(
        CudaGraphDecoder(FastDecoder(model), graphs),
        [[5] * GRAPH_AFTER_TOKENS],
        KVCache(model.config, 1, 24),
    )
    assert graphs.captured == 0


def test_graphs_are_deleted_with_their_cache() -> None:
    """Hundreds of conversations would fill the device with graphs."""

    def capture_without_references(work: Work, device: torch.device) -> tuple[Replay, Tensor]:
        result = work()
        return result.clone, result  # like a graph, it does not refer to `work`

    model = model_of(MODERN["tied"])
    decoder, cache = (
        CudaGraphDecoder(FastDecoder(model), capture_without_references),
        KVCache(model.config, 1, 24),
    )
    decode(decoder, [[5] * 12], cache)
    assert decoder.failure is None
    assert decoder.cache_count == 1
    del cache
    gc.collect()
    assert decoder.cache_count == 0


def test_no_graphs_are_used_on_a_cpu() -> None:
    assert isinstance(model_of(MODERN["tied"]).make_decode_step(), FastDecoder)
