"""Default training on each bundled corpus: time, and accuracy on what is held out, by seed.

python tests/benchmarks/bundled_corpora.py [NAME …] [--seeds 1,2,3] [--set key=value …] [--quick]

Of the conversations also by what is asked for: a name told in the first of five turns, and a name
that is in no conversation of the training part.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from machine import print_machine

from core.config.configs import SamplingConfig, TrainConfig
from core.config.schema import parse_value
from core.inference.generate import generate
from core.inference.load import LoadedModel, load_model
from core.inference.session import Session
from core.inference.task_accuracy import measure_accuracy
from core.paths import Home
from core.run.create import create_run
from core.run.directory import Run
from core.run.record import read_record
from core.run.task_items import TaskItem, TaskItems, find_items
from core.text.corpus import Corpus, bundled_corpora
from core.text.messages import Message
from core.text.task_metrics import wilson_interval
from core.text.task_report import FROM_FILE
from core.train.job import train
from data.generators.dialogues import heldout_sets

QUICK_ITEMS = 20
CONVERSATIONS_PER_SET = 100


def reply(loaded: LoadedModel, prompt: str, most: int) -> str:
    """Return the greedy continuation."""
    session = Session(loaded.model, keep_first=loaded.keep_first)
    config = SamplingConfig(max_tokens=most)
    steps = generate(session, loaded.encode(prompt), loaded.tokenizer, config)
    return "".join(step.text for step in steps)


def conversation_sets(count: int) -> dict[str, TaskItems]:
    """Held-out conversations by what they ask for."""
    sets = {}
    for name, conversations in heldout_sets(count).items():
        items = []
        for line, conversation in enumerate(conversations, 1):
            *before, (_, expected) = conversation.messages
            messages = tuple(Message(role, content) for role, content in before)
            items.append(TaskItem("generated", line, messages, expected))
        sets[name] = TaskItems(source=FROM_FILE, files=(), items=tuple(items), most_frequent=None)
    return sets


def print_accuracy(label: str, right: int, items: int) -> None:
    """Print a share with its 95 % interval (Wilson)."""
    low, high = wilson_interval(right, items)
    print(f"    {label:<10} {right:>4} of {items:<4} {right / items:6.1%}  ({low:.1%}–{high:.1%})")


def print_task(loaded: LoadedModel, run: Run, home: Home, *, quick: bool) -> None:
    """Print the accuracy on what is held out."""
    corpus = read_record(run)["corpus"]
    report = measure_accuracy(
        loaded, find_items(corpus, home), limit=QUICK_ITEMS if quick else None
    )
    print_accuracy("held out", report.right, report.items)
    if corpus["name"] == "dialogues":
        for name, items in conversation_sets(3 if quick else CONVERSATIONS_PER_SET).items():
            report = measure_accuracy(loaded, items)
            print_accuracy(name, report.right, report.items)


def measure(corpus: Corpus, settings: dict[str, object], *, quick: bool) -> None:
    """Train on one corpus and print the results."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(root=Path(folder), cache=Path(folder) / "cache")
        config = TrainConfig(**{**settings, **({"steps": 5} if quick else {})})  # type: ignore[arg-type]
        last: dict[str, dict[str, object]] = {}
        start = time.perf_counter()
        run, lock = create_run(home, corpus.name, config, {})
        train(home, run, lock, listeners=[lambda event: last.update({event.type: event.fields})])
        seconds = time.perf_counter() - start
        loaded = load_model(run, device="cpu")
        ending = last.get("finished") or last.get("failed") or {}
        steps = last["prepared"]["steps"]
        line = f"{corpus.name:<12} seed {config.seed}  {seconds:6.1f} s  {steps} steps  "
        line += "  ".join(
            f"{key} {ending[key]:.3f}" for key in ("train_loss", "val_loss") if key in ending
        )
        print(line)
        if corpus.heldout:
            print_task(loaded, run, home, quick=quick)
        print(f"    {corpus.prompt} | {reply(loaded, corpus.prompt or '', 50)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", help="bundled corpora (default: all)")
    parser.add_argument("--seeds", default="0", help="separated by commas")
    parser.add_argument("--set", action="append", default=[], help="a setting, key=value")
    parser.add_argument("--quick", action="store_true", help="five steps each")
    options = parser.parse_args()
    pairs = dict(pair.split("=", 1) for pair in options.set)
    settings = {name: parse_value(TrainConfig, name, text) for name, text in pairs.items()}
    print_machine()
    for corpus in bundled_corpora():
        if not options.names or corpus.name in options.names:
            for seed in options.seeds.split(","):
                measure(corpus, {**settings, "seed": int(seed)}, quick=options.quick)


if __name__ == "__main__":
    main()
