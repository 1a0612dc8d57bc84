"""A training step of the tutorial's GPT: ours against its blocks written naively.

The naive one has separate queries, keys and values, convolutions of kernel 1 with transposes, a
written-out masked softmax, padded batches and PyTorch's default Adam. Both train on the same
batches of the corpus `lang`, in turns, in float32 on the CPU, each in a process of its own; they
begin with the same weights and their losses are compared. What our trainer tells the allocator is
told to a second naive one too, so that its share can be seen.

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
from apart import Apart
from machine import print_machine
from torch import Tensor, nn

from core.config.configs import ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts, TokenFacts
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
from core.train.update import Updater

WANTED = 1.7
TURN = 6
Step = Callable[[int], float]


class NaiveAttention(nn.Module):
    """Multi-head attention with four separate maps and an explicit mask."""

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
        read = scores.softmax(-1) @ v
        joined = read.transpose(1, 2).contiguous().view(rows, length, width)
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
    """One step as in a tutorial's loop; its loss."""
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
    """One step as the trainer makes it; its loss."""

    def step(number: int) -> float:
        return updater.update(batches, number, 1e-4, config).numbers[0].item()

    return step


def prepared(home: Home, threads: int) -> tuple[ModelConfig, TrainConfig, Batches]:
    """The preset `tutorial` on `lang`, as `train` would have it."""
    corpus = next(corpus for corpus in bundled_corpora() if corpus.name == "lang")
    tokenizer = train_tokenizer(corpus, "lines", "word").tokenizer
    stored = token_store.build_tokens(corpus, "lines", tokenizer, home)
    facts = TokenFacts(
        reading="lines",
        vocab_size=stored.vocab_size,
        train_tokens=len(stored.ids),
        train_samples=len(stored.train_samples),
        longest=stored.longest,
    )
    cpu = DeviceFacts(device="cpu", name="CPU", free_memory=2**34, threads=threads)
    made = plan_run(TrainConfig(preset="tutorial"), {}, facts, cpu)
    samples = cut_samples(stored, "train", made.model.context)
    return made.model, made.train, Batches(stored.ids, samples, made.train.batch_size or 3, 0)


def one(kind: str, threads: int) -> tuple[None, Step]:
    """One of the two: a step's number in, its loss out."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(root=Path(folder), cache=Path(folder) / "cache")
        shape, config, batches = prepared(home, threads)
    model = factory.build_model(shape, seed=0)
    if kind == "ours":
        updater = Updater(model, torch.device("cpu"), build_optimizer(model, config))
        return None, our_step(updater, config, batches)
    return None, naive_step(shape, state_dict.to_stored(model), batches)


def compare(ways: dict[str, Apart], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each step, in turns of six; the first of a turn finds the caches cold.

    The losses of the same batches are compared on the way.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        numbers = range(turn * TURN, (turn + 1) * TURN)
        losses: dict[int, list[float]] = {number: [] for number in numbers}
        for name, way in ways.items():
            taken = []
            for number in numbers:
                loss, seconds = way.work(number)
                losses[number].append(loss)
                taken.append(1000 * seconds)
            times[name] += taken[1:]
        for number, found in losses.items():
            assert max(found) - min(found) < 1e-3, (number, found)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="few rounds, no demand")
    parser.add_argument("--threads", type=int, default=usable_threads())
    options = parser.parse_args()
    threads = options.threads
    print_machine()
    ways = {
        name: Apart(one, name.split(",")[0], threads, threads=threads, kept=kept)
        for name, kept in (("naive", False), ("naive, memory kept", True), ("ours", True))
    }
    times = compare(ways, 1 if options.quick else 15)
    for way in ways.values():
        way.end()
    middles = {name: statistics.median(found) for name, found in times.items()}
    for name, found in times.items():
        ratio = middles[name] / middles["ours"]
        print(
            f"{name:18} median {middles[name]:7.1f} ms   best {min(found):7.1f} ms a step"
            f"   ours is {ratio:.2f} times as fast"
        )
    ratio = middles["naive"] / middles["ours"]
    print(f"ours is {ratio:.2f} times as fast as the naive blocks (wanted: {WANTED})")
    sys.exit(0 if options.quick or ratio >= WANTED else 1)


if __name__ == "__main__":
    main()
