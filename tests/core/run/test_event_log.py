"""The event log: appending and following."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from core.run import event_log
from core.run.event_log import (
    EventLog,
    EventTail,
    events_backwards,
    read_events,
    read_sparse_events,
)
from core.run.events import encode
from core.run.history import History


def types(path: Path) -> list[str]:
    return [event.type for event in EventTail(path).read()]


def test_each_event_is_in_the_file_at_once(tmp_path: Path) -> None:
    """A killed trainer must not lose events already emitted."""
    path = tmp_path / "events.jsonl"
    log, tail = EventLog(path, clock=lambda: 12.3456), EventTail(path)
    log.emit("step", 3, train_loss=float("nan"))
    (event,) = tail.read()
    assert (event.type, event.time, event.step, event.fields) == (
        "step",
        12.346,
        3,
        {"train_loss": None},
    )
    assert tail.read() == []
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("torn", [b'{"type":"st', b"\0\0\0\0", b'{"type":"step"}\n\0\0'])
def test_only_the_torn_last_line_is_lost(tmp_path: Path, torn: bytes) -> None:
    """The first event of a resumed run must not be appended to a torn line."""
    path = tmp_path / "events.jsonl"
    EventLog(path).emit("beat", 0)
    with path.open("ab") as file:
        file.write(torn)
    log = EventLog(path)
    log.emit("started", 1)
    log.emit("step", 2)
    assert types(path) == ["beat", "started", "step"]
    assert [event.type for event in events_backwards(path)] == ["step", "started", "beat"]


def test_a_full_disk_raises_and_the_next_event_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a line written to a full disk must not swallow the line after it."""
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    write = os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:20])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space"):
            log.emit("step", 1, text="x" * 13)
    log.emit("failed", 1)
    assert types(path) == ["failed"]


def test_partial_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """os.write may write less than it was given without an error."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    log = EventLog(tmp_path / "e")
    log.emit("step", 1, text="hello")
    assert types(tmp_path / "e") == ["step"]


def test_batches_of_noise_are_not_mistaken_for_the_end(tmp_path: Path) -> None:
    path = tmp_path / "e"
    path.write_bytes(b"noise\n" * 1000)
    EventLog(path).emit("beat", 5)
    assert [event.step for event in EventTail(path).read(batch_bytes=100)] == [5]


def test_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    """Beats are written by another thread than steps."""
    path = tmp_path / "e"
    log = EventLog(path)

    def say(type: str) -> None:
        for step in range(200):
            log.emit(type, step, text="x" * 500)

    threads = [threading.Thread(target=say, args=(type,)) for type in ("step", "beat")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = EventTail(path).read(1 << 24)
    assert [e.step for e in events if e.type == "step"] == list(range(200))
    assert [e.step for e in events if e.type == "beat"] == list(range(200))


def test_a_tail_counts_replacements_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "e"
    EventLog(path).emit("beat", 5)
    tail = EventTail(path)
    tail.read()
    path.unlink()
    assert tail.read() == []
    (tmp_path / "keep the inode number taken").touch()
    path.write_bytes(b"")
    event_log.EventLog(path).emit("started", 0)
    assert [event.type for event in tail.read()] == ["started"]
    assert tail.restarts == 1


def test_sparse_events_fold_into_the_same_facts_as_all(tmp_path: Path) -> None:
    """What `show` prints must not depend on how much of the log it parses."""
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.emit("started", 0)
    log.emit("prepared", 0, steps=90, parameters=5, train={"seed": 1})
    for step in range(1, 61):
        log.emit("step", step, train_loss=2.0, epoch=step / 10, elapsed=float(step))
        log.emit("beat", step)
        if step % 20 == 0:
            log.emit("sample", step, prompt="a", text=f"b{step}")
    log.emit("started", 20, resumed_from=20)
    log.emit("step", 30, train_loss=2.0, epoch=3.0, elapsed=30.0)
    log.emit("failed", 31, title="No", message="why")
    log.close()
    sparse = list(read_sparse_events(path))
    assert sum(event.type in ("step", "beat") for event in sparse) <= 4
    facts = []
    for events in (read_events(path), iter(sparse)):
        history = History()
        history.apply_all(events)
        facts.append(
            (history.samples, history.elapsed, history.steps, history.status, history.failure,
             history.train, history.reasons)
        )  # fmt: skip
    assert facts[0] == facts[1]


def test_a_million_events_are_read_within_a_second_and_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    fields = {"train_loss": 1.2345, "learning_rate": 0.001, "epoch": 1.5, "elapsed": 12.5}
    line = encode("step", 1000.0, 7, **fields, memory=10**9, free_memory=10**9) + "\n"
    with path.open("w") as file:
        file.write(encode("started", 1.0, 0) + "\n")
        for _ in range(100):
            file.write(line * 10_000)
        file.write(encode("finished", 1.0, 7) + "\n")
    began = time.process_time()
    assert [event.type for event in read_sparse_events(path)] == ["started", "step", "finished"]
    assert time.process_time() - began < 1.0
