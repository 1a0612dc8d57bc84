"""Training in two processes on the CPU, with gloo."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config.configs import Extension
from core.model.safetensors_io import read_tensors
from core.paths import Home, find_home
from core.run import launch, status, store
from core.run.control_file import CONTINUE, PAUSE, STOP
from core.run.directory import Run
from core.run.events import FAILED, FINISHED, PREPARED, STARTED, STOPPED
from tests.support.real_trainers import (
    create_held_run,
    is_free,
    kill_trainer,
    load_events,
    load_history,
    start_trainer,
    train_here,
    train_in_background,
    trainers_killed_at_end,
)
from tests.support.runners import alive, small_text
from tests.support.runners import run as program
from tests.support.wait import wait_until

pytestmark = pytest.mark.slow

LONG = {"steps": 100_000, "eval_steps": 100_000, "snapshots": False}
SHORT = {"steps": 40, "eval_steps": 10, "batch_size": 9}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with trainers_killed_at_end(find_home(tmp_path / "home")) as home:
        yield home


def max_difference(one: Run, other: Run) -> float:
    """The largest difference between the weights of two runs."""
    weights = [read_tensors(run.weights) for run in (one, other)]
    return max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0])


def children(pid: int) -> list[int]:
    """The living child processes."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in files for child in path.read_text().split()]


def start_on_two(home: Home, text: Path, **settings: object) -> tuple[Run, int, list[int]]:
    """A run that trains in two processes; the process ids of the agent and of the workers."""
    run, lock = create_held_run(home, text, "pets", devices=2, **{**LONG, **settings})
    agent = start_trainer(home, run, lock)
    wait_until(lambda: load_history(run).step > 5, "it trains")
    workers = children(agent)
    assert len(workers) == 2
    started = next(event for event in load_events(run) if event.type == STARTED)
    assert started.whole("pid") == agent, "killing the named process ends all of them"
    return run, agent, workers


@pytest.mark.parametrize("accumulation", [1, 2])
def test_the_losses_are_those_of_one_process(home: Home, tmp_path: Path, accumulation: int) -> None:
    """Not with means of means over lines of different length, or with overlapping slices."""
    text = small_text(tmp_path)
    alone, lock = create_held_run(home, text, "alone", **SHORT)
    train_here(home, alone, lock)
    two, lock = create_held_run(home, text, "two", **SHORT, devices=2, accumulation=accumulation)
    train_in_background(home, two, lock)
    histories = [load_history(run) for run in (alone, two)]
    assert [status.status_of(run) for run in (alone, two)] == [FINISHED, FINISHED]
    rows = [[row.train_loss for row in history.epochs] for history in histories]
    assert rows[0] == pytest.approx(rows[1], abs=1e-4)
    evaluations = [list(h.val_loss.values) for h in histories]
    assert evaluations[0] == pytest.approx(evaluations[1], abs=1e-4)
    assert max_difference(alone, two) < 1e-3
    assert len([e for e in load_events(two) if e.type == STARTED]) == 1, "only rank 0 writes events"


def test_a_run_on_two_devices_resumes_on_one_and_on_two_again(home: Home, tmp_path: Path) -> None:
    text = small_text(tmp_path)
    runs = [create_held_run(home, text, name, **SHORT, devices=2) for name in ("alone", "moved")]
    (alone, lock), (moved, _) = runs
    extension = Extension(steps=15)
    for start, devices in enumerate((None, 1, 2)):
        train_here(home, alone, lock if start == 0 else None, extension if start else None)
        moved_lock = runs[1][1] if start == 0 else store.lock_run(moved)
        launch.start(home, moved, moved_lock, extension if start else None, devices=devices)
        wait_until(lambda: is_free(moved), "it ends")
        assert status.status_of(moved) == FINISHED
    assert load_history(moved).step == load_history(alone).step == 70
    assert max_difference(alone, moved) < 1e-3
    settings = [event.table("train") for event in load_events(moved) if event.type == PREPARED]
    assert [train["devices"] for train in settings] == [2, 1, 2]


