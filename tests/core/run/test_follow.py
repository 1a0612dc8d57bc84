"""Following a run: events, status, problems, and whether there is anything new to show."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.run import run_lock, status
from core.run.directory import Run
from core.run.events import encode
from core.run.follow import RunFollower
from core.system.machine import Host
from tests.support.runs import write_event

HERE = Host("here", "boot")
THERE = Host("there", "other")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = Run(tmp_path / "poem")
    made.folder.mkdir()
    return made


def start(run: Run, host: Host = HERE) -> None:
    write_event(run, "started", host=host.name, boot=host.boot, pid=1)
    write_event(run, "prepared", steps=100)
    write_event(run, "step", 1, train_loss=3.0)


def follow(run: Run, now: float = 1000.0, timer: Callable[[], float] = lambda: 0.0) -> RunFollower:
    return RunFollower(run, clock=lambda: now, timer=timer, here=HERE)


@contextmanager
def held_lock(run: Run) -> Iterator[None]:
    lock = run_lock.acquire(run)
    assert lock is not None
    with lock:
        yield


def test_a_poll_without_new_events_is_not_visible(run: Run) -> None:
    start(run)
    follower = follow(run)
    assert follower.poll().is_visible
    assert not follower.poll().is_visible
    write_event(run, "step", 2, train_loss=2.0)
    assert follower.poll().is_visible
    assert follower.history.train_loss.values == [3.0, 2.0]


def test_a_beat_is_not_visible(run: Run) -> None:
    """A paused run must not be drawn again every 20 seconds."""
    start(run)
    follower = follow(run)
    follower.poll()
    write_event(run, "beat", 1)
    assert not follower.poll().is_visible


def test_a_torn_line_is_read_once_it_is_complete(run: Run) -> None:
    start(run)
    follower = follow(run)
    follower.poll()
    line = encode("step", 1000.0, 2, train_loss=2.0) + "\n"
    with run.events.open("a") as file:
        file.write(line[:20])
        file.flush()
        assert not follower.poll().is_visible
        file.write(line[20:])
    assert follower.poll().is_visible
    assert follower.history.step == 2


def test_a_long_log_is_read_in_pieces_within_the_time_limit(run: Run) -> None:
    """100,000 events must not freeze the screen."""
    start(run)
    with run.events.open("a") as file:
        for step in range(2, 3000):
            file.write(encode("step", 1000.0, step, train_loss=1.0) + "\n")
    ticks = iter(range(10_000))
    follower = follow(run, timer=lambda: float(next(ticks)))
    shares = []
    while follower.share_read < 1.0:
        assert follower.poll(1.0).is_visible
        shares.append(follower.share_read)
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert follower.history.step == 2999


def test_a_replaced_log_is_read_from_its_start(run: Run) -> None:
    """Another run under the same name must not be drawn on top of the first."""
    start(run)
    follower = follow(run)
    follower.poll()
    run.events.unlink()
    write_event(run, "step", 7, train_loss=9.0)
    while follower.poll().is_visible:
        pass
    assert follower.history.train_loss.values == [9.0]


def test_status_while_the_lock_is_held(run: Run) -> None:
    with held_lock(run):
        follower = follow(run)
        follower.poll()
        assert follower.status == status.STARTING
        start(run)
        follower.poll()
        assert follower.status == status.RUNNING
    with held_lock(run):  # resumed, without an event so far
        follower.poll()
        assert follower.status == status.STARTING


@pytest.mark.parametrize("ending", ["finished", "stopped", "failed"])
def test_status_after_a_terminal_event(run: Run, ending: str) -> None:
    start(run)
    write_event(run, ending, 1)
    follower = follow(run)
    follower.poll()
    assert follower.status == ending


def test_a_free_lock_without_a_terminal_event_is_a_crash(run: Run) -> None:
    start(run)
    follower = follow(run)
    follower.poll()
    assert follower.status == status.CRASHED


def test_silence_decides_for_a_trainer_on_another_machine(run: Run) -> None:
    """On a shared home the lock does not show a trainer on another machine."""
    start(run, THERE)
    fresh, silent = follow(run), follow(run, now=1000.0 + status.MAX_SILENCE_SECONDS + 1)
    fresh.poll()
    silent.poll()
    assert fresh.status == status.RUNNING
    assert silent.status == status.CRASHED


def test_the_status_agrees_with_that_in_lists(run: Run) -> None:
    """Two screens must not call the same run different things."""
    actions: list[dict[str, Any]] = [{}, {"action": "pause"}, {"action": "continue"}]
    for fields in actions:
        start(run, THERE)
        write_event(run, "changed", 1, id="x", **fields)
        follower = follow(run)
        follower.poll()
        assert follower.status == status.status_of(run, 1000.0, HERE)


def test_a_vanished_folder_is_a_problem_and_the_history_stays(run: Run) -> None:
    start(run)
    follower = follow(run)
    follower.poll()
    shutil.rmtree(run.folder)
    assert follower.poll().is_visible
    assert follower.problem is not None
    assert "gone" in follower.problem.message
    assert follower.history.step == 1
    assert not follower.poll().is_visible


def test_a_log_of_noise_is_a_problem(run: Run) -> None:
    run.events.write_bytes(b"\x00" * 100 + b"\nnonsense\n")
    follower = follow(run)
    follower.poll()
    assert follower.problem is not None
    assert "events.jsonl" in follower.problem.message
    run.events.unlink()
    start(run)
    while follower.poll().is_visible:
        pass
    assert follower.problem is None


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to(path)])
def test_a_log_that_cannot_be_opened_is_a_problem(run: Run, make: Callable[[Path], None]) -> None:
    make(run.events)
    follower = follow(run)
    follower.poll()
    assert follower.problem is not None


def test_events_are_returned_once_and_the_follower_ends_with_the_trainer(run: Run) -> None:
    """`attach` must print everything a trainer wrote, and return when it is gone."""
    follower = follow(run)
    with held_lock(run):
        start(run)
        types = [event.type for event in follower.poll().events]
        assert types == ["started", "prepared", "step"]
        write_event(run, "finished", 1)
        assert [event.type for event in follower.poll().events] == ["finished"]
        assert not follower.is_over, "the trainer has not released its lock"
    assert follower.poll().events == []
    assert follower.is_over


def test_noise_before_the_first_event_of_a_live_trainer_is_no_problem(run: Run) -> None:
    """A run with a damaged log can be resumed; watching it must wait for its first event."""
    run.events.write_bytes(b"noise\n")
    follower = follow(run)
    with held_lock(run):
        follower.poll()
        assert (follower.problem, follower.status) == (None, status.STARTING)
