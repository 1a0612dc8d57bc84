"""From the command to a model that recites: `train lang` as typed, then all 20 sentences.

Measures the wall time of `minigpt-tui train lang`, start included, then completes each sentence
of the corpus greedily from its shortest beginning that no other sentence shares.

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

LIMIT_SECONDS = 20.0
CLI = [sys.executable, "-P", "-m", "tui"]


def shortest_beginning(sentence: str, sentences: Sequence[str]) -> str:
    """The fewest first words that no other sentence begins with."""
    words = sentence.split()
    for count in range(1, len(words) + 1):
        beginning = words[:count]
        if sum(other.split()[:count] == beginning for other in sentences) == 1:
            return " ".join(beginning)
    raise AssertionError(f"{sentence!r} stands twice")


def run(arguments: Sequence[str], home: str) -> str:
    environment = os.environ | {"MINIGPT_HOME": home}
    done = subprocess.run(
        [*CLI, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def completed(home: str, sentences: Sequence[str], asked: Sequence[str]) -> int:
    """How many of the asked sentences the model ends as the corpus does."""
    right = 0
    for sentence in asked:
        beginning = shortest_beginning(sentence, sentences)
        lines = run(["generate", "lang", beginning, "--json"], home).splitlines()
        whole = f"{beginning} {json.loads(lines[-1])['text'].strip()}".strip()
        right += whole == sentence
        if whole != sentence:
            print(f"  wrong: {beginning!r} -> {whole!r}")
    return right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="five sentences instead of twenty")
    quick = parser.parse_args().quick
    sentences = (Path(data.__file__).parent / "lang" / "corpus.txt").read_text().splitlines()
    print_machine()
    with tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        run(["train", "lang", "--json"], home)
        seconds = time.perf_counter() - began
        asked = sentences[:5] if quick else sentences
        right = completed(home, sentences, asked)
    print(f"command to trained: {seconds:.1f} s (limit {LIMIT_SECONDS:.0f} s)")
    print(f"sentences completed: {right} of {len(asked)}")
    sys.exit(0 if right == len(asked) else 1)


if __name__ == "__main__":
    main()
