"""Time, memory and disk of indexing a corpus, and the time of queries.

    python tests/benchmarks/corpus_index.py              # 256 MB of text, minutes
    python tests/benchmarks/corpus_index.py --size 1024  # a gigabyte
    python tests/benchmarks/corpus_index.py --quick      # 4 MB

Prints tokens per second, peak memory beyond the imports (pages of the mapped token file included)
and bytes per token of the index; then the time of the counts of a step, of the spans of a reply and
of one count, compared with a scan of all tokens for that count.

With --folder the text and its tokens are stored there and reused next time.
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
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from machine import print_machine

PROGRAM = Path(__file__).resolve()
ROUNDS = 200
REPLY_TOKENS = 200
LISTED_TOKENS = 20  # per step
COPIED_SHARE = 0.02  # of the sentences are repeated, as in web pages


def main() -> None:
    """Write the text, then measure each stage in a separate process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="4 MB instead of 256")
    parser.add_argument("--size", type=int, default=None, metavar="MB")
    parser.add_argument("--tokenizer", default="bpe", choices=("word", "char", "bpe"))
    parser.add_argument("--reading", default="text", choices=("lines", "text"))
    parser.add_argument("--folder", type=Path, help="where to store text and tokens")
    parser.add_argument("--stage", choices=("text", "index", "ask"), help="only this part")
    options = parser.parse_args()
    if options.stage:
        stage = {"text": prepare, "index": index, "ask": ask}[options.stage]
        print(json.dumps(stage(options)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        results: dict[str, Any] = {}
        for name in ("text", "index", "ask"):
            results |= run_stage(options, folder, name)
        print_table(options, results)


def run_stage(options: argparse.Namespace, folder: Path, name: str) -> dict[str, Any]:
    """Run one stage in a separate process."""
    size = options.size or (4 if options.quick else 256)
    arguments = ["--size", str(size), "--tokenizer", options.tokenizer, "--stage", name]
    arguments += ["--reading", options.reading, "--folder", str(folder)]
    command = [sys.executable, str(PROGRAM), *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def write_text(path: Path, size: int) -> None:
    """Write about `size` bytes of sentences of made-up words; a few sentences repeat."""
    rng = random.Random(0)
    syllables = [c + v + e for c in "bcdfghlmnprstvw" for v in "aeiou" for e in ("", "n", "r", "s")]
    words = ["".join(rng.choices(syllables, k=1 + n % 4)) for n in range(40_000)]
    total, weights = 0.0, []
    for rank in range(len(words)):
        total += 1 / (rank + 3)
        weights.append(total)
    earlier: list[str] = []
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            drawn = rng.choices(words, cum_weights=weights, k=60_000)
            block, at = [], 0
            while at < len(drawn) - 20:
                length = rng.randint(4, 20)
                sentence = f"{' '.join(drawn[at : at + length]).capitalize()}."
                is_repeat = bool(earlier) and rng.random() < COPIED_SHARE
                block.append(rng.choice(earlier) if is_repeat else sentence)
                at += length
            earlier += block[:200]
            file.write("\n".join(block) + "\n")


def open_source(options: argparse.Namespace) -> Any:
    """Return the source of the text, encoding it if needed."""
    sys.path.insert(0, str(PROGRAM.parents[2]))
    from core.attribution.attribution import AttributionSource
    from core.dataset import token_store
    from core.paths import find_home
    from core.text.corpus import Corpus
    from core.text.stats import fingerprint
    from core.tokenizer.tokenizer import TOKENIZER_FILE, Tokenizer
    from core.tokenizer.train import train_tokenizer

    folder: Path = options.folder
    corpus = Corpus(name="text", files=(folder / "text.txt",))
    if not (folder / TOKENIZER_FILE).exists():
        trained = train_tokenizer(corpus, options.reading, options.tokenizer)
        trained.tokenizer.save(folder, options.reading)
    tokenizer, home = Tokenizer.load(folder), find_home(folder)
    pointer = folder / "place"
    if not pointer.exists():
        token_store.build_tokens(corpus, options.reading, tokenizer, home)
        sha256 = fingerprint(corpus)
        tokens = token_store.tokens_folder(corpus, sha256, options.reading, tokenizer, home)
        pointer.write_text(str(tokens))
    return AttributionSource(home, corpus, options.reading, tokenizer, Path(pointer.read_text()))


def prepare(options: argparse.Namespace) -> dict[str, Any]:
    """Create the text and its tokens, unless they exist."""
    options.folder.mkdir(parents=True, exist_ok=True)
    text = options.folder / "text.txt"
    if not text.exists():
        write_text(text, options.size * 10**6)
    open_source(options)
    return {"megabytes": text.stat().st_size / 1e6}


def index(options: argparse.Namespace) -> dict[str, Any]:
    """Build the index; return seconds, memory and bytes."""
    source = open_source(options)
    import_peak, start = peak_memory(), time.perf_counter()
    processor = time.process_time()
    text, how = source.build()
    return {
        "how": how,
        "tokens": len(text.ngrams.ids),
        "places": len(text.ngrams.positions),
        "bytes": text.index.size,
        "seconds": time.perf_counter() - start,
        "processor": time.process_time() - processor,
        "peak": peak_memory() - import_peak,
    }


def ask(options: argparse.Namespace) -> dict[str, Any]:
    """Measure queries after a first, uncounted pass that reads from disk."""
    source = open_source(options)
    start = time.perf_counter()
    text = source.open()
    opening = time.perf_counter() - start
    import numpy as np

    from core.attribution.ngram_index import NextTokenCounts
    from core.attribution.overlap import find_copies

    rng, ngrams = random.Random(1), text.ngrams
    ids = np.asarray(ngrams.ids)

    def piece(length: int) -> list[int]:
        begin = rng.randrange(len(ids) - length)
        return [int(id) for id in ids[begin : begin + length]]

    def reply() -> list[int]:
        """Return a text of which half was copied, in pieces."""
        results: list[int] = []
        while len(results) < REPLY_TOKENS:
            results += piece(10) + [rng.randrange(3, 200) for _ in range(10)]
        return results[:REPLY_TOKENS]

    listed = [piece(1)[0] for _ in range(LISTED_TOKENS)]

    def step(context: list[int]) -> None:
        counts = NextTokenCounts(ngrams, context)
        for id in listed:
            counts.count(id)

    four = [piece(4) for _ in range(ROUNDS)]
    return {
        "opening": opening * 1e3,
        "step": timed(step, [piece(64) for _ in range(ROUNDS)]),
        "rare": timed(step, [piece(60) + reply()[10:14] for _ in range(ROUNDS)]),
        "spans": timed(
            lambda results: find_copies(ngrams, results), [reply() for _ in range(ROUNDS // 4)]
        ),
        "count": timed(ngrams.find, four),
        "place": timed(lambda results: text.read_passages(ngrams.find(results), 4, 1), four),
        "scan": timed(lambda results: scan(ids, results), four[:3]),
    }


def timed(work: Callable[[Any], object], inputs: list[Any]) -> tuple[float, float]:
    """Return median and maximum of the calls in milliseconds, after a first pass."""
    for one in inputs:
        work(one)
    results = []
    for one in inputs:
        start = time.perf_counter()
        work(one)
        results.append((time.perf_counter() - start) * 1e3)
    return median(results), max(results)


def scan(ids: Any, wanted: list[int]) -> int:
    """Count a sequence by comparing all tokens."""
    size = len(ids) - len(wanted) + 1
    equal = ids[:size] == wanted[0]
    for offset, id in enumerate(wanted[1:], 1):
        equal &= ids[offset : offset + size] == id
    return int(equal.sum())


def peak_memory() -> float:
    """Return the peak memory of this process in MB."""
    units = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units


def print_table(options: argparse.Namespace, results: dict[str, Any]) -> None:
    """Print the results."""
    places, seconds = results["places"], results["seconds"]
    print(f"{results['megabytes']:,.0f} MB, {results['tokens']:,} tokens, ", end="")
    print(f"{options.tokenizer}, {options.reading}")
    print(
        f"{'index ' + results['how']:34}{seconds:8.1f} s, {places / seconds:,.0f} tokens/s, ",
        end="",
    )
    print(f"{results['processor']:.1f} s of CPU time")
    print(f"{'memory beyond imports':34}{results['peak']:8.0f} MB")
    print(f"{'on disk':34}{results['bytes'] / places:8.2f} bytes per token")
    print(f"{'opening it':34}{results['opening']:8.2f} ms")
    rows = {
        "step": f"counts of {LISTED_TOKENS} tokens, known context",
        "rare": f"counts of {LISTED_TOKENS} tokens, new context",
        "spans": f"spans of {REPLY_TOKENS} tokens",
        "place": "file, line and text of a passage",
        "count": "count of 4 tokens",
        "scan": "the same by a scan of all tokens",
    }
    for key, title in rows.items():
        print(f"{title:38}{results[key][0]:8.3f} ms, slowest {results[key][1]:.3f}")
    print(f"ratio of a scan to a count {results['scan'][0] / results['count'][0]:,.0f}")
    print_machine()


if __name__ == "__main__":
    main()
