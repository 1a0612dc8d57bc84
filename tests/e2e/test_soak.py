"""Many lives of one run: nothing of them may pile up.

MINIGPT_SOAK says how many; eight where it does not.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.paths import Home, find_home
from core.run import control_file, status, store
from core.run.directory import Run
from core.run.event_log import EventTail
from core.run.events import STARTED, STEP, STOPPED, Event
from core.system.locks import Lock
from core.train.job import train
from tests.support.runners import small_text, until
from tests.support.trainers_at_work import (
    create_held_run,
    is_free,
    list_files,
    load_events,
    start_trainer,
    trainers_killed_at_end,
)

pytestmark = pytest.mark.slow

CYCLES = int(os.environ.get("MINIGPT_SOAK", "8"))
SETTINGS = {"steps": 10**6, "eval_steps": 10**6, "snapshots": False, "batch_size": 4}
PATIENCE = 60 + 10 * CYCLES


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home whose processes have a folder of their own for temporary files."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with trainers_killed_at_end(find_home(tmp_path / "home")) as found:
        yield found


def left(home: Home, run: Run) -> dict[str, object]:
    """All that could pile up: here, in our children, and on the disk."""
    top = home.root.parent
    elsewhere = {p for p in top.rglob("*") if p.is_file() and run.folder not in p.parents}
    return {
        "children": [child.pid for child in psutil.Process().children(recursive=True)],
        "descriptors": psutil.Process().num_fds(),
        "threads": sorted(thread.name.split("-")[0] for thread in threading.enumerate()),
        "files of the run": list_files(run),
        "other files": elsewhere,
        "trainers": [p.pid for p in psutil.process_iter() if str(home.root) in _line(p)],
    }


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def trains(tail: EventTail) -> bool:
    return any(event.type == STEP for event in tail.read())


def detached(home: Home, run: Run, lock: Lock | None) -> None:
    """One life: started, seen training, stopped, and gone."""
    tail = EventTail(run.events)
    while tail.read():
        pass
    pid = start_trainer(home, run, lock)
    until(lambda: trains(tail), "it trains")
    store.send_request(run, control_file.STOP)
    until(lambda: is_free(run) and not psutil.pid_exists(pid), "it is gone, and waited for")


def foreground(home: Home, run: Run, lock: Lock | None) -> None:
    """The same in this process."""
    told: list[str] = []

    def listen(event: Event) -> None:
        if event.type == STEP and STEP not in told:
            store.send_request(run, control_file.STOP)
        told.append(event.type)

    train(home, run, lock or store.lock_run(run), listeners=[listen])
    assert told[-1] == STOPPED


@pytest.mark.timeout(PATIENCE)
@pytest.mark.parametrize(("live", "times"), [(detached, 1), (foreground, 5)])
def test_nothing_piles_up(home: Home, tmp_path: Path, live: object, times: int) -> None:
    assert callable(live)
    run, lock = create_held_run(home, small_text(tmp_path), "soak", **SETTINGS)
    live(home, run, lock)
    live(home, run, None)
    live(home, run, None)
    before = left(home, run)
    for _ in range(CYCLES * times):
        live(home, run, None)
    assert left(home, run) == before
    assert status.status_of(run) == status.STOPPED
    told = load_events(run)
    lives = [event for event in told if event.type == STARTED]
    assert len(lives) == CYCLES * times + 3
    ends = [event.step for event in told if event.type == STOPPED]
    assert [event.whole("resumed_from") for event in lives[1:]] == ends[:-1]