def test_a_killed_agent_leaves_no_worker_and_the_run_can_be_resumed(
    home: Home, tmp_path: Path
) -> None:
    """Its GPU would stay in use, and two trainers would write to one run."""
    run, agent, workers = start_on_two(home, small_text(tmp_path), checkpoint_seconds=0.2)
    wait_until(lambda: run.last_checkpoint.exists(), "a checkpoint is saved")
    kill_trainer(run, agent)
    wait_until(lambda: not any(alive(worker) for worker in workers), "no worker is left")
    assert status.status_of(run) == status.CRASHED
    agent = start_trainer(home, run)
    wait_until(lambda: status.status_of(run) == status.RUNNING, "it trains again")
    assert load_events(run)[-1].step > 0
    os.kill(agent, signal.SIGTERM)
    wait_until(lambda: is_free(run), "it stops")
    last = load_events(run)[-1]
    assert (last.type, last.text("reason")) == (STOPPED, "SIGTERM")


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_worker_fails_the_run(home: Home, tmp_path: Path, rank: int) -> None:
    run, agent, workers = start_on_two(home, small_text(tmp_path))
    os.kill(workers[rank], signal.SIGKILL)
    wait_until(lambda: is_free(run), "the run ends")
    wait_until(
        lambda: not any(alive(pid) for pid in (agent, *workers)), "all processes have exited"
    )
    last = load_events(run)[-1]
    assert last.type == FAILED
    assert "Process" in str(last.text("message"))
    assert "logs pets" in str(last.text("hint"))


def test_requests_to_pause_change_and_stop_reach_all_ranks(home: Home, tmp_path: Path) -> None:
    run, agent, workers = start_on_two(home, small_text(tmp_path))
    store.send_request(run, PAUSE)
    wait_until(lambda: status.status_of(run) == status.PAUSED, "it pauses")
    step = load_history(run).step
    store.send_request(run, "change", changes={"learning_rate": 1e-5, "dropout": 0.1})
    store.send_request(run, CONTINUE)
    wait_until(lambda: load_history(run).step > step, "it trains again")
    assert load_history(run).train["learning_rate"] == 1e-5
    store.send_request(run, STOP)
    wait_until(lambda: is_free(run), "it stops")
    assert status.status_of(run) == STOPPED
    wait_until(
        lambda: not any(alive(pid) for pid in (agent, *workers)), "all processes have exited"
    )


def test_a_package_in_the_folder_of_the_run_is_never_imported(home: Home, tmp_path: Path) -> None:
    """A copied run must not bring code with it."""
    run, lock = create_held_run(home, small_text(tmp_path), "pets", devices=2, **SHORT)
    for name in ("core", "torch", "data"):
        (run.folder / name).mkdir()
        (run.folder / name / "__init__.py").write_text("raise SystemExit('imported')\n")
    start_trainer(home, run, lock)
    wait_until(lambda: is_free(run), "it has ended")
    assert status.status_of(run) == FINISHED
    assert "imported" not in run.log.read_text()


def test_two_devices_can_train_in_the_foreground(home: Home, tmp_path: Path) -> None:
    text = small_text(tmp_path)
    process = program(
        home.root, "train", str(text), "--devices", "2", "--device", "cpu", "--steps", "12",
        "--tokenizer", "word", "--foreground", "--json",
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout.splitlines()[-1])["type"] == FINISHED


def test_a_failure_before_training_is_reported_once(home: Home, tmp_path: Path) -> None:
    text = small_text(tmp_path)
    run, lock = create_held_run(home, text, "pets", devices=2)
    text.unlink()
    start_trainer(home, run, lock)
    wait_until(lambda: is_free(run), "it has ended")
    assert [e.type for e in load_events(run)].count(FAILED) == 1
