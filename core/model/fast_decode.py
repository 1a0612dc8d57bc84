"""One more token through the modern decoder, in as few operations as it takes.

A step of generation is bound by reading the weights once. What comes on top is some microseconds
for every operation, whatever its size, and more for every Python attribute on the way. So what a
step needs is looked up once, queries and keys are normed and turned together, and norms are
written out in place. The results are those of `core.model.gpt` up to rounding; a test holds the two
together.

Shapes: B rows, H heads, G key/value heads, K head size, D width, F inner size, V vocabulary.

A token of generation as one CUDA graph: recorded once, then played back for every token.

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

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor

from core.model.attention import ForwardPass, attend
from core.model.kv_cache import KVCache
from core.model.linear import prepare_linear, prepare_linear_add

if TYPE_CHECKING:
    from core.model.gpt import GPT, Block, RMSNorm

LinearMap = Callable[[Tensor], Tensor]
# Stores what a layer's new token offers, and looks from it at all so far.
ReadAttention = Callable[[int, Tensor, Tensor, Tensor], Tensor]
LinearAdd = Callable[[Tensor, Tensor], Tensor]  # of rows, and of what their map is added to


@dataclass(frozen=True)
class _Norm:
    """A root-mean-square norm over n elements; see `_normed`.

    Attributes:
        weight: (…, n) its weight times the root of n.
        floor: a number, the root of n times its epsilon.
    """

    weight: Tensor
    floor: Tensor


@dataclass(frozen=True)
class _Layer:
    """One block's norms and maps of rows."""

    norm: _Norm
    qkv: LinearMap
    head_norm: _Norm  # (H+G, 1, K): a query's for each query head, then a key's for each key head
    out: LinearAdd
    second_norm: _Norm
    gate_up: LinearMap
    activation: LinearMap
    down: LinearAdd


