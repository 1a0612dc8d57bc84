"""Training steps of three sizes against a plain loop, and the share of the machine's peak.

python tests/benchmarks/tokens_per_second.py [--sizes …] [--device D] [--compile] [--quick]

Ours is a preset as a run trains it; the plain loop is GPT-2's decoder of about as many parameters,
with the same vocabulary and tokens a step. On a GPU both are compiled, and the plain loop is in
bfloat16 as ours is; on a processor it is in float32 and neither is compiled. Each has a process of
its own, and they step by turns; what our trainer tells the allocator is told to a second plain
loop too, so that its share can be seen. The share of the peak counts six operations a weight of
the products and token, and those of attention, against a large product measured in the same run.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from apart import Apart, Work
from machine import print_machine
from plain_gpt import PlainLoop, Size
from torch import Tensor, nn

from core.config.configs import AUTO, BFLOAT16, FLOAT32, ON, TrainConfig
from core.config.plan_inputs import TokenFacts
from core.config.planner import plan_run
from core.model import factory
from core.model.device import device_facts
from core.model.linear import has_onednn_linear, linear
from core.tokenizer.special_tokens import SPECIAL
from core.train import optim
from core.train.batches import Batches, WindowSamples
from core.train.update import Updater

# Vocabulary, context, windows a step on a processor and on a GPU, and the plain model.
SHAPES: dict[str, tuple[int, int, int, int, tuple[int, int, int]]] = {
    "tiny": (512, 128, 8, 256, (4, 4, 128)),
    "medium": (2048, 256, 8, 128, (6, 6, 384)),
    "xl": (32768, 512, 1, 32, (14, 12, 768)),
}
RATE = 3e-4
ROUNDS, STEPS = 5, {"tiny": 20, "medium": 3, "xl": 1}
TOKENS = 1 << 20


@torch.no_grad()
def peak(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of a large product, by the quicker of PyTorch's and oneDNN's."""
    size = 8192 if device.type == "cuda" else 2048
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    ways: list[Callable[[], Tensor]] = [lambda: left @ right]
    if device.type == "cpu" and has_onednn_linear():
        ways.append(lambda: linear(left, right))
    best = 0.0
    for way in ways * 6:
        began = time.perf_counter()
        way()
        wait(device)
        best = max(best, 2.0 * size**3 / (time.perf_counter() - began))
    return best


def wait(device: torch.device) -> None:
    """For what the device was told to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@dataclass(frozen=True)
class Facts:
    """A model's size, all parameters and those of its products, and what it multiplies in."""

    parameters: int
    products: int
    layers: int
    width: int
    precision: str


def ours(name: str, rows: int, config: TrainConfig) -> tuple[Facts, Work]:
    """A preset, and so many of its next updates."""
    vocab_size, context, *_ = SHAPES[name]
    found = plan_run(
        dataclasses.replace(config, preset=name, batch_size=rows, steps=1000),
        {"context": context},
        TokenFacts(
            reading="text",
            vocab_size=vocab_size,
            train_tokens=TOKENS,
            train_samples=0,
            longest=0,
        ),
        device_facts(config.device),
    )
    train, device = found.train, torch.device(found.train.device)
    model = factory.build_model(found.model, 0).to(device)
    updater = Updater(model, device, optim.build_optimizer(model, train))
    batches = Batches(text(vocab_size), WindowSamples(0, TOKENS, context), rows, 0)
    model.train()
    count = iter(range(10**9))
    assert train.learning_rate is not None
    rate = train.learning_rate / 10

    def update() -> object:
        return updater.update(batches, next(count), rate, train)

    size = found.model.layers, found.model.d_model
    return facts(model, *size, str(train.precision)), repeated(update, device)


def plain(name: str, rows: int, config: TrainConfig) -> tuple[Facts, Work]:
    """The plain loop, and so many of its next updates."""
    vocab_size, context, _, _, (layers, heads, width) = SHAPES[name]
    device = torch.device(device_facts(config.device).device)
    ids = torch.from_numpy(text(vocab_size).astype(np.int64)).to(device)
    size = Size(vocab_size, context, layers, heads, width)
    loop = PlainLoop(size, ids, rows, RATE, compiled=config.compile == ON)
    precision = BFLOAT16 if device.type == "cuda" else FLOAT32
    known = facts(loop.model, layers, width, precision)
    return known, repeated(partial(loop.update, RATE), device)


def text(vocab_size: int) -> np.ndarray:
    """Ids of no meaning."""
    ids = np.random.default_rng(0).integers(len(SPECIAL), vocab_size, TOKENS)
    return ids.astype(np.uint16)


def repeated(update: Callable[[], object], device: torch.device) -> Work:
    """So many updates, to the end of the last."""

    def work(count: int) -> None:
        for _ in range(count):
            update()
        wait(device)

    return work


def facts(model: nn.Module, layers: int, width: int, precision: str) -> Facts:
    """What the operations of a token are counted by."""
    named = dict(model.named_parameters())
    products = [p for name, p in named.items() if p.dim() == 2 and name != "places.weight"]
    total, multiplied = (sum(p.numel() for p in some) for some in (named.values(), products))
    return Facts(total, multiplied, layers, width, precision)


def operations(model: Facts, context: int) -> float:
    """Of the products of a step, a token: forward once, backward twice."""
    # Half of the scores are masked.
    return 6.0 * model.products + 6.0 * model.layers * model.width * context


def measure(name: str, config: TrainConfig, *, quick: bool) -> None:
    """By turns, and a line for each."""
    _, context, few, many, _ = SHAPES[name]
    device = torch.device(device_facts(config.device).device)
    on_gpu = device.type == "cuda"
    rows = many if on_gpu else few
    if on_gpu:
        config = dataclasses.replace(config, compile=ON)
    threads = device_facts("cpu").threads
    ways = {
        what: Apart(make, name, rows, config, threads=threads, kept=kept)
        for what, make, kept in (
            ("ours", ours, True),
            ("plain", plain, False),
            ("plain, memory kept", plain, True),
        )
    }
    steps = 1 if quick else 20 if on_gpu else STEPS[name]
    times: dict[str, list[float]] = {what: [] for what in ways}
    for turn in range(2 if quick else ROUNDS + 1):
        for what, way in ways.items():
            _, seconds = way.work(steps)
            if turn:  # the first is for warming up
                times[what].append(seconds / steps)
    for way in ways.values():
        way.end()
    peaks = {kind: peak(device, getattr(torch, kind)) for kind in (FLOAT32, BFLOAT16)}
    own = statistics.median(times["ours"])
    for what, way in ways.items():
        middle, top = statistics.median(times[what]), peaks[way.facts.precision]
        share = rows * context * operations(way.facts, context) / middle / top
        print(
            f"{name:<7} {what:<18} {way.facts.parameters / 1e6:7.2f} M  "
            f"{rows * context / middle:9,.0f} tokens/s  {1000 * middle:8.1f} ms  "
            f"{share:6.1%} of {top / 1e9:,.0f} GFLOP/s in {way.facts.precision}  "
            f"ours is {middle / own:.2f} x as fast",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", default=",".join(SHAPES))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"))
    parser.add_argument("--optimizer", choices=("adamw", "muon"))
    parser.add_argument("--compile", action="store_const", const=ON, default=AUTO, help="both")
    parser.add_argument("--quick", action="store_true", help="few steps, smallest size: no figures")
    options = parser.parse_args()
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
