"""A run that is moved or deleted while it is being trained."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.paths import Home, find_home
from core.run.directory import Run
from core.run.events import FAILED, STEP, Event
from core.run.status import status_of
from core.run.store import list_runs
from core.system.locks import Lock
from core.train.job import train
from tests.support.real_trainers import create_held_run, load_events, start_trainer
from tests.support.runners import alive, small_text
from tests.support.wait import wait_until


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(tmp_path / "home")


@pytest.fixture
def run_and_lock(home: Home, tmp_path: Path) -> tuple[Run, Lock]:
    return create_held_run(home, small_text(tmp_path), "pets", steps=10**6, eval_steps=10)


def train_until(
    home: Home, run: Run, lock: Lock, change: Callable[[], object]
) -> tuple[list[Event], float]:
    """Train, and change the disk at the first step; the events and the seconds until the end."""
    events: list[Event] = []
    changed_at = 0.0

    def listen(event: Event) -> None:
        nonlocal changed_at
        if event.type == STEP and not changed_at:
            changed_at = time.monotonic()
            change()
        events.append(event)

    train(home, run, lock, listeners=[listen])
    return events, time.monotonic() - changed_at


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_a_trainer_whose_run_is_deleted_ends_and_rebuilds_nothing(
    home: Home, run_and_lock: tuple[Run, Lock], is_interrupted: bool
) -> None:
    run, lock = run_and_lock

    def delete() -> None:
        shutil.rmtree(run.folder, ignore_errors=True)
        if is_interrupted:  # `rm` met a file that was saved meanwhile
            run.checkpoints.mkdir(parents=True)

    events, seconds = train_until(home, run, lock, delete)
    assert seconds < 5
    assert events[-1].type == FAILED
    assert "was moved or deleted" in (events[-1].text("message") or "")
    left = sorted(str(path.relative_to(run.folder)) for path in run.folder.rglob("*"))
    assert left == (["checkpoint"] if is_interrupted else [])
    assert run.folder.exists() == is_interrupted


def test_a_trainer_whose_run_is_moved_ends_and_reports_it_there(
    home: Home, run_and_lock: tuple[Run, Lock]
) -> None:
    run, lock = run_and_lock
    moved = Run(home.runs / "moved")
    train_until(home, run, lock, lambda: run.folder.rename(moved.folder))
    assert [found.name for found in list_runs(home)] == ["moved"]
    last = load_events(moved)[-1]
    assert (last.type, status_of(moved)) == (FAILED, "failed")
    assert str(run.folder) in (last.text("message") or "")
    assert "resumed under its new name" in (last.text("hint") or "")


def test_a_trainer_does_not_touch_another_run_of_its_name(
    home: Home, run_and_lock: tuple[Run, Lock], tmp_path: Path
) -> None:
    run, lock = run_and_lock

    def replace() -> None:
        run.folder.rename(tmp_path / "away")
        create_held_run(home, small_text(tmp_path), "pets")[1].release()

    train_until(home, run, lock, replace)
    assert {path.name for path in run.folder.iterdir()} == {"run.json", "trainer.lock"}


def test_a_trainer_in_the_background_ends_with_its_run(
    home: Home, run_and_lock: tuple[Run, Lock]
) -> None:
    run, lock = run_and_lock
    pid = start_trainer(home, run, lock)
    wait_until(
        lambda: run.events.exists() and any(event.type == STEP for event in load_events(run)),
        "a step",
    )
    shutil.rmtree(run.folder, ignore_errors=True)
    wait_until(lambda: not alive(pid), "the trainer has ended", timeout=10)
    assert not run.folder.exists()
