"""Time until the preset `tiny` reaches the loss of nanoGPT's CPU recipe after its 2,000 steps.

python tests/benchmarks/quality_per_second.py TEXT [--seeds N] [--steps N] [--quick]

Both train on the first nine tenths of TEXT, one token per character, windows of 64; the loss is
that of the whole last tenth, in windows of 64 that do not overlap. Only the updates are timed. The
plain loop follows the documented CPU recipe of nanoGPT: 4 layers, 4 heads, width 128, batch 12,
2,000 steps.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from machine import print_machine
from plain_gpt import PlainLoop, PlainShape
from torch import Tensor, nn

from core.config.configs import TrainConfig
from core.config.plan_inputs import TokenFacts
from core.config.planner import plan_run
from core.config.schema import parse_value
from core.model import factory
from core.model.device import device_facts
from core.system.process import keep_freed_memory
from core.tokenizer.special_tokens import SPECIAL
from core.train import optim
from core.train.batches import Batches, WindowSamples
from core.train.update import Updater

CONTEXT, PLAIN_BATCH_SIZE, PLAIN_STEPS, PLAIN_LEARNING_RATE = 64, 12, 2000, 1e-3
OUR_STEPS = 270
WIDTH, LAYERS, HEADS = 128, 4, 4
EVALUATION_ROWS = 256
Loss = Callable[[Tensor, Tensor], Tensor]


def plain_learning_rate(step: int, steps: int) -> float:
    """100 steps of warm-up, then cosine decay to a tenth."""
    if step < 100:
        return PLAIN_LEARNING_RATE * (step + 1) / 101
    progress = (step - 100) / max(1, steps - 100)
    return PLAIN_LEARNING_RATE * (0.1 + 0.45 * (1 + math.cos(math.pi * progress)))


def train_plain(
    ids: Tensor, vocab_size: int, steps: int, seed: int
) -> tuple[nn.Module, Loss, float]:
    """Train the plain loop; return its model, its loss and its seconds."""
    torch.manual_seed(seed)
    loop = PlainLoop(
        PlainShape(vocab_size, CONTEXT, LAYERS, HEADS, WIDTH),
        ids,
        PLAIN_BATCH_SIZE,
        PLAIN_LEARNING_RATE,
    )
    start = time.perf_counter()
    for step in range(steps):
        loop.update(plain_learning_rate(step, steps))
    return loop.model, loop.model.loss, time.perf_counter() - start


def train_ours(ids: Tensor, vocab_size: int, config: TrainConfig) -> tuple[nn.Module, Loss, float]:
    """Train the preset with the updates of a run; return as `train_plain`."""
    facts = TokenFacts(
        reading="text",
        vocab_size=vocab_size,
        train_tokens=len(ids),
        train_samples=0,
        longest=0,
    )
    plan = plan_run(config, {"context": CONTEXT}, facts, device_facts("cpu"))
    train = plan.train
    assert train.batch_size is not None
    assert train.steps is not None
    model = factory.build_model(plan.model, train.seed)
    updater = Updater(model, torch.device("cpu"), optim.build_optimizer(model, train))
    windows = WindowSamples(0, len(ids), plan.model.context)
    batches = Batches(ids.numpy().astype(np.uint16), windows, train.batch_size, train.seed)
    model.train()
    start = time.perf_counter()
    for step in range(train.steps):
        rate = optim.learning_rate(step, train.steps, train)
        updater.update(batches, step, rate, train)
    return model, model.loss, time.perf_counter() - start


@torch.no_grad()
def validation_loss(model: nn.Module, loss: Loss, ids: Tensor) -> float:
    """The mean loss over all windows in nats per character."""
    model.eval()
    count = (len(ids) - 1) // CONTEXT
    tokens = ids[: count * CONTEXT].view(count, CONTEXT)
    targets = ids[1 : count * CONTEXT + 1].view(count, CONTEXT)
    total = 0.0
    for inputs, batch_targets in zip(
        tokens.split(EVALUATION_ROWS), targets.split(EVALUATION_ROWS), strict=True
    ):
        total += float(loss(inputs, batch_targets)) * len(inputs)
    return total / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("text", type=Path, help="a text in UTF-8")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=OUR_STEPS, help="of ours")
    parser.add_argument("--set", action="append", default=[], help="a setting of ours, key=value")
    parser.add_argument("--only-ours", action="store_true", help="leave the plain loop out")
    parser.add_argument(
        "--quick", action="store_true", help="few steps, only to check that it works"
    )
    options = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(device_facts("cpu").threads)
    text = options.text.read_text(encoding="utf-8")
    vocabulary = {character: id for id, character in enumerate(sorted(set(text)), len(SPECIAL))}
    ids = torch.tensor([vocabulary[character] for character in text])
    split, vocab_size = len(ids) * 9 // 10, len(vocabulary) + len(SPECIAL)
    print_machine()
    rows = []
    for seed in range(1 if options.quick else options.seeds):
        config = settings(options.set, 3 if options.quick else options.steps, seed)
        results = [train_ours(ids[:split], vocab_size, config)]
        if not options.only_ours:
            results.append(
                train_plain(ids[:split], vocab_size, 3 if options.quick else PLAIN_STEPS, seed)
            )
        row = [
            (validation_loss(model, loss, ids[split:]), seconds) for model, loss, seconds in results
        ]
        rows.append(row)
        print(f"seed {seed}", *(f"  loss {loss:.4f}  {s:6.1f} s" for loss, s in row), flush=True)
    if not options.only_ours:
        report(rows)


def settings(pairs: list[str], steps: int, seed: int) -> TrainConfig:
    """The preset with the given settings."""
    texts = dict(pair.split("=", 1) for pair in pairs)
    values = {name: parse_value(TrainConfig, name, text) for name, text in texts.items()}
    config = TrainConfig(preset="tiny", tokenizer="char", steps=steps, seed=seed)
    return dataclasses.replace(config, **values)  # type: ignore[arg-type]


def report(rows: list[list[tuple[float, float]]]) -> None:
    """Print medians and their ratio."""
    (loss, seconds), (plain_loss, plain_seconds) = (
        tuple(statistics.median(row[column][part] for row in rows) for part in (0, 1))
        for column in (0, 1)
    )
    print(f"ours   loss {loss:.4f} nats per character, {seconds:6.1f} s")
    print(
        f"plain  loss {plain_loss:.4f} nats per character, {plain_seconds:6.1f} s, "
        f"{PLAIN_STEPS} steps"
    )
    print(f"ours takes {seconds / plain_seconds:.2f} of the time of the plain loop")


if __name__ == "__main__":
    main()
