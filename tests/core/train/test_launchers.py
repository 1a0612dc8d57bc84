"""A training that somebody else began as several processes, as torchrun and Slurm do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from core.model.safetensors_io import read_tensors
from core.paths import Home, find_home
from core.run import status, store
from core.run.directory import Run
from core.run.events import FINISHED, PREPARED, STARTED, STOPPED
from core.system.rank_env import RankInfo
from tests.support.runners import TINY, command, run, small_text, until
from tests.support.trainers_at_work import clearing, events_of, free, history_of
from tui.cli.training import train_options

WANTED = ["--steps", "30", "--set", "batch_size=9", "--set", "eval_steps=10", *TINY]
LONG = ["--steps", "1000000", "--set", "eval_steps=1000000", "--set", "snapshots=false", *TINY]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
ALONE = {"detach": False, "foreground": False, "as_json": False, "devices": None}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with clearing(find_home(tmp_path / "home")) as home:
        yield home


def _port() -> str:
    with socket.socket() as free_one:
        free_one.bind(("localhost", 0))
        return str(free_one.getsockname()[1])


@contextmanager
def _tasks(home: Home, *arguments: str) -> Iterator[list[subprocess.Popen[str]]]:
    """The two tasks of a Slurm step, on a machine each; killed if they are still there."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": _port(), "SLURM_JOB_ID": "7"}
    shared |= {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "2", "SLURM_LOCALID": "0"}
    began = [
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
        yield began
    finally:
        for task in began:
            task.kill()
            task.communicate()


def _trains(home: Home) -> Run:
    """The run, once it has made some steps."""
    pets = Run(home.runs / "pets")
    until(lambda: pets.events.exists() and history_of(pets).step > 5, "it trains")
    return pets


@pytest.mark.slow
def test_two_machines_of_torchrun_train_one_run(home: Home, tmp_path: Path) -> None:
    """A run for each process, a curve of its own, or one that can go on nowhere else."""
    text = small_text(tmp_path)
    port = _port()
    shared = ["--nnodes=2", "--nproc-per-node=1", "--master-addr=127.0.0.1", "--no-python"]
    line = command(home.root, "train", str(text), "--name", "two", *WANTED)
    agents = [
        subprocess.Popen(
            [*TORCHRUN, *shared, f"--node-rank={rank}", f"--master-port={port}", *line],
            stdin=subprocess.DEVNULL,
        )
        for rank in range(2)
    ]
    assert [agent.wait(timeout=100) for agent in agents] == [0, 0]
    assert run(home.root, "train", str(text), "--name", "one", *WANTED).returncode == 0
    assert [one.name for one in store.list_runs(home)] == ["one", "two"]
    two, one = (Run(home.runs / name) for name in ("two", "one"))
    tensors = [read_tensors(each.weights) for each in (two, one)]
    for name, tensor in tensors[0].items():
        assert (tensor - tensors[1][name]).abs().max() < 1e-3
    told = [event.table("train")["devices"] for event in events_of(two) if event.type == PREPARED]
    assert told == [2]
    assert len([event for event in events_of(two) if event.type == STARTED]) == 1
    more = run(home.root, "resume", "two", "--steps", "5")
    assert more.returncode == 0, more.stderr
    assert history_of(two).step == 35


@pytest.mark.slow
def test_a_signal_to_all_is_one_stop_that_saves(home: Home, tmp_path: Path) -> None:
    """What Slurm does when the time is over."""
    text = small_text(tmp_path)
    with _tasks(home, "train", str(text), "--name", "pets", *LONG) as (first, second):
        pets = _trains(home)
        for task in (first, second):
            task.send_signal(signal.SIGTERM)
        codes = [task.wait(timeout=60) for task in (first, second)]
    assert codes[1] == 0
    assert status.status_of(pets) == STOPPED
    assert pets.last_checkpoint.exists()
    with _tasks(home, "resume", "pets") as tasks:
        until(lambda: len([e for e in events_of(pets) if e.type == PREPARED]) == 2, "it goes on")
        assert [task.poll() for task in tasks] == [None, None]


@pytest.mark.slow
def test_a_machine_that_is_lost_is_said_and_nothing_else_is(home: Home, tmp_path: Path) -> None:
    """A first process that waits for the other for days, or ends in a page of a library's words."""
    text = small_text(tmp_path)
    with _tasks(home, "train", str(text), "--name", "pets", *LONG) as (first, second):
        pets = _trains(home)
        second.kill()
        _, said = first.communicate(timeout=60)
    assert first.returncode == 1
    assert "Another process of the training has ended" in said
    assert "Traceback" not in said
    until(lambda: free(pets), "the run is free")
    assert status.status_of(pets) in (status.CRASHED, FINISHED)


def test_such_a_process_trains_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Options that would begin yet more processes are refused, not ignored."""
    assert train_options(**ALONE).rank is None
    for name, value in {"RANK": 3, "LOCAL_RANK": 1, "WORLD_SIZE": 4, "LOCAL_WORLD_SIZE": 2}.items():
        monkeypatch.setenv(name, str(value))
    options = train_options(**ALONE)
    assert (options.foreground, options.worker) == (
        True,
        RankInfo(rank=3, local_rank=1, world_size=4, local_world_size=2),
    )
    for refused in ({"detach": True}, {"devices": 2}):
        with pytest.raises(click.UsageError, match="rank 3 of 4"):
            train_options(**{**ALONE, **refused})
    monkeypatch.setenv("RANK", "0")
    assert train_options(**ALONE).worker is None


def test_one_process_alone_is_none_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1, "LOCAL_WORLD_SIZE": 1}.items():
        monkeypatch.setenv(name, str(value))
    assert train_options(**{**ALONE, "detach": True}).detach
