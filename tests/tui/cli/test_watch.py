"""Watching a run: how it ends, and what signals do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import RunFailedError
from core.run.control_file import STOP, RequestReader
from core.run.directory import Run
from core.run.events import FINISHED, STARTED, STEP, STOPPED, encode
from core.run.follow import RunFollower
from core.system import locks
from tests.support.runners import DEADLINE, TINY, command, small_text
from tests.support.suspended import suspended_trainer
from tui.cli.watch import WatchSignals, is_interactive, wait_for_start, watch

Say = Callable[..., None]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = Run(tmp_path / "pets")
    made.folder.mkdir()
    return made


@pytest.fixture
def say(run: Run) -> Iterator[Say]:
    """Appends an event to the run's file."""
    with run.events.open("a", buffering=1) as file:

        def write(type: str, step: int = 0, **fields: Any) -> None:
            file.write(encode(type, 1000.0 + step, step, **fields) + "\n")

        yield write


def watch_run(run: Run, follower: RunFollower | None = None, *, as_json: bool = False) -> int:
    with WatchSignals(stops_trainer=False) as signals:
        return watch(run, signals, follower or RunFollower(run), as_json=as_json)


def caught_up(run: Run) -> RunFollower:
    """A follower that has read everything so far."""
    follower = RunFollower(run)
    follower.poll()
    return follower


@pytest.mark.parametrize(
    ("type", "fields", "code"),
    [
        ("finished", {}, 0),
        ("stopped", {"reason": "SIGTERM"}, 130),
        ("failed", {"message": "no", "hint": "yes"}, 1),
        ("failed", {"message": "no", "hint": "yes", "code": 2}, 2),
    ],
)
def test_the_exit_code_depends_on_the_outcome(
    type: str, fields: dict[str, Any], code: int, run: Run, say: Say
) -> None:
    say(STARTED)
    say(type, 9, **fields)
    assert watch_run(run) == code


