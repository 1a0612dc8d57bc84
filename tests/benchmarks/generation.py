"""Generation speed against `transformers` and the memory bandwidth, with the same weights.

Ours in float32, bfloat16 and int8, eight continuations at once, the first token after a long
prompt, and a token late in the context, beside `transformers.generate` with its cache. The limit
is the bandwidth of a large matrix-vector product divided by the bytes of the float32 weights. The
weights are random, which does not affect the time. All alternate in one process; medians.

On a GPU int8 is left out, since its operator is for CPUs.

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

os.environ["HF_HUB_OFFLINE"] = "1"  # transformers reads it on import

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
CONTINUATIONS = 8
MATRIX_SIZE = 8192  # 256 MiB in float32, to measure the memory bandwidth


class Bench:
    """A folder with a model, loaded by both sides."""

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
        self.transformers = _load_transformers(folder).to(device)
        precisions = [one for one in (FLOAT32, BFLOAT16, INT8) if not unsupported_reason(one)]
        if device.type == "cuda":
            precisions = [FLOAT32, BFLOAT16]
        self.models = {one: _load_ours(folder, one, device) for one in precisions}
        self.prompt = [SOS, *range(40, 55)]

    def ours(self, precision: str) -> list[int]:
        """Generate greedily."""
        session, settings = Session(self.models[precision]), SamplingConfig(max_tokens=self.tokens)
        return [token.id for token in generate(session, self.prompt, self.tokenizer, settings)]

    def reference(self) -> list[int]:
        """Generate with `transformers`."""
        return _generate(self.transformers, self.prompt, self.tokens)

    def eight_at_once(self) -> list[int]:
        """Generate eight sampled continuations; return all tokens."""
        settings = SamplingConfig(temperature=0.8, max_tokens=self.tokens)
        session = Session(self.models[FLOAT32])
        continuations = generate_many(session, self.prompt, self.tokenizer, settings, CONTINUATIONS)
        return [token.id for tokens in continuations for token in tokens]

    def first_token(self) -> None:
        """Process a long prompt."""
        session = Session(self.models[FLOAT32])
        session.extend([5 + position % 50 for position in range(self.long)])
        int(session.next_logits().argmax())

    def first_token_theirs(self) -> None:
        """The same with `transformers`, and its first token."""
        _generate(self.transformers, [5 + position % 50 for position in range(self.long)], 1)


def _save(model: Decoder, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(hf_config(model.config)))
    (folder / "generation_config.json").write_text(
        json.dumps(generation_config(model.config, "text"))
    )
    save_file(to_stored(model), folder / "model.safetensors", {"format": "pt"})


def _load_ours(folder: Path, precision: str, device: torch.device) -> Decoder:
    model = build_model(read_model_config(folder / "config.json"), None)
    load_stored(model, read_tensors(folder / "model.safetensors"))
    model.to(device).eval()
    quantize_weights(model, precision)
    return model


def _load_transformers(folder: Path) -> Any:
    import transformers  # type: ignore[import-untyped]

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder)
    return model.eval()


@torch.inference_mode()
def _generate(model: Any, prompt: list[int], count: int) -> list[int]:
    ids = torch.tensor([prompt], device=model.device)
    output = model.generate(ids, max_new_tokens=count, min_new_tokens=count, do_sample=False)
    return output[0, len(prompt) :].tolist()  # type: ignore[no-any-return]


def _late_tokens(bench: Bench) -> Callable[[], list[int]]:
    """A function that generates the last tokens of a full context."""
    session = Session(bench.models[FLOAT32])
    first_position = bench.config.context - bench.tokens
    session.extend([5 + position % 50 for position in range(first_position)])
    session.next_logits()
    settings = SamplingConfig(max_tokens=bench.tokens)

    def run() -> list[int]:
        session.truncate(first_position)
        return [token.id for token in generate(session, [], bench.tokenizer, settings)]

    return run


def _token_seconds(bench: Bench) -> float:
    """Seconds per token after the prompt."""
    settings = SamplingConfig(max_tokens=bench.tokens)
    steps = generate(Session(bench.models[FLOAT32]), bench.prompt, bench.tokenizer, settings)
    next(steps)
    start = time.perf_counter()
    count = sum(1 for _ in steps)
    return (time.perf_counter() - start) / count


def _elapsed(run: Callable[[], Any], device: torch.device) -> float:
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def _memory_products(device: torch.device) -> dict[str, Callable[[], Any]]:
    """Large matrix-vector products: PyTorch in both layouts, and oneDNN."""
    matrix, vector = (
        torch.randn(MATRIX_SIZE, MATRIX_SIZE, device=device),
        torch.randn(MATRIX_SIZE, device=device),
    )
    products: dict[str, Callable[[], Any]] = {
        "torch.mv": lambda: torch.mv(matrix, vector),
        "transposed torch.mv": lambda: torch.mv(matrix.t(), vector),
    }
    if device.type == "cpu":
        products["oneDNN"] = lambda: linear(vector[None], matrix)
    return products


def measure(bench: Bench, rounds: int) -> dict[str, float]:
    """Median seconds of everything, in turns; per token for what generates tokens."""
    single: dict[str, Callable[[], list[int]]] = {
        one: lambda one=one: bench.ours(one)  # type: ignore[misc]
        for one in bench.models
    }
    runs = {
        **single,
        "theirs": bench.reference,
        "eight": bench.eight_at_once,
        "late": _late_tokens(bench),
    }
    timed_calls = {
        "first": bench.first_token,
        "their first": bench.first_token_theirs,
        **_memory_products(bench.device),
    }
    times: dict[str, list[float]] = {}
    with torch.inference_mode():
        for number in range(rounds + 1):
            times.setdefault("a token", []).append(_token_seconds(bench))
            for name, run in runs.items():
                start = time.perf_counter()
                count = len(run())
                times.setdefault(name, []).append((time.perf_counter() - start) / count)
            for name, read in timed_calls.items():
                times.setdefault(name, []).append(_elapsed(read, bench.device))
            if number == 0:
                times.clear()  # the first round is a warm-up
    return {name: median(values) for name, values in times.items()}


def report(bench: Bench, seconds_of: dict[str, float]) -> None:
    """Print the tables."""
    parameters, theirs = count_parameters(bench.config), seconds_of["theirs"]
    limits = {
        name: seconds_of[name] * parameters / MATRIX_SIZE**2
        for name in _memory_products(bench.device)
    }  # seconds of a token
    print(f"\n{parameters / 1e6:.1f} M parameters, {bench.tokens} tokens, one at a time")
    for name, seconds in limits.items():
        print(
            f"a large {name} product: {4e-9 * parameters / seconds:.1f} GB/s, so at most "
            f"{1 / seconds:.1f} tokens/s; "
            f"ours without the prompt: {seconds / seconds_of['a token']:.0%}"
        )
    limit = 1 / limits["torch.mv"]
    print(f"{'':<30}{'tokens/s':>10}{'torch.mv':>10}{'transformers':>14}")
    names = {FLOAT32: "ours, float32", "theirs": "transformers, float32"}
    for key in (FLOAT32, "theirs", *(one for one in bench.models if one != FLOAT32)):
        speed = 1 / seconds_of[key]
        name = names.get(key, f"ours, weights in {key}")
        print(f"{name:<30}{speed:>10.1f}{speed / limit:>10.0%}{theirs * speed:>13.2f}x")
    eight = seconds_of[FLOAT32] / seconds_of["eight"]
    print(
        f"{CONTINUATIONS} continuations at once: {1 / seconds_of['eight']:.1f} tokens/s, "
        f"{eight:.2f}x one"
    )
    late = seconds_of["late"] / seconds_of[FLOAT32]
    print(
        f"a token at the end of a context of {bench.config.context}: {late:.2f}x one at its start"
    )
    first_token, other = seconds_of["first"], seconds_of["their first"]
    print(
        f"first token after {bench.long}: {first_token * 1e3:.0f} ms, "
        f"transformers {other * 1e3:.0f} ms "
        f"({other / first_token:.2f}x)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--size", choices=("20", "124"), action="append", default=[])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--quick", action="store_true", help="a tiny model, only to check that it works"
    )
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
