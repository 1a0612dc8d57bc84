"""Fast path: decode one token per row with the modern decoder, on a CPU or as a CUDA graph.

A decoding step is bound by reading the weights once. On a CPU, every further operation costs some
microseconds whatever its size, and every Python attribute some more. So `FastDecoder` looks up
everything a step needs once, normalises and rotates queries and keys together, and writes norms out
in place. Its results are those of `core.model.gpt` up to rounding; a test compares them.

On a GPU the host takes longer to launch the hundreds of small operations of a step than the device
to run them. `CudaGraphDecoder` captures them once as a CUDA graph and replays it with one launch. A
graph is a fixed list of operations on fixed memory: the token and its position are copied into that
memory first, and attention covers a span of positions in which the later ones are masked. There is
one graph per cache and span. A graph is used only after its logits agreed with those of
`FastDecoder`, which remains the fallback.

Source: the CUDA programming guide, "CUDA Graphs"; PyTorch's notes on CUDA semantics.

Shapes: B rows, H heads, G key/value heads, K head size, D width, F inner size, V vocabulary.
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
    from core.model.gpt import GPT, Block, FeedForward, RMSNorm

LinearMap = Callable[[Tensor], Tensor]
LinearAdd = Callable[[Tensor, Tensor], Tensor]  # of rows, and of the term the product is added to
# Takes a layer's number and its queries, keys and values; stores the latter two and attends.
Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
Replay = Callable[[], object]
# Captures a function on a device: how to replay it, and the memory of its result.
CaptureGraph = Callable[[Callable[[], Tensor], torch.device], tuple[Replay, Tensor]]

GRAPH_AFTER_TOKENS = 8  # decoded in a cache before capturing a graph is worth it
MIN_GRAPH_SPAN = 128  # positions
WARM_UP_CALLS = 2
GRAPH_TOLERANCE = 0.02  # of the largest logit: kernels for other shapes sum in another order


@dataclass(frozen=True)
class _Norm:
    """A prepared RMSNorm over n elements; see `_apply_norm`.

    Attributes:
        weight: (…, n) the norm's weight times sqrt(n).
        floor: (), sqrt(n * eps).
    """

    weight: Tensor
    floor: Tensor


@dataclass(frozen=True)
class _Layer:
    """A prepared block."""

    norm: _Norm
    qkv: LinearMap
    # (H+G, 1, K): the queries' for every query head, the keys' for every key head; None without
    head_norm: _Norm | None
    out: LinearAdd
    second_norm: _Norm
    gate_up: LinearMap
    activation: LinearMap
    down: LinearAdd


class FastDecoder:
    """Decode one token per row; the model's weights must not change meanwhile."""

    def __init__(self, model: GPT) -> None:
        self._config = model.config
        table = (model.cos, model.cos, -model.sin, model.sin)
        self._rotations = torch.cat(table, dim=-1).view(len(model.cos), 2, -1)  # (context, 2, K)
        self._embedding = model.embedding.weight.detach()
        self._layers = [_prepare_layer(cast("Block", block)) for block in model.blocks]
        norm = cast("RMSNorm", model.norm)
        self._norm = _prepare_norm(norm, norm.weight)
        self._output = prepare_linear(model.embedding if model.output is None else model.output)

    def __call__(self, tokens: Tensor, cache: KVCache, head_mask: Tensor | None = None) -> Tensor:
        """Logits (B, V) after the ids (B, 1), whose keys and values are added to the cache."""
        position = cache.length
        assert position < self._config.context, f"{position + 1} tokens, {self._config.context=}"
        step = ForwardPass(None, cache, None, head_mask, 0.0)

        def attend_to_cache(number: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            return attend(q, k, v, number, step)

        return self._decode(tokens, self._rotations[position], attend_to_cache)

    def decode_at(self, tokens: Tensor, cache: KVCache, position: Tensor, span: int) -> Tensor:
        """As a call, with the same operations on the same memory whatever the position.

        Args:
            position: (1,), of the token; the length of the cache does not change.
            span: positions to attend over; those after the token's own are masked.
        """
        visible = (torch.arange(span, device=position.device) <= position)[None, None, None]

        def attend_to_span(number: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            keys, values = cache.write_at(number, k, v, position, span)  # (B, G, span, K) each
            is_grouped = q.shape[1] != k.shape[1]
            return F.scaled_dot_product_attention(q, keys, values, visible, enable_gqa=is_grouped)

        rotation = self._rotations.index_select(0, position)[0]
        return self._decode(tokens, rotation, attend_to_span)

    def _decode(self, tokens: Tensor, rotation: Tensor, attend: Attend) -> Tensor:
        x = F.embedding(tokens[:, 0], self._embedding)  # (B, D)
        cos_sin = rotation.unbind()  # (K,) each
        for number, layer in enumerate(self._layers):
            x = self._attention(layer, x, number, cos_sin, attend)
            gate, up = layer.gate_up(_apply_norm(x, layer.second_norm)).chunk(2, -1)  # (B, F) each
            x = layer.down(layer.activation(gate).mul_(up), x)
        return self._output(_apply_norm(x, self._norm))

    def _attention(
        self, layer: _Layer, x: Tensor, number: int, cos_sin: Sequence[Tensor], attend: Attend
    ) -> Tensor:
        """(B, D) to (B, D)."""
        queries, keys, size = self._config.heads, self._config.kv_heads, self._config.head_dim
        normed = _apply_norm(x, layer.norm)
        qkv = layer.qkv(normed).view(x.shape[0], -1, 1, size)  # (B, H+2G, 1, K)
        qk = qkv.narrow(1, 0, queries + keys)  # (B, H+G, 1, K)
        if layer.head_norm is not None:
            qk = _apply_norm(qk, layer.head_norm)
        # Rolling by K/2 aligns element i with element i + K/2, its pair.
        qk = torch.addcmul(qk * cos_sin[0], qk.roll(size // 2, -1), cos_sin[1])
        q, k = qk.narrow(1, 0, queries), qk.narrow(1, queries, keys)
        attended = attend(number, q, k, qkv.narrow(1, queries + keys, keys))  # (B, H, 1, K)
        return layer.out(attended.view(x.shape[0], -1), x)  # (B, H*K) to (B, D)


def _apply_norm(x: Tensor, norm: _Norm) -> Tensor:
    """x / rms(x) * weight over the last dimension, in a quarter of the time of `F.rms_norm`.

    With n elements, sqrt(mean(x²) + eps) is hypot(|x|, sqrt(n * eps)) / sqrt(n).
    """
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    normed: Tensor = (x / length.hypot_(norm.floor)).mul_(norm.weight)
    return normed


def _prepare_layer(block: Block) -> _Layer:
    attention, feed_forward = block.attention, cast("FeedForward", block.feed_forward)
    first_norm, second_norm = (
        cast("RMSNorm", norm) for norm in (block.attention_norm, block.feed_forward_norm)
    )
    head_norm = None
    if attention.q_norm is not None and attention.k_norm is not None:
        weights = (
            attention.q_norm.weight.expand(attention.heads, 1, -1),
            attention.k_norm.weight.expand(attention.kv_heads, 1, -1),
        )
        head_norm = _prepare_norm(attention.q_norm, torch.cat(weights))
    return _Layer(
        norm=_prepare_norm(first_norm, first_norm.weight),
        qkv=prepare_linear(attention.qkv),
        head_norm=head_norm,
        out=prepare_linear_add(attention.out),
        second_norm=_prepare_norm(second_norm, second_norm.weight),
        gate_up=prepare_linear(feed_forward.gate_up),
        activation=feed_forward.activation,
        down=prepare_linear_add(feed_forward.down),
    )


def _prepare_norm(norm: RMSNorm, weight: Tensor) -> _Norm:
    size = weight.shape[-1]
    floor = torch.tensor(math.sqrt(size * norm.eps), dtype=weight.dtype, device=weight.device)
    return _Norm(weight.detach() * math.sqrt(size), floor)


def capture_graph(work: Callable[[], Tensor], device: torch.device) -> tuple[Replay, Tensor]:
    """Capture `work` as a CUDA graph: how to replay it, and the memory of its result.

    Raises:
        RuntimeError: it cannot be captured.
    """
    index = -1 if device.index is None else device.index  # -1 keeps the current device
    with torch.cuda.device(index):
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_CALLS):  # libraries allocate their memory in the first calls
                work()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # Copies made by other threads at the same time must not break the capture.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            result = work()
    return graph.replay, result


@dataclass
class _CacheGraphs:
    """The graphs of one cache, by span.

    Attributes:
        tokens, position: inputs of the graphs, (B, 1) and (1,).
        decoded: tokens so far.
    """

    tokens: Tensor
    position: Tensor
    decoded: int = 0
    graphs: dict[int, tuple[Replay, Tensor]] = field(default_factory=dict)

    def set_inputs(self, tokens: Tensor, cache: KVCache) -> None:
        self.tokens.copy_(tokens)
        self.position.fill_(cache.length)

    def replay(self, span: int, tokens: Tensor, cache: KVCache) -> Tensor:
        """Logits (B, V) of the token, by the graph of this span."""
        self.set_inputs(tokens, cache)
        replay, logits = self.graphs[span]
        replay()
        cache.length += 1
        return logits.clone()  # the next replay overwrites them


class CudaGraphDecoder:
    """Decode one token per row by replaying CUDA graphs.

    Args:
        step: computes the logits; its weights must not move.
        capture: as `capture_graph`.

    Attributes:
        failure: why graphs are not used any more; None while they are.
    """

    def __init__(self, step: FastDecoder, capture: CaptureGraph = capture_graph) -> None:
        self._step, self._capture = step, capture
        self._caches: WeakKeyDictionary[KVCache, _CacheGraphs] = WeakKeyDictionary()
        self.failure: str | None = None

    @property
    def cache_count(self) -> int:
        """Caches that graphs are kept for; those of a deleted cache are deleted with it."""
        return len(self._caches)

    def __call__(self, tokens: Tensor, cache: KVCache, head_mask: Tensor | None = None) -> Tensor:
        """Logits (B, V) after the ids (B, 1), whose keys and values are added to the cache."""
        if self.failure or head_mask is not None:
            return self._step(tokens, cache, head_mask)
        known = self._caches.get(cache)
        if known is None:
            position = torch.zeros(1, dtype=torch.int64, device=cache.keys.device)
            known = self._caches[cache] = _CacheGraphs(torch.clone(tokens), position)
        known.decoded += 1
        span = _graph_span(cache)
        if span in known.graphs:
            return known.replay(span, tokens, cache)
        logits = self._step(tokens, cache)
        if known.decoded > GRAPH_AFTER_TOKENS:
            self._capture_and_verify(known, span, tokens, cache, logits)
        return logits

    def _capture_and_verify(
        self, known: _CacheGraphs, span: int, tokens: Tensor, cache: KVCache, expected: Tensor
    ) -> None:
        """Capture a graph and compare its logits with those of the token decoded last."""
        cache.truncate(cache.length - 1)
        try:
            cache.zero_unused()
            known.set_inputs(tokens, cache)
            known.graphs[span] = self._capture(
                lambda: self._step.decode_at(known.tokens, cache, known.position, span),
                tokens.device,
            )
            logits = known.replay(span, tokens, cache)
        except RuntimeError as error:
            self._disable(str(error) or type(error).__name__)
            self._step(tokens, cache)
            return
        limit = GRAPH_TOLERANCE * expected.abs().max()
        if not bool((logits - expected).abs().max() <= limit):  # also if it is NaN
            self._disable("a graph computes something else")

    def _disable(self, reason: str) -> None:
        self.failure = reason.partition("\n")[0]
        self._caches.clear()


def _graph_span(cache: KVCache) -> int:
    """Positions to attend over for the next token: few sizes, so that few graphs are captured."""
    above_length: int = 1 << cache.length.bit_length()  # the first power of two above it
    return min(cache.capacity, max(MIN_GRAPH_SPAN, above_length))
