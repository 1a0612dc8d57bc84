"""Training steps of three sizes against a plain loop, and the share of the machine's peak.

python tests/benchmarks/tokens_per_second.py [--sizes …] [--device D] [--compile] [--quick]

Ours is a preset as a run trains it; the plain loop is GPT-2's decoder of about as many parameters,
with the same vocabulary and tokens a step. On a GPU both are compiled, and the plain loop is in
bfloat16 as ours is; on a processor it is in float32 and neither is compiled. The share of the peak
counts six operations a weight of the products and token, and those of attention, against a large
product measured in the same run.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from machine import print_machine
from plain_gpt import PlainLoop, Size
from torch import nn

from core import models, optimizer
from core.allocator import keep_freed_memory
from core.auto import plan
from core.config import AUTO, ON, ModelConfig, TrainConfig
from core.dataset import Batches, Windows
from core.linear import has_quick_product, linear
from core.probe import device_facts
from core.situation import TokenFacts
from core.tokenizer import SPECIAL
from core.updater import Updater

# Vocabulary, context, windows a step on a processor and on a GPU, and the plain model.
SHAPES: dict[str, tuple[int, int, int, int, tuple[int, int, int]]] = {
    "tiny": (512, 128, 8, 256, (4, 4, 128)),
    "medium": (2048, 256, 8, 128, (6, 6, 384)),
    "xl": (32768, 512, 1, 32, (14, 12, 768)),
}
RATE = 3e-4
ROUNDS, STEPS = 5, {"tiny": 20, "medium": 3, "xl": 1}
TOKENS = 1 << 20
Update = Callable[[], object]


def peak(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of a large product, by the quicker of PyTorch's and oneDNN's."""
    size = 8192 if device.type == "cuda" else 2048
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    ways: list[Update] = [lambda: left @ right]
    if device.type == "cpu" and has_quick_product():
        ways.append(lambda: linear(left, right))
    best = 0.0
    for way in ways * 6:
        began = time.perf_counter()
        way()
        _wait(device)
        best = max(best, 2.0 * size**3 / (time.perf_counter() - began))
    return best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def ours(
    name: str, ids: np.ndarray, rows: int, config: TrainConfig
) -> tuple[nn.Module, ModelConfig, Update]:
    """A preset, and its next update."""
    vocab_size, context, *_ = SHAPES[name]
    facts = TokenFacts(
        reading="text",
        vocab_size=vocab_size,
        train_tokens=len(ids),
        train_samples=0,
        longest=0,
    )
    chosen = dataclasses.replace(config, preset=name, batch_size=rows, steps=1000)
    found = plan(chosen, {"context": context}, facts, device_facts(config.device))
    train, device = found.train, torch.device(found.train.device)
    model = models.build(found.model, 0).to(device)
    updater = Updater(model, device, optimizer.build(model, train))
    batches = Batches(ids, Windows(0, len(ids), context), rows, 0)
    model.train()
    count = iter(range(10**9))
    assert train.learning_rate is not None
    rate = train.learning_rate
    return model, found.model, lambda: updater.update(batches, next(count), rate / 10, train)


def operations(weights: int, layers: int, width: int, context: int) -> float:
    """Of the products of a step, a token: forward once, backward twice."""
    return 6.0 * weights + 6.0 * layers * width * context  # half of the scores are masked


def products(model: nn.Module, beside: set[str]) -> int:
    """Weights that every token is multiplied with."""
    named = model.named_parameters()
    return sum(p.numel() for name, p in named if p.dim() == 2 and name not in beside)


def seconds(update: Update, steps: int, device: torch.device) -> float:
    """Of a step, the mean of some."""
    _wait(device)
    began = time.perf_counter()
    for _ in range(steps):
        update()
    _wait(device)
    return (time.perf_counter() - began) / steps


def measure(name: str, config: TrainConfig, *, quick: bool) -> None:
    """By turns, and a line."""
    vocab_size, context, few, many, (layers, heads, width) = SHAPES[name]
    device = torch.device(device_facts(config.device).device)
    on_gpu = device.type == "cuda"
    rows = many if on_gpu else few
    if on_gpu:
        config = dataclasses.replace(config, compile=ON)
    ids = np.random.default_rng(0).integers(len(SPECIAL), vocab_size, TOKENS).astype(np.uint16)
    model, shape, update = ours(name, ids, rows, config)
    size = Size(vocab_size, context, layers, heads, width)
    there = torch.from_numpy(ids.astype(np.int64)).to(device)
    loop = PlainLoop(size, there, rows, RATE, compiled=config.compile == ON)
    steps = 1 if quick else 20 if on_gpu else STEPS[name]
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(2 if quick else ROUNDS + 1):
        found = seconds(update, steps, device), seconds(lambda: loop.update(RATE), steps, device)
        if turn:  # the first is for warming up
            for kept, one in zip(times, found, strict=True):
                kept.append(one)
    with torch.no_grad():
        shorter = on_gpu or config.precision == "bfloat16"
        top = peak(device, torch.bfloat16 if shorter else torch.float32)
    tokens = rows * context
    lines = (
        ("ours", model, shape.layers, shape.d_model, times[0]),
        ("plain", loop.model, layers, width, times[1]),
    )
    for what, one, depth, wide, taken in lines:
        beside = {"places.weight"}
        work = tokens * operations(products(one, beside), depth, wide, context)
        middle = statistics.median(taken)
        count = sum(p.numel() for p in one.parameters()) / 1e6
        print(
            f"{name:<7} {what:<6} {count:7.2f} M  {tokens / middle:9,.0f} tokens/s  "
            f"{1000 * middle:8.1f} ms  {work / middle / top:6.1%} of {top / 1e9:,.0f} GFLOP/s"
        )
    ratio = statistics.median(times[1]) / statistics.median(times[0])
    print(f"{name:<7} ours {ratio:.2f} x the tokens a second of the plain loop", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", default=",".join(SHAPES))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"))
    parser.add_argument("--optimizer", choices=("adamw", "muon"))
    parser.add_argument("--compile", action="store_const", const=ON, default=AUTO, help="both")
    parser.add_argument("--quick", action="store_true", help="few steps, smallest size: no figures")
    options = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(device_facts("cpu").threads)
    print_machine()
    config = TrainConfig(
        device=options.device,
        precision=options.precision,
        optimizer=options.optimizer,
        compile=options.compile,
    )
    for name in ["tiny"] if options.quick else options.sizes.split(","):
        measure(name, config, quick=options.quick)


if __name__ == "__main__":
    main()
