"""Validation loss of one trained model with the weights in each precision.

python tests/benchmarks/precision.py [--steps N] [--preset NAME] [--quick]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from machine import print_machine

from core.config.configs import PRECISIONS, TrainConfig
from core.inference.load import load_model
from core.model.decoder import Decoder
from core.model.quantize import unsupported_reason
from core.paths import Home
from core.run.create import create_run
from core.run.directory import Run
from core.system.machine import usable_threads
from core.text.corpus import Corpus, bundled_corpora
from core.tokenizer.tokenizer import Tokenizer
from core.train.job import train

BATCH_ROWS = 8
VALIDATION_DIVISOR = 10  # the last tenth of a text is for validation


def train_run(home: Home, corpus: Corpus, preset: str, steps: int) -> Run:
    """Train a run for some steps."""
    config = TrainConfig(preset=preset, steps=steps)
    run, lock = create_run(home, corpus.name, config, {})
    train(home, run, lock, listeners=[])
    return run


def validation_windows(
    corpus: Corpus, tokenizer: Tokenizer, context: int, limit: int
) -> torch.Tensor:
    """Windows (N, context + 1) of the last tenth of the text."""
    text = corpus.files[0].read_text(encoding="utf-8")
    ids = tokenizer.encode(text[-len(text) // VALIDATION_DIVISOR :])
    count = min(limit, (len(ids) - 1) // context)
    return torch.tensor([ids[n * context : (n + 1) * context + 1] for n in range(count)])


@torch.inference_mode()
def loss(model: Decoder, windows: torch.Tensor) -> float:
    """Mean loss in nats per token."""
    losses = [float(model.loss(part[:, :-1], part[:, 1:])) for part in windows.split(BATCH_ROWS)]
    sizes = [len(part) for part in windows.split(BATCH_ROWS)]
    return sum(one * size for one, size in zip(losses, sizes, strict=True)) / len(windows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument(
        "--quick", action="store_true", help="few steps, only to check that it works"
    )
    options = parser.parse_args()
    torch.set_num_threads(usable_threads())
    print_machine()
    corpus = next(one for one in bundled_corpora() if one.name == "stories")
    preset, steps = ("tiny", 3) if options.quick else (options.preset, options.steps)
    with tempfile.TemporaryDirectory() as folder:
        home = Home(root=Path(folder), cache=Path(folder) / "cache")
        run = train_run(home, corpus, preset, steps)
        print(f"stories, preset {preset}, {steps} steps; loss on its last tenth, nats per token")
        baseline = 0.0
        for precision in PRECISIONS:
            if reason := unsupported_reason(precision):
                print(f"{precision:<10} not supported here: {reason}")
                continue
            loaded = load_model(run, device="cpu", precision=precision)
            context = loaded.model.config.context
            windows = validation_windows(
                corpus, loaded.tokenizer, context, 4 if options.quick else 64
            )
            value = loss(loaded.model, windows)
            baseline = baseline or value
            print(
                f"{precision:<10} {value:.4f}  {value - baseline:+.4f}  "
                f"({windows.numel():,} tokens)"
            )


if __name__ == "__main__":
    main()
