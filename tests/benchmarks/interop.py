"""Whether other programs give the same text: format by tokenizer by reading.

Trains a small model for every tokenizer and reading, exports it to every format and precision, and
has the other programs continue prompts that the model draws: how many of the greedy tokens are the
same, up to a token that rounding decides (a tie). llama.cpp also with its own defaults, which
round attention to half precision. Then random texts: how many it reads as the same tokens.

python tests/benchmarks/interop.py [--steps 300] [--prompts 12] [--texts 2000] [--quick]
"""

from __future__ import annotations

import argparse
import functools
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from core.config.configs import TrainConfig
from core.errors import MiniGPTError
from core.export.export import WRITERS
from core.export.programs import (
    ProgramPrompt,
    ask_llama_cpp,
    open_llama_cpp,
    post,
    program_version,
)
from core.export.references import Reference, make_references
from core.export.report import Verification
from core.export.source import ExportSource, load_source
from core.export.targets import FORMATS, GGUF, SCRIPT, TARGETS
from core.export.verify import ask_program, compare
from core.paths import Home
from core.run.create import create_run
from core.run.directory import Run
from core.text.corpus import bundled_folder
from core.tokenizer import vocabulary
from core.tokenizer.tokenizer import Tokenizer
from tests.support.real_trainers import is_free, start_trainer
from tests.support.wait import wait_until

KINDS = ("word", "char", "bpe")
READINGS = ("lines", "text", "conversations")
TRAINING_TIMEOUT_S = 3600.0
SHAPE = {"layers": 2, "heads": 4, "kv_heads": 2, "d_model": 64, "head_dim": 16, "d_ff": 128}
SPACES = [
    " ",
    " ",
    "  ",
    "\n",
    "\t",
    "\r\n",
    "\x85",
    "\xa0",
    "\u1680",
    "\u2003",
    "\u2028",
    "\u3000",
]
PIECES = ["'s", "'re", " don't", "  ", "\n\n", " the", "123", "!!", " ?", "é", "中", "😀", "\u0301"]


def corpus_file(folder: Path, reading: str) -> Path:
    """A part of a bundled text."""
    if reading == "conversations":
        return bundled_folder() / "dialogues" / "corpus.jsonl.gz"
    text = (bundled_folder() / "stories" / "corpus.txt").read_text()[:60_000]
    if reading == "lines":
        text = "\n".join(line for line in text.replace(". ", ".\n").splitlines() if line.strip())
    path = folder / f"{reading}.txt"
    path.write_text(text)
    return path


def train_runs(
    home: Home, kinds: Sequence[str], readings: Sequence[str], steps: int
) -> Iterator[Run]:
    """A run for every tokenizer and reading."""
    for reading in readings:
        file = corpus_file(home.root, reading)
        for kind in kinds:
            config = TrainConfig(
                tokenizer=kind, vocab_size=512 if kind == "bpe" else None, steps=steps,
                eval_steps=steps, batch_size=8, device="cpu", threads=1,
            )  # fmt: skip
            name = f"{kind}-{reading}"
            run, lock = create_run(home, str(file), config, SHAPE, name=name, reading=reading)
            start_trainer(home, run, lock)  # which is of low priority: not in this process
            wait_until(functools.partial(is_free, run), "it is trained", TRAINING_TIMEOUT_S)
            yield run


def cell(references: Sequence[Reference], outcome: Verification | MiniGPTError) -> str:
    """Tokens that were the same, of all."""
    if isinstance(outcome, MiniGPTError):
        return f"no: {outcome.message.splitlines()[0]}"
    total = sum(len(reference.new_ids) for reference in references)
    ties = f", {outcome.ties} tied" if outcome.ties else ""
    difference = outcome.max_logit_difference
    logits = f", logits {difference:.0e}" if difference is not None else ""
    return f"{outcome.tokens}/{total}{ties}{logits}"


def compare_export(
    source: ExportSource, target: str, dtype: str, folder: Path, count: int
) -> tuple[str, str]:
    """A cell with the settings of the proof, and one of llama.cpp's own settings."""
    path = folder / ("m.gguf" if target == GGUF else "m")
    if target != GGUF:
        path.mkdir()
    exact = source.stored_tensors()
    source.use_weights(WRITERS[target](source, path, dtype))
    prompts = [(2 + number % 7, number % 4 == 3) for number in range(count)]
    references = make_references(source.loaded, slides=target == SCRIPT, prompts=prompts)
    tokenizer = source.loaded.tokenizer
    try:
        replies = ask_program(target, path, references)
        outcome = compare(target, dtype, tokenizer, references, replies)
        by_default = compare_defaults(path, references) if target == GGUF else ""
        return cell(references, outcome), by_default
    except MiniGPTError as error:
        return cell(references, error), ""
    finally:
        source.use_weights(exact)