class FastDecoder:
    """Reads one token of every row at a time; the model's weights must not change meanwhile."""

    def __init__(self, model: GPT) -> None:
        self._config = model.config
        table = (model.cos, model.cos, -model.sin, model.sin)
        self._turns = torch.cat(table, dim=-1).view(len(model.cos), 2, -1)  # (context, 2, K)
        self._embedding = model.embedding.weight.detach()
        self._layers = [_layer(cast("Block", block)) for block in model.blocks]
        self._norm = _norm(model.norm, model.norm.weight)
        self._output = prepare_linear(model.embedding if model.output is None else model.output)

    def __call__(self, tokens: Tensor, cache: KVCache, head_mask: Tensor | None = None) -> Tensor:
        """Logits (B, V) after the ids (B, 1), whose keys and values the cache holds then."""
        place = cache.length
        assert place < self._config.context, f"{place + 1} tokens, {self._config.context=}"
        step = ForwardPass(None, cache, None, head_mask, 0.0)

        def read(number: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            return attend(q, k, v, number, step)

        return self._through(tokens, self._turns[place], read)

    def at(self, tokens: Tensor, cache: KVCache, place: Tensor, span: int) -> Tensor:
        """As a call, by operations that are the same wherever the token stands.

        Args:
            place: (1,), where it stands; the cache's length stays as it is.
            span: places that are looked at; those after the token's own are hidden.
        """
        visible = (torch.arange(span, device=place.device) <= place)[None, None, None]

        def read(number: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            keys, values = cache.write_at(number, k, v, place, span)  # (B, G, span, K) each
            grouped = q.shape[1] != k.shape[1]
            return F.scaled_dot_product_attention(q, keys, values, visible, enable_gqa=grouped)

        return self._through(tokens, self._turns.index_select(0, place)[0], read)

    def _through(self, tokens: Tensor, turn: Tensor, read: ReadAttention) -> Tensor:
        x = F.embedding(tokens[:, 0], self._embedding)  # (B, D)
        turns = turn.unbind()  # (K,) each
        for number, layer in enumerate(self._layers):
            x = self._attention(layer, x, number, turns, read)
            x = self._feed_forward(layer, x)
        return self._output(_normed(x, self._norm))

    def _attention(
        self, layer: _Layer, x: Tensor, number: int, turn: Sequence[Tensor], read: ReadAttention
    ) -> Tensor:
        """(B, D) to (B, D)."""
        queries, keys, size = self._config.heads, self._config.kv_heads, self._config.head_dim
        qkv = layer.qkv(_normed(x, layer.norm)).view(x.shape[0], -1, 1, size)  # (B, H+2G, 1, K)
        qk = _normed(qkv.narrow(1, 0, queries + keys), layer.head_norm)  # (B, H+G, 1, K)
        # Element i is paired with element i + K/2, which rolling by K/2 brings to its place.
        qk = torch.addcmul(qk * turn[0], qk.roll(size // 2, -1), turn[1])
        q, k = qk.narrow(1, 0, queries), qk.narrow(1, queries, keys)
        found = read(number, q, k, qkv.narrow(1, queries + keys, keys))  # (B, H, 1, K)
        return layer.out(found.view(x.shape[0], -1), x)  # (B, H*K) to (B, D)

    def _feed_forward(self, layer: _Layer, x: Tensor) -> Tensor:
        """(B, D) to (B, D)."""
        gate, up = layer.gate_up(_normed(x, layer.second_norm)).chunk(2, -1)  # (B, F) each
        return layer.down(layer.activation(gate).mul_(up), x)


def _normed(x: Tensor, norm: _Norm) -> Tensor:
    """x / rms(x) * weight over the last dimension, in a quarter of the time of PyTorch's own.

    With n elements, the root of mean(x²) + eps is hypot(|x|, root of n·eps) / root of n.
    """
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    normed: Tensor = (x / length.hypot_(norm.floor)).mul_(norm.weight)
    return normed


def _layer(block: Block) -> _Layer:
    attention, mixer = block.attention, block.feed_forward
    head_weights = (
        attention.q_norm.weight.expand(attention.heads, 1, -1),
        attention.k_norm.weight.expand(attention.kv_heads, 1, -1),
    )
    return _Layer(
        norm=_norm(block.attention_norm, block.attention_norm.weight),
        qkv=prepare_linear(attention.qkv),
        head_norm=_norm(attention.q_norm, torch.cat(head_weights)),
        out=prepare_linear_add(attention.out),
        second_norm=_norm(block.feed_forward_norm, block.feed_forward_norm.weight),
        gate_up=prepare_linear(mixer.gate_up),
        activation=mixer.activation,
        down=prepare_linear_add(mixer.down),
    )


def _norm(norm: RMSNorm, weight: Tensor) -> _Norm:
    size = weight.shape[-1]
    floor = torch.tensor(math.sqrt(size * norm.eps), dtype=weight.dtype, device=weight.device)
    return _Norm(weight.detach() * math.sqrt(size), floor)


GRAPH_AFTER_TOKENS = 8  # tokens of a cache before recording pays
MIN_GRAPH_SPAN = 128  # places
WARM_UP_CALLS = 2
GRAPH_TOLERANCE = 0.02  # of the largest logit: kernels for other shapes add up in another order

Replay = Callable[[], object]
Recorder = Callable[[Callable[[], Tensor], torch.device], tuple[Replay, Tensor]]


def record_graph(work: Callable[[], Tensor], device: torch.device) -> tuple[Replay, Tensor]:
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
        for _ in range(WARM_UP_CALLS):  # libraries take their memory when they are first called
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


class CudaGraphDecoder:
    """A `Stepper` that plays back what it has recorded.

    Args:
        step: makes the logits; its weights stay where they are.
        recorder: as `record_graph`.

    Attributes:
        failure: why nothing is recorded any more; empty as long as it is.
    """

    def __init__(self, step: FastDecoder, recorder: Recorder = record_graph) -> None:
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
        if known.read > GRAPH_AFTER_TOKENS:
            self._record(known, span, tokens, cache, plain)
        return plain

    def _record(
        self, known: _Recordings, span: int, tokens: Tensor, cache: KVCache, plain: Tensor
    ) -> None:
        """Tries a graph on a token that was just read the ordinary way."""
        cache.truncate(cache.length - 1)
        try:
            cache.zero_unused()
            _set(known, tokens, cache)
            known.graphs[span] = self._recorder(
                lambda: self._step.at(known.tokens, cache, known.place, span), tokens.device
            )
            played = _played(known, span, tokens, cache)
        except RuntimeError as error:
            self._give_up(str(error) or type(error).__name__)
            self._step(tokens, cache)
            return
        limit = GRAPH_TOLERANCE * plain.abs().max()
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
    return min(cache.capacity, max(MIN_GRAPH_SPAN, wanted))


def _set(known: _Recordings, tokens: Tensor, cache: KVCache) -> None:
    known.tokens.copy_(tokens)
    known.place.fill_(cache.length)


def _played(known: _Recordings, span: int, tokens: Tensor, cache: KVCache) -> Tensor:
    _set(known, tokens, cache)
    replay, logits = known.graphs[span]
    replay()
    cache.length += 1
    return logits.clone()  # the next token's come to lie in the same place
