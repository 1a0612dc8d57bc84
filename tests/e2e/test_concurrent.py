"""One training on two processes: end to end, with gloo on the processor."""

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
from tests.support.runners import alive, small_text, until
from tests.support.runners import run as program
from tests.support.trainers_at_work import (
    create_held_run,
    is_free,
    kill_trainer,
    load_events,
    load_history,
    start_trainer,
    train_here,
    trainers_killed_at_end,
)

pytestmark = pytest.mark.slow

LONG = {"steps": 100_000, "eval_steps": 100_000, "snapshots": False}
SHORT = {"steps": 40, "eval_steps": 10, "batch_size": 9}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with trainers_killed_at_end(find_home(tmp_path / "home")) as home:
        yield home


def whole(home: Home, text: Path, name: str, **settings: object) -> Run:
    """A run trained to its end."""
    run, lock = create_held_run(home, text, name, **settings)
    start_trainer(home, run, lock)
    until(lambda: is_free(run), f"{name} has ended")
    return run


def far_apart(one: Run, other: Run) -> float:
    """The largest difference between two runs' weights."""
    ends = [read_tensors(run.weights) for run in (one, other)]
    return max(float((ends[0][name] - ends[1][name]).abs().max()) for name in ends[0])


def children(pid: int) -> list[int]:
    """The processes it has started that are still there."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in found for child in path.read_text().split()]


def running(home: Home, text: Path, **settings: object) -> tuple[Run, int, list[int]]:
    """A run under way on two processes: its agent, and the workers."""
    run, lock = create_held_run(home, text, "pets", devices=2, **{**LONG, **settings})
    agent = start_trainer(home, run, lock)
    until(lambda: load_history(run).step > 5, "it trains")
    workers = children(agent)
    assert len(workers) == 2
    started = next(event for event in load_events(run) if event.type == STARTED)
    assert started.whole("pid") == agent, "what ends all of them is what is named"
    return run, agent, workers


@pytest.mark.parametrize("accumulation", [1, 2])
def test_the_curve_is_that_of_one_process(home: Home, tmp_path: Path, accumulation: int) -> None:
    """Means of means where lines differ in length; slices that overlap; weights apart."""
    text = small_text(tmp_path)
    alone, lock = create_held_run(home, text, "alone", **SHORT)
    train_here(home, alone, lock)
    two = whole(home, text, "two", **SHORT, devices=2, accumulation=accumulation)
    histories = [load_history(run) for run in (alone, two)]
    assert [status.status_of(run) for run in (alone, two)] == [FINISHED, FINISHED]
    rows = [[row.train_loss for row in history.epochs] for history in histories]
    assert rows[0] == pytest.approx(rows[1], abs=1e-4)
    evaluations = [list(h.val_loss.values) for h in histories]
    assert evaluations[0] == pytest.approx(evaluations[1], abs=1e-4)
    assert far_apart(alone, two) < 1e-3
    assert len([e for e in load_events(two) if e.type == STARTED]) == 1, "one file, one voice"


def test_begun_on_two_it_goes_on_on_one_and_on_two_again(home: Home, tmp_path: Path) -> None:
    text = small_text(tmp_path)
    runs_of = [create_held_run(home, text, name, **SHORT, devices=2) for name in ("alone", "moved")]
    (alone, lock), (moved, _) = runs_of
    more = Extension(steps=15)
    for life, devices in enumerate((None, 1, 2)):
        train_here(home, alone, lock if life == 0 else None, more if life else None)
        held = runs_of[1][1] if life == 0 else store.lock_run(moved)
        launch.start(home, moved, held, more if life else None, devices=devices)
        until(lambda: is_free(moved), "it ends")
        assert status.status_of(moved) == FINISHED
    assert load_history(moved).step == load_history(alone).step == 70
    assert far_apart(alone, moved) < 1e-3
    told = [event.table("train") for event in load_events(moved) if event.type == PREPARED]
    assert [train["devices"] for train in told] == [2, 1, 2]


def test_a_killed_agent_leaves_no_worker_and_the_run_can_be_resumed(
    home: Home, tmp_path: Path
) -> None:
    """A GPU that stays taken, and two trainers that write into one run."""
    run, agent, workers = running(home, small_text(tmp_path), checkpoint_seconds=0.2)
    until(lambda: run.last_checkpoint.exists(), "it has saved")
    kill_trainer(run, agent)
    until(lambda: not any(alive(worker) for worker in workers), "no worker is left")
    assert status.status_of(run) == status.CRASHED
    agent = start_trainer(home, run)
    until(lambda: status.status_of(run) == status.RUNNING, "it goes on")
    assert load_events(run)[-1].step > 0
    os.kill(agent, signal.SIGTERM)
    until(lambda: is_free(run), "it stops")
    last = load_events(run)[-1]
    assert (last.type, last.text("reason")) == (STOPPED, "SIGTERM")


@pytest.mark.parametrize("which", [0, 1])
def test_a_killed_worker_ends_the_run_with_words(home: Home, tmp_path: Path, which: int) -> None:
    run, agent, workers = running(home, small_text(tmp_path))
    os.kill(workers[which], signal.SIGKILL)
    until(lambda: is_free(run), "the run ends")
    until(lambda: not any(alive(pid) for pid in (agent, *workers)), "nobody is left")
    last = load_events(run)[-1]
    assert last.type == FAILED
    assert "Process" in str(last.text("message"))
    assert "logs pets" in str(last.text("hint"))


def test_pause_change_and_stop_reach_all(home: Home, tmp_path: Path) -> None:
    run, agent, workers = running(home, small_text(tmp_path))
    store.send_request(run, PAUSE)
    until(lambda: status.status_of(run) == status.PAUSED, "it pauses")
    at = load_history(run).step
    store.send_request(run, "change", changes={"learning_rate": 1e-5, "dropout": 0.1})
    store.send_request(run, CONTINUE)
    until(lambda: load_history(run).step > at, "it goes on")
    assert load_history(run).train["learning_rate"] == 1e-5
    store.send_request(run, STOP)
    until(lambda: is_free(run), "it stops")
    assert status.status_of(run) == STOPPED
    until(lambda: not any(alive(pid) for pid in (agent, *workers)), "nobody is left")


def test_a_folder_named_core_where_it_works_is_never_imported(home: Home, tmp_path: Path) -> None:
    """A copied run that brings its own code along."""
    run, lock = create_held_run(home, small_text(tmp_path), "pets", devices=2, **SHORT)
    for name in ("core", "torch", "data"):
        (run.folder / name).mkdir()
        (run.folder / name / "__init__.py").write_text("raise SystemExit('imported')\n")
    start_trainer(home, run, lock)
    until(lambda: is_free(run), "it has ended")
    assert status.status_of(run) == FINISHED
    assert "imported" not in run.log.read_text()


def test_in_the_foreground_its_signals_are_its_own(home: Home, tmp_path: Path) -> None:
    text = small_text(tmp_path)
    done = program(
        home.root, "train", str(text), "--devices", "2", "--device", "cpu", "--steps", "12",
        "--tokenizer", "word", "--foreground", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["type"] == FINISHED


def test_a_failure_before_training_is_told_once(home: Home, tmp_path: Path) -> None:
    text = small_text(tmp_path)
    run, lock = create_held_run(home, text, "pets", devices=2)
    text.unlink()
    start_trainer(home, run, lock)
    until(lambda: is_free(run), "it has ended")
    assert [e.type for e in load_events(run)].count(FAILED) == 1
