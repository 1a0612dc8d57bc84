"""Training speed of the tutorial's GPT: ours against a naive implementation of its blocks.

The naive one has separate queries, keys and values, convolutions of kernel 1 with transposes, an
explicit masked softmax, padded batches and PyTorch's default Adam. Both train on the same batches
of the corpus `lang`, in turns, in float32 on the CPU, each in its own process; they start with the
same weights and their losses are compared. A second naive one uses our allocator setting, to show
its share.

    python tests/benchmarks/train_tutorial.py [--threads N] [--quick]
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from apart import WorkerProcess
from machine import print_machine
from torch import Tensor, nn

from core.config.configs import ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts
from core.config.planner import plan_run
from core.dataset import token_store
from core.model import factory, state_dict
from core.paths import Home
from core.system.machine import usable_threads
from core.text.corpus import bundled_corpora
from core.tokenizer.special_tokens import PAD
from core.tokenizer.train import train_tokenizer
from core.train.batches import Batches, cut_samples
from core.train.optim import build_optimizer
from core.train.prepare import measure_tokens
from core.train.update import Updater

TARGET_RATIO = 1.7
STEPS_PER_TURN = 6
Step = Callable[[int], float]


class NaiveAttention(nn.Module):
    """Multi-head attention with four separate linear maps and an explicit mask."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, width = config.heads, config.d_model
        self.W_Q, self.W_K = nn.Linear(width, width), nn.Linear(width, width)
        self.W_V, self.linear = nn.Linear(width, width), nn.Linear(width, width)
        self.layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        rows, length, width = x.shape
        shape = (rows, length, self.heads, width // self.heads)
        q, k, v = (f(x).view(shape).transpose(1, 2) for f in (self.W_Q, self.W_K, self.W_V))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        scores.masked_fill_(mask.unsqueeze(1).repeat(1, self.heads, 1, 1), -1e9)
        values = scores.softmax(-1) @ v
        joined = values.transpose(1, 2).contiguous().view(rows, length, width)
        normed: Tensor = self.layer_norm(self.linear(joined) + x)
        return normed


class NaiveFeedForward(nn.Module):
    """Two convolutions of kernel 1."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(config.d_model, config.d_ff, 1)
        self.conv2 = nn.Conv1d(config.d_ff, config.d_model, 1)
        self.layer_norm = nn.LayerNorm(config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.conv1(x.transpose(1, 2)))
        normed: Tensor = self.layer_norm(self.conv2(inner).transpose(1, 2) + x)
        return normed


class NaiveLayer(nn.Module):
    """A decoder layer with its outer norms."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attn, self.feed_forward = NaiveAttention(config), NaiveFeedForward(config)
        self.norm1, self.norm2 = nn.LayerNorm(config.d_model), nn.LayerNorm(config.d_model)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.norm1(x + self.self_attn(x, mask))
        normed: Tensor = self.norm2(x + self.feed_forward(x))
        return normed


class NaiveDecoder(nn.Module):
    """Embeddings, positions and layers, named as stored."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.src_emb = nn.Embedding(config.vocab_size, config.d_model)
        self.pos_emb = nn.Embedding(config.context, config.d_model)
        self.layers = nn.ModuleList(NaiveLayer(config) for _ in range(config.layers))

    def forward(self, tokens: Tensor) -> Tensor:
        rows, length = tokens.shape
        positions = torch.arange(length).unsqueeze(0).repeat(rows, 1)
        x = self.src_emb(tokens) + self.pos_emb(positions)
        mask = torch.triu(torch.ones(rows, length, length, dtype=torch.bool), diagonal=1)
        for layer in self.layers:
            x = layer(x, mask)
        return x


class NaiveGPT(nn.Module):
    """The tutorial's GPT."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.decoder = NaiveDecoder(config)
        self.projection = nn.Linear(config.d_model, config.vocab_size)

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.projection(self.decoder(tokens))
        return logits


def naive_step(config: ModelConfig, weights: dict[str, Tensor], batches: Batches) -> Step:
    """A training step as in a tutorial; the step returns its loss."""
    model = NaiveGPT(config)
    model.load_state_dict(weights)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    criterion = nn.CrossEntropyLoss(ignore_index=PAD)

    def step(number: int) -> float:
        inputs, targets = batches.batch(number)
        optimizer.zero_grad()
        loss: Tensor = criterion(model(inputs).view(-1, config.vocab_size), targets.view(-1))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.item()

    return step


def our_step(updater: Updater, config: TrainConfig, batches: Batches) -> Step:
    """A training step of the trainer; the step returns its loss."""

    def step(number: int) -> float:
        return updater.update(batches, number, 1e-4, config).numbers[0].item()

    return step


def prepare_tutorial(home: Home, threads: int) -> tuple[ModelConfig, TrainConfig, Batches]:
    """The preset `tutorial` on `lang`, as `train` would plan it."""
    corpus = next(corpus for corpus in bundled_corpora() if corpus.name == "lang")
    tokenizer = train_tokenizer(corpus, "lines", "word").tokenizer
    store = token_store.build_tokens(corpus, "lines", tokenizer, home)
    cpu = DeviceFacts(device="cpu", name="CPU", free_memory=2**34, threads=threads)
    plan = plan_run(TrainConfig(preset="tutorial"), {}, measure_tokens(store), cpu)
    samples = cut_samples(store, "train", plan.model.context)
    return plan.model, plan.train, Batches(store.ids, samples, plan.train.batch_size or 3, 0)


def make_worker(kind: str, threads: int) -> tuple[None, Step]:
    """One side of the comparison; the work takes the number of a step and returns its loss."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(root=Path(folder), cache=Path(folder) / "cache")
        shape, config, batches = prepare_tutorial(home, threads)
    model = factory.build_model(shape, seed=0)
    if kind == "ours":
        updater = Updater(model, torch.device("cpu"), build_optimizer(model, config))
        return None, our_step(updater, config, batches)
    return None, naive_step(shape, state_dict.to_stored(model), batches)


def compare(workers: dict[str, WorkerProcess], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each step, in turns of six; the first step of a turn has cold caches.

    The losses of the same batches are compared.
    """
    times: dict[str, list[float]] = {name: [] for name in workers}
    for turn in range(rounds):
        numbers = range(turn * STEPS_PER_TURN, (turn + 1) * STEPS_PER_TURN)
        losses: dict[int, list[float]] = {number: [] for number in numbers}
        for name, worker in workers.items():
            turn_times = []
            for number in numbers:
                loss, seconds = worker.work(number)
                losses[number].append(loss)
                turn_times.append(1000 * seconds)
            times[name] += turn_times[1:]
        for number, step_losses in losses.items():
            assert max(step_losses) - min(step_losses) < 1e-3, (number, step_losses)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--quick", action="store_true", help="few rounds, only to check that it works"
    )
    parser.add_argument("--threads", type=int, default=usable_threads())
    options = parser.parse_args()
    threads = options.threads
    print_machine()
    workers = {
        name: WorkerProcess(
            make_worker, name.split(",")[0], threads, threads=threads, keep_memory=keep_memory
        )
        for name, keep_memory in (("naive", False), ("naive, memory kept", True), ("ours", True))
    }
    times = compare(workers, 1 if options.quick else 15)
    for worker in workers.values():
        worker.end()
    medians = {name: statistics.median(step_times) for name, step_times in times.items()}
    for name, step_times in times.items():
        ratio = medians[name] / medians["ours"]
        print(
            f"{name:18} median {medians[name]:7.1f} ms   best {min(step_times):7.1f} ms per step"
            f"   ours is {ratio:.2f} times as fast"
        )
    ratio = medians["naive"] / medians["ours"]
    print(f"ours is {ratio:.2f} times as fast as the naive blocks (target: {TARGET_RATIO})")
    sys.exit(0 if options.quick or ratio >= TARGET_RATIO else 1)


if __name__ == "__main__":
    main()
