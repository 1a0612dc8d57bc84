"""Commands that control training, when they are refused with exit code 2."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from core.paths import Home, find_home
from core.run import store
from core.run.control_file import RequestReader
from core.run.directory import Run
from core.run.event_log import EventLog
from core.system.locks import Lock
from tests.support.runs import make_run, run_record
from tests.support.suspended import suspended_trainer
from tui.__main__ import run as command


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    return find_home()


def ended(home: Home, word: str) -> Run:
    """A run whose last event is terminal."""
    run = make_run(home, "pets")
    log = EventLog(run.events)
    log.emit("started", 0, host="here", pid=1)
    log.emit(word, 9)
    log.close()
    return run


def starting(home: Home) -> tuple[Run, Lock]:
    """A run whose trainer seems to be starting."""
    return store.create_locked_run(home, "pets", run_record())


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The error message of a refused command."""
    assert command(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


@pytest.mark.parametrize(
    "arguments", [["stop"], ["pause"], ["continue"], ["save"], ["change", "learning_rate=1e-4"]]
)
def test_a_run_not_in_training_gets_no_requests(
    arguments: list[str], home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its answer would never come, or the next trainer would obey it."""
    run = ended(home, "stopped")
    message = refused(capsys, arguments[0], "pets", *arguments[1:])
    assert message.startswith("Not possible now: ")
    assert "not being trained: stopped" in message
    assert "minigpt-tui resume pets" in message
    assert not run.requests.exists()


def test_the_hint_for_a_finished_run_names_the_option_of_resume(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plain `resume` would be refused."""
    ended(home, "finished")
    assert "minigpt-tui resume pets --epochs N" in refused(capsys, "stop", "pets")


def test_invalid_changes_are_reported_together_and_not_sent(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """`learning_rate=none` must not reach the trainer."""
    run, lock = starting(home)
    pairs = ["learning_rate=none", "batch_size=3", "dropuot=0.1", "dropout=7", "clip", "steps=x"]
    with lock:
        message = refused(capsys, "change", "pets", *pairs)
    for name in ("learning_rate", "batch_size", "dropuot", "dropout", "clip", "steps"):
        assert f"{name}: " in message
    assert "learning_rate, weight_decay" in message, "what can change is named"
    assert "dropuot: did you mean dropout" in message
    assert RequestReader(run.requests).read() == []


def test_a_finished_run_is_resumed_only_for_longer(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(home, "finished")
    assert "--epochs N, --steps N or --minutes M" in refused(capsys, "resume", "pets")
    assert "choose one of" in refused(capsys, "resume", "pets", "--steps", "3", "--epochs", "1")
    assert "at least 1" in refused(capsys, "resume", "pets", "--steps", "0")


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_run_in_training_on_this_machine_is_never_taken_over(
    force: list[str], home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    _, lock = starting(home)
    with lock:
        message = refused(capsys, "resume", "pets", "--steps", "3", *force)
    assert message.startswith("Not possible now: ")
    assert "is being trained" in message
    assert "minigpt-tui attach pets" in message


def test_a_run_on_another_machine_is_taken_over_only_by_force(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.text.catalog.find_by_hash", lambda *_: None)
    run = make_run(home, "pets")
    log = EventLog(run.events)
    log.emit("started", 0, host="elsewhere", boot="another", pid=1)
    log.emit("step", 5)
    log.close()
    message = refused(capsys, "resume", "pets")
    assert "It is on elsewhere" in message
    assert "--force" in message
    monkeypatch.setattr(sys, "executable", str(home.root / "no-python"))
    assert command(["resume", "pets", "--force"]) == 1
    assert "could not be started" in capsys.readouterr().err, "it was about to"


@pytest.mark.parametrize("arguments", [["train", "lang"], ["resume", "pets"]])
def test_detach_and_foreground_exclude_each_other(
    arguments: list[str], home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(home, "stopped")
    message = refused(capsys, *arguments, "--detach", "--foreground")
    assert "one of --detach and --foreground" in message
    assert [run.name for run in store.list_runs(home)] == ["pets"]


@pytest.mark.parametrize(
    "arguments", [["stop"], ["pause"], ["save"], ["change", "learning_rate=1e-4"]]
)
def test_a_suspended_trainer_is_named_as_the_reason_for_its_silence(
    arguments: list[str], home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stop was silent for as long as the trainer was suspended."""
    run, lock = starting(home)
    with suspended_trainer(run) as pid:
        release = threading.Timer(2.0, lock.release)
        release.start()
        try:
            assert command([arguments[0], "pets", *arguments[1:]]) == 1
        finally:
            release.join()
    message = capsys.readouterr().err
    assert f"pets does not answer: its process {pid} is suspended (SIGSTOP)." in message
    assert message.count(f"kill -CONT {pid}") == 1
