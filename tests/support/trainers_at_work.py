"""For tests of faults: runs of a tiny model, their lives one by one, and what they left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from core.config.configs import Extension, TrainConfig
from core.model.safetensors_io import read_tensors
from core.paths import Home
from core.run import launch, store
from core.run.create import create_run
from core.run.directory import Run
from core.run.event_log import EventTail
from core.run.events import STARTED, Event
from core.run.history import History
from core.system import locks
from core.system.locks import Lock
from core.train import checkpoint
from core.train.job import train
from tests.support.runners import until

ROOT = Path(__file__).parents[2]
SHAPE = {"layers": 1, "heads": 2, "kv_heads": 2, "d_model": 16, "head_dim": 8, "d_ff": 24}


def asked(
    home: Home, text: Path, name: str, *, reading: str | None = None, **settings: Any
) -> tuple[Run, Lock]:
    """A run that waits for its trainer."""
    chosen = {
        "device": "cpu",
        "threads": 1,
        "tokenizer": "word",
        "steps": 12,
        "eval_steps": 4,
        **settings,
    }
    return create_run(home, str(text), TrainConfig(**chosen), SHAPE, name=name, reading=reading)


def begin(home: Home, run: Run, lock: Lock | None = None, more: Extension | None = None) -> int:
    """Starts a trainer's process; its number."""
    return launch.start(home, run, lock or store.lock_run(run), more)


def trained(
    home: Home, run: Run, lock: Lock | None = None, extension: Extension | None = None
) -> list[Event]:
    """Trains right here, until it ends in whatever way; what was said."""
    told: list[Event] = []
    train(home, run, lock or store.lock_run(run), listeners=[told.append], extension=extension)
    return told


def free(run: Run) -> bool:
    """Whether no trainer has the run."""
    return not locks.is_held(run.lock)


def kill(run: Run, pid: int) -> None:
    """Ends a trainer at once, whatever it does."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: free(run), "the lock of a killed trainer is free")


def to_the_end(home: Home, run: Run) -> None:
    """Lets a trainer of its own work until it is gone."""
    begin(home, run)
    until(lambda: free(run), "it has ended")


def events_of(run: Run) -> list[Event]:
    """All that was ever said."""
    tail, found = EventTail(run.events), list[Event]()
    while batch := tail.read():
        found += batch
    return found


def history_of(run: Run) -> History:
    """As an interface would show it."""
    history = History()
    history.apply_all(events_of(run))
    return history


def differences(one: Run, other: Run) -> list[str]:
    """In what the ends of two runs differ: weights, moments and best weights, to the bit."""
    ends = [checkpoint.load_checkpoint(run) for run in (one, other)]
    assert ends[0]
    assert ends[1]
    pairs = [
        ("model", ends[0].model, ends[1].model),
        ("optimizer", ends[0].optimizer, ends[1].optimizer),
        ("weights", read_tensors(one.weights), read_tensors(other.weights)),
        ("best", read_tensors(one.best_weights), read_tensors(other.best_weights)),
    ]
    found = [f"step {ends[0].step} {ends[1].step}"] if ends[0].step != ends[1].step else []
    for kind, first, second in pairs:
        assert first.keys() == second.keys()
        found += [f"{kind} {name}" for name in first if not torch.equal(first[name], second[name])]
    return found


def files_of(run: Run) -> set[str]:
    """The files of a run, but for the steps that its checkpoints happen to be of."""
    names = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    steps = [
        str(step) for step in sorted(int(p.name) for p in run.checkpoints.iterdir() if p.is_dir())
    ]
    for age, step in enumerate(reversed(steps)):
        old, new = f"checkpoint/{step}/", f"checkpoint/-{age}/"
        names = {new + name.removeprefix(old) if name.startswith(old) else name for name in names}
    return names - {"requests.jsonl", "trainer.log"}


NURSERY = """
import os, sys
import torch._dynamo  # what the first optimizer of a process would load
from core.run import store
from core.paths import find_home
from core.train.job import train

home = find_home(sys.argv[1])
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run = store.find_run(home, line.strip())
        train(home, run, store.lock_run(run))
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Nursery:
    """Many lives of a run, each a process, without loading PyTorch for each.

    Args:
        home: where the runs are.
    """

    def __init__(self, home: Home) -> None:
        line = [sys.executable, "-c", NURSERY, str(home.root)]
        self.process = subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def begin(self, run: Run) -> int:
        """Starts a life; its process."""
        assert self.process.stdin
        self.process.stdin.write(f"{run.name}\n")
        self.process.stdin.flush()
        return self._number()

    def code(self) -> int:
        """How the life ended, once it has."""
        return self._number()

    def _number(self) -> int:
        assert self.process.stdout
        return int(self.process.stdout.readline())

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def clearing(home: Home) -> Iterator[Home]:
    """Ends the trainers that are left in a home, whatever became of the test."""
    try:
        yield home
    finally:
        for run in store.list_runs(home):
            if not free(run):
                pids = [event.whole("pid") for event in events_of(run) if event.type == STARTED]
                if pids and pids[-1]:
                    os.kill(pids[-1], signal.SIGKILL)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, in memory, of this size."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
