"""The status of a run, from its events and its lock."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.run import run_lock, status
from core.run.directory import Run
from core.run.events import Event, encode
from core.run.status import EventState, next_state, read_state, remote_host, status_of
from core.system import locks
from core.system.machine import Host

HERE = Host("here", "boot-1")
NOW = 4e9  # later than any lock taken in a test

S = ("started", 0, {"host": "here", "boot": "boot-1"})
FOREIGN = ("started", 0, {"host": "there", "boot": "boot-9"})
RESUMED = ("started", 5, {"host": "here", "boot": "boot-1", "resumed_from": 5})
TEXT = ("prepare", 0, {"phase": "reading"})
READY = ("prepared", 0, {})
PAUSE = ("changed", 9, {"action": "pause"})
CONTINUE = ("changed", 9, {"action": "continue"})
SAVED = ("saved", 9, {"kind": "checkpoint"})
CHANGED = ("changed", 9, {"changes": {"steps": [1, 2]}})
BEAT = ("beat", 9, {})


def step(number: int) -> tuple[str, int, dict[str, Any]]:
    return ("step", number, {})


def write(path: Path, story: list[tuple[str, int, dict[str, Any]]], age: float = 0.0) -> None:
    lines = [encode(type, NOW - age, number, **fields) for type, number, fields in story]
    path.write_text("".join(f"{line}\n" for line in lines))


@contextmanager
def holding(path: Path, hold: bool) -> Iterator[None]:
    if not hold:
        yield
        return
    lock = locks.acquire(path)
    assert lock
    with lock:
        yield


@pytest.mark.parametrize(
    ("story", "alive", "dead"),
    [
        ([], "starting", "crashed"),
        ([S], "preparing", "crashed"),
        ([S, BEAT], "preparing", "crashed"),
        ([S, TEXT], "preparing", "crashed"),
        ([S, TEXT, READY], "running", "crashed"),
        ([S, READY, step(1)], "running", "crashed"),
        ([S, READY, step(9), SAVED, BEAT, CHANGED], "running", "crashed"),
        ([S, READY, step(9), PAUSE], "paused", "crashed"),
        ([S, READY, step(8), PAUSE, step(9), SAVED, BEAT, CHANGED], "paused", "crashed"),
        ([S, READY, step(9), PAUSE, step(9), step(10)], "running", "crashed"),
        ([S, READY, step(9), PAUSE, CONTINUE], "running", "crashed"),
        ([S, READY, PAUSE, CONTINUE, step(9)], "running", "crashed"),
        ([S, READY, step(9), ("finished", 9, {})], "finished", "finished"),
        ([S, READY, step(9), ("stopped", 9, {}), BEAT], "stopped", "stopped"),
        ([S, ("failed", 0, {})], "failed", "failed"),
        ([S, READY, step(9), ("stopped", 9, {}), RESUMED], "preparing", "crashed"),
        ([S, READY, step(9), ("failed", 9, {}), RESUMED, READY], "running", "crashed"),
    ],
)
def test_status_of_live_and_dead_runs(
    tmp_path: Path, story: list[tuple[str, int, dict[str, Any]]], alive: str, dead: str
) -> None:
    run = Run(tmp_path)
    write(run.events, story)
    assert status_of(run, NOW, HERE) == dead
    with holding(run.lock, True):
        assert status_of(run, NOW, HERE) == alive


@pytest.mark.parametrize("tail", [b'{"type":"fini', b"\0" * 100, b'{"type":"finished"}\n'])
def test_a_torn_end_of_the_log_is_skipped(tmp_path: Path, tail: bytes) -> None:
    run = Run(tmp_path)
    write(run.events, [S, READY, step(9), PAUSE])
    with run.events.open("ab") as file:
        file.write(tail)
    with holding(run.lock, True):
        assert status_of(run, NOW, HERE) == "paused"


def test_a_resumed_run_is_starting_until_its_first_event(tmp_path: Path) -> None:
    """A run that is being resumed must not still look stopped, running or crashed."""
    run = Run(tmp_path)
    for last in (("stopped", 9, {}), step(9), PAUSE):
        write(run.events, [S, READY, last], age=NOW - 1e9)
        with run_lock.acquire(run) or pytest.fail("it is free"):
            assert status_of(run) == "starting"


@pytest.mark.parametrize("is_held", [True, False])
@pytest.mark.parametrize(("age", "word"), [(30, "running"), (89, "running"), (91, "crashed")])
def test_on_another_machine_the_age_of_the_last_event_decides(
    tmp_path: Path, age: float, word: str, is_held: bool
) -> None:
    """On a shared home the lock of another machine may not be visible."""
    run = Run(tmp_path)
    write(run.events, [S, FOREIGN, READY, step(9)], age)
    with holding(run.lock, is_held):
        assert status_of(run, NOW, HERE) == ("running" if is_held else word)
        assert remote_host(run.events, HERE) == "there"


def test_a_run_from_before_a_reboot_of_this_machine_is_crashed(tmp_path: Path) -> None:
    run = Run(tmp_path)
    write(run.events, [FOREIGN, S, READY, step(9)], age=5)
    assert status_of(run, NOW, Host("here", "boot-2")) == "crashed"
    assert remote_host(run.events, Host("here", "boot-2")) is None


def test_a_finished_run_from_another_machine_stays_finished(tmp_path: Path) -> None:
    run = Run(tmp_path)
    write(run.events, [FOREIGN, READY, ("finished", 9, {})], age=1e6)
    assert status_of(run, NOW, HERE) == "finished"


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[str, int, dict[str, Any]]]:
    """Events with increasing steps and types in any order."""
    kinds = [S, RESUMED, TEXT, READY, PAUSE, CONTINUE, SAVED, CHANGED, BEAT, step(0)]
    kinds += [("epoch", 0, {}), ("eval", 0, {}), ("stopped", 0, {}), ("finished", 0, {})]
    story, now = [S], 0
    for type, _, fields in draw(st.lists(st.sampled_from(kinds), max_size=12)):
        now += draw(st.integers(0, 1))
        story.append((type, now, fields))
    return story


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("status")


@given(story=stories())
def test_the_end_of_the_log_gives_the_same_state_as_all_of_it(
    folder: Path, story: list[tuple[str, int, dict[str, Any]]]
) -> None:
    """The list of runs and the Train screen must not contradict each other."""
    write(folder / "events", story)
    events = [Event(type, 0.0, number, fields) for type, number, fields in story]
    assert read_state(folder / "events") == functools.reduce(next_state, events, EventState())


def test_a_long_log_is_read_from_its_end_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of runs must not read 100,000 events of each."""
    run = Run(tmp_path)
    write(run.events, [S, READY, *(step(number) for number in range(100_000))])
    count = 0
    original = status.events_backwards

    def counting(path: Path) -> Iterator[Event]:
        nonlocal count
        for event in original(path):
            count += 1
            yield event

    monkeypatch.setattr(status, "events_backwards", counting)
    with holding(run.lock, True):
        assert status_of(run, NOW, HERE) == "running"
    assert count < 10
