"""Emitted events reach the log and the listeners."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from core.run.event_log import EventEmitter, EventLog, EventTail
from core.run.events import Event
from tests.support.full_disk import full_disk


def test_listeners_receive_the_events_of_the_log(tmp_path: Path) -> None:
    """`train --json` and the log must agree, also on times."""
    received: list[Event] = []
    log = EventLog(tmp_path / "events.jsonl")
    with EventEmitter(log, [received.append]) as emit:
        emit("started", 0, pid=1)
        emit("step", 3, train_loss=2.5)
    log.close()
    assert EventTail(tmp_path / "events.jsonl").read() == received


def test_beats_of_the_last_step_are_written_when_idle(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    beaten = threading.Event()

    def listen(event: Event) -> None:
        if event.type == "beat" and event.step == 7:
            beaten.set()

    with EventEmitter(log, [listen], idle_seconds=0.01) as emit:
        emit("step", 7)
        assert beaten.wait(30)
    log.close()


def test_listeners_receive_the_last_event_even_if_the_disk_is_full(tmp_path: Path) -> None:
    """Or the user would read of a crash instead of a full disk."""
    received: list[Event] = []
    log = EventLog(tmp_path / "events.jsonl")
    emit = EventEmitter(log, [received.append])
    with full_disk(), pytest.raises(OSError, match="No space"):
        emit("failed", 3, message="the disk is full")
    log.close()
    assert [(event.type, event.step) for event in received] == [("failed", 3)]
