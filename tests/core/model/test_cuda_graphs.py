"""Steps that are recorded and played back, with a recorder that needs no GPU."""

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
from tests.core.model.test_fast_decode import SHAPES, _model

Work = Callable[[], Tensor]
MODERN = {name: shape for name, shape in SHAPES.items() if name != "tutorial"}
shapes = pytest.mark.parametrize("shape", MODERN.values(), ids=MODERN.keys())


@pytest.fixture(autouse=True)
def few_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_decode, "MIN_GRAPH_SPAN", 4)


class Tape:
    """Does the work again where a graph would be played back: into the same memory."""

    def __init__(self) -> None:
        self.recorded = self.played = 0

    def __call__(self, work: Work, device: torch.device) -> tuple[Replay, Tensor]:
        self.recorded += 1
        result = work()

        def replay() -> None:
            self.played += 1
            result.copy_(work())

        return replay, result


def model_of(shape: ModelConfig) -> GPT:
    model = _model(shape)
    assert isinstance(model, GPT)
    return model


def read(step: Callable[..., Tensor], ids: list[list[int]], cache: KVCache) -> list[Tensor]:
    """The logits after each column of ids."""
    with torch.inference_mode():
        columns = torch.tensor(ids).unbind(1)
        return [step(column[:, None], cache).clone() for column in columns]


def close(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.allclose(a, b, atol=1e-4) for a, b in zip(one, other, strict=True))


@shapes
def test_played_back_it_says_the_same(shape: ModelConfig) -> None:
    """From the first place to the last, over every span; the cache holds rubbish to begin with."""
    model, tape = model_of(shape), Tape()
    ids = torch.randint(3, 61, (2, 24), generator=torch.Generator().manual_seed(0)).tolist()
    cache, other = (KVCache(shape, 2, 24) for _ in range(2))
    cache.keys.fill_(float("nan"))
    cache.values.fill_(float("nan"))
    replaying = CudaGraphDecoder(FastDecoder(model), tape)
    assert close(read(replaying, ids, cache), read(FastDecoder(model), ids, other))
    assert replaying.failure == ""
    # Places 8 to 15 and 16 to 23, of which the first of each is the one that is recorded.
    assert tape.recorded == 2
    assert tape.played == 24 - GRAPH_AFTER_TOKENS
    assert cache.length == 24
    assert torch.allclose(cache.keys, other.keys, atol=1e-5)


def test_a_session_goes_on_forks_and_goes_back_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is played back after a cut, or in a fork, writes where another conversation reads."""
    model, tape = model_of(MODERN["tied"]), Tape()
    monkeypatch.setattr(
        model, "make_decode_step", lambda: CudaGraphDecoder(FastDecoder(model), tape)
    )
    ours, plain = Session(model), Session(model_of(MODERN["tied"]))
    found: list[list[Tensor]] = [[], []]
    for session, said in zip((ours, plain), found, strict=True):
        for number in range(30):  # beyond the context: the window slides
            said.append(session.feed([3 + number % 7]).clone())
        session.cut(28)
        said.append(session.feed([9]).clone())
        branches = session.fork(3)
        for number in range(12):
            said.append(branches.feed_rows([[4], [5 + number % 3], [6]]).clone())
        said.append(session.feed([11]).clone())
    assert close(*found)
    assert tape.recorded >= 2
    assert tape.played > 20


def test_heads_are_silenced_the_ordinary_way() -> None:
    model, tape = model_of(MODERN["tied"]), Tape()
    cache, replaying = KVCache(model.config, 1, 24), CudaGraphDecoder(FastDecoder(model), tape)
    mask = torch.ones(3, 4)
    mask[1, 2] = 0.0
    ids = [[5] * (GRAPH_AFTER_TOKENS + 3)]
    read(replaying, ids, cache)
    played = tape.played
    assert played
    other = KVCache(model.config, 1, 24)
    read(FastDecoder(model), ids, other)
    with torch.inference_mode():
        token = torch.tensor([[7]])
        expected = FastDecoder(model)(token, other, mask)
        assert torch.allclose(replaying(token, cache, mask), expected, atol=1e-5)
    assert tape.played == played


def refusing(work: Work, device: torch.device) -> tuple[Replay, Tensor]:
    raise RuntimeError("operation not permitted when stream is capturing\nmore")


def lying(work: Work, device: torch.device) -> tuple[Replay, Tensor]:
    made = work()
    return lambda: made.fill_(1.0), made


def failing(work: Work, device: torch.device) -> tuple[Replay, Tensor]:
    made = work()
    return lambda: made.fill_(float("nan")), made


@pytest.mark.parametrize(
    ("recorder", "why"),
    [
        (refusing, "operation not permitted when stream is capturing"),
        (lying, "a graph computes something else"),
        (failing, "a graph computes something else"),
    ],
)
def test_what_cannot_be_recorded_or_is_wrong_is_not_used(
    recorder: fast_decode.Recorder, why: str
) -> None:
    model = model_of(MODERN["tied"])
    ids = [[3 + number % 9 for number in range(20)]]
    replaying = CudaGraphDecoder(FastDecoder(model), recorder)
    caches = [KVCache(model.config, 1, 24) for _ in range(2)]
    assert close(read(replaying, ids, caches[0]), read(FastDecoder(model), ids, caches[1]))
    assert replaying.failure == why


def test_a_short_reply_is_not_recorded() -> None:
    model, tape = model_of(MODERN["tied"]), Tape()
    read(
        CudaGraphDecoder(FastDecoder(model), tape),
        [[5] * GRAPH_AFTER_TOKENS],
        KVCache(model.config, 1, 24),
    )
    assert tape.recorded == 0


def test_recordings_go_with_the_conversation() -> None:
    """Hundreds of conversations, each of which keeps its graphs on the device."""

    def forgetting(work: Work, device: torch.device) -> tuple[Replay, Tensor]:
        made = work()
        return made.clone, made  # as a graph, it keeps nothing of what was recorded

    model = model_of(MODERN["tied"])
    replaying, cache = (
        CudaGraphDecoder(FastDecoder(model), forgetting),
        KVCache(model.config, 1, 24),
    )
    read(replaying, [[5] * 12], cache)
    assert replaying.failure == ""
    assert len(replaying._known) == 1
    del cache
    gc.collect()
    assert len(replaying._known) == 0


def test_on_a_processor_nothing_is_recorded() -> None:
    assert isinstance(model_of(MODERN["tied"]).make_decode_step(), FastDecoder)
