"""Accuracy on a task of labels against the number of examples, for encoders.

python tests/benchmarks/finetuning_encoder.py [--task NAME] [--results FILE] [--folder FOLDER]
    [--minutes N] [--quick]

As `finetuning.py`, whose decoders have the same tokenizer (but for `<mask>`), width, depth,
optimiser, examples, order and rule of when to stop. The encoder has a head of labels, read at
<sos>. It begins with random weights, or with those of a model that has learnt to restore masked
tokens: of the task's own training sentences, without their labels, or of the running text of
`finetuning.py`. The learning rate is tuned for each in the same way.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
import time
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from finetuning import (
    BATCH_SIZE,
    EVALUATION_ROWS,
    EVALUATION_UPDATES,
    PRETRAINING_RATE,
    QUICK,
    SHAPE,
    TUNING_EXAMPLES,
    TUNING_SEED,
    VOCAB_SIZE,
    WARMUP_UPDATES,
    Limits,
    Results,
    best_rate,
    most_frequent_share,
    write_running_text,
)
from finetuning_chart import format_table
from machine import print_machine
from torch import Tensor

from core.config.configs import ModelConfig, TrainConfig
from core.config.planner import plan_run
from core.dataset.spans import Spans
from core.dataset.token_store import TokenFile, build_tokens
from core.model import factory, state_dict
from core.model.device import device_facts
from core.model.encoder import Encoder
from core.model.safetensors_io import read_tensors, replace_tensors
from core.paths import Home
from core.system.process import keep_freed_memory
from core.text.corpus import LINES, PAIRS, TEXT, Corpus, bundled_corpora, read_samples
from core.text.stats import compute_stats, fingerprint
from core.tokenizer.special_tokens import ROLE_TOKENS
from core.tokenizer.tokenizer import Tokenizer
from core.train import optim
from core.train.batches import Batches, LineSamples, cut_samples
from core.train.labelling import Labelling
from core.train.masking import Masking
from core.train.prepare import measure_tokens
from core.train.update import Updater

SCRATCH = "encoder from scratch"
ON_SENTENCES = "encoder, masked sentences first"
ON_TEXTS = "encoder, masked running text first"
ARMS = (SCRATCH, ON_SENTENCES, ON_TEXTS)
PRETRAINING_EPOCHS = {ON_SENTENCES: 20.0, ON_TEXTS: 2.0}
MASK_SHARE = 0.3
LEARNT_LOSS = 0.1  # nats per label; of a decoder, a label and its end are two tokens or more


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What all cells share.

    Attributes:
        train, heldout: tokens of the task.
        model: the shape with a head of labels and the tokens of the roles.
        parents: by arm, the stored tensors of the pre-trained model, without either.
        config: of training, but for rate and seed.
    """

    train: TokenFile
    heldout: TokenFile
    labelling: Labelling
    model: ModelConfig
    parents: dict[str, dict[str, Tensor]]
    config: TrainConfig
    limits: Limits


