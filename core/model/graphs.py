"""A token of generation as one CUDA graph: recorded once, then played back for every token.

On a GPU the host takes longer to ask for a step's hundreds of small operations than the device to
do them. A graph is all of them, asked for at once. It is a fixed list over fixed memory: so the
token and its place lie in memory that is written before, and attention goes over a span of places
of which those to come are hidden. There is a graph for each cache and span.

A graph is used only after its logits were compared with those of the ordinary way, which is taken
where there can be none.

Source: the CUDA programming guide, "CUDA Graphs"; PyTorch's notes on CUDA semantics.

Shapes: B rows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from core.model.kv_cache import KVCache
from core.model.fast_decode import OneToken

PATIENCE = 8  # tokens of a cache before recording pays
SHORTEST = 128  # places
WARM_UPS = 2
CLOSE = 0.02  # of the largest logit: kernels for other shapes add up in another order

Replay = Callable[[], object]
Recorder = Callable[[Callable[[], Tensor], torch.device], tuple[Replay, Tensor]]


def record(work: Callable[[], Tensor], device: torch.device) -> tuple[Replay, Tensor]:
    """What does the work again, and where its result lies then.

    Raises:
        RuntimeError: it cannot be recorded.
    """
    with torch.cuda.device(-1 if device.index is None else device.index):  # -1: as it is
        return _recorded(work)


def _recorded(work: Callable[[], Tensor]) -> tuple[Replay, Tensor]:
    beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(WARM_UPS):  # libraries take their memory when they are first called
            work()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    # What other threads do meanwhile, a saver's copies for instance, is none of its business.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        result = work()
    return graph.replay, result


@dataclass
class _Recordings:
    """Of one cache, by span.

    Attributes:
        tokens, place: what a graph reads, (B, 1) and (1,).
        read: tokens so far.
    """

    tokens: Tensor
    place: Tensor
    read: int = 0
    graphs: dict[int, tuple[Replay, Tensor]] = field(default_factory=dict)


class Replaying:
    """A `Stepper` that plays back what it has recorded.

    Args:
        step: makes the logits; its weights stay where they are.
        recorder: as `record`.

    Attributes:
        failure: why nothing is recorded any more; empty as long as it is.
    """

    def __init__(self, step: OneToken, recorder: Recorder = record) -> None:
        self._step, self._recorder = step, recorder
        self._known: WeakKeyDictionary[KVCache, _Recordings] = WeakKeyDictionary()
        self.failure = ""

    def __call__(self, tokens: Tensor, cache: KVCache, head_mask: Tensor | None = None) -> Tensor:
        """Logits (B, V) after the ids (B, 1), whose keys and values the cache holds then."""
        if self.failure or head_mask is not None:
            return self._step(tokens, cache, head_mask)
        known = self._known.setdefault(cache, _Recordings(torch.clone(tokens), _place(cache)))
        known.read += 1
        span = _span(cache)
        if span in known.graphs:
            return _played(known, span, tokens, cache)
        plain = self._step(tokens, cache)
        if known.read > PATIENCE:
            self._record(known, span, tokens, cache, plain)
        return plain

    def _record(
        self, known: _Recordings, span: int, tokens: Tensor, cache: KVCache, plain: Tensor
    ) -> None:
        """Tries a graph on a token that was just read the ordinary way."""
        cache.cut(cache.length - 1)
        try:
            cache.blank()
            _set(known, tokens, cache)
            known.graphs[span] = self._recorder(
                lambda: self._step.at(known.tokens, cache, known.place, span), tokens.device
            )
            played = _played(known, span, tokens, cache)
        except RuntimeError as error:
            self._give_up(str(error) or type(error).__name__)
            self._step(tokens, cache)
            return
        limit = CLOSE * plain.abs().max()
        if not bool((played - plain).abs().max() <= limit):  # also where it is not a number
            self._give_up("a graph computes something else")

    def _give_up(self, why: str) -> None:
        self.failure = why.partition("\n")[0]
        self._known.clear()


def _place(cache: KVCache) -> Tensor:
    return torch.zeros(1, dtype=torch.int64, device=cache.keys.device)


def _span(cache: KVCache) -> int:
    """Places to look at with one more token: few sizes, so that few graphs are recorded."""
    wanted: int = 1 << cache.length.bit_length()  # the first power of two above the last place
    return min(cache.capacity, max(SHORTEST, wanted))


def _set(known: _Recordings, tokens: Tensor, cache: KVCache) -> None:
    known.tokens.copy_(tokens)
    known.place.fill_(cache.length)


def _played(known: _Recordings, span: int, tokens: Tensor, cache: KVCache) -> Tensor:
    _set(known, tokens, cache)
    replay, logits = known.graphs[span]
    replay()
    cache.length += 1
    return logits.clone()  # the next token's come to lie in the same place
