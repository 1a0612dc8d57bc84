"""Runs of a tiny model trained by real trainers, in this process or in others."""

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
from core.run.control_file import STOP
from core.run.create import create_run
from core.run.directory import Run
from core.run.event_log import read_events
from core.run.events import STARTED, Event
from core.run.history import History
from core.system import locks
from core.system.locks import Lock
from core.train import control
from core.train.checkpoint import load_checkpoint
from core.train.job import train
from core.train.update import Updater
from tests.support.wait import wait_until

ROOT = Path(__file__).parents[2]
SHAPE = {"layers": 1, "heads": 2, "kv_heads": 2, "d_model": 16, "head_dim": 8, "d_ff": 24}


def create_held_run(
    home: Home, text: Path, name: str, *, reading: str | None = None, **settings: Any
) -> tuple[Run, Lock]:
    """A new run with its lock held, ready to be trained."""
    config = {
        "device": "cpu",
        "threads": 1,
        "tokenizer": "word",
        "steps": 12,
        "eval_steps": 4,
        **settings,
    }
    return create_run(home, str(text), TrainConfig(**config), SHAPE, name=name, reading=reading)


def start_trainer(
    home: Home, run: Run, lock: Lock | None = None, extension: Extension | None = None
) -> int:
    """Start a trainer process; returns its process id."""
    return launch.start(home, run, lock or store.lock_run(run), extension)


def train_here(
    home: Home, run: Run, lock: Lock | None = None, extension: Extension | None = None
) -> list[Event]:
    """Train in this process to any end; returns the events."""
    events: list[Event] = []
    train(home, run, lock or store.lock_run(run), listeners=[events.append], extension=extension)
    return events


def train_in_background(
    home: Home, run: Run, lock: Lock | None = None, extension: Extension | None = None
) -> None:
    """Train in a process of its own, and wait until it has exited."""
    start_trainer(home, run, lock, extension)
    wait_until(lambda: is_free(run), "the trainer has exited")


def is_free(run: Run) -> bool:
    """Whether no trainer holds the run's lock."""
    return not locks.is_held(run.lock)


def kill_trainer(run: Run, pid: int) -> None:
    """Kill a trainer and wait until its lock is free."""
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_free(run), "the lock of a killed trainer is free")


def load_events(run: Run) -> list[Event]:
    """All events of a run."""
    return list(read_events(run.events))


def load_history(run: Run) -> History:
    """The history that an interface shows."""
    history = History()
    history.apply_all(load_events(run))
    return history


def find_differences(one: Run, other: Run) -> list[str]:
    """What differs between the ends of two runs: step, weights, moments and best weights."""
    checkpoints = [load_checkpoint(run) for run in (one, other)]
    assert checkpoints[0]
    assert checkpoints[1]
    pairs = [
        ("model", checkpoints[0].model, checkpoints[1].model),
        ("optimizer", checkpoints[0].optimizer, checkpoints[1].optimizer),
        ("weights", read_tensors(one.weights), read_tensors(other.weights)),
        ("best", read_tensors(one.best_weights), read_tensors(other.best_weights)),
    ]
    steps = [checkpoint.step for checkpoint in checkpoints if checkpoint]
    differences = [f"steps {steps}"] if steps[0] != steps[1] else []
    for kind, first, second in pairs:
        assert first.keys() == second.keys()
        names = [name for name in first if not torch.equal(first[name], second[name])]
        differences += [f"{kind} {name}" for name in names]
    return differences


def list_files(run: Run) -> set[str]:
    """The files of a run; checkpoint folders are numbered from the newest, -0, -1."""
    names = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    steps = sorted(int(path.name) for path in run.checkpoints.iterdir() if path.is_dir())
    for age, step in enumerate(reversed(steps)):
        old, new = f"checkpoint/{step}/", f"checkpoint/-{age}/"
        names = {new + name.removeprefix(old) if name.startswith(old) else name for name in names}
    return names - {"requests.jsonl", "trainer.log"}


FORK_SERVER = """
import os, sys
import torch._dynamo  # would be loaded by the first optimiser of a process
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


class ForkingTrainers:
    """Start many trainers, each a fork of a process that has loaded PyTorch.

    Args:
        home: of the runs.
    """

    def __init__(self, home: Home) -> None:
        command = [sys.executable, "-c", FORK_SERVER, str(home.root)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def start(self, run: Run) -> int:
        """Start a trainer; returns its process id."""
        assert self.process.stdin
        self.process.stdin.write(f"{run.name}\n")
        self.process.stdin.flush()
        return self._read_int()

    def wait(self) -> int:
        """Wait until the trainer exits; returns its exit code."""
        return self._read_int()

    def _read_int(self) -> int:
        assert self.process.stdout
        return int(self.process.stdout.readline())

    def __enter__(self) -> ForkingTrainers:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def trainers_killed_at_end(home: Home) -> Iterator[Home]:
    """Kill the trainers of a home that are still there at the end of a test."""
    try:
        yield home
    finally:
        for run in store.list_runs(home):
            if not is_free(run):
                pids = [event.whole("pid") for event in load_events(run) if event.type == STARTED]
                if pids and pids[-1]:
                    os.kill(pids[-1], signal.SIGKILL)


@contextmanager
def mounted_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of this size, in memory; the test is skipped if it cannot be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        process = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("mount is not available")
    if process.returncode:
        pytest.skip(f"mount failed: {process.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def stop_in_update(run: Run, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Request a stop in an update, counted from 1, of the next training in this process."""
    update, updates = Updater.update, list[int]()

    def update_and_stop(self: Updater, *rest: Any) -> Any:
        updates.append(1)
        if len(updates) == number:
            store.send_request(run, STOP)
        return update(self, *rest)

    monkeypatch.setattr(Updater, "update", update_and_stop)
    # Between two reads of the requests, all updates of a small model would be over.
    monkeypatch.setattr(control, "POLL_INTERVAL_S", 0.0)
