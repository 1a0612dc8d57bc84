"""Trainers that are killed, hung up and terminated, as real processes."""

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
from core.run.events import END_EVENTS, PREPARE, PREPARED, SAVED, STARTED, STEP, Event
from tests.support.real_trainers import (
    ForkingTrainers,
    create_held_run,
    find_differences,
    kill_trainer,
    list_files,
    load_events,
    load_history,
    start_trainer,
    train_here,
    trainers_killed_at_end,
)
from tests.support.runners import TINY, alive, command, small_text
from tests.support.wait import wait_until

pytestmark = pytest.mark.slow

KILLED_STARTS, MAX_FORKS = 4, 46
KILL_EVENTS = [(STARTED, 1), (PREPARED, 1), (STEP, 1), (SAVED, 3), (SAVED, 8)]
STEPS = 400
SETTINGS = {"steps": STEPS, "eval_steps": 16, "dropout": 0.1, "batch_size": 8}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with trainers_killed_at_end(find_home(tmp_path / "home")) as home:
        yield home


def test_a_run_killed_at_random_ends_bit_for_bit_the_same(home: Home, tmp_path: Path) -> None:
    """Each start resumes from the last checkpoint that was reported."""
    text = small_text(tmp_path)
    whole, lock = create_held_run(home, text, "whole", **SETTINGS)
    train_here(home, whole, lock)
    run, lock = create_held_run(home, text, "killed", **SETTINGS, checkpoint_seconds=0.0)
    rng = random.Random(7)
    for number in range(KILLED_STARTS):
        pid = start_trainer(home, run, lock if number == 0 else None)
        # From the very start: imports take most of these seconds.
        time.sleep(rng.uniform(0.0, 3.0))
        kill_trainer(run, pid)
    last_events: set[str] = set()
    with ForkingTrainers(home) as trainers:
        for _ in range(MAX_FORKS):
            kind, times = rng.choice(KILL_EVENTS)
            last_events.add(kill_after_event(run, trainers, kind, times, rng.uniform(0.0, 0.03)))
            if status.status_of(run) == status.FINISHED:
                break
        trainers.start(run)
        assert trainers.wait() == 0
    assert status.status_of(run) == status.FINISHED
    assert {PREPARED, STEP, SAVED} <= last_events, last_events
    assert find_differences(whole, run) == []
    assert list_files(run) == list_files(whole)
    assert_no_reported_checkpoint_was_lost(run)
    assert_same_curve(whole, run)


def kill_after_event(
    run: Run, trainers: ForkingTrainers, kind: str, times: int, delay: float
) -> str:
    """Start the trainer, kill it shortly after an event; return the type of its last event.

    On a fast machine it may finish before.
    """
    before = len(load_events(run))
    pid = trainers.start(run)
    wait_until(
        lambda: count_events(run, kind, before) >= times or not alive(pid),
        f"{kind} {times} times",
    )
    time.sleep(delay)  # random, to hit the time between any two operations
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    code = trainers.wait()
    assert (code, status.status_of(run)) in ((-9, status.CRASHED), (0, status.FINISHED))
    new_events = load_events(run)[before:]
    return new_events[-1].type if new_events else ""


def count_events(run: Run, type: str, since: int) -> int:
    """Count the events of a type after the first `since` events."""
    return sum(event.type == type for event in load_events(run)[since:])


def assert_no_reported_checkpoint_was_lost(run: Run) -> None:
    """Every start resumes from a checkpoint at least as new as the last `saved` event."""
    newest, starts = 0, 0
    for event in load_events(run):
        if event.type == STARTED:
            starts += 1
            assert (event.whole("resumed_from") or 0) >= newest, event
        if event.type == SAVED and event.text("kind") == "checkpoint":
            newest = event.step
    assert starts > MAX_FORKS // 2


def assert_same_curve(whole: Run, run: Run) -> None:
    """The losses are those of the uninterrupted run, without a gap or a repeated step."""
    one, other = load_history(whole), load_history(run)
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


def test_a_run_killed_while_preparing_prepares_again(home: Home, tmp_path: Path) -> None:
    """Partial token files and tokenizers are never used."""
    text = tmp_path / "long.txt"
    lines = [f"line {i % 997} says {i * 7919 % 601} {'and so on ' * 20}\n" for i in range(20_000)]
    text.write_text("".join(lines))
    settings = {"steps": 8, "batch_size": 4, "reading": "text"}
    run, lock = create_held_run(home, text, "killed", **settings)
    lock.release()
    rng = random.Random(3)
    with ForkingTrainers(home) as trainers:
        for number in range(12):
            kill_after_event(run, trainers, PREPARE, number % 6, rng.uniform(0.0, 0.2))
        trainers.start(run)
        assert trainers.wait() == 0
    other = find_home(tmp_path / "other")
    whole, lock = create_held_run(other, text, "whole", **settings)
    train_here(other, whole, lock)
    assert find_differences(whole, run) == []
    assert list_files(run) == list_files(whole)
    assert whole.tokenizer.read_bytes() == run.tokenizer.read_bytes()


def test_training_continues_when_the_terminal_closes(home: Home, tmp_path: Path) -> None:
    text = small_text(tmp_path)
    line = command(home.root, "train", str(text), *TINY, "--steps", "1000000")
    watcher, terminal = pty.fork()
    if watcher == 0:
        os.execv(line[0], line)
    wait_until(lambda: home.runs.is_dir() and store.list_runs(home), "the run exists")
    run = store.find_run(home, "pets")
    wait_until(lambda: status.status_of(run) == status.RUNNING, "it is training")
    os.close(terminal)
    _, code = os.waitpid(watcher, 0)
    assert os.waitstatus_to_exitcode(code) in (130, -signal.SIGHUP)
    step = load_events(run)[-1].step
    wait_until(lambda: load_events(run)[-1].step > step + 20, "training continues")


def test_sigterm_saves_and_the_run_can_be_resumed(home: Home, tmp_path: Path) -> None:
    """As when the machine shuts down."""
    text = small_text(tmp_path)
    run, lock = create_held_run(home, text, "told", steps=10**6, snapshots=False)
    pid = start_trainer(home, run, lock)
    wait_until(lambda: status.status_of(run) == status.RUNNING, "it is training")
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not alive(pid), "it has exited")
    last_event = load_events(run)[-1]
    assert (last_event.type, last_event.text("reason")) == (status.STOPPED, "SIGTERM")
    assert load_history(run).checkpoint_step == last_event.step
    tail = EventTail(run.events)
    while tail.read():
        pass
    pid = start_trainer(home, run)
    new_events: list[Event] = []
    wait_until(
        lambda: new_events.extend(tail.read()) or any(e.type == STEP for e in new_events),
        "it has resumed",
    )
    assert new_events[0].whole("resumed_from") == last_event.step
    kill_trainer(run, pid)
    assert not END_EVENTS & {event.type for event in new_events}
