"""Training speed of three sizes against a plain loop, and the share of the machine's peak.

python tests/benchmarks/tokens_per_second.py [--sizes …] [--device D] [--compile] [--quick]

Ours is a preset as a run trains it; the plain loop is a GPT-2 decoder with about as many
parameters, the same vocabulary and the same tokens per step. On a GPU both are compiled, and both
use bfloat16; on a CPU the plain loop uses float32 and neither is compiled. Each has its own
process, and they alternate. A second plain loop uses our allocator setting, to show its share. The
share of the peak counts six operations per token and weight of the matrix products, plus those of
attention, relative to a large product measured in the same run.
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
from apart import Work, WorkerProcess
from machine import print_machine
from plain_gpt import PlainLoop, PlainShape
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

# Vocabulary, context, rows per step on a CPU and on a GPU; layers, heads, width of the plain model.
SHAPES: dict[str, tuple[int, int, int, int, tuple[int, int, int]]] = {
    "tiny": (512, 128, 8, 256, (4, 4, 128)),
    "medium": (2048, 256, 8, 128, (6, 6, 384)),
    "xl": (32768, 512, 1, 32, (14, 12, 768)),
}
PLAIN_LEARNING_RATE = 3e-4
ROUNDS, STEPS = 5, {"tiny": 20, "medium": 3, "xl": 1}
TEXT_TOKENS = 1 << 20


@torch.no_grad()
def peak_operations(device: torch.device, dtype: torch.dtype) -> float:
    """Operations per second of a large matrix product; the faster of PyTorch and oneDNN."""
    size = 8192 if device.type == "cuda" else 2048
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    products: list[Callable[[], Tensor]] = [lambda: left @ right]
    if device.type == "cpu" and has_onednn_linear():
        products.append(lambda: linear(left, right))
    best = 0.0
    for product in products * 6:
        start = time.perf_counter()
        product()
        synchronize(device)
        best = max(best, 2.0 * size**3 / (time.perf_counter() - start))
    return best


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@dataclass(frozen=True)
class ModelFacts:
    """The size of a model: all parameters, those in matrix products, and its precision."""

    parameters: int
    products: int
    layers: int
    width: int
    precision: str


def make_ours(name: str, rows: int, config: TrainConfig) -> tuple[ModelFacts, Work]:
    """A preset; the work is so many updates."""
    vocab_size, context, *_ = SHAPES[name]
    plan = plan_run(
        dataclasses.replace(config, preset=name, batch_size=rows, steps=1000),
        {"context": context},
        TokenFacts(
            reading="text",
            vocab_size=vocab_size,
            train_tokens=TEXT_TOKENS,
            train_samples=0,
            longest=0,
        ),
        device_facts(config.device),
    )
    train, device = plan.train, torch.device(plan.train.device)
    model = factory.build_model(plan.model, 0).to(device)
    updater = Updater(model, device, optim.build_optimizer(model, train))
    batches = Batches(random_ids(vocab_size), WindowSamples(0, TEXT_TOKENS, context), rows, 0)
    model.train()
    count = iter(range(10**9))
    assert train.learning_rate is not None
    rate = train.learning_rate / 10

    def update() -> object:
        return updater.update(batches, next(count), rate, train)

    size = plan.model.layers, plan.model.d_model
    return model_facts(model, *size, str(train.precision)), repeat(update, device)


def make_plain(name: str, rows: int, config: TrainConfig) -> tuple[ModelFacts, Work]:
    """The plain loop; the work is so many updates."""
    vocab_size, context, _, _, (layers, heads, width) = SHAPES[name]
    device = torch.device(device_facts(config.device).device)
    ids = torch.from_numpy(random_ids(vocab_size).astype(np.int64)).to(device)
    size = PlainShape(vocab_size, context, layers, heads, width)
    loop = PlainLoop(size, ids, rows, PLAIN_LEARNING_RATE, compiled=config.compile == ON)
    precision = BFLOAT16 if device.type == "cuda" else FLOAT32
    facts_of_model = model_facts(loop.model, layers, width, precision)
    return facts_of_model, repeat(partial(loop.update, PLAIN_LEARNING_RATE), device)


def random_ids(vocab_size: int) -> np.ndarray:
    """Random token ids."""
    ids = np.random.default_rng(0).integers(len(SPECIAL), vocab_size, TEXT_TOKENS)
    return ids.astype(np.uint16)


def repeat(update: Callable[[], object], device: torch.device) -> Work:
    """Work that makes so many updates and waits for the last."""

    def work(count: int) -> None:
        for _ in range(count):
            update()
        synchronize(device)

    return work


def model_facts(model: nn.Module, layers: int, width: int, precision: str) -> ModelFacts:
    """The sizes that determine the operations per token."""
    named = dict(model.named_parameters())
    products = [p for name, p in named.items() if p.dim() == 2 and name != "places.weight"]
    total, multiplied = (sum(p.numel() for p in group) for group in (named.values(), products))
    return ModelFacts(total, multiplied, layers, width, precision)


def operations_per_token(model: ModelFacts, context: int) -> float:
    """Operations of the matrix products in a training step: forward once, backward twice."""
    # Half of the scores are masked.
    return 6.0 * model.products + 6.0 * model.layers * model.width * context


def measure(name: str, config: TrainConfig, *, quick: bool) -> None:
    """Run all in turns and print a line for each."""
    _, context, cpu_rows, gpu_rows, _ = SHAPES[name]
    device = torch.device(device_facts(config.device).device)
    on_gpu = device.type == "cuda"
    rows = gpu_rows if on_gpu else cpu_rows
    if on_gpu:
        config = dataclasses.replace(config, compile=ON)
    threads = device_facts("cpu").threads
    workers = {
        what: WorkerProcess(make, name, rows, config, threads=threads, keep_memory=keep_memory)
        for what, make, keep_memory in (
            ("ours", make_ours, True),
            ("plain", make_plain, False),
            ("plain, memory kept", make_plain, True),
        )
    }
    steps = 1 if quick else 20 if on_gpu else STEPS[name]
    times: dict[str, list[float]] = {what: [] for what in workers}
    for turn in range(2 if quick else ROUNDS + 1):
        for what, worker in workers.items():
            _, seconds = worker.work(steps)
            if turn:  # the first round is a warm-up
                times[what].append(seconds / steps)
    for worker in workers.values():
        worker.end()
    peaks = {kind: peak_operations(device, getattr(torch, kind)) for kind in (FLOAT32, BFLOAT16)}
    our_median = statistics.median(times["ours"])
    for what, worker in workers.items():
        median, peak = statistics.median(times[what]), peaks[worker.facts.precision]
        share = rows * context * operations_per_token(worker.facts, context) / median / peak
        print(
            f"{name:<7} {what:<18} {worker.facts.parameters / 1e6:7.2f} M  "
            f"{rows * context / median:9,.0f} tokens/s  {1000 * median:8.1f} ms  "
            f"{share:6.1%} of {peak / 1e9:,.0f} GFLOP/s in {worker.facts.precision}  "
            f"ours is {median / our_median:.2f} x as fast",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", default=",".join(SHAPES))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"))
    parser.add_argument("--optimizer", choices=("adamw", "muon"))
    parser.add_argument("--compile", action="store_const", const=ON, default=AUTO, help="both")
    parser.add_argument(
        "--quick", action="store_true", help="few steps, only to check that it works"
    )
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
