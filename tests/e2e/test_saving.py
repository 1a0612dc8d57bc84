"""When and by which thread a run is saved, and who holds its lock."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.config.configs import TrainConfig
from core.paths import Home, find_home
from core.run import status
from core.run.events import FINISHED, SAVED, STARTED
from core.run.launch import TrainerArguments
from core.system import locks
from core.train import checkpoint
from core.train.checkpoint_writer import CheckpointWriter
from core.train.evaluation import Evaluation
from core.train.trainer import Trainer
from core.train.update import Updater
from tests.support.real_trainers import (
    ROOT,
    create_held_run,
    is_free,
    kill_trainer,
    load_events,
    start_trainer,
    train_here,
    trainers_killed_at_end,
)
from tests.support.runners import alive, small_text
from tests.support.wait import wait_until


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with trainers_killed_at_end(find_home(tmp_path / "home")) as home:
        yield home


def test_the_training_thread_writes_no_files(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk must not slow down training."""
    run, lock = create_held_run(home, small_text(tmp_path), "pets", checkpoint_seconds=0.0)
    calls: list[tuple[str, str]] = []

    def record(owner: Any, name: str) -> None:
        function = getattr(owner, name)

        def recorded(*rest: Any, **options: Any) -> Any:
            calls.append((name, threading.current_thread().name))
            return function(*rest, **options)

        monkeypatch.setattr(owner, name, recorded)

    for name in ("save_checkpoint", "save_snapshot", "save_best", "write_tensors"):
        record(checkpoint, name)
    record(Updater, "update")
    train_here(home, run, lock)
    here = threading.current_thread().name
    assert {thread for name, thread in calls if name == "update"} == {here}
    assert {name for name, thread in calls if thread == here} == {"update"}
    assert {name for name, _ in calls} >= {
        "save_checkpoint",
        "save_snapshot",
        "save_best",
        "write_tensors",
    }


def test_training_continues_while_a_slow_disk_writes(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"eval_steps": 100, "snapshots": False, "checkpoint_seconds": 0.0}
    run, lock = create_held_run(home, small_text(tmp_path), "pets", **settings)
    disk_is_ready, steps = threading.Event(), list[int]()
    save, update = checkpoint.save_checkpoint, Updater.update

    def slow(*rest: Any) -> int:
        assert disk_is_ready.wait(60), "the training waits for the disk"
        return save(*rest)

    def recorded(self: Updater, batches: Any, step: int, *rest: Any) -> Any:
        steps.append(step)
        if step == 6:
            disk_is_ready.set()
        return update(self, batches, step, *rest)

    monkeypatch.setattr(checkpoint, "save_checkpoint", slow)
    monkeypatch.setattr(Updater, "update", recorded)
    events = train_here(home, run, lock)
    assert steps == list(range(12))
    assert events[-1].type == FINISHED
    saved = [e.step for e in events if e.type == SAVED and e.text("kind") == "checkpoint"]
    assert saved[0] == 1
    assert saved[-1] == 12
    assert not {2, 3, 4, 5, 6} & set(saved), "skipped, not queued"


def test_a_run_is_saved_before_it_is_evaluated(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is killed in a long evaluation has lost nothing."""
    run, lock = create_held_run(home, small_text(tmp_path), "pets", checkpoint_seconds=1000.0)
    order: list[str] = []
    save, loss = Trainer.save, Evaluation.measure

    def recorded_save(self: Trainer, *rest: Any, **options: Any) -> None:
        order.append(f"save {self.state.step}")
        save(self, *rest, **options)

    def recorded_loss(self: Evaluation, *rest: Any, **options: Any) -> Any:
        order.append("evaluate")
        return loss(self, *rest, **options)

    monkeypatch.setattr(Trainer, "save", recorded_save)
    monkeypatch.setattr(Evaluation, "measure", recorded_loss)
    train_here(home, run, lock)
    assert order == ["save 4", "evaluate", "save 8", "evaluate", "save 12", "evaluate", "save 12"]


@pytest.mark.parametrize(("seconds", "times"), [(0.0, 12), (5.0, 3), (1000.0, 1)])
def test_a_run_is_saved_every_checkpoint_seconds(
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    times: int,
) -> None:
    """By a clock on which every step takes 1.5 seconds."""
    settings = {"eval_steps": 100, "snapshots": False, "checkpoint_seconds": seconds}
    run, lock = create_held_run(home, small_text(tmp_path), "pets", **settings)
    now = [0.0]
    update, saved = Updater.update, set[int]()

    def timed(self: Updater, *rest: Any) -> Any:
        now[0] += 1.5
        return update(self, *rest)

    save = Trainer.save

    def recorded_save(self: Trainer, *rest: Any, **options: Any) -> None:
        saved.add(self.state.step)
        save(self, *rest, **options)

    monkeypatch.setattr(CheckpointWriter, "is_busy", lambda self: False)
    monkeypatch.setattr("core.train.trainer.time.perf_counter", lambda: now[0])
    monkeypatch.setattr(Updater, "update", timed)
    monkeypatch.setattr(Trainer, "save", recorded_save)
    train_here(home, run, lock)
    assert len(saved) == times, saved
    assert TrainConfig().checkpoint_seconds == 60.0


@pytest.mark.slow
def test_a_second_trainer_is_refused_and_the_first_continues(home: Home, tmp_path: Path) -> None:
    """Two would write to one event log and replace each other's checkpoints."""
    run, lock = create_held_run(home, small_text(tmp_path), "pets", steps=10**6)
    pid = start_trainer(home, run, lock)
    wait_until(lambda: status.status_of(run) == status.RUNNING, "it trains")
    starts = len([event for event in load_events(run) if event.type == STARTED])
    descriptor = os.open(run.lock, os.O_RDWR)
    command = TrainerArguments(home=home, run=run.name, lock_fd=descriptor, devices=1).command()
    second = subprocess.run(
        command,
        pass_fds=[descriptor],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(descriptor)
    assert second.returncode == 1
    assert second.stderr == "Another trainer has the run pets.\n"
    assert alive(pid)
    assert len([event for event in load_events(run) if event.type == STARTED]) == starts == 1
    step = load_events(run)[-1].step
    wait_until(lambda: load_events(run)[-1].step > step, "the first trainer continues")
    assert locks.acquire(run.lock, attempts=1) is None
    kill_trainer(run, pid)


@pytest.mark.slow
def test_a_resumed_run_never_looks_crashed(home: Home, tmp_path: Path) -> None:
    """Its status is read without pause from before the trainer starts until it trains."""
    run, lock = create_held_run(home, small_text(tmp_path), "pets", steps=10**6)
    for held in (lock, None):
        words: list[str] = []
        pid = start_trainer(home, run, held)
        while (word := status.status_of(run)) != status.RUNNING:
            if word not in words:
                words.append(word)
            assert is_free(run) is False
        assert words[:1] == [status.STARTING]
        assert set(words) <= {status.STARTING, status.PREPARING}
        kill_trainer(run, pid)
        assert status.status_of(run) == status.CRASHED
