"""Detached trainers: the lock in their hand, whoever started them gone."""

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
from core.run.event_log import EventTail
from core.run.events import STARTED
from core.run.launch import TrainerArguments
from core.system import locks
from tests.support.runners import TINY, alive, command, run, small_text
from tests.support.runs import run_record
from tests.support.wait import wait_until


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home whose trainers are gone at the end, whatever became of the test."""
    found = find_home(tmp_path / "home")
    yield found
    for one in store.list_runs(found):
        for event in EventTail(one.events).read():
            pid = event.whole("pid")
            if event.type == STARTED and pid and locks.is_held(one.lock):
                os.kill(pid, signal.SIGKILL)


def started(home: Home, tmp_path: Path, *more: str) -> tuple[Run, int]:
    """A run that is trained for long, and its trainer's process."""
    text = small_text(tmp_path)
    asked = ["train", str(text), *TINY, "--steps", "1000000", "--detach", "--json", *more]
    done = run(home.root, *asked)
    assert done.returncode == 0, done.stderr
    event = json.loads(done.stdout)
    assert event["type"] == "started"
    return store.find_run(home, "pets"), event["pid"]


def test_a_launcher_that_cannot_start_leaves_the_run_as_it_was(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, lock = store.create_locked_run(home, "lang", run_record())
    monkeypatch.setattr(sys, "executable", str(home.root / "no-python"))
    with pytest.raises(StorageError, match="could not be started"):
        launch.start(home, one, lock)
    assert not locks.is_held(one.lock)


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
    """Also not for the moment in which the lock changes hands."""
    one, lock = store.create_locked_run(home, "lang", run_record())
    seen = {status.status_of(one)}
    launch.start(home, one, lock)
    while (word := status.status_of(one)) not in (status.FAILED, status.CRASHED):
        seen.add(word)
        if locks.is_held(one.lock):
            assert locks.acquire(one.lock, attempts=1) is None
    assert status.status_of(one) == status.FAILED, "its text is not known here"
    assert seen <= {status.STARTING, status.PREPARING}


@pytest.mark.slow
def test_a_detached_run_is_paused_changed_stopped_and_resumed(home: Home, tmp_path: Path) -> None:
    one, pid = started(home, tmp_path)
    wait_until(lambda: status.status_of(one) == status.RUNNING, "it trains")
    assert "paused at step" in run(home.root, "pause", "pets").stderr
    assert status.status_of(one) == status.PAUSED
    changed = run(home.root, "change", "pets", "learning_rate=1e-5").stderr
    assert "→ 1e-05 from step" in changed
    assert "continued at step" in run(home.root, "continue", "pets").stderr
    assert "saved at step" in run(home.root, "save", "pets").stderr
    assert run(home.root, "resume", "pets").returncode == 2, "it is being trained"
    done = run(home.root, "stop", "pets")
    assert (done.returncode, status.status_of(one)) == (0, status.STOPPED)
    wait_until(lambda: not alive(pid), "its process is gone")
    assert run(home.root, "attach", "pets").returncode == 130
    assert run(home.root, "stop", "pets").returncode == 2, "nobody is there to be stopped"
    longer = run(home.root, "resume", "pets", "--steps", "5", "--json")
    assert longer.returncode == 0, longer.stderr
    told = [json.loads(line) for line in longer.stdout.splitlines()]
    assert told[0]["type"] == "started"
    assert told[-1]["step"] == told[0]["resumed_from"] + 5
    assert run(home.root, "resume", "pets").returncode == 2, "there is nothing to do"


@pytest.mark.slow
def test_a_dead_starter_leaves_the_training_alone(home: Home, tmp_path: Path) -> None:
    text = small_text(tmp_path)
    asked = command(home.root, "train", str(text), *TINY, "--steps", "1000000", "--json")
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as starter:
        assert starter.stdout
        pid = json.loads(starter.stdout.readline())["pid"]
        starter.kill()
    one = store.find_run(home, "pets")
    wait_until(lambda: status.status_of(one) == status.RUNNING, "it trains on")
    assert os.getsid(pid) == pid, "a session of its own"
    assert os.nice(0) + 10 == os.getpriority(os.PRIO_PROCESS, pid)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_without_a_terminal_a_signal_stops_the_training(
    home: Home, tmp_path: Path, number: signal.Signals
) -> None:
    """A batch system ends the command and means the training."""
    text = small_text(tmp_path)
    asked = command(home.root, "train", str(text), *TINY, "--steps", "1000000", "--json")
    with subprocess.Popen(
        asked, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
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
def test_on_a_terminal_ctrl_c_only_ends_the_watching(home: Home, tmp_path: Path) -> None:
    text = small_text(tmp_path)
    asked = command(home.root, "train", str(text), *TINY, "--steps", "1000000")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(asked[0], asked)
    said = read_until(terminal, b"tokens/s")
    os.write(terminal, b"\x03")
    said += read_until(terminal, b"minigpt-tui stop")
    assert b"continues training" in said
    _, code = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(code) == 130
    assert status.status_of(store.find_run(home, "pets")) == status.RUNNING


def read_until(terminal: int, mark: bytes) -> bytes:
    """What a terminal shows until it shows `mark`."""
    said, end = b"", time.monotonic() + 60
    while mark not in said:
        assert time.monotonic() < end, said
        if select.select([terminal], [], [], 1.0)[0]:
            said += os.read(terminal, 65536)
    return said
