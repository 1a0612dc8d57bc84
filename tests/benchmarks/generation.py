"""Generation against `transformers` and against the memory: one folder, the same tokens out.

Ours in float32, bfloat16 and int8, eight continuations at once, the first token after a long
prompt, and a token late in the context, beside `transformers.generate` with its cache. The limit
is what a large matrix-vector product reads in a second, over the weights' bytes in float32; the
weights are random, which changes no time. All take turns in one process; medians of the rounds.

On a GPU int8 is left out, as its operator is for processors.

python tests/benchmarks/generation.py [--size 20|124] [--device D] [--quick]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported

import torch
from machine import print_machine
from safetensors.torch import save_file

from core.config.budget import count_parameters
from core.config.configs import BFLOAT16, FLOAT32, INT8, ModelConfig, SamplingConfig
from core.config.presets import get_preset
from core.inference.generate import generate, generate_many
from core.inference.session import Session
from core.model.decoder import Decoder
from core.model.device import device_facts
from core.model.factory import build_model
from core.model.linear import linear
from core.model.quantize import quantize_weights, unsupported_reason
from core.model.safetensors_io import read_tensors
from core.model.state_dict import load_stored, to_stored
from core.run.model_files import generation_config, hf_config, read_model_config
from core.system.machine import usable_threads
from core.tokenizer.special_tokens import SOS
from core.tokenizer.tokenizer import Tokenizer

# The shapes of presets; with six layers and a small vocabulary `large` has 20 M parameters.
SIZES: dict[str, tuple[str, dict[str, int]]] = {
    "20": ("large", {"layers": 6, "vocab_size": 2048, "context": 1024}),
    "124": ("xl", {"vocab_size": 32768}),
    "quick": ("tiny", {"vocab_size": 64, "context": 128}),
}
ROWS = 8
SIDE = 8192  # of the matrix that measures the memory: 256 MiB


class Bench:
    """A folder with a model, and the same model read from it by everybody."""

    def __init__(self, folder: Path, size: str, tokens: int, device: torch.device) -> None:
        name, changes = SIZES[size]
        shape = {**get_preset(name).model, **changes}
        words = " ".join(f"w{number}" for number in range(shape["vocab_size"] - 4))
        self.tokenizer = Tokenizer.train("word", [words])
        shape["vocab_size"] = self.tokenizer.vocab_size
        self.config, self.tokens = ModelConfig(**shape), tokens
        self.long = min(512, self.config.context // 2)
        _save(build_model(self.config), folder)
        self.device = device
        self.theirs = _transformers(folder).to(device)
        precisions = [one for one in (FLOAT32, BFLOAT16, INT8) if not unsupported_reason(one)]
        if device.type == "cuda":
            precisions = [FLOAT32, BFLOAT16]
        self.models = {one: _ours(folder, one, device) for one in precisions}
        self.prompt = [SOS, *range(40, 55)]

    def ours(self, precision: str) -> list[int]:
        """The greedy tokens."""
        session, settings = Session(self.models[precision]), SamplingConfig(max_tokens=self.tokens)
        return [step.id for step in generate(session, self.prompt, self.tokenizer, settings)]

    def reference(self) -> list[int]:
        """Those of `transformers`."""
        return _generate(self.theirs, self.prompt, self.tokens)

    def side_by_side(self) -> list[int]:
        """Tokens of eight drawn continuations, one after another."""
        settings = SamplingConfig(temperature=0.8, max_tokens=self.tokens)
        session = Session(self.models[FLOAT32])
        found = generate_many(session, self.prompt, self.tokenizer, settings, ROWS)
        return [id for one in found for id in one.ids]

    def first(self) -> None:
        """Reads a long prompt."""
        session = Session(self.models[FLOAT32])
        session.extend([5 + place % 50 for place in range(self.long)])
        int(session.next_logits().argmax())

    def first_of_theirs(self) -> None:
        """The same by `transformers`, its first token too."""
        _generate(self.theirs, [5 + place % 50 for place in range(self.long)], 1)


def _save(model: Decoder, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(hf_config(model.config)))
    (folder / "generation_config.json").write_text(json.dumps(generation_config(model.config)))
    save_file(to_stored(model), folder / "model.safetensors", {"format": "pt"})


def _ours(folder: Path, precision: str, device: torch.device) -> Decoder:
    model = build_model(read_model_config(folder / "config.json"), None)
    load_stored(model, read_tensors(folder / "model.safetensors"))
    model.to(device).eval()
    quantize_weights(model, precision)
    return model


def _transformers(folder: Path) -> Any:
    import transformers  # type: ignore[import-untyped]

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder)
    return model.eval()


@torch.inference_mode()
def _generate(model: Any, prompt: list[int], count: int) -> list[int]:
    ids = torch.tensor([prompt], device=model.device)
    found = model.generate(ids, max_new_tokens=count, min_new_tokens=count, do_sample=False)
    return found[0, len(prompt) :].tolist()  # type: ignore[no-any-return]


def _late(bench: Bench) -> Callable[[], list[int]]:
    """Generating at the end of the context, as far from its beginning as the tokens allow."""
    session = Session(bench.models[FLOAT32])
    begin = bench.config.context - bench.tokens
    session.extend([5 + place % 50 for place in range(begin)])
    session.next_logits()
    settings = SamplingConfig(max_tokens=bench.tokens)

    def run() -> list[int]:
        session.truncate(begin)
        return [step.id for step in generate(session, [], bench.tokenizer, settings)]

    return run


def _steady(bench: Bench) -> float:
    """Seconds of a token of ours once the prompt was read: what the memory limits."""
    settings = SamplingConfig(max_tokens=bench.tokens)
    steps = generate(Session(bench.models[FLOAT32]), bench.prompt, bench.tokenizer, settings)
    next(steps)
    began = time.perf_counter()
    count = sum(1 for _ in steps)
    return (time.perf_counter() - began) / count


def _seconds(run: Callable[[], Any], device: torch.device) -> float:
    began = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def _memory(device: torch.device) -> dict[str, Callable[[], Any]]:
    """Large products of a matrix with a vector: PyTorch's, either way round, and oneDNN's."""
    matrix, vector = torch.randn(SIDE, SIDE, device=device), torch.randn(SIDE, device=device)
    ways: dict[str, Callable[[], Any]] = {
        "torch.mv": lambda: torch.mv(matrix, vector),
        "torch.mv of the transpose": lambda: torch.mv(matrix.t(), vector),
    }
    if device.type == "cpu":
        ways["oneDNN"] = lambda: linear(vector[None], matrix)
    return ways


def measure(bench: Bench, rounds: int) -> dict[str, float]:
    """Median seconds of everything, taking turns; of a token for what makes tokens."""
    single: dict[str, Callable[[], list[int]]] = {
        one: lambda one=one: bench.ours(one)  # type: ignore[misc]
        for one in bench.models
    }
    runs = {**single, "theirs": bench.reference, "eight": bench.side_by_side, "late": _late(bench)}
    whole = {"first": bench.first, "their first": bench.first_of_theirs, **_memory(bench.device)}
    times: dict[str, list[float]] = {}
    with torch.inference_mode():
        for number in range(rounds + 1):
            times.setdefault("a token", []).append(_steady(bench))
            for name, run in runs.items():
                began = time.perf_counter()
                made = len(run())
                times.setdefault(name, []).append((time.perf_counter() - began) / made)
            for name, read in whole.items():
                times.setdefault(name, []).append(_seconds(read, bench.device))
            if number == 0:
                times.clear()  # the first round warms up
    return {name: median(values) for name, values in times.items()}


def report(bench: Bench, found: dict[str, float]) -> None:
    """The tables."""
    parameters, theirs = count_parameters(bench.config), found["theirs"]
    limits = {
        name: found[name] * parameters / SIDE**2 for name in _memory(bench.device)
    }  # seconds of a token
    print(f"\n{parameters / 1e6:.1f} M parameters, {bench.tokens} tokens, one at a time")
    for name, seconds in limits.items():
        print(
            f"a large product by {name}: {4e-9 * parameters / seconds:.1f} GB/s, so at most "
            f"{1 / seconds:.1f} tokens/s; ours, the prompt aside: {seconds / found['a token']:.0%}"
        )
    limit = 1 / limits["torch.mv"]
    print(f"{'':<30}{'tokens/s':>10}{'torch.mv':>10}{'transformers':>14}")
    names = {FLOAT32: "ours, float32", "theirs": "transformers, float32"}
    for key in (FLOAT32, "theirs", *(one for one in bench.models if one != FLOAT32)):
        speed = 1 / found[key]
        name = names.get(key, f"ours, weights in {key}")
        print(f"{name:<30}{speed:>10.1f}{speed / limit:>10.0%}{theirs * speed:>13.2f}x")
    eight = found[FLOAT32] / found["eight"]
    print(f"{ROWS} continuations at once: {1 / found['eight']:.1f} tokens/s, {eight:.2f}x one")
    late = found["late"] / found[FLOAT32]
    print(
        f"a token at the end of a context of {bench.config.context}: {late:.2f}x one at its start"
    )
    first, other = found["first"], found["their first"]
    print(
        f"first token of {bench.long}: {first * 1e3:.0f} ms, transformers {other * 1e3:.0f} ms "
        f"({other / first:.2f}x)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--size", choices=("20", "124"), action="append", default=[])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="a tiny model: that it works at all")
    options = parser.parse_args()
    torch.set_num_threads(usable_threads())
    print_machine()
    print(f"transformers {version('transformers')}, {torch.get_num_threads()} threads")
    device = torch.device(device_facts(options.device).device)
    sizes = ["quick"] if options.quick else options.size or ["20", "124"]
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder), size, 16 if size == "124" else 96, device)
            same = bench.ours(FLOAT32) == bench.reference()
            report(bench, measure(bench, 2 if options.quick else options.rounds))
            print(f"same tokens: {'yes' if same else 'NO'}")


if __name__ == "__main__":
    main()
