"""Trainers that are killed, hung up on and told to end, with real processes."""

from __future__ import annotations

import contextlib
import os
import pty
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.paths import Home, find_home
from core.run import status, store
from core.run.directory import Run
from core.run.event_log import EventTail
from core.run.events import PREPARE, PREPARED, SAVED, STARTED, STEP, TERMINAL, Event
from tests.support.runners import TINY, alive, command, small_text, until
from tests.support.trainers_at_work import (
    Nursery,
    asked,
    begin,
    clearing,
    differences,
    events_of,
    files_of,
    history_of,
    kill,
    trained,
)

pytestmark = pytest.mark.slow

STARTED_ANEW, FORKED = 4, 46
KINDS = [(STARTED, 1), (PREPARED, 1), (STEP, 1), (SAVED, 3), (SAVED, 8)]
STEPS = 400
SETTINGS = {"steps": STEPS, "eval_steps": 16, "dropout": 0.1, "batch_size": 8}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with clearing(find_home(tmp_path / "home")) as found:
        yield found


def test_killed_at_any_moment_it_ends_as_if_it_never_had_been(home: Home, tmp_path: Path) -> None:
    """Bit for bit, in one curve, and each time from the last checkpoint that was said."""
    text = small_text(tmp_path)
    whole, lock = asked(home, text, "whole", **SETTINGS)
    trained(home, whole, lock)
    run, lock = asked(home, text, "killed", **SETTINGS, checkpoint_seconds=0.0)
    moments = random.Random(7)
    for number in range(STARTED_ANEW):
        pid = begin(home, run, lock if number == 0 else None)
        # From the interpreter's first breath on: its imports take most of these seconds.
        time.sleep(moments.uniform(0.0, 3.0))
        kill(run, pid)
    hit: set[str] = set()
    with Nursery(home) as nursery:
        for _ in range(FORKED):
            kind, times = moments.choice(KINDS)
            hit.add(killed(run, nursery, kind, times, moments.uniform(0.0, 0.03)))
            if status.status_of(run) == status.FINISHED:
                break
        nursery.begin(run)
        assert nursery.code() == 0
    assert status.status_of(run) == status.FINISHED
    assert {PREPARED, STEP, SAVED} <= hit, hit
    assert differences(whole, run) == []
    assert files_of(run) == files_of(whole)
    assert_nothing_said_was_lost(run)
    assert_one_curve(whole, run)


def killed(run: Run, nursery: Nursery, kind: str, times: int, later: float) -> str:
    """One life that ends some seconds after something was said; the last it said.

    On a machine that is very quick it may have done all its work before.
    """
    before = len(events_of(run))
    pid = nursery.begin(run)
    until(lambda: said(run, kind, before) >= times or not alive(pid), f"{kind} {times} times")
    time.sleep(later)  # left to chance, so that it is between any two operations
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    code = nursery.code()
    assert (code, status.status_of(run)) in ((-9, status.CRASHED), (0, status.FINISHED))
    told = events_of(run)[before:]
    return told[-1].type if told else ""


def said(run: Run, type: str, since: int) -> int:
    """How often something of this type was said after the first `since` events."""
    return sum(event.type == type for event in events_of(run)[since:])


def assert_nothing_said_was_lost(run: Run) -> None:
    """Every life goes on from a checkpoint at least as new as the newest `saved`."""
    newest, starts = 0, 0
    for event in events_of(run):
        if event.type == STARTED:
            starts += 1
            assert (event.whole("resumed_from") or 0) >= newest, event
        if event.type == SAVED and event.text("kind") == "checkpoint":
            newest = event.step
    assert starts > FORKED // 2


def assert_one_curve(whole: Run, run: Run) -> None:
    """The losses measured at fixed steps are those of the uninterrupted run; no gap, no loop."""
    one, other = history_of(whole), history_of(run)
    steps = other.train_loss.steps
    assert steps == sorted(set(steps))
    assert steps[-1] == STEPS
    assert (one.val_loss.steps, one.val_loss.values) == (
        other.val_loss.steps,
        other.val_loss.values,
    )
    rows = [[(row.step, row.train_loss, row.val_loss) for row in h.epochs] for h in (one, other)]
    assert rows[0] == rows[1]
    samples = [[(sample.step, sample.text) for sample in h.samples] for h in (one, other)]
    assert samples[0] == samples[1]


def test_killed_while_preparing_it_prepares_anew(home: Home, tmp_path: Path) -> None:
    """Half-made tokens and tokenizers are never taken for whole ones."""
    text = tmp_path / "long.txt"
    lines = [f"line {i % 997} says {i * 7919 % 601} {'and so on ' * 20}\n" for i in range(20_000)]
    text.write_text("".join(lines))
    settings = {"steps": 8, "batch_size": 4, "reading": "text"}
    run, lock = asked(home, text, "killed", **settings)
    lock.release()
    moments = random.Random(3)
    with Nursery(home) as nursery:
        for number in range(12):
            killed(run, nursery, PREPARE, number % 6, moments.uniform(0.0, 0.2))
        nursery.begin(run)
        assert nursery.code() == 0
    other = find_home(tmp_path / "other")
    whole, lock = asked(other, text, "whole", **settings)
    trained(other, whole, lock)
    assert differences(whole, run) == []
    assert files_of(run) == files_of(whole)
    assert whole.tokenizer.read_bytes() == run.tokenizer.read_bytes()


def test_a_closed_terminal_leaves_the_training_alone(home: Home, tmp_path: Path) -> None:
    """The connection drops: who watched is gone, the trainer is not."""
    text = small_text(tmp_path)
    line = command(home.root, "train", str(text), *TINY, "--steps", "1000000")
    watcher, terminal = pty.fork()
    if watcher == 0:
        os.execv(line[0], line)
    until(lambda: home.runs.is_dir() and store.list_runs(home), "there is a run")
    run = store.find_run(home, "pets")
    until(lambda: status.status_of(run) == status.RUNNING, "it trains")
    os.close(terminal)
    _, code = os.waitpid(watcher, 0)
    assert os.waitstatus_to_exitcode(code) in (130, -signal.SIGHUP)
    here = events_of(run)[-1].step
    until(lambda: events_of(run)[-1].step > here + 20, "it trains on")


def test_sigterm_saves_and_what_was_stopped_goes_on(home: Home, tmp_path: Path) -> None:
    """As a machine that is shut down in order ends everybody."""
    text = small_text(tmp_path)
    run, lock = asked(home, text, "told", steps=10**6, snapshots=False)
    pid = begin(home, run, lock)
    until(lambda: status.status_of(run) == status.RUNNING, "it trains")
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGTERM)
    until(lambda: not alive(pid), "it is gone")
    ending = events_of(run)[-1]
    assert (ending.type, ending.text("reason")) == (status.STOPPED, "SIGTERM")
    assert history_of(run).checkpoint_step == ending.step
    tail = EventTail(run.events)
    while tail.read():
        pass
    pid = begin(home, run)
    told: list[Event] = []
    until(lambda: told.extend(tail.read()) or any(e.type == STEP for e in told), "it goes on")
    assert told[0].whole("resumed_from") == ending.step
    kill(run, pid)
    assert not TERMINAL & {event.type for event in told}
