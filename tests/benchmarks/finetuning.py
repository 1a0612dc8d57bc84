"""Accuracy on a task against the number of examples, from scratch and from a pre-trained model.

python tests/benchmarks/finetuning.py [--task NAME] [--results FILE] [--folder FOLDER]
    [--minutes N] [--svg FILE] [--quick]

Both arms share tokenizer, shape, optimiser, examples and order; only the first weights differ, and
the learning rate, which is tuned for each. The pre-trained model has learnt running text: `stories`
and the contents of the other bundled corpora, never the task's. An arm trains at a constant rate
until it has learnt: its loss on its own examples is below `LEARNT_LOSS`, and its accuracy on one
half of the held-out items has not risen for `PATIENCE` updates. The accuracy of the best weights on
the other half is reported. A reply counts if all of its tokens are right.

Every result is appended to FILE at once; a further call continues where the last one ended, within
`--minutes` of processor time. `--svg` draws what is there.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from finetuning_chart import draw_svg, format_table
from machine import print_machine
from torch import Tensor

from core.config.configs import ModelConfig, TrainConfig
from core.config.planner import plan_run
from core.dataset.conversations import cut_conversations
from core.dataset.token_store import TokenFile, build_tokens
from core.model import factory, state_dict
from core.model.decoder import Decoder
from core.model.device import device_facts
from core.model.safetensors_io import read_tensors, replace_tensors
from core.paths import Home
from core.system.process import keep_freed_memory
from core.text.corpus import PAIRS, TEXT, Corpus, bundled_corpora, read_samples
from core.text.stats import fingerprint
from core.tokenizer.special_tokens import PAD, ROLE_TOKENS
from core.tokenizer.tokenizer import Tokenizer
from core.train import optim
from core.train.batches import Batches, LineSamples, cut_samples, gather_batch
from core.train.prepare import measure_tokens
from core.train.update import Updater

SCRATCH, PRETRAINED = ARMS = ("from scratch", "pre-trained")
EXAMPLES = (50, 200, 1000, 0)  # 0 is all
SEEDS = (0, 1, 2)
RATES = (0.003, 0.01)
TUNING_EXAMPLES, TUNING_SEED = 1000, 100
SHAPE = {"layers": 2, "d_model": 96, "heads": 3, "d_ff": 256, "context": 64}
VOCAB_SIZE = 4096
BATCH_SIZE = 16
PRETRAINING_RATE, PRETRAINING_EPOCHS = 0.03, 1.0
WARMUP_UPDATES = 20
EVALUATION_UPDATES = 25
PATIENCE, MAX_UPDATES = 300, 3000  # updates
LEARNT_LOSS = 0.05  # nats per token of the replies
EVALUATION_ROWS = 128


class Limits(NamedTuple):
    """How long to train; small only to check that the script works."""

    examples: Sequence[int] = EXAMPLES
    seeds: Sequence[int] = SEEDS
    rates: Sequence[float] = RATES
    pretraining_epochs: float = PRETRAINING_EPOCHS
    patience: int = PATIENCE
    max_updates: int = MAX_UPDATES


QUICK = Limits((50,), (0,), (0.01,), 0.01, 25, 25)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What all cells share.

    Attributes:
        train, heldout: tokens of the task.
        model: the shape with the tokens of the roles.
        parent: stored tensors of the pre-trained model, without those tokens.
        config: of training, but for rate and seed.
    """

    train: TokenFile
    heldout: TokenFile
    tokenizer: Tokenizer
    model: ModelConfig
    parent: Mapping[str, Tensor]
    config: TrainConfig
    limits: Limits


def write_running_text(path: Path, corpora: Sequence[Corpus]) -> Corpus:
    """The texts of corpora as documents, a blank line after each."""
    with path.open("w", encoding="utf-8") as file:
        for corpus in corpora:
            for sample in read_samples(corpus, corpus.reading or TEXT):
                file.write("\n".join(sample.texts) + ("\n\n" if sample.ends_document else ""))
    return Corpus(name="pretraining", files=(path,), reading=TEXT)