def test_the_end_of_an_earlier_training_is_not_the_end_of_this_one(
    run: Run, say: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    """A resumed run whose trainer broke at once was shown as trained, with exit code 0."""
    say(STARTED)
    say(FINISHED, 9)
    follower = caught_up(run)
    run.log.write_bytes(b"first\nRuntimeError: broken \x1b[31m torch\n")
    assert watch_run(run, follower) == 1
    errors = capsys.readouterr().err
    assert "crashed" in errors
    assert "RuntimeError: broken" in errors
    assert "\x1b" not in errors
    assert "minigpt-tui resume pets" in errors
    say(STARTED, 9)
    assert watch_run(run) == 1, "it was resumed and vanished"


def test_a_trainer_that_dies_before_its_first_event_did_not_start(
    run: Run, say: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    say(STARTED)
    say(STOPPED, 4)
    follower = caught_up(run)
    run.log.write_text("No module named torch\n")
    with WatchSignals(stops_trainer=False) as signals, pytest.raises(RunFailedError):
        wait_for_start(run, signals, follower)
    assert "No module named torch" in capsys.readouterr().err


def test_json_output_equals_the_log(run: Run, say: Say, capsys: pytest.CaptureFixture[str]) -> None:
    """Including beats, times and event types of newer versions."""
    say(STARTED, host="here", pid=1)
    say("beat")
    say("news", 3, thing={"a": [1, None]})
    say(FINISHED, 4, reason="all steps done")
    assert watch_run(run, as_json=True) == 0
    printed, kept = capsys.readouterr().out.splitlines(), run.events.read_text().splitlines()
    assert [json.loads(line) for line in printed] == [json.loads(line) for line in kept]


def test_attaching_does_not_print_earlier_events(
    run: Run, say: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attaching to a run of a week must not print a week."""
    say(STARTED)
    say("prepared", parameters=1000, steps=10, reasons=["because"])
    for step in range(1, 10):
        say(STEP, step, train_loss=1.0)
    say(STOPPED, 9, reason="asked to stop")
    with WatchSignals(stops_trainer=False) as signals:
        assert watch(run, signals, RunFollower(run), as_json=False, quiet_before=2000.0) == 130
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == "pets stopped at step 9, nothing to save yet (asked to stop)."


def requests_of(run: Run) -> list[tuple[str, Any]]:
    found = RequestReader(run.requests).read()
    return [(request.type, request.fields.get("reason")) for request in found]


def test_without_a_terminal_the_first_signal_stops_the_trainer_and_the_second_leaves(
    run: Run,
) -> None:
    with WatchSignals(stops_trainer=True) as signals:
        assert not signals.should_detach(run)
        signal.raise_signal(signal.SIGTERM)
        assert requests_of(run) == [], "a handler only notes: it may interrupt a write"
        assert not signals.should_detach(run)
        assert requests_of(run) == [(STOP, "SIGTERM")]
        signal.raise_signal(signal.SIGINT)
        assert signals.should_detach(run)
    assert requests_of(run) == [(STOP, "SIGTERM")]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_on_a_terminal_a_signal_only_ends_the_watching(name: str, run: Run) -> None:
    before = signal.getsignal(signal.Signals[name])
    with WatchSignals(stops_trainer=False) as signals:
        signal.raise_signal(signal.Signals[name])
        assert signals.should_detach(run)
    assert requests_of(run) == []
    assert signal.getsignal(signal.Signals[name]) is before


def test_a_hang_up_never_stops_the_trainer_and_nohup_is_respected(run: Run) -> None:
    """A command started under `nohup` stopped its training at logout."""
    with WatchSignals(stops_trainer=True) as signals:
        signal.raise_signal(signal.SIGHUP)
        assert signals.should_detach(run)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with WatchSignals(stops_trainer=True) as signals:
            signal.raise_signal(signal.SIGHUP)
            assert not signals.should_detach(run)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert requests_of(run) == []


def test_leaving_prints_how_to_return_and_does_not_stop_the_training(
    run: Run, say: Say, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = locks.acquire(run.lock)
    assert lock is not None
    os.utime(run.lock, (0, 0))
    say(STARTED)
    say(STEP, 1)
    with lock, WatchSignals(stops_trainer=False) as signals:
        signal.raise_signal(signal.SIGINT)
        assert watch(run, signals, RunFollower(run), as_json=False) == 130
    errors = capsys.readouterr().err
    assert "pets continues training" in errors
    assert "minigpt-tui attach pets" in errors
    assert not run.requests.exists()


def test_a_suspended_trainer_is_named_when_a_signal_stops_the_watched_run(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Detects Ctrl+C without an answer for as long as the trainer is suspended."""
    lock = locks.acquire(run.lock)
    assert lock is not None
    with suspended_trainer(run) as pid, lock, WatchSignals(stops_trainer=True) as signals:
        leave = threading.Timer(2.0, signal.raise_signal, [signal.SIGINT])
        leave.start()
        signal.raise_signal(signal.SIGINT)
        assert watch(run, signals, caught_up(run), as_json=False) == 130
        leave.join()
    errors = capsys.readouterr().err
    assert f"pets does not answer: its process {pid} is suspended (SIGSTOP)." in errors
    assert errors.count(f"kill -CONT {pid}") == 1


def test_closed_standard_streams_are_not_interactive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started by a daemon that closes them, `train` ended with a traceback."""
    monkeypatch.setattr(sys, "stdin", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert not is_interactive()


def test_a_stop_signal_while_a_detached_training_starts_is_reported_as_a_stop(
    tmp_path: Path,
) -> None:
    """It said that the run trains in the background, with exit code 0."""
    arguments = ["train", str(small_text(tmp_path)), *TINY, "--set", "epochs=100000", "--detach"]
    process = subprocess.Popen(
        command(tmp_path / "home", *arguments),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    log = tmp_path / "home" / "runs" / "pets" / "trainer.log"
    deadline = time.monotonic() + DEADLINE
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert "pets stopped at step" in errors
    assert "in the background" not in errors