def compare_defaults(path: Path, references: Sequence[Reference]) -> str:
    """How many tokens are the same with llama.cpp's own settings, up to the first that is not."""
    server = open_llama_cpp(str(path), rounds=True)
    same = total = 0
    for r in references:
        prompt = ProgramPrompt(r.kind, r.text, tuple(r.ids), r.count, r.ends, r.hidden_ids)
        reply = ask_llama_cpp(server.listening_address, prompt)
        same += _common(r.new_ids, reply.ids)
        total += len(r.new_ids)
    return f"{same}/{total}"


def _common(ours: Sequence[int], theirs: Sequence[int]) -> int:
    """Tokens that are the same from the beginning on."""
    return next(
        (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
        min(len(ours), len(theirs)),
    )


def random_text(rng: random.Random, tokenizer: Tokenizer) -> str:
    """Known words between any white space, known characters, or any characters."""
    units, count = [tokenizer.units[id] for id in tokenizer.unit_ids], rng.randrange(1, 24)
    if tokenizer.kind == "word":
        words = [vocabulary.unescape_special(rng.choice(units)) for _ in range(count)]
        return "".join(word + rng.choice(SPACES) for word in words)
    if tokenizer.kind == "char":
        return "".join(rng.choice(units) for _ in range(count))
    ranges = [(32, 127), (160, 0x250), (0x250, 0xD800), (0xE000, 0x20000)]
    return "".join(
        rng.choice(PIECES) if rng.random() < 0.5 else chr(rng.randrange(*rng.choice(ranges)))
        for _ in range(count)
    )


def read_texts(source: ExportSource, folder: Path, count: int) -> str:
    """How many random texts llama.cpp reads as the same tokens and writes back as the same text."""
    path, tokenizer, rng = folder / "texts.gguf", source.loaded.tokenizer, random.Random(1)
    WRITERS[GGUF](source, path, "float32")
    server, same = open_llama_cpp(str(path)), 0
    for _ in range(count):
        text = random_text(rng, tokenizer)
        ids = tokenizer.encode(text)
        question = {"content": text, "add_special": False, "parse_special": False}
        theirs = post(server.listening_address, "/tokenize", question)["tokens"]
        written = post(server.listening_address, "/detokenize", {"tokens": ids})["content"]
        same += theirs == ids and written.removeprefix(" ") == tokenizer.decode(ids).removeprefix(
            " "
        )
    return f"{same:,} of {count:,}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--prompts", type=int, default=12)
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--quick", action="store_true", help="one run, few prompts: does it work?")
    options = parser.parse_args()
    kinds, readings = KINDS, READINGS
    if options.quick:
        options.steps, options.prompts, options.texts = 4, 2, 20
        kinds, readings = ("char",), ("lines",)
    print("; ".join(program_version(target) for target in TARGETS if FORMATS[target].checker), "\n")
    columns = [(target, dtype) for target in TARGETS for dtype in FORMATS[target].dtypes]
    names = [f"{target} {dtype}" for target, dtype in columns]
    rows, defaults, texts = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        home = Home(root=Path(folder), cache=Path(folder) / "cache")
        for run in train_runs(home, kinds, readings, options.steps):
            kind, reading = run.name.split("-")
            source = load_source(run)
            cells = []
            for target, dtype in columns:
                with tempfile.TemporaryDirectory() as out:
                    outcome = compare_export(source, target, dtype, Path(out), options.prompts)
                print(kind, reading, target, dtype, *outcome, file=sys.stderr, flush=True)
                cells.append(outcome)
            rows.append([kind, reading, *(same for same, _ in cells)])
            defaults.append([kind, reading, *(same for _, same in cells if same)])
            if reading == readings[0]:
                texts.append([kind, read_texts(source, home.root, options.texts)])
    print_table(["tokenizer", "reading", *names], rows)
    gguf = [name for name in names if name.startswith(GGUF)]
    print_table(["tokenizer", "reading", *(f"{name}, by default" for name in gguf)], defaults)
    print_table(["tokenizer", "random texts that llama.cpp reads as the same tokens"], texts)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    print("\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines))


if __name__ == "__main__":
    main()