def prepare(task: str, home: Home, limits: Limits) -> tuple[Experiment, str]:
    """Tokenise the texts, and pre-train or load; returns also a key of all that matters."""
    corpora = {corpus.name: corpus for corpus in bundled_corpora()}
    corpus = corpora.pop(task)
    assert corpus.reading == PAIRS, f"{task} is no corpus of pairs"
    assert corpus.heldout
    others = [corpora.pop("stories"), *corpora.values()]
    text = write_running_text(home.root / "pretraining.txt", others)
    heldout = dataclasses.replace(corpus, files=(corpus.heldout,), heldout=None)
    samples = chain(read_samples(text, TEXT), read_samples(corpus, PAIRS))
    texts = (part for sample in samples for part in sample.texts)
    tokenizer = Tokenizer.train("bpe", texts, VOCAB_SIZE)
    with_roles = tokenizer.with_roles()
    train = build_tokens(corpus, PAIRS, with_roles, home)
    running = build_tokens(text, TEXT, tokenizer, home)
    requested = TrainConfig(preset="tiny", optimizer="muon", threads=1, device="cpu", steps=1)
    plan = plan_run(requested, SHAPE, measure_tokens(train), device_facts("cpu"))
    config = dataclasses.replace(
        plan.train, batch_size=BATCH_SIZE, schedule="constant", warmup_steps=WARMUP_UPDATES
    )
    shape = dataclasses.replace(plan.model, vocab_size=tokenizer.vocab_size)
    print(
        f"{task}: {len(train.starts) - 1:,} examples, {len(train.ids):,} tokens; "
        f"pre-training text {len(running.ids):,} tokens; {tokenizer.vocab_size:,} ids"
    )
    key = f"{fingerprint(corpus)[:8]} {fingerprint(text)[:8]} {SHAPE} {BATCH_SIZE} {limits}"
    path = home.cache / "pretrained.safetensors"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        pretrain(shape, running, dataclasses.replace(config, schedule="linear"), limits, path)
    experiment = Experiment(
        train=train,
        heldout=build_tokens(heldout, PAIRS, with_roles, home),
        tokenizer=with_roles,
        model=dataclasses.replace(shape, vocab_size=with_roles.vocab_size),
        parent=read_tensors(path),
        config=config,
        limits=limits,
    )
    return experiment, key


def pretrain(
    shape: ModelConfig, tokens: TokenFile, config: TrainConfig, limits: Limits, path: Path
) -> None:
    """Train on running text and store the weights."""
    samples = cut_samples(tokens, "train", shape.context)
    batches = Batches(tokens.ids, samples, BATCH_SIZE, seed=0)
    steps = max(2, round(batches.steps_per_epoch * limits.pretraining_epochs))
    config = dataclasses.replace(config, learning_rate=PRETRAINING_RATE, steps=steps)
    model = factory.build_model(shape, seed=0)
    updater = Updater(model, torch.device("cpu"), optim.build_optimizer(model, config))
    start = time.process_time()
    for step in range(steps):
        update = updater.update(batches, step, optim.learning_rate(step, steps, config), config)
        if step % 200 == 0 or step == steps - 1:
            seconds = time.process_time() - start
            print(f"pre-training {step + 1}/{steps}: loss {update.numbers[0]:.3f}, {seconds:.0f} s")
    replace_tensors(path, state_dict.to_stored(model))


