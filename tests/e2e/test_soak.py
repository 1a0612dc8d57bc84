"""Many starts and stops of one run leave nothing behind.

MINIGPT_SOAK is their number, 8 by default.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
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
from tests.support.real_trainers import (
    create_held_run,
    is_free,
    list_files,
    load_events,
    start_trainer,
    trainers_killed_at_end,
)
from tests.support.runners import small_text
from tests.support.wait import wait_until

pytestmark = pytest.mark.slow

CYCLES = int(os.environ.get("MINIGPT_SOAK", "8"))
SETTINGS = {"steps": 10**6, "eval_steps": 10**6, "snapshots": False, "batch_size": 4}
TIMEOUT_S = 60 + 10 * CYCLES


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home whose processes have their own folder for temporary files."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with trainers_killed_at_end(find_home(tmp_path / "home")) as home:
        yield home


def list_resources(home: Home, run: Run) -> dict[str, object]:
    """All that could pile up: in this process, in its children, and on disk."""
    top = home.root.parent
    other_files = {p for p in top.rglob("*") if p.is_file() and run.folder not in p.parents}
    return {
        "children": [child.pid for child in psutil.Process().children(recursive=True)],
        "descriptors": psutil.Process().num_fds(),
        "threads": sorted(thread.name.split("-")[0] for thread in threading.enumerate()),
        "files of the run": list_files(run),
        "other files": other_files,
        "trainers": [p.pid for p in psutil.process_iter() if str(home.root) in _command(p)],
    }


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def has_new_step(tail: EventTail) -> bool:
    return any(event.type == STEP for event in tail.read())


def train_detached(home: Home, run: Run, lock: Lock | None) -> None:
    """Start a trainer, stop it once it trains, and wait until it has exited."""
    tail = EventTail(run.events)
    while tail.read():
        pass
    pid = start_trainer(home, run, lock)
    wait_until(lambda: has_new_step(tail), "it trains")
    store.send_request(run, control_file.STOP)
    wait_until(
        lambda: is_free(run) and not psutil.pid_exists(pid), "it has exited and is no zombie"
    )


def train_in_foreground(home: Home, run: Run, lock: Lock | None) -> None:
    """Train in this process until the first step."""
    types: list[str] = []

    def listen(event: Event) -> None:
        if event.type == STEP and STEP not in types:
            store.send_request(run, control_file.STOP)
        types.append(event.type)

    train(home, run, lock or store.lock_run(run), listeners=[listen])
    assert types[-1] == STOPPED


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize(("train_once", "times"), [(train_detached, 1), (train_in_foreground, 5)])
def test_starting_and_stopping_leaves_nothing_behind(
    home: Home, tmp_path: Path, train_once: Callable[[Home, Run, Lock | None], None], times: int
) -> None:
    run, lock = create_held_run(home, small_text(tmp_path), "soak", **SETTINGS)
    train_once(home, run, lock)
    train_once(home, run, None)
    train_once(home, run, None)
    before = list_resources(home, run)
    for _ in range(CYCLES * times):
        train_once(home, run, None)
    assert list_resources(home, run) == before
    assert status.status_of(run) == status.STOPPED
    events = load_events(run)
    starts = [event for event in events if event.type == STARTED]
    assert len(starts) == CYCLES * times + 3
    stops = [event.step for event in events if event.type == STOPPED]
    assert [event.whole("resumed_from") for event in starts[1:]] == stops[:-1]
