"""Starting trainers that outlive the process that starts them."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config.configs import Extension
from core.errors import StorageError
from core.paths import Home, find_home
from core.run import launch, status, store
from core.run.directory import Run
from core.run.launch import TrainerArguments
from core.system import locks
from tests.support.real_trainers import trainers_killed_at_end
from tests.support.runners import TINY, alive, command, small_text
from tests.support.runners import run as run_program
from tests.support.runs import run_record
from tests.support.wait import wait_until


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with trainers_killed_at_end(find_home(tmp_path / "home")) as home:
        yield home


def start_detached(home: Home, tmp_path: Path) -> tuple[Run, int]:
    """A run that trains for a long time, and the process id of its trainer."""
    text = small_text(tmp_path)
    options = [*TINY, "--steps", "1000000", "--detach", "--json"]
    process = run_program(home.root, "train", str(text), *options)
    assert process.returncode == 0, process.stderr
    event = json.loads(process.stdout)
    assert event["type"] == "started"
    return store.find_run(home, "pets"), event["pid"]


def test_a_trainer_that_cannot_be_started_leaves_the_lock_free(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, lock = store.create_locked_run(home, "lang", run_record())
    monkeypatch.setattr(sys, "executable", str(home.root / "no-python"))
    with pytest.raises(StorageError, match="could not be started"):
        launch.start(home, run, lock)
    assert not locks.is_held(run.lock)


@pytest.mark.parametrize("extension", [None, Extension(epochs=1.5)])
def test_a_trainer_gets_the_arguments_it_was_started_with(extension: Extension | None) -> None:
    """Also with folders whose names are not UTF-8."""
    home = Home(root=Path("/tmp/fo\udcff ü"), cache=Path("/tmp/cache"))
    arguments = TrainerArguments(home=home, run="pets", lock_fd=7, extension=extension, devices=0)
    *_, text = arguments.command()
    assert text.isascii()
    assert TrainerArguments.from_json(text) == arguments


def test_a_trainer_does_not_inherit_the_rank_of_its_launcher() -> None:
    """A run started within a torchrun job would take itself for one of its processes."""
    rank = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}
    assert not set(launch.environment(rank)) & set(rank)


@pytest.mark.slow
def test_a_starting_run_never_looks_crashed_and_a_second_trainer_is_refused(home: Home) -> None:
    """Also not at the moment when the lock is passed on."""
    run, lock = store.create_locked_run(home, "lang", run_record())
    seen = {status.status_of(run)}
    launch.start(home, run, lock)
    while (word := status.status_of(run)) not in (status.FAILED, status.CRASHED):
        seen.add(word)
        if locks.is_held(run.lock):
            assert locks.acquire(run.lock, attempts=1) is None
    assert status.status_of(run) == status.FAILED, "its text is not known here"
    assert seen <= {status.STARTING, status.PREPARING}


@pytest.mark.slow
def test_a_detached_run_is_paused_changed_stopped_and_resumed(home: Home, tmp_path: Path) -> None:
    run, pid = start_detached(home, tmp_path)
    wait_until(lambda: status.status_of(run) == status.RUNNING, "it trains")
    assert "paused at step" in run_program(home.root, "pause", "pets").stderr
    assert status.status_of(run) == status.PAUSED
    changed = run_program(home.root, "change", "pets", "learning_rate=1e-5").stderr
    assert "→ 1e-05 from step" in changed
    assert "continued at step" in run_program(home.root, "continue", "pets").stderr
    assert "saved at step" in run_program(home.root, "save", "pets").stderr
    assert run_program(home.root, "resume", "pets").returncode == 2, "it is being trained"
    process = run_program(home.root, "stop", "pets")
    assert (process.returncode, status.status_of(run)) == (0, status.STOPPED)
    wait_until(lambda: not alive(pid), "its process is gone")
    assert run_program(home.root, "attach", "pets").returncode == 130
    assert run_program(home.root, "stop", "pets").returncode == 2, "it is not being trained"
    longer = run_program(home.root, "resume", "pets", "--steps", "5", "--json")
    assert longer.returncode == 0, longer.stderr
    events = [json.loads(line) for line in longer.stdout.splitlines()]
    assert events[0]["type"] == "started"
    assert events[-1]["step"] == events[0]["resumed_from"] + 5
    assert run_program(home.root, "resume", "pets").returncode == 2, "there is nothing to do"


@pytest.mark.slow
def test_training_continues_if_the_command_that_started_it_is_killed(
    home: Home, tmp_path: Path
) -> None:
    text = small_text(tmp_path)
    arguments = command(home.root, "train", str(text), *TINY, "--steps", "1000000", "--json")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as starter:
        assert starter.stdout
        pid = json.loads(starter.stdout.readline())["pid"]
        starter.kill()
    run = store.find_run(home, "pets")
    wait_until(lambda: status.status_of(run) == status.RUNNING, "it trains on")
    assert os.getsid(pid) == pid, "a session of its own"
    assert os.nice(0) + 10 == os.getpriority(os.PRIO_PROCESS, pid)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_without_a_terminal_a_signal_stops_the_training(
    home: Home, tmp_path: Path, number: signal.Signals
) -> None:
    """A batch system that ends the command wants the training to stop."""
    text = small_text(tmp_path)
    arguments = command(home.root, "train", str(text), *TINY, "--steps", "1000000", "--json")
    with subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as follower:
        assert follower.stdout
        for line in follower.stdout:
            if json.loads(line)["type"] == "step":
                break
        follower.send_signal(number)
        rest = follower.stdout.read().splitlines()
        assert follower.wait(60) == 130
    ending = json.loads(rest[-1])
    assert (ending["type"], ending["reason"]) == ("stopped", number.name)


@pytest.mark.slow
def test_on_a_terminal_ctrl_c_only_stops_watching(home: Home, tmp_path: Path) -> None:
    text = small_text(tmp_path)
    arguments = command(home.root, "train", str(text), *TINY, "--steps", "1000000")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(arguments[0], arguments)
    output = read_until(terminal, b"tokens/s")
    os.write(terminal, b"\x03")
    output += read_until(terminal, b"minigpt-tui stop")
    assert b"continues training" in output
    _, code = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(code) == 130
    assert status.status_of(store.find_run(home, "pets")) == status.RUNNING


def read_until(terminal: int, mark: bytes) -> bytes:
    """The output of a terminal up to `mark`."""
    output, end = b"", time.monotonic() + 60
    while mark not in output:
        assert time.monotonic() < end, output
        if select.select([terminal], [], [], 1.0)[0]:
            output += os.read(terminal, 65536)
    return output