def run_cell(
    experiment: Experiment, arm: str, examples: int, seed: int, rate: float
) -> dict[str, Any]:
    """Train one arm until it has learnt; returns the result as it is stored."""
    tokens, limits = experiment.train, experiment.limits
    total = len(tokens.starts) - 1
    numbers = np.random.default_rng(seed).permutation(total)[: examples or total]
    pieces = cut_conversations(tokens, np.sort(numbers), experiment.model.context).pieces
    batches = Batches(tokens.ids, LineSamples(pieces, tokens.is_reply), BATCH_SIZE, seed)
    config = dataclasses.replace(experiment.config, learning_rate=rate, seed=seed)
    model = factory.build_model(experiment.model, seed=seed)
    if arm == PRETRAINED:
        tensors = state_dict.extend_vocabulary(model, experiment.parent, len(ROLE_TOKENS), seed)
        state_dict.load_stored(model, tensors)
    updater = Updater(model, torch.device("cpu"), optim.build_optimizer(model, config))
    stop_items, test_items = (
        np.arange(half, len(experiment.heldout.starts) - 1, 2) for half in (0, 1)
    )
    best, best_update, best_weights = -1.0, 0, state_dict.to_stored(model)
    losses: list[float] = []
    start = time.process_time()
    for step in range(limits.max_updates):
        model.train()
        update = updater.update(batches, step, optim.learning_rate(step, 2, config), config)
        losses.append(float(update.numbers[0]))
        done = step + 1
        if done % EVALUATION_UPDATES == 0:
            accuracy = measure_accuracy(experiment, model, stop_items)
            if accuracy > best:
                best, best_update, best_weights = accuracy, done, state_dict.to_stored(model)
            loss = statistics.mean(losses[-EVALUATION_UPDATES:])
            if done - best_update >= limits.patience and loss < LEARNT_LOSS:
                break
    state_dict.load_stored(model, best_weights)
    return {
        "arm": arm,
        "examples": examples,
        "count": len(numbers),
        "seed": seed,
        "rate": rate,
        "stop_accuracy": round(best, 4),
        "accuracy": round(measure_accuracy(experiment, model, test_items), 4),
        "items": len(test_items),
        "updates": best_update,
        "all_updates": done,
        "loss": round(statistics.mean(losses[-EVALUATION_UPDATES:]), 4),
        "seconds": round(time.process_time() - start, 1),
    }


@torch.no_grad()
def measure_accuracy(
    experiment: Experiment, model: Decoder, numbers: np.ndarray[Any, Any]
) -> float:
    """The share of replies whose every token is the most likely one: what greedy decoding gives."""
    model.eval()
    tokens = experiment.heldout
    spans = cut_conversations(tokens, numbers, model.config.context).pieces
    assert len(spans) == len(numbers), "held-out items fit into the context"
    right = 0
    for first in range(0, len(spans), EVALUATION_ROWS):
        inputs, targets = gather_batch(
            tokens.ids, spans[first : first + EVALUATION_ROWS], tokens.is_reply
        )
        is_target = targets != PAD
        logits = model.head(model(inputs)[is_target])
        logits[:, list(experiment.tokenizer.never_generated)] = -torch.inf
        wrong = torch.zeros_like(is_target)
        wrong[is_target] = logits.argmax(-1) != targets[is_target]
        right += int((~wrong.any(1)).sum())
    return right / len(numbers)


def most_frequent_share(experiment: Experiment) -> float:
    """The share of reported held-out items that the most frequent reply gets right."""
    tokens = experiment.heldout
    replies = []
    for number in range(1, len(tokens.starts) - 1, 2):
        part = slice(int(tokens.starts[number]), int(tokens.starts[number + 1]))
        assert tokens.is_reply is not None
        replies.append(tuple(tokens.ids[part][tokens.is_reply[part] == 1].tolist()))
    return max(map(replies.count, set(replies))) / len(replies)


