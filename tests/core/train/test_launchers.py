"""Training in several processes: our agent and its workers, torchrun, and Slurm."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import torch

from core.errors import InputError
from core.model.safetensors_io import read_tensors
from core.paths import Home, find_home
from core.run import status, store
from core.run.directory import Run
from core.run.event_log import EventLog, EventTail
from core.run.events import FINISHED, PREPARED, STARTED, STOPPED
from core.train.launchers import count_devices, report_missing_failure
from tests.support.real_trainers import (
    is_free,
    load_events,
    load_history,
    trainers_killed_at_end,
)
from tests.support.runners import TINY, command, run, small_text
from tests.support.wait import wait_until

SHORT = ["--steps", "30", "--set", "batch_size=9", "--set", "eval_steps=10", *TINY]
LONG = ["--steps", "1000000", "--set", "eval_steps=1000000", "--set", "snapshots=false", *TINY]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with trainers_killed_at_end(find_home(tmp_path / "home")) as home:
        yield home


@pytest.mark.parametrize(
    ("requested", "device", "count"),
    [(0, "cpu", 1), (3, "cpu", 3), (2, "auto", 2), (0, "auto", 1), (1, "mps", 1)],
)
def test_without_gpus_devices_are_processes_on_the_cpu(
    requested: int, device: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert count_devices(requested, device) == count


@pytest.mark.parametrize(("requested", "device"), [(3, "auto"), (3, "cuda"), (2, "cuda:1")])
def test_more_gpus_than_there_are_are_refused(
    requested: int, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes would share a GPU, or one would wait for a device that does not exist."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert count_devices(0, "cuda") == 2
    with pytest.raises(InputError):
        count_devices(requested, device)


def test_the_agent_reports_a_failure_that_rank_0_could_not(tmp_path: Path) -> None:
    """Once, with the message of the rank that failed first."""
    run, folder = Run(tmp_path), tmp_path / "failures"
    folder.mkdir()
    with closing(EventLog(run.events)) as log:
        log.emit("saved", 5, kind="checkpoint")
    failure = {"title": "No", "message": "why", "hint": "", "code": 2}
    (folder / "1.json").write_text(json.dumps(failure))
    report_missing_failure(run, "Process 1 of 2 ended with signal 9.", folder)
    report_missing_failure(run, "again", folder)
    events = EventTail(run.events).read()
    assert (events[-1].type, events[-1].step) == ("failed", 5)
    assert events[-1].fields == failure | {"saved_step": 5}
    assert len(events) == 2


def test_a_failure_that_a_killed_rank_has_half_written_is_skipped(tmp_path: Path) -> None:
    """Detects a failed training whose agent ends in a traceback instead of reporting it."""
    run, folder = Run(tmp_path), tmp_path / "failures"
    folder.mkdir()
    (folder / "1.json").write_text('{"title": "Ou')
    (folder / "2.json").write_text("")
    report_missing_failure(run, "Process 1 of 3 ended with signal 9.", folder)
    (event,) = EventTail(run.events).read()
    assert event.text("message") == "Process 1 of 3 ended with signal 9."


def _unused_port() -> str:
    with socket.socket() as unused:
        unused.bind(("localhost", 0))
        return str(unused.getsockname()[1])


@contextmanager
def _tasks(home: Home, *arguments: str) -> Iterator[list[subprocess.Popen[str]]]:
    """The two tasks of a Slurm step, each on its own machine; killed at the end."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": _unused_port(), "SLURM_JOB_ID": "7"}
    shared |= {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "2", "SLURM_LOCALID": "0"}
    tasks = [
        subprocess.Popen(
            command(home.root, *arguments),
            env=os.environ | shared | {"SLURM_PROCID": str(rank)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.kill()
            task.communicate()


def _wait_until_training(home: Home) -> Run:
    """The run, once it has done some steps."""
    pets = Run(home.runs / "pets")
    wait_until(lambda: pets.events.exists() and load_history(pets).step > 5, "it trains")
    return pets


@pytest.mark.slow
def test_two_machines_of_torchrun_train_one_run(home: Home, tmp_path: Path) -> None:
    """One run instead of one per process, with the curve of a single process, resumable alone."""
    text = small_text(tmp_path)
    port = _unused_port()
    shared = ["--nnodes=2", "--nproc-per-node=1", "--master-addr=127.0.0.1", "--no-python"]
    line = command(home.root, "train", str(text), "--name", "two", *SHORT)
    agents = [
        subprocess.Popen(
            [*TORCHRUN, *shared, f"--node-rank={rank}", f"--master-port={port}", *line],
            stdin=subprocess.DEVNULL,
        )
        for rank in range(2)
    ]
    assert [agent.wait(timeout=100) for agent in agents] == [0, 0]
    assert run(home.root, "train", str(text), "--name", "one", *SHORT).returncode == 0
    assert [one.name for one in store.list_runs(home)] == ["one", "two"]
    two, one = (Run(home.runs / name) for name in ("two", "one"))
    tensors = [read_tensors(each.weights) for each in (two, one)]
    for name, tensor in tensors[0].items():
        assert (tensor - tensors[1][name]).abs().max() < 1e-3
    devices = [
        event.table("train")["devices"] for event in load_events(two) if event.type == PREPARED
    ]
    assert devices == [2]
    assert len([event for event in load_events(two) if event.type == STARTED]) == 1
    resumed = run(home.root, "resume", "two", "--steps", "5")
    assert resumed.returncode == 0, resumed.stderr
    assert load_history(two).step == 35


@pytest.mark.slow
def test_a_signal_to_all_processes_is_one_stop_that_saves(home: Home, tmp_path: Path) -> None:
    """Slurm sends it at the time limit."""
    text = small_text(tmp_path)
    with _tasks(home, "train", str(text), "--name", "pets", *LONG) as (first, second):
        pets = _wait_until_training(home)
        for task in (first, second):
            task.send_signal(signal.SIGTERM)
        codes = [task.wait(timeout=60) for task in (first, second)]
    assert codes[1] == 0
    assert status.status_of(pets) == STOPPED
    assert pets.last_checkpoint.exists()
    with _tasks(home, "resume", "pets") as tasks:
        wait_until(
            lambda: len([e for e in load_events(pets) if e.type == PREPARED]) == 2, "it resumes"
        )
        assert [task.poll() for task in tasks] == [None, None]


@pytest.mark.slow
def test_a_lost_process_is_reported_in_one_sentence(home: Home, tmp_path: Path) -> None:
    """Not a wait of days for the other process, and no traceback of a library."""
    text = small_text(tmp_path)
    with _tasks(home, "train", str(text), "--name", "pets", *LONG) as (first, second):
        pets = _wait_until_training(home)
        second.kill()
        _, errors = first.communicate(timeout=60)
    assert first.returncode == 1
    assert "Another process of the training has ended" in errors
    assert "Traceback" not in errors
    wait_until(lambda: is_free(pets), "the run is free")
    assert status.status_of(pets) in (status.CRASHED, FINISHED)
