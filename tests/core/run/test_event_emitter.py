"""What a trainer says reaches its file and its listeners."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from core.run.event_log import EventEmitter, EventLog, EventTail
from core.run.events import Event


def test_listeners_hear_what_the_file_keeps(tmp_path: Path) -> None:
    """`train --json` and the run's file must tell the same story, with the same times."""
    heard: list[Event] = []
    log = EventLog(tmp_path / "events.jsonl")
    with EventEmitter(log, [heard.append]) as voice:
        voice("started", 0, pid=1)
        voice("step", 3, train_loss=2.5)
    log.close()
    assert EventTail(tmp_path / "events.jsonl").read() == heard


def test_silence_is_filled_with_beats_at_the_last_step(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    beaten = threading.Event()
    beats: list[int] = []

    def listen(event: Event) -> None:
        if event.type == "beat":
            beats.append(event.step)
            beaten.set()

    with EventEmitter(log, [listen], idle_seconds=0.01) as voice:
        voice("step", 7)
        assert beaten.wait(30)
    log.close()
    assert beats[-1] == 7


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")  # noqa: PTH110
def test_the_last_word_is_heard_even_where_the_disk_is_full() -> None:
    """Or a person in front of the screen would read of a crash instead of a full disk."""
    heard: list[Event] = []
    log = EventLog(Path("/dev/full"))
    voice = EventEmitter(log, [heard.append])
    with pytest.raises(OSError, match="No space"):
        voice("failed", 3, message="the disk is full")
    log.close()
    assert [(event.type, event.step) for event in heard] == [("failed", 3)]
