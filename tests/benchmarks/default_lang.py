"""Time of `minigpt-tui train lang`, start-up included, and how many of its 20 sentences it recites.

Each sentence is completed greedily from its shortest prefix that no other sentence shares.

    python tests/benchmarks/default_lang.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from machine import print_machine

import data

TARGET_S = 20.0
CLI = [sys.executable, "-P", "-m", "tui"]


def shortest_unique_prefix(sentence: str, sentences: Sequence[str]) -> str:
    """The fewest first words that no other sentence starts with."""
    words = sentence.split()
    for count in range(1, len(words) + 1):
        prefix = words[:count]
        if sum(other.split()[:count] == prefix for other in sentences) == 1:
            return " ".join(prefix)
    raise AssertionError(f"{sentence!r} occurs twice")


def run(arguments: Sequence[str], home: str) -> str:
    environment = os.environ | {"MINIGPT_HOME": home}
    process = subprocess.run(
        [*CLI, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return process.stdout


def count_recited(home: str, sentences: Sequence[str], tested: Sequence[str]) -> int:
    """How many sentences the model completes exactly."""
    correct = 0
    for sentence in tested:
        prefix = shortest_unique_prefix(sentence, sentences)
        lines = run(["generate", "lang", prefix, "--json"], home).splitlines()
        completion = f"{prefix} {json.loads(lines[-1])['text'].strip()}".strip()
        correct += completion == sentence
        if completion != sentence:
            print(f"  wrong: {prefix!r} -> {completion!r}")
    return correct


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="five sentences instead of twenty")
    quick = parser.parse_args().quick
    sentences = (Path(data.__file__).parent / "lang" / "corpus.txt").read_text().splitlines()
    print_machine()
    with tempfile.TemporaryDirectory() as home:
        start = time.perf_counter()
        run(["train", "lang", "--json"], home)
        seconds = time.perf_counter() - start
        tested = sentences[:5] if quick else sentences
        correct = count_recited(home, sentences, tested)
    print(f"command to trained: {seconds:.1f} s (target {TARGET_S:.0f} s)")
    print(f"sentences completed: {correct} of {len(tested)}")
    sys.exit(0 if correct == len(tested) else 1)


if __name__ == "__main__":
    main()
