"""Speed and memory of tokenising a large text, compared with the library alone.

    python tests/benchmarks/tokenise.py            # 1 GB of text, minutes
    python tests/benchmarks/tokenise.py --quick    # 8 MB

Prints megabytes per second of training the tokenizer and of encoding, peak memory beyond the
imports, and the ratio to `tokenizers` alone, which encodes some of the same batches in memory,
before and after.
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
    """Write the text, then measure in a separate process."""
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
    print_table(options, json.loads(result.stdout))


def write_text(path: Path, size: int) -> None:
    """Write about `size` bytes of sentences of made-up words with a Zipf distribution.

    The first 8 MB of sentences repeat in other orders.
    """
    rng = random.Random(0)
    syllables = [c + v + e for c in "bcdfghlmnprstvw" for v in "aeiou" for e in ("", "n", "r", "s")]
    words = ["".join(rng.choices(syllables, k=1 + n % 4)) for n in range(40_000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    sentences = []
    for _ in range(SEED_BYTES // 70):
        chosen = rng.choices(words, weights, k=rng.randint(4, 20))
        sentences.append(f"{' '.join(chosen).capitalize()}.{rng.choice(['', '', '', chr(10)])}")
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            rng.shuffle(sentences)
            file.write("\n".join(sentences)[: size - file.tell()])


def measure(path: Path, kind: str, reading: str) -> dict[str, float]:
    """Train a tokenizer and encode a text; return megabytes and seconds."""
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
    import_peak = peak_memory()
    start = time.perf_counter()
    tokenizer = train_tokenizer(corpus, reading, kind).tokenizer
    train_seconds = time.perf_counter() - start
    train_peak = peak_memory()
    before = library_rate(corpus, reading, tokenizer)
    start, start_cpu = time.perf_counter(), time.process_time()
    stored = build_tokens(corpus, reading, tokenizer, home)
    build_seconds = time.perf_counter() - start
    build_cpu = time.process_time() - start_cpu
    build_peak = peak_memory()
    after = library_rate(corpus, reading, tokenizer)
    megabytes = corpus.size / 1e6
    return {
        "megabytes": megabytes,
        "tokens": len(stored.ids),
        "train_seconds": train_seconds,
        "train_peak": train_peak - import_peak,
        "build_seconds": build_seconds,
        "build_peak": build_peak - import_peak,
        "build_cpu": build_cpu,
        "library_before": before[0],
        "library_after": after[0],
        "library_cpu": (before[1] + after[1]) / 2,
    }


def library_rate(corpus: object, reading: str, tokenizer: object) -> tuple[float, float]:
    """Measure the library alone on an even sample of the same batches.

    Returns:
        Megabytes per second, and megabytes per second of CPU time of all cores.
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


def peak_memory() -> float:
    """Return the peak memory of this process in MB."""
    units = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units


def print_table(options: argparse.Namespace, results: dict[str, float]) -> None:
    """Print the results."""
    size, rate = results["megabytes"], results["megabytes"] / results["build_seconds"]
    before, after = results["library_before"], results["library_after"]
    print(f"{size:,.0f} MB, {results['tokens']:,} tokens, {options.tokenizer}, {options.reading}")
    print(f"{'':24}{'MB/s':>8}{'seconds':>10}{'peak MB beyond imports':>26}")
    rows = (("train", "training the tokenizer"), ("build", "encoding the text"))
    for key, title in rows:
        seconds = results[f"{key}_seconds"]
        print(f"{title:24}{size / seconds:8.2f}{seconds:10.1f}{results[f'{key}_peak']:26.0f}")
    print(f"{'library, before':24}{before:8.2f}\n{'library, after':24}{after:8.2f}")
    # On a shared machine CPU time is comparable, elapsed time is not.
    cpu_ratio = size / results["build_cpu"] / results["library_cpu"]
    print(f"ratio to the library's mean {rate / ((before + after) / 2):.2f}, ", end="")
    print(f"by CPU time {cpu_ratio:.2f}")
    print_machine()


if __name__ == "__main__":
    main()
