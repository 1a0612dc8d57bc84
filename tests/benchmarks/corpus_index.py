"""How long a corpus takes to be indexed, in how much memory and disk, and how fast it then answers.

    python tests/benchmarks/corpus_index.py              # 256 MB of text, minutes
    python tests/benchmarks/corpus_index.py --size 1024  # a gigabyte
    python tests/benchmarks/corpus_index.py --quick      # 4 MB

Prints a table: tokens a second, the peak of memory beyond what the imports take (pages of the
mapped token file included) and bytes a token of making the index; then how long the counts of a
step, the spans of a reply and one count take, beside a scan of all tokens for that count.

With --folder the text and its tokens are kept there and found again the next time.
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
REPLY = 200  # tokens
LISTED = 20  # tokens of a step that are asked for
COPIED = 0.02  # of the sentences stand there before, as in collected pages


def main() -> None:
    """Makes the text, and measures in processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="4 MB instead of 256")
    parser.add_argument("--size", type=int, default=None, metavar="MB")
    parser.add_argument("--tokenizer", default="bpe", choices=("word", "char", "bpe"))
    parser.add_argument("--reading", default="text", choices=("lines", "text"))
    parser.add_argument("--folder", type=Path, help="where to keep text and tokens")
    parser.add_argument("--stage", choices=("text", "index", "ask"), help="only this part")
    options = parser.parse_args()
    if options.stage:
        stage = {"text": prepare, "index": index, "ask": ask}[options.stage]
        print(json.dumps(stage(options)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        found: dict[str, Any] = {}
        for name in ("text", "index", "ask"):
            found |= run_stage(options, folder, name)
        show(options, found)


def run_stage(options: argparse.Namespace, folder: Path, name: str) -> dict[str, Any]:
    """One part in a process of its own."""
    size = options.size or (4 if options.quick else 256)
    arguments = ["--size", str(size), "--tokenizer", options.tokenizer, "--stage", name]
    arguments += ["--reading", options.reading, "--folder", str(folder)]
    command = [sys.executable, str(PROGRAM), *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def write_text(path: Path, size: int) -> None:
    """About `size` bytes of sentences of made-up words; a few sentences come again."""
    chance = random.Random(0)
    syllables = [c + v + e for c in "bcdfghlmnprstvw" for v in "aeiou" for e in ("", "n", "r", "s")]
    words = ["".join(chance.choices(syllables, k=1 + n % 4)) for n in range(40_000)]
    total, weights = 0.0, []
    for rank in range(len(words)):
        total += 1 / (rank + 3)
        weights.append(total)
    kept: list[str] = []
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            drawn = chance.choices(words, cum_weights=weights, k=60_000)
            block, at = [], 0
            while at < len(drawn) - 20:
                length = chance.randint(4, 20)
                sentence = f"{' '.join(drawn[at : at + length]).capitalize()}."
                again = bool(kept) and chance.random() < COPIED
                block.append(chance.choice(kept) if again else sentence)
                at += length
            kept += block[:200]
            file.write("\n".join(block) + "\n")


def opened(options: argparse.Namespace) -> Any:
    """The source of the text, its tokens made if they are not there."""
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
        train_tokenizer(corpus, options.reading, options.tokenizer).tokenizer.save(folder)
    tokenizer, home = Tokenizer.load(folder), find_home(folder)
    place = folder / "place"
    if not place.exists():
        token_store.build_tokens(corpus, options.reading, tokenizer, home)
        sha256 = fingerprint(corpus)
        made = token_store.tokens_folder(corpus, sha256, options.reading, tokenizer, home)
        place.write_text(str(made))
    return AttributionSource(home, corpus, options.reading, tokenizer, Path(place.read_text()))


def prepare(options: argparse.Namespace) -> dict[str, Any]:
    """The text and its tokens, unless they are there."""
    options.folder.mkdir(parents=True, exist_ok=True)
    text = options.folder / "text.txt"
    if not text.exists():
        write_text(text, options.size * 10**6)
    opened(options)
    return {"megabytes": text.stat().st_size / 1e6}


def index(options: argparse.Namespace) -> dict[str, Any]:
    """Makes the index: seconds, memory, bytes."""
    source = opened(options)
    imported, start = peak(), time.perf_counter()
    processor = time.process_time()
    text, how = source.build()
    return {
        "how": how,
        "tokens": len(text.ngrams.ids),
        "places": len(text.ngrams.positions),
        "bytes": text.index.size,
        "seconds": time.perf_counter() - start,
        "processor": time.process_time() - processor,
        "peak": peak() - imported,
    }


def ask(options: argparse.Namespace) -> dict[str, Any]:
    """How long questions take; the first ones read from the disk and are not counted."""
    source = opened(options)
    start = time.perf_counter()
    text = source.open()
    opening = time.perf_counter() - start
    import numpy as np

    from core.attribution.ngram_index import NextTokenCounts
    from core.attribution.overlap import find_copies

    chance, where = random.Random(1), text.ngrams
    ids = np.asarray(where.ids)

    def piece(length: int) -> list[int]:
        begin = chance.randrange(len(ids) - length)
        return [int(id) for id in ids[begin : begin + length]]

    def reply() -> list[int]:
        """A text half of which was copied, in pieces."""
        found: list[int] = []
        while len(found) < REPLY:
            found += piece(10) + [chance.randrange(3, 200) for _ in range(10)]
        return found[:REPLY]

    listed = [piece(1)[0] for _ in range(LISTED)]

    def step(context: list[int]) -> None:
        beliefs = NextTokenCounts(where, context)
        for id in listed:
            beliefs.count(id)

    four = [piece(4) for _ in range(ROUNDS)]
    return {
        "opening": opening * 1e3,
        "step": timed(step, [piece(64) for _ in range(ROUNDS)]),
        "rare": timed(step, [piece(60) + reply()[10:14] for _ in range(ROUNDS)]),
        "spans": timed(
            lambda found: find_copies(where, found), [reply() for _ in range(ROUNDS // 4)]
        ),
        "count": timed(where.find, four),
        "place": timed(lambda found: text.read_passages(where.find(found), 4, 1), four),
        "scan": timed(lambda found: scan(ids, found), four[:3]),
    }


def timed(work: Callable[[Any], object], inputs: list[Any]) -> tuple[float, float]:
    """The median and the slowest of the calls in milliseconds, once all was read."""
    for one in inputs:
        work(one)
    found = []
    for one in inputs:
        start = time.perf_counter()
        work(one)
        found.append((time.perf_counter() - start) * 1e3)
    return median(found), max(found)


def scan(ids: Any, wanted: list[int]) -> int:
    """How often a sequence stands in all tokens, by looking at each of them."""
    size = len(ids) - len(wanted) + 1
    equal = ids[:size] == wanted[0]
    for place, id in enumerate(wanted[1:], 1):
        equal &= ids[place : place + size] == id
    return int(equal.sum())


def peak() -> float:
    """The most memory this process has had, in MB."""
    units = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units


def show(options: argparse.Namespace, found: dict[str, Any]) -> None:
    """Prints the table."""
    places, seconds = found["places"], found["seconds"]
    print(f"{found['megabytes']:,.0f} MB, {found['tokens']:,} tokens, ", end="")
    print(f"{options.tokenizer}, {options.reading}")
    print(
        f"{'index ' + found['how']:34}{seconds:8.1f} s, {places / seconds:,.0f} tokens/s, ", end=""
    )
    print(f"{found['processor']:.1f} s of a processor")
    print(f"{'memory beyond imports':34}{found['peak']:8.0f} MB")
    print(f"{'on the disk':34}{found['bytes'] / places:8.2f} bytes a token")
    print(f"{'opening it again':34}{found['opening']:8.2f} ms")
    rows = {
        "step": f"counts of {LISTED} tokens, known context",
        "rare": f"counts of {LISTED} tokens, new context",
        "spans": f"spans of {REPLY} tokens",
        "place": "file, line and text of a place",
        "count": "count of 4 tokens",
        "scan": "the same, by looking at all tokens",
    }
    for key, title in rows.items():
        print(f"{title:38}{found[key][0]:8.3f} ms, slowest {found[key][1]:.3f}")
    print(f"ratio of a scan to a count {found['scan'][0] / found['count'][0]:,.0f}")
    print_machine()


if __name__ == "__main__":
    main()
