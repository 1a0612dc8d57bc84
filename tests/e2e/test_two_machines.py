"""One home on two machines, whose locks cannot see each other."""

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
from core.run.events import Event, encode
from core.run.follow import LOW_MEMORY_BYTES, crash_reason
from core.run.history import History
from core.run.store import lock_for_resume
from core.train.evaluation import Evaluation
from tests.support.runners import run as run_program
from tests.support.runners import small_text
from tests.support.runs import make_run
from tests.support.trainers_at_work import create_held_run, load_events, load_history, train_here
from tui.__main__ import run as command

STORY: list[tuple[str, int, dict[str, Any]]] = [
    ("started", 0, {"host": "node7", "boot": "another", "pid": 1}),
    ("prepared", 0, {"steps": 100}),
    ("step", 5, {"train_loss": 2.0}),
    ("beat", 5, {}),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MINIGPT_HOME", str(tmp_path))
    return find_home(tmp_path)


def told(home: Home, age: float) -> Run:
    """A run whose last word, some seconds old, came from another machine."""
    run = make_run(home, "pets")
    times = [time.time() - age - 1.0] * (len(STORY) - 1) + [time.time() - age]
    lines = [
        encode(type, at, step, **more) for at, (type, step, more) in zip(times, STORY, strict=True)
    ]
    run.events.write_text("".join(f"{line}\n" for line in lines))
    return run


def content(run: Run) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.folder.iterdir() if path.is_file()}


@contextmanager
def trainer_there(run: Run) -> Iterator[None]:
    """Somebody on the other machine who does what is asked."""
    over = threading.Event()

    def work() -> None:
        reader, log = RequestReader(run.requests, 0.0), EventLog(run.events)
        while not over.wait(0.01):
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
        over.set()
        thread.join()


@pytest.mark.parametrize(("age", "word"), [(0.0, "running"), (60.0, "running"), (200.0, "crashed")])
def test_the_age_of_its_last_word_says_what_it_does(home: Home, age: float, word: str) -> None:
    run = told(home, age)
    assert (status.status_of(run), status.remote_host(run.events)) == (word, "node7")


@pytest.mark.parametrize("age", [0.0, 200.0])
def test_it_is_not_resumed_here_and_nothing_is_touched(
    home: Home, age: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also when it is silent: a machine that sleeps or lost its network may come back to it."""
    run = told(home, age)
    before = content(run)
    assert command(["resume", "pets"]) == 2
    said = capsys.readouterr().err
    assert "node7" in said
    assert "resume pets --force" in said
    assert content(run) == before


def test_what_ended_in_order_there_is_resumed_without_force(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    run = told(home, 200.0)
    log = EventLog(run.events)
    log.emit("stopped", 5, reason="SIGTERM")
    log.close()
    assert command(["resume", "pets", "--foreground"]) == 2
    assert "not known on this machine" in capsys.readouterr().err, (
        "the text is missing, the rest was fine"
    )


def test_pause_and_stop_only_write_requests(home: Home) -> None:
    run = told(home, 0.0)
    before = content(run)
    with trainer_there(run):
        assert command(["pause", "pets"]) == 0
        assert status.status_of(run) == status.PAUSED
        assert command(["stop", "pets"]) == 0
    assert status.status_of(run) == status.STOPPED
    assert [request.type for request in RequestReader(run.requests, 0.0).read()] == [PAUSE, STOP]
    after = content(run)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"requests.jsonl", "events.jsonl"}


def test_stop_without_waiting_returns_at_once(home: Home) -> None:
    run = told(home, 0.0)
    assert command(["stop", "pets", "--no-wait"]) == 0
    assert [request.type for request in RequestReader(run.requests, 0.0).read()] == [STOP]
    assert status.status_of(run) == status.RUNNING, "until it says so"


@pytest.mark.slow
def test_by_force_it_goes_on_here(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, lock = create_held_run(home, small_text(tmp_path), "pets", steps=40, eval_steps=10)

    def vanish(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Evaluation, "loss", vanish)
        with pytest.raises(KeyboardInterrupt):
            train_here(home, run, lock)
    for age, word in ((0.0, status.RUNNING), (3600.0, status.CRASHED)):
        move(run, age)
        assert status.status_of(run) == word
        with pytest.raises(InputError, match=r"node7|being trained"):
            lock_for_resume(run, Extension())
        lock_for_resume(run, Extension(), force=True).release()
    done = run_program(home.root, "resume", "pets", "--force", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["resumed_from"] == 10
    assert (status.status_of(run), load_history(run).step) == (status.FINISHED, 40)


def move(run: Run, age: float) -> None:
    """Makes it a run of another machine, silent for some time."""
    lines = []
    for event in load_events(run):
        there = {"host": "node7", "boot": "another"} if event.type == "started" else {}
        lines.append(encode(event.type, time.time() - age, event.step, **event.fields | there))
    run.events.write_text("".join(f"{line}\n" for line in lines))


LITTLE_LEFT = Event("step", 0.0, 5, {"free_memory": LOW_MEMORY_BYTES - 1})
MUCH_LEFT = Event("step", 0.0, 5, {"free_memory": LOW_MEMORY_BYTES})
BEGAN = Event("started", 0.0, 0, {"out_of_memory_kills": 3, "boot": "another"})


@pytest.mark.parametrize(
    ("said", "kills", "killed"),
    [
        ([], None, False),
        ([BEGAN, MUCH_LEFT], 3, False),
        ([BEGAN, MUCH_LEFT], 4, True),
        ([BEGAN, LITTLE_LEFT], 3, True),
        ([LITTLE_LEFT], 0, True),
        ([BEGAN], 4, True),
        ([BEGAN], None, False),  # the kernel of another machine counts for itself
        ([Event("started", 0.0, 0, {"out_of_memory_kills": "x"})], 4, False),
        ([BEGAN, Event("step", 0.0, 5, {"free_memory": None})], 2, False),
    ],
)
def test_a_crash_for_lack_of_memory_is_recognised(
    said: list[Event], kills: int | None, killed: bool
) -> None:
    history = History()
    history.apply_all(said)
    reason = crash_reason(history, kills)
    assert reason == ("probably killed for lack of memory" if killed else None)