class Results:
    """Results in a file, one JSON object a line; those of another key are left alone."""

    def __init__(self, path: Path, key: str) -> None:
        self._path, self._key = path, key
        lines = path.read_text().splitlines() if path.exists() else []
        self.rows = [row for row in map(json.loads, lines) if row["key"] == key]

    def find(self, **fields: Any) -> dict[str, Any] | None:
        """The first result with these fields."""
        return next((r for r in self.rows if all(r[k] == v for k, v in fields.items())), None)

    def add(self, row: dict[str, Any]) -> None:
        """Append a result to the file at once."""
        self.rows.append({"key": self._key, **row})
        with self._path.open("a") as file:
            file.write(json.dumps(self.rows[-1]) + "\n")
        print(
            f"{row['kind']} {row['arm']}, {row['count']:,} examples, seed {row['seed']}, rate "
            f"{row['rate']}: {row['accuracy']:.1%} after {row['updates']} of {row['all_updates']} "
            f"updates, loss {row['loss']:.3f}, {row['seconds']:.0f} s",
            flush=True,
        )


def run_all(experiment: Experiment, results: Results, seconds: float) -> bool:
    """Tune the rates, then run every cell, seed by seed; returns whether all are done."""
    end = time.process_time() + seconds
    limits = experiment.limits
    for arm in ARMS:
        for rate in limits.rates:
            fields = {"kind": "tuning", "arm": arm, "examples": TUNING_EXAMPLES, "rate": rate}
            if results.find(**fields) is None:
                if time.process_time() > end:
                    return False
                cell = run_cell(experiment, arm, TUNING_EXAMPLES, TUNING_SEED, rate)
                results.add({**cell, **fields})
    for seed in limits.seeds:
        for examples in limits.examples:
            for arm in ARMS:
                rate = best_rate(results, arm)
                fields = {"kind": "cell", "arm": arm, "examples": examples, "seed": seed}
                fields |= {"rate": rate}
                if results.find(**fields) is None:
                    if time.process_time() > end:
                        return False
                    cell = run_cell(experiment, arm, examples, seed, rate)
                    results.add({**cell, **fields})
    return True


def best_rate(results: Results, arm: str) -> float:
    """The tuned rate with the highest accuracy on the half that decides when to stop."""
    tuned = [
        row
        for row in results.rows
        if (row["kind"], row["arm"], row["examples"]) == ("tuning", arm, TUNING_EXAMPLES)
    ]
    rate: float = max(tuned, key=lambda row: row["stop_accuracy"])["rate"]
    return rate


def summarise(results: Results) -> dict[str, list[tuple[int, float, float, float]]]:
    """Of each arm: examples, and the mean, lowest and highest accuracy over the seeds."""
    summary: dict[str, list[tuple[int, float, float, float]]] = {arm: [] for arm in ARMS}
    for arm in ARMS:
        rate = best_rate(results, arm)
        cells = [r for r in results.rows if (r["kind"], r["arm"], r["rate"]) == ("cell", arm, rate)]
        for number in sorted({row["count"] for row in cells}):
            values = [row["accuracy"] for row in cells if row["count"] == number]
            if values:
                summary[arm].append((number, statistics.mean(values), min(values), max(values)))
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--task", default="sentiment", help="a bundled corpus of pairs")
    parser.add_argument("--results", type=Path, default=Path("finetuning.jsonl"))
    parser.add_argument("--folder", type=Path, help="for tokens and the pre-trained weights")
    parser.add_argument("--minutes", type=float, default=60.0, help="of processor time")
    parser.add_argument("--svg", type=Path, help="draw the chart here")
    parser.add_argument("--quick", action="store_true", help="only to check that it works")
    options = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    limits = QUICK if options.quick else Limits()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print_machine()
        home = Home(root=folder, cache=folder / "cache")
        experiment, key = prepare(options.task, home, limits)
        results = Results(options.results, key)
        is_complete = run_all(experiment, results, 60 * options.minutes)
        summary, chance = summarise(results), most_frequent_share(experiment)
    print(*format_table(summary, chance), sep="\n")
    if not is_complete:
        print("not complete: call it again to continue")
    if options.svg:
        options.svg.write_text(draw_svg(summary, chance, options.task))


if __name__ == "__main__":
    main()
