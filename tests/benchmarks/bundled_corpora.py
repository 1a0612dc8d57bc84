"""Default training on each bundled corpus: time, and accuracy on held-out lines.

python tests/benchmarks/bundled_corpora.py [NAME …] [--set key=value …] [--quick]
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
from core.paths import Home
from core.run.create import create_run
from core.text.corpus import Corpus, bundled_corpora
from core.train.job import train

ANSWER_MARKS = {"arithmetic": "=", "translation": "/ fr:", "sentiment": "=>", "questions": " A:"}
QUICK_LINES = 20


def reply(loaded: LoadedModel, prompt: str, most: int) -> str:
    """Return the greedy continuation."""
    session = Session(loaded.model, keep_first=loaded.keep_first)
    config = SamplingConfig(max_tokens=most)
    steps = generate(session, loaded.encode(prompt), loaded.tokenizer, config)
    return "".join(step.text for step in steps)


def count_correct(loaded: LoadedModel, name: str, lines: list[str]) -> int:
    """Count the lines whose ending the model completes exactly."""
    mark = ANSWER_MARKS[name]
    count = 0
    for line in lines:
        question, _, answer = line.rpartition(mark)
        count += reply(loaded, question + mark, 24).strip() == answer.strip()
    return count


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
        line = f"{corpus.name:<12} {seconds:6.1f} s  {steps} steps  "
        line += "  ".join(
            f"{key} {ending[key]:.3f}" for key in ("train_loss", "val_loss") if key in ending
        )
        if corpus.heldout:
            lines = corpus.heldout.read_text(encoding="utf-8").splitlines()
            lines = lines[:QUICK_LINES] if quick else lines
            correct = count_correct(loaded, corpus.name, lines)
            line += f"  held out: {correct} of {len(lines)} correct ({correct / len(lines):.1%})"
        print(line)
        print(f"  {corpus.prompt} |{reply(loaded, corpus.prompt or '', 50)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", help="bundled corpora (default: all)")
    parser.add_argument("--set", action="append", default=[], help="a setting, key=value")
    parser.add_argument("--quick", action="store_true", help="five steps each")
    options = parser.parse_args()
    pairs = dict(pair.split("=", 1) for pair in options.set)
    settings = {name: parse_value(TrainConfig, name, text) for name, text in pairs.items()}
    print_machine()
    for corpus in bundled_corpora():
        if not options.names or corpus.name in options.names:
            measure(corpus, settings, quick=options.quick)


if __name__ == "__main__":
    main()
