"""One home folder on two machines whose locks do not reach each other."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.config.configs import Extension
from core.errors import InputError
from core.paths import Home, find_home
from core.run import status
from core.run.control_file import PAUSE, STOP, RequestReader
from core.run.directory import Run
from core.run.event_log import EventLog
from core.run.events import encode
from core.run.resume import lock_for_resume
from core.train.evaluation import Evaluation
from tests.support.real_trainers import create_held_run, load_events, load_history, train_here
from tests.support.runners import run as run_program
from tests.support.runners import small_text
from tests.support.runs import make_run
from tui.__main__ import run as command

EVENTS: list[tuple[str, int, dict[str, Any]]] = [
    ("started", 0, {"host": "node7", "boot": "another", "pid": 1}),
    ("prepared", 0, {"steps": 100}),
    ("step", 5, {"train_loss": 2.0}),
    ("beat", 5, {}),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    return find_home(tmp_path)


def remote_run(home: Home, age: float) -> Run:
    """A run on another machine whose last event is `age` seconds old."""
    run = make_run(home, "pets")
    times = [time.time() - age - 1.0] * (len(EVENTS) - 1) + [time.time() - age]
    lines = [
        encode(type, at, step, **fields)
        for at, (type, step, fields) in zip(times, EVENTS, strict=True)
    ]
    run.events.write_text("".join(f"{line}\n" for line in lines))
    return run


def read_files(run: Run) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.folder.iterdir() if path.is_file()}


@contextmanager
def remote_trainer(run: Run) -> Iterator[None]:
    """A trainer on the other machine, which answers requests."""
    ended = threading.Event()

    def work() -> None:
        reader, log = RequestReader(run.requests), EventLog(run.events)
        while not ended.wait(0.01):
            for request in reader.read():
                if request.type == STOP:
                    log.emit("stopped", 6, id=request.id, reason="asked to stop")
                else:
                    log.emit("changed", 6, id=request.id, action=request.type)
        log.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize(("age", "word"), [(0.0, "running"), (60.0, "running"), (200.0, "crashed")])
def test_the_status_of_a_remote_run_follows_from_the_age_of_its_last_event(
    home: Home, age: float, word: str
) -> None:
    run = remote_run(home, age)
    assert (status.status_of(run), status.remote_host(run.events)) == (word, "node7")


@pytest.mark.parametrize("age", [0.0, 200.0])
def test_a_remote_run_is_not_resumed_here_and_nothing_is_changed(
    home: Home, age: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also when it is silent: a machine that sleeps or lost its network may come back."""
    run = remote_run(home, age)
    before = read_files(run)
    assert command(["resume", "pets"]) == 2
    errors = capsys.readouterr().err
    assert "node7" in errors
    assert "resume pets --force" in errors
    assert read_files(run) == before


def test_a_remote_run_that_was_stopped_is_resumed_without_force(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    run = remote_run(home, 200.0)
    log = EventLog(run.events)
    log.emit("stopped", 5, reason="SIGTERM")
    log.close()
    assert command(["resume", "pets", "--foreground"]) == 2
    assert "not known on this machine" in capsys.readouterr().err, "only the text is missing"


def test_pause_and_stop_only_write_requests(home: Home) -> None:
    run = remote_run(home, 0.0)
    before = read_files(run)
    with remote_trainer(run):
        assert command(["pause", "pets"]) == 0
        assert status.status_of(run) == status.PAUSED
        assert command(["stop", "pets"]) == 0
    assert status.status_of(run) == status.STOPPED
    assert [request.type for request in RequestReader(run.requests).read()] == [PAUSE, STOP]
    after = read_files(run)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"requests.jsonl", "events.jsonl"}


def test_stop_without_waiting_returns_at_once(home: Home) -> None:
    run = remote_run(home, 0.0)
    assert command(["stop", "pets", "--no-wait"]) == 0
    assert [request.type for request in RequestReader(run.requests).read()] == [STOP]
    assert status.status_of(run) == status.RUNNING, "until the trainer reports it"


@pytest.mark.slow
def test_a_remote_run_can_be_resumed_here_with_force(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, lock = create_held_run(home, small_text(tmp_path), "pets", steps=40, eval_steps=10)

    def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Evaluation, "measure", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train_here(home, run, lock)
    for age, word in ((0.0, status.RUNNING), (3600.0, status.CRASHED)):
        move(run, age)
        assert status.status_of(run) == word
        with pytest.raises(InputError, match=r"node7|being trained"):
            lock_for_resume(home, run, Extension())
        lock_for_resume(home, run, Extension(), force=True).release()
    process = run_program(home.root, "resume", "pets", "--force", "--json")
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout.splitlines()[0])["resumed_from"] == 10
    assert (status.status_of(run), load_history(run).step) == (status.FINISHED, 40)


def move(run: Run, age: float) -> None:
    """Make it a run of another machine whose events are `age` seconds old."""
    lines = []
    for event in load_events(run):
        host = {"host": "node7", "boot": "another"} if event.type == "started" else {}
        lines.append(encode(event.type, time.time() - age, event.step, **event.fields | host))
    run.events.write_text("".join(f"{line}\n" for line in lines))
