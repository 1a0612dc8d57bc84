"""Runs for tests: empty ones, ones with scripted events, and ones with a tiny untrained model."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config.configs import ENCODERS, ModelConfig
from core.paths import Home
from core.run import store
from core.run.directory import Run
from core.run.events import decode_object, encode
from core.run.model_files import generation_config, hf_config
from core.system.files import read_json, write_json
from core.system.locks import Lock
from core.system.machine import this_host
from core.text import catalog
from core.text.corpus import CHAT_READINGS, Corpus
from core.text.messages import FILL
from core.text.stats import compute_stats
from core.tokenizer.special_tokens import EOS
from core.tokenizer.tokenizer import Tokenizer
from tests.support.texts import corpus_of_text

if TYPE_CHECKING:
    import torch


def run_record(corpus: str = "gone", **fields: Any) -> dict[str, Any]:
    """The content of a run.json; its corpus is not known in any home."""
    text = {"name": corpus, "size": 1000, "sha256": "0" * 64, "reading": "lines"}
    text |= {"encoding": "utf-8", "errors": "strict"}
    return {"corpus": text, "train": {}, "model": {}, "seed": 1, "parent": None, **fields}


def make_run(home: Home, name: str = "lang", record: dict[str, Any] | None = None) -> Run:
    """A run without events or files, which is not being trained."""
    run, lock = store.create_locked_run(home, name, run_record() if record is None else record)
    lock.release()
    return run


def run_names(home: Home) -> list[str]:
    """The runs that are listed."""
    return [run.name for run in store.list_runs(home)]


def folder_entries(home: Home) -> list[str]:
    """Everything in the folder of runs, hidden or not."""
    return sorted(entry.name for entry in home.runs.iterdir())


def write_event(run: Run, type: str, step: int = 0, *, time: float = 1000.0, **fields: Any) -> None:
    """Append an event to the log of a run."""
    with run.events.open("a") as file:
        file.write(encode(type, time, step, **fields) + "\n")


START_TIME = 1_700_000_000.0
PREPARED = {
    "vocab_size": 134,
    "train_tokens": 90_000,
    "val_tokens": 10_000,
    "parameters": 809_088,
    "steps": 200,
    "steps_per_epoch": 20.0,
    "reference": {"on": "validation", "random": 4.9, "unigram": 3.96, "bigram": 1.47},
    "train": {"learning_rate": 0.001, "device": "cpu", "warmup_steps": 5},
}


class ScriptedRun:
    """A run whose lock this process holds and whose events a test writes, one per fake second."""

    def __init__(self, home: Path, name: str = "poem") -> None:
        self.home = Home(root=home, cache=home / "cache")
        self.lock: Lock
        self.run, self.lock = store.create_locked_run(self.home, name, run_record("poem"))
        os.utime(self.run.lock, (START_TIME, START_TIME))  # taken before the first event
        self.time = START_TIME

    def emit(self, type: str, step: int = 0, **fields: Any) -> None:
        """Write one event."""
        self.time += 1.0
        write_event(self.run, type, step, time=self.time, **fields)

    def start(self, *, here: bool = True, **prepared: Any) -> None:
        """Write `started`, on this machine or another one, and `prepared`."""
        host, boot = (this_host().name, this_host().boot) if here else ("far", "other")
        self.emit("started", pid=1, host=host, boot=boot)
        self.emit("prepared", **{**PREPARED, **prepared})

    def train(self, first: int, last: int, every: int = 1) -> None:
        """Write `step` events with a loss that falls from 4.9, and 20 steps per epoch."""
        for step in range(first, last + 1, every):
            fields = {"train_loss": 0.4 + 4.5 * math.exp(-step / 40), "learning_rate": 0.001}
            speed = {"tokens_per_second": 4790.0, "memory": 376_000_000}
            self.emit("step", step, epoch=step / 20, elapsed=step / 10, **fields, **speed)
            if step % 20 == 0:
                self.end_epoch(step)

    def end_epoch(self, step: int) -> None:
        """Write `eval` and `epoch`."""
        loss, val_loss = 0.4 + 4.5 * math.exp(-step / 40), 0.9 + 4.0 * math.exp(-step / 40)
        self.emit("eval", step, val_loss=val_loss, tokens=10_000, whole=False)
        row = {"train_loss": loss, "val_loss": val_loss, "text": " was a man", "elapsed": step / 10}
        self.emit("epoch", step, epoch=step // 20, **row)

    def save_snapshot(self, step: int, text: str, prompt: str = "There") -> None:
        """Write `saved` for a snapshot and a `sample` of it."""
        self.emit("saved", step, kind="snapshot", bytes=1000)
        self.emit("sample", step, prompt=prompt, text=text)

    def train_partly(self, last: int = 60) -> ScriptedRun:
        """Start and train up to a step; the trainer stays alive."""
        self.start()
        self.save_snapshot(0, " the the the")
        self.train(1, last)
        return self

    def train_fully(self) -> ScriptedRun:
        """Train all 200 steps and finish."""
        self.start()
        self.save_snapshot(0, " the the the the")
        for step, text in ((32, " was a the"), (128, " was a man of the sea.")):
            self.train(0 if step == 32 else 33, step)
            self.save_snapshot(step, text)
        self.train(129, 200)
        self.emit("saved", 200, kind="checkpoint", bytes=9000)
        self.end("finished", 200, elapsed=20.0, reason="all steps done", train_loss=0.43)
        return self

    def end(self, type: str, step: int, **fields: Any) -> None:
        """Write a terminal event and release the lock."""
        self.emit(type, step, **fields)
        self.lock.release()

    def requests(self) -> list[dict[str, Any]]:
        """The control requests so far."""
        if not self.run.requests.exists():
            return []
        lines = self.run.requests.read_bytes().splitlines()
        return [value for line in lines if (value := decode_object(line)) is not None]


TINY_CORPUS = ["the cat sat on the mat", "the dog ran to the door", "a bird sang in the tree"]
MORE_LINES = ["the cat sat on the door", "", "the bird sang to the dog", "the cat sat on the mat"]
TINY_SHAPE: dict[str, Any] = {
    "layers": 2, "heads": 2, "kv_heads": 1, "d_model": 16, "head_dim": 8, "d_ff": 24,
}  # fmt: skip


def tiny_run(
    home: Home,
    name: str,
    kind: str = "word",
    reading: str = "lines",
    *,
    context: int = 32,
    seed: int = 0,
    snapshots: tuple[int, ...] = (),
    architecture: str = "qwen3",
) -> Run:
    """A run with a tiny model that never ends a text: greedy replies use all their tokens."""
    record = run_record(name, seed=seed)
    record["corpus"]["reading"] = reading
    if architecture in ENCODERS:
        record["corpus"]["task"] = FILL
    run = make_run(home, name, record)
    tokenizer = Tokenizer.train(kind, TINY_CORPUS)
    if reading in CHAT_READINGS:
        tokenizer = tokenizer.with_roles()
    if architecture in ENCODERS:
        tokenizer = tokenizer.with_mask()
    tokenizer.save(run.folder, reading)
    config = ModelConfig(
        vocab_size=tokenizer.vocab_size, context=context, architecture=architecture, **TINY_SHAPE
    )
    write_json(run.config, hf_config(config, tokenizer.mask_id))
    never_generated = tokenizer.never_generated
    write_json(run.generation_config, generation_config(config, reading, never_generated))
    write_tiny_weights(run.weights, config, seed)
    for step in snapshots:
        run.snapshot_weights(step).parent.mkdir(parents=True)
        write_tiny_weights(run.snapshot_weights(step), config, step)
    return run


def write_tiny_weights(path: Path, config: ModelConfig, seed: int) -> None:
    """Write or replace a weights file, as a trainer does."""
    from core.model import state_dict
    from core.model.safetensors_io import replace_tensors

    replace_tensors(path, state_dict.to_stored(tiny_model(config, seed)))


def tiny_model(config: ModelConfig, seed: int) -> torch.nn.Module:
    """A model whose weights are large enough that its predictions differ between positions."""
    import torch

    from core.model import factory

    model = factory.build_model(config, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0.0, 0.5, generator=generator)
        model.get_parameter("embedding.weight")[EOS] = 0.0
    return model


def tiny_home_with_corpora(folder: Path) -> Home:
    """Two tiny runs, `words` (lines) and `chars` (text), with corpora that can be found."""
    home = Home(root=folder, cache=folder / "cache")
    for name, kind, reading in (("words", "word", "lines"), ("chars", "char", "text")):
        run = tiny_run(home, name, kind, reading)
        text = "\n".join([*TINY_CORPUS, *MORE_LINES])
        set_corpus(home, run, corpus_of_text(folder / f"{name}.txt", text))
    return home


def set_corpus(home: Home, run: Run, corpus: Corpus) -> None:
    """Make `corpus` the text that the run was trained on."""
    stats = compute_stats(corpus)
    catalog.register_corpus(corpus, stats, home)
    record = read_json(run.record)
    record["corpus"]["sha256"] = stats.sha256
    write_json(run.record, record)
