"""Output that never blocks, and the end of the terminal as the end of the application."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import psutil
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


def test_output_waits_for_a_terminal_that_another_program_made_non_blocking(
    ends: tuple[int, TextIO],
) -> None:
    """Detects a full terminal that is taken for a lost one."""
    reader, file = ends
    os.set_blocking(file.fileno(), False)
    thread, calls = started(file)
    thread.write("x" * 500_000 + "the end")
    assert len(read_until(reader, b"the end")) == 500_007
    thread.stop()
    assert not calls.lost.is_set()


class TerminalSession:
    """A program that leads a session on a terminal of its own.

    Args:
        program: Python code, run once the terminal is the controlling one.
    """

    def __init__(self, program: str, home: Path) -> None:
        take_terminal = "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        self.terminal, child = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", take_terminal + program],
            stdin=child,
            stdout=child,
            stderr=child,
            env={
                **os.environ,
                "MINIGPT_HOME": str(home),
                "PYTHONPATH": str(ROOT),
                "TERM": "xterm-256color",
            },
            start_new_session=True,
        )
        os.close(child)

    def write(self, keys: bytes) -> None:
        os.write(self.terminal, keys)

    def read_until(self, text: bytes) -> bytes:
        """Everything that is displayed up to this text."""
        data = b""
        while text not in data:
            assert select.select([self.terminal], [], [], PATIENCE_SECONDS)[0], data
            data += os.read(self.terminal, 1 << 16)
        return data

    def close(self) -> None:
        """Close the terminal and wait for the end of the program."""
        os.close(self.terminal)
        try:
            self.process.wait(PATIENCE_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()


APP = "from tui.__main__ import main; sys.argv[1:] = []; main()"
SHELL = "import os; os.environ['PS1'] = 'shell$ '; os.execvp('sh', ['sh', '-i'])"


@pytest.mark.parametrize("keys", [b"", SUSPEND, b"\x11"], ids=["as it is", "Ctrl+Z", "Ctrl+Q"])
def test_the_process_ends_with_its_terminal(keys: bytes, tmp_path: Path) -> None:
    """Detects an application that outlives its terminal and keeps a CPU core busy, or is suspended
    where no shell can continue it.
    """
    session = TerminalSession(APP, tmp_path)
    try:
        session.read_until(b"lang")
        session.write(keys)
    finally:
        session.close()


def test_without_a_shell_the_application_is_not_suspended(tmp_path: Path) -> None:
    """Detects Ctrl+Z that freezes a terminal in which only the application runs."""
    session = TerminalSession(APP, tmp_path)
    try:
        session.read_until(b"lang")
        session.write(SUSPEND)
        session.read_until(b"no shell")
    finally:
        session.close()


def test_a_suspended_application_returns_to_the_shell_and_ends_with_the_terminal(
    tmp_path: Path,
) -> None:
    """Detects Ctrl+Z that ends the application, `fg` that does not show it again, and a stopped
    process that nobody can continue.
    """
    session = TerminalSession(SHELL, tmp_path)
    try:
        session.read_until(b"shell$ ")
        session.write(f"sh -c 'echo pid $$; exec {sys.executable} -m tui'\n".encode())
        data = session.read_until(b"lang")
        app = psutil.Process(int(re.findall(rb"pid (\d+)", data)[0]))
        for _ in range(2):
            session.write(SUSPEND)
            session.read_until(b"shell$ ")
            assert app.status() == psutil.STATUS_STOPPED
            session.write(b"fg\n")
            session.read_until(b"lang")
        session.write(SUSPEND)
        session.read_until(b"shell$ ")
    finally:
        session.close()
    app.wait(PATIENCE_SECONDS)
