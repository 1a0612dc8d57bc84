"""Output that never blocks, and the end of the terminal as the end of the application."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from tui.common.driver import MAX_PENDING_BYTES, OutputThread

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 60.0
SUSPEND = b"\x1a"


class Calls:
    """What the thread reported."""

    def __init__(self) -> None:
        self.lost, self.dropped = threading.Event(), threading.Event()


@pytest.fixture
def ends() -> Iterator[tuple[int, TextIO]]:
    """The reading descriptor of a pipe, and its other end as a text file."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as file:
        yield reader, file
        os.close(reader)


def started(file: TextIO) -> tuple[OutputThread, Calls]:
    calls = Calls()
    thread = OutputThread(file, calls.lost.set, calls.dropped.set)
    thread.start()
    return thread, calls


def read_until(reader: int, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        data += os.read(reader, 1 << 16)
    return data


def test_text_arrives_in_order_and_stop_waits_for_it(ends: tuple[int, TextIO]) -> None:
    """Detects a last frame, or the way back to the ordinary screen, that is lost at exit."""
    reader, file = ends
    thread, calls = started(file)
    for number in range(100):
        thread.write(f"{number}·")
    thread.stop()
    assert not thread.is_alive()
    assert os.read(reader, 4096).decode() == "".join(f"{number}·" for number in range(100))
    assert not calls.lost.is_set()
    assert not calls.dropped.is_set()


def test_a_terminal_that_does_not_read_blocks_no_writer_and_is_redrawn(
    ends: tuple[int, TextIO],
) -> None:
    """Detects a stalled line that freezes the event loop, or a screen that stays half-drawn after
    it.
    """
    reader, file = ends
    thread, calls = started(file)
    frame = "x" * 50_000
    for _ in range(4 * MAX_PENDING_BYTES // len(frame)):
        thread.write(frame)  # far more than the pipe and the queue hold
    assert not calls.dropped.is_set(), "nothing was read yet"
    thread.write("the end")
    data = read_until(reader, b"the end")
    assert len(data) < 2 * MAX_PENDING_BYTES
    assert calls.dropped.wait(PATIENCE_SECONDS)
    thread.stop()


def test_stop_gives_up_on_a_terminal_that_never_reads(ends: tuple[int, TextIO]) -> None:
    """Detects Ctrl+Q that waits for a line that is down."""
    _, file = ends
    thread, _ = started(file)
    thread.write("x" * 500_000)
    began = time.monotonic()
    thread.stop()
    assert time.monotonic() - began < PATIENCE_SECONDS
    assert thread.is_alive(), "it is still in the write, and a daemon"


def test_a_lost_terminal_is_reported_once_and_later_text_is_ignored() -> None:
    """Detects an error in a thread that is not reported."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as file:
        os.close(reader)
        thread, calls = started(file)
        thread.write("gone")
        assert calls.lost.wait(PATIENCE_SECONDS)
        thread.write("more")
        thread.stop()
        assert not thread.is_alive()


@pytest.mark.parametrize("keys", [b"", SUSPEND, b"\x11"], ids=["as it is", "Ctrl+Z", "Ctrl+Q"])
def test_the_process_ends_with_its_terminal(keys: bytes, tmp_path: Path) -> None:
    """Detects an application that outlives its terminal and keeps a CPU core busy."""
    code = (
        "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "from tui.__main__ import main; sys.argv[1:] = []; main()"
    )
    parent, child = pty.openpty()
    environ = {
        **os.environ,
        "MINIGPT_HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=child,
        stdout=child,
        stderr=child,
        env=environ,
        start_new_session=True,
    )
    os.close(child)
    try:
        data = b""
        while b"lang" not in data:
            data += os.read(parent, 1 << 16)
        os.write(parent, keys)
        if keys == SUSPEND:
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    finally:
        os.close(parent)
    try:
        process.wait(PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()