def prepare(task: str, home: Home, limits: Limits, arms: tuple[str, ...]) -> tuple[Experiment, str]:
    """Tokenise the texts, and pre-train or load; returns also a key of all that matters."""
    corpora = {corpus.name: corpus for corpus in bundled_corpora()}
    corpus = corpora.pop(task)
    assert corpus.heldout
    stats = compute_stats(corpus)
    assert stats.labels, f"{task} has no labels"
    text = write_running_text(
        home.root / "pretraining.txt", [corpora.pop("stories"), *corpora.values()]
    )
    sentences = write_sentences(home.root / "sentences.txt", corpus)
    heldout = dataclasses.replace(corpus, files=(corpus.heldout,), heldout=None)
    samples = chain(read_samples(text, TEXT), read_samples(corpus, PAIRS))
    texts = (part for sample in samples for part in sample.texts)
    masked = Tokenizer.train("bpe", texts, VOCAB_SIZE).with_mask()
    tokenizer = masked.with_roles()
    train = build_tokens(corpus, PAIRS, tokenizer, home)
    shape = {**SHAPE, "architecture": "eurobert"}
    requested = TrainConfig(
        preset="encoder-modern", optimizer="muon", threads=1, device="cpu", steps=1
    )
    facts = dataclasses.replace(measure_tokens(train), labels=len(stats.labels))
    plan = plan_run(requested, shape, facts, device_facts("cpu"))
    config = dataclasses.replace(
        plan.train, batch_size=BATCH_SIZE, schedule="constant", warmup_steps=WARMUP_UPDATES
    )
    parent_shape = dataclasses.replace(plan.model, vocab_size=masked.vocab_size, labels=0)
    parents = {}
    for arm, source, reading in ((ON_SENTENCES, sentences, LINES), (ON_TEXTS, text, TEXT)):
        path = home.cache / f"{arm}.safetensors"
        if arm in arms:
            if not path.exists():
                tokens = build_tokens(source, reading, masked, home)
                print(f"{arm}: {len(tokens.ids):,} tokens to pre-train on")
                path.parent.mkdir(parents=True, exist_ok=True)
                epochs = min(limits.pretraining_epochs, 1.0) * PRETRAINING_EPOCHS[arm]
                linear = dataclasses.replace(config, schedule="linear")
                pretrain(parent_shape, tokens, masked, linear, epochs, path)
            parents[arm] = read_tensors(path)
    experiment = Experiment(
        train=train,
        heldout=build_tokens(heldout, PAIRS, tokenizer, home),
        labelling=Labelling.encode(tokenizer, stats.labels, plan.model.context),
        model=plan.model,
        parents=parents,
        config=config,
        limits=limits,
    )
    return experiment, f"encoder {fingerprint(corpus)[:8]} {fingerprint(text)[:8]} {limits}"


def write_sentences(path: Path, corpus: Corpus) -> Corpus:
    """The texts of a corpus of pairs as lines, without their labels."""
    texts = [sample.texts[0] for sample in read_samples(corpus, PAIRS)]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return Corpus(name="sentences", files=(path,), reading=LINES)


def pretrain(
    shape: ModelConfig,
    tokens: TokenFile,
    tokenizer: Tokenizer,
    config: TrainConfig,
    epochs: float,
    path: Path,
) -> None:
    """Train to restore masked tokens and store the weights."""
    assert tokenizer.mask_id is not None
    samples = cut_samples(tokens, "train", shape.targets_per_sample)
    masking = Masking(tokenizer.mask_id, tokenizer.unit_ids, MASK_SHARE)
    batches = Batches(tokens.ids, samples, BATCH_SIZE, seed=0, objective=masking)
    steps = max(2, round(batches.steps_per_epoch * epochs))
    config = dataclasses.replace(config, learning_rate=PRETRAINING_RATE, steps=steps)
    model = factory.build_encoder(shape, seed=0)
    updater = Updater(model, torch.device("cpu"), optim.build_optimizer(model, config))
    start = time.process_time()
    for step in range(steps):
        update = updater.update(batches, step, optim.learning_rate(step, steps, config), config)
        if step % 200 == 0 or step == steps - 1:
            seconds = time.process_time() - start
            loss = update.numbers[0]
            print(f"pre-training {step + 1}/{steps}: loss {loss:.3f}, {seconds:.0f} s", flush=True)
    replace_tensors(path, state_dict.to_stored(model))


