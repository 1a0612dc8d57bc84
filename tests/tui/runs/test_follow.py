"""Following a run: what is read, what it is taken for, and when nothing has changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.run import status
from core.run.directory import Run
from core.run.events import encode
from core.system import locks
from core.system.machine import Host
from tui.runs.follow import CALM_SECONDS, PERIOD_SECONDS, REST_SECONDS, RunFollower, RunReader

HERE = Host("here", "boot")
THERE = Host("there", "other")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = Run(tmp_path / "poem")
    made.folder.mkdir()
    return made


def say(run: Run, type: str, step: int = 0, at: float = 1000.0, **fields: Any) -> None:
    with run.events.open("a") as file:
        file.write(encode(type, at, step, **fields) + "\n")


def begin(run: Run, host: Host = HERE) -> None:
    say(run, "started", host=host.name, boot=host.boot, pid=1)
    say(run, "prepared", steps=100)
    say(run, "step", 1, train_loss=3.0)


def reader(run: Run, now: float = 1000.0, timer: Callable[[], float] = lambda: 0.0) -> RunReader:
    return RunReader(run, clock=lambda: now, timer=timer, here=HERE)


@contextmanager
def trained(run: Run) -> Iterator[None]:
    lock = locks.acquire(run.lock)
    assert lock is not None
    with lock:
        yield


def at(run: Run, seconds: float) -> None:
    """Sets when the lock was taken."""
    import os

    os.utime(run.lock, (seconds, seconds))


def test_a_look_that_finds_nothing_new_says_so(run: Run) -> None:
    begin(run)
    look = reader(run)
    assert look.look()
    assert not look.look()
    say(run, "step", 2, train_loss=2.0)
    assert look.look()
    assert look.history.train_loss.values == [3.0, 2.0]


def test_a_beat_is_nothing_to_show(run: Run) -> None:
    """A paused run must not be drawn again every 20 seconds."""
    begin(run)
    look = reader(run)
    look.look()
    say(run, "beat", 1)
    assert not look.look()


def test_a_torn_line_waits_for_its_end(run: Run) -> None:
    begin(run)
    look = reader(run)
    look.look()
    line = encode("step", 1000.0, 2, train_loss=2.0) + "\n"
    with run.events.open("a") as file:
        file.write(line[:20])
        file.flush()
        assert not look.look()
        file.write(line[20:])
    assert look.look()
    assert look.history.step == 2


def test_a_long_past_is_read_in_pieces_that_end_in_time(run: Run) -> None:
    """100,000 events must not freeze the screen."""
    begin(run)
    with run.events.open("a") as file:
        for step in range(2, 3000):
            file.write(encode("step", 1000.0, step, train_loss=1.0) + "\n")
    ticks = iter(range(10_000))
    look = reader(run, timer=lambda: float(next(ticks)))
    shares = []
    while look.share < 1.0:
        assert look.look(1.0)
        shares.append(look.share)
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert look.history.step == 2999


def test_a_file_that_was_replaced_is_read_anew(run: Run) -> None:
    """Another run under the same name must not be drawn on top of the first."""
    begin(run)
    look = reader(run)
    look.look()
    run.events.unlink()
    say(run, "step", 7, train_loss=9.0)
    while look.look():
        pass
    assert look.history.train_loss.values == [9.0]


def test_status_while_the_lock_is_held(run: Run) -> None:
    with trained(run):
        at(run, 900.0)
        look = reader(run)
        look.look()
        assert look.word == status.STARTING
        begin(run)
        look.look()
        assert look.word == status.RUNNING
        at(run, 2000.0)  # resumed, and not yet a word of the new life
        look.look()
        assert look.word == status.STARTING


@pytest.mark.parametrize("ending", ["finished", "stopped", "failed"])
def test_status_after_the_last_word(run: Run, ending: str) -> None:
    begin(run)
    say(run, ending, 1)
    look = reader(run)
    look.look()
    assert look.word == ending


def test_a_free_lock_without_a_last_word_is_a_crash_here(run: Run) -> None:
    begin(run)
    look = reader(run)
    look.look()
    assert look.word == status.CRASHED


def test_from_another_machine_silence_decides(run: Run) -> None:
    """On a shared home the lock says nothing of a trainer elsewhere."""
    begin(run, THERE)
    fresh, silent = reader(run), reader(run, now=1000.0 + status.SILENCE_SECONDS + 1)
    fresh.look()
    silent.look()
    assert fresh.word == status.RUNNING
    assert silent.word == status.CRASHED


def test_it_agrees_with_what_lists_say(run: Run) -> None:
    """Two screens must not call the same run different things."""
    actions: list[dict[str, Any]] = [{}, {"action": "pause"}, {"action": "continue"}]
    for fields in actions:
        begin(run, THERE)
        say(run, "changed", 1, id="x", **fields)
        look = reader(run)
        look.look()
        assert look.word == status.status(run.events, run.lock, 1000.0, HERE)


def test_a_folder_that_vanishes_is_a_problem_and_keeps_what_was_read(run: Run) -> None:
    begin(run)
    look = reader(run)
    look.look()
    shutil.rmtree(run.folder)
    assert look.look()
    assert look.problem is not None
    assert "gone" in look.problem.message
    assert look.history.step == 1
    assert not look.look()


def test_a_file_of_rubbish_is_a_problem(run: Run) -> None:
    run.events.write_bytes(b"\x00" * 100 + b"\nnonsense\n")
    look = reader(run)
    look.look()
    assert look.problem is not None
    assert "events.jsonl" in look.problem.message
    run.events.unlink()
    begin(run)
    while look.look():
        pass
    assert look.problem is None


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to(path)])
def test_a_file_that_cannot_be_opened_is_a_problem(run: Run, make: Callable[[Path], None]) -> None:
    make(run.events)
    look = reader(run)
    look.look()
    assert look.problem is not None


class FakeTimer:
    def __init__(self) -> None:
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True


class FakeNode:
    """Remembers timers; the test says when they go off."""

    def __init__(self) -> None:
        self.set: list[tuple[float, Callable[[], None], FakeTimer]] = []

    def set_timer(self, delay: float, callback: Callable[[], None], name: str = "") -> FakeTimer:
        self.set.append((delay, callback, FakeTimer()))
        return self.set[-1][2]

    def fire(self) -> None:
        self.set[-1][1]()


class FakeReader:
    def __init__(self) -> None:
        self.share, self.changed, self.looks = 1.0, True, 0

    def look(self) -> bool:
        self.looks += 1
        return self.changed


def following(*, calm: bool = False) -> tuple[FakeNode, FakeReader, list[int], RunFollower]:
    node, look, told = FakeNode(), FakeReader(), []
    tailing = RunFollower(node, look, lambda: told.append(look.looks), calm=calm)  # type: ignore[arg-type]
    return node, look, told, tailing


def test_it_tells_only_when_something_changed() -> None:
    node, look, told, tailing = following()
    tailing.resume()
    look.changed = False
    node.fire()
    node.fire()
    assert told == [1]
    assert node.set[-1][0] == PERIOD_SECONDS


def test_on_a_slow_line_it_looks_once_a_second() -> None:
    node, _, _, tailing = following(calm=True)
    tailing.resume()
    assert node.set[-1][0] == CALM_SECONDS


def test_a_backlog_is_read_quickly_and_told_rarely() -> None:
    node, look, told, tailing = following()
    look.share = 0.1
    tailing.resume()
    for _ in range(20):
        node.fire()
    assert node.set[-1][0] == REST_SECONDS
    assert look.looks == 21
    assert len(told) == 1
    look.share, look.changed = 1.0, False
    node.fire()
    assert len(told) == 2, "what was held back is told at the end"


def test_nobody_looks_while_it_is_paused() -> None:
    node, _, _, tailing = following()
    tailing.resume()
    tailing.pause()
    assert all(timer.stopped for _, _, timer in node.set)
    tailing.resume()
    tailing.resume()
    assert sum(not timer.stopped for _, _, timer in node.set) == 1
