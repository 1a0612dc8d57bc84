"""How fast and in how much memory a large text becomes tokens, beside the library alone.

    python tests/benchmarks/tokenise.py            # 1 GB of text, minutes
    python tests/benchmarks/tokenise.py --quick    # 8 MB

Prints a table: megabytes a second of learning and of making tokens, the peak of memory beyond what
the imports take, and the ratio to `tokenizers` alone encoding a part of the same batches in memory,
writing nothing, before and after.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

from machine import print_machine

PROGRAM = Path(__file__).resolve()
SEED_BYTES = 8_000_000
BASELINE_BYTES = 32_000_000


def main() -> None:
    """Makes the text and measures in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="8 MB instead of 1024")
    parser.add_argument("--megabytes", type=int, default=None)
    parser.add_argument("--tokenizer", default="bpe", choices=("word", "char", "bpe"))
    parser.add_argument("--reading", default="text", choices=("lines", "text"))
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.tokenizer, options.reading)))
        return
    size = (options.megabytes or (8 if options.quick else 1024)) * 10**6
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text.txt")
        write_text(text, size)
        arguments = ["--measure", str(text), "--tokenizer", options.tokenizer]
        command = [sys.executable, str(PROGRAM), *arguments, "--reading", options.reading]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
    show(options, json.loads(result.stdout))


def write_text(path: Path, size: int) -> None:
    """About `size` bytes of sentences of made-up words, the frequent ones frequent as in English.

    The sentences of the first 8 MB come again in other orders.
    """
    chance = random.Random(0)
    syllables = [c + v + e for c in "bcdfghlmnprstvw" for v in "aeiou" for e in ("", "n", "r", "s")]
    words = ["".join(chance.choices(syllables, k=1 + n % 4)) for n in range(40_000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    sentences = []
    for _ in range(SEED_BYTES // 70):
        chosen = chance.choices(words, weights, k=chance.randint(4, 20))
        sentences.append(f"{' '.join(chosen).capitalize()}.{chance.choice(['', '', '', chr(10)])}")
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            chance.shuffle(sentences)
            file.write("\n".join(sentences)[: size - file.tell()])


def measure(path: Path, kind: str, reading: str) -> dict[str, float]:
    """Learns and makes the tokens of a text; megabytes and seconds."""
    sys.path.insert(0, str(PROGRAM.parents[2]))
    import numpy as np
    import tokenizers

    from core.dataset.token_store import build_tokens
    from core.paths import find_home
    from core.text.corpus import Corpus
    from core.tokenizer.train import train_tokenizer

    assert np
    assert tokenizers
    home = find_home(path.parent)
    corpus = Corpus(name="text", files=(path,))
    imported = peak()
    start = time.perf_counter()
    tokenizer = train_tokenizer(corpus, reading, kind).tokenizer
    learn_seconds = time.perf_counter() - start
    learn_peak = peak()
    before = library_rate(corpus, reading, tokenizer)
    start, start_cpu = time.perf_counter(), time.process_time()
    stored = build_tokens(corpus, reading, tokenizer, home)
    build_seconds = time.perf_counter() - start
    build_cpu = time.process_time() - start_cpu
    build_peak = peak()
    after = library_rate(corpus, reading, tokenizer)
    megabytes = corpus.size / 1e6
    return {
        "megabytes": megabytes,
        "tokens": len(stored.ids),
        "learn_seconds": learn_seconds,
        "learn_peak": learn_peak - imported,
        "build_seconds": build_seconds,
        "build_peak": build_peak - imported,
        "build_cpu": build_cpu,
        "library_before": before[0],
        "library_after": after[0],
        "library_cpu": (before[1] + after[1]) / 2,
    }


def library_rate(corpus: object, reading: str, tokenizer: object) -> tuple[float, float]:
    """The library alone on an evenly spread part of the same batches.

    Megabytes a second, and megabytes a second of processor time of all cores.
    """
    from core.dataset.token_store import iter_batches
    from core.text.corpus import Corpus, read_samples
    from core.tokenizer.tokenizer import Tokenizer

    assert isinstance(corpus, Corpus)
    assert isinstance(tokenizer, Tokenizer)
    every = max(1, corpus.size // BASELINE_BYTES)
    chosen = islice(iter_batches(read_samples(corpus, reading)), 0, None, every)
    size, seconds, cpu = 0, 0.0, 0.0
    for batch in chosen:
        texts = [sample.text for sample in batch]
        size += sum(len(text.encode()) for text in texts)
        start, start_cpu = time.perf_counter(), time.process_time()
        tokenizer.backend.encode_batch_fast(texts, add_special_tokens=False)
        seconds += time.perf_counter() - start
        cpu += time.process_time() - start_cpu
    return size / 1e6 / seconds, size / 1e6 / cpu


def peak() -> float:
    """The most memory this process has had, in MB."""
    units = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units


def show(options: argparse.Namespace, found: dict[str, float]) -> None:
    """Prints the table."""
    size, rate = found["megabytes"], found["megabytes"] / found["build_seconds"]
    before, after = found["library_before"], found["library_after"]
    print(f"{size:,.0f} MB, {found['tokens']:,} tokens, {options.tokenizer}, {options.reading}")
    print(f"{'':24}{'MB/s':>8}{'seconds':>10}{'peak MB beyond imports':>26}")
    rows = (("learn", "learning the tokenizer"), ("build", "making the tokens"))
    for key, title in rows:
        seconds = found[f"{key}_seconds"]
        print(f"{title:24}{size / seconds:8.2f}{seconds:10.1f}{found[f'{key}_peak']:26.0f}")
    print(f"{'the library, before':24}{before:8.2f}\n{'the library, after':24}{after:8.2f}")
    # On a machine that others use too, processor time compares where the clock does not.
    cpu_ratio = size / found["build_cpu"] / found["library_cpu"]
    print(f"ratio to the library's mean {rate / ((before + after) / 2):.2f}, ", end="")
    print(f"by processor time {cpu_ratio:.2f}")
    print_machine()


if __name__ == "__main__":
    main()