def run_cell(
    experiment: Experiment, arm: str, examples: int, seed: int, rate: float
) -> dict[str, Any]:
    """Train one arm until it has learnt; returns the result as it is stored."""
    tokens, limits = experiment.train, experiment.limits
    total = len(tokens.starts) - 1
    numbers = np.sort(np.random.default_rng(seed).permutation(total)[: examples or total])
    samples = LineSamples(Spans(tokens.starts[numbers], tokens.starts[numbers + 1]))
    batches = Batches(tokens.ids, samples, BATCH_SIZE, seed, objective=experiment.labelling)
    config = dataclasses.replace(experiment.config, learning_rate=rate, seed=seed)
    model = factory.build_encoder(experiment.model, seed=seed)
    if arm in experiment.parents:
        parent = experiment.parents[arm]
        tensors = state_dict.extend_vocabulary(model, parent, len(ROLE_TOKENS), seed)
        state_dict.load_stored(model, state_dict.with_own_head(model, tensors))
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
    experiment: Experiment, model: Encoder, numbers: np.ndarray[Any, Any]
) -> float:
    """The share of texts whose most likely label is the right one."""
    model.eval()
    tokens = experiment.heldout
    spans = Spans(tokens.starts[numbers], tokens.starts[numbers + 1])
    right = 0
    for first in range(0, len(spans), EVALUATION_ROWS):
        inputs, targets = experiment.labelling.batch(
            tokens.ids, spans[first : first + EVALUATION_ROWS], np.zeros(0, np.int64)
        )
        right += int((model.label_logits(inputs).argmax(-1) == targets[:, 0] - 1).sum())
    return right / len(numbers)


def run_all(
    experiment: Experiment, results: Results, arms: tuple[str, ...], seconds: float
) -> bool:
    """Tune the rates, then run every cell, seed by seed; returns whether all are done."""
    end = time.process_time() + seconds
    limits = experiment.limits

    def run(arm: str, examples: int, seed: int, rate: float, kind: str) -> bool:
        fields = {"kind": kind, "arm": arm, "examples": examples, "rate": rate}
        fields |= {"seed": seed} if kind == "cell" else {}
        if results.find(**fields) is None:
            if time.process_time() > end:
                return False
            results.add({**run_cell(experiment, arm, examples, seed, rate), **fields})
        return True

    for arm in arms:
        for rate in limits.rates:
            if not run(arm, TUNING_EXAMPLES, TUNING_SEED, rate, "tuning"):
                return False
    return all(
        run(arm, examples, seed, best_rate(results, arm), "cell")
        for seed in limits.seeds
        for examples in reversed(limits.examples)
        for arm in arms
    )


def summarise(
    results: Results, arms: tuple[str, ...]
) -> dict[str, list[tuple[int, float, float, float]]]:
    """Of each arm: examples, and the mean, lowest and highest accuracy over the seeds."""
    summary: dict[str, list[tuple[int, float, float, float]]] = {arm: [] for arm in arms}
    for arm in arms:
        cells = [row for row in results.rows if (row["kind"], row["arm"]) == ("cell", arm)]
        for number in sorted({row["count"] for row in cells}):
            values = [row["accuracy"] for row in cells if row["count"] == number]
            summary[arm].append((number, statistics.mean(values), min(values), max(values)))
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--task", default="sentiment", help="a bundled corpus of labels")
    parser.add_argument("--results", type=Path, default=Path("finetuning_encoder.jsonl"))
    parser.add_argument("--folder", type=Path, help="for tokens and the pre-trained weights")
    parser.add_argument("--minutes", type=float, default=60.0, help="of processor time")
    parser.add_argument("--arms", type=int, default=len(ARMS), help="the first N arms only")
    parser.add_argument("--quick", action="store_true", help="only to check that it works")
    options = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    limits, arms = (QUICK if options.quick else Limits()), ARMS[: options.arms]
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print_machine()
        home = Home(root=folder, cache=folder / "cache")
        experiment, key = prepare(options.task, home, limits, arms)
        results = Results(options.results, key)
        is_complete = run_all(experiment, results, arms, 60 * options.minutes)
        # The same items, so the same share, as for decoders.
        chance = most_frequent_share(experiment)  # type: ignore[arg-type]
    print(*format_table(summarise(results, arms), chance), sep="\n")
    if not is_complete:
        print("not complete: call it again to continue")


if __name__ == "__main__":
    main()
