"""Commands for runs under way, where there is nothing to be done: said, with exit code 2."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core.paths import Home, find_home
from core.run import store
from core.run.control_file import RequestReader
from core.run.directory import Run
from core.run.event_log import EventLog
from core.system.locks import Lock
from tests.support.runs import make_run, run_record
from tui.__main__ import run as command


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    return find_home()


def ended(home: Home, word: str) -> Run:
    """A run whose last trainer said this."""
    run = make_run(home, "pets")
    log = EventLog(run.events)
    log.emit("started", 0, host="here", pid=1)
    log.emit(word, 9)
    log.close()
    return run


def alive(home: Home) -> tuple[Run, Lock]:
    """A run that looks as if its trainer were just starting."""
    return store.create_locked_run(home, "pets", run_record())


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said of a command that cannot be done."""
    assert command(list(arguments)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


@pytest.mark.parametrize(
    "asked", [["stop"], ["pause"], ["continue"], ["save"], ["change", "learning_rate=1e-4"]]
)
def test_a_run_nobody_trains_cannot_be_asked(
    asked: list[str], home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """A request to nobody would be waited for in vain, or obeyed by the next trainer."""
    run = ended(home, "stopped")
    said = refused(capsys, asked[0], "pets", *asked[1:])
    assert "not being trained: stopped" in said
    assert "minigpt-tui resume pets" in said
    assert not run.requests.exists()


def test_a_finished_run_is_told_what_resume_needs(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """The hint sent people to a command that says there is nothing to do."""
    ended(home, "finished")
    assert "minigpt-tui resume pets --epochs N" in refused(capsys, "stop", "pets")


def test_impossible_changes_are_said_together_and_not_sent(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """`learning_rate=none` reached the trainer and crashed it."""
    run, lock = alive(home)
    pairs = ["learning_rate=none", "batch_size=3", "dropuot=0.1", "dropout=7", "clip", "steps=x"]
    with lock:
        said = refused(capsys, "change", "pets", *pairs)
    for name in ("learning_rate", "batch_size", "dropuot", "dropout", "clip", "steps"):
        assert f"{name}: " in said
    assert "learning_rate, weight_decay" in said, "what can change is named"
    assert "dropuot: did you mean dropout" in said
    assert RequestReader(run.requests, 0.0).read() == []


def test_a_finished_run_is_resumed_only_for_longer(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(home, "finished")
    assert "--epochs N, --steps N or --minutes M" in refused(capsys, "resume", "pets")
    assert "choose one of" in refused(capsys, "resume", "pets", "--steps", "3", "--epochs", "1")
    assert "at least 1" in refused(capsys, "resume", "pets", "--steps", "0")


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_run_that_is_trained_here_is_never_taken_over(
    force: list[str], home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    _, lock = alive(home)
    with lock:
        said = refused(capsys, "resume", "pets", "--steps", "3", *force)
    assert "is being trained" in said
    assert "minigpt-tui attach pets" in said


def test_a_run_on_another_machine_is_taken_over_only_by_force(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(home, "pets")
    log = EventLog(run.events)
    log.emit("started", 0, host="elsewhere", boot="another", pid=1)
    log.emit("step", 5)
    log.close()
    said = refused(capsys, "resume", "pets")
    assert "It is on elsewhere" in said
    assert "--force" in said
    monkeypatch.setattr(sys, "executable", str(home.root / "no-python"))
    assert command(["resume", "pets", "--force"]) == 1
    assert "could not be started" in capsys.readouterr().err, "it was about to"


@pytest.mark.parametrize("asked", [["train", "lang"], ["resume", "pets"]])
def test_here_and_in_the_background_at_once_is_refused(
    asked: list[str], home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(home, "stopped")
    said = refused(capsys, *asked, "--detach", "--foreground")
    assert "one of --detach and --foreground" in said
    assert [run.name for run in store.list_runs(home)] == ["pets"]
