"""Output that never blocks, and the end of the terminal as the end of the application."""

from __future__ import annotations

import os
import re
import shlex
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import psutil
import pytest

from tests.support.terminals import APP, CTRL_Q, CTRL_Z, TerminalSession, environment
from tui.common.driver import MAX_PENDING_BYTES, OutputThread

PATIENCE_SECONDS = 60.0


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
    reader, file = ends
    thread, _ = started(file)
    thread.write("x" * 500_000)
    began = time.monotonic()
    thread.stop()
    assert time.monotonic() - began < PATIENCE_SECONDS
    assert thread.is_alive(), "it is still in the write, and a daemon"
    left = 500_000  # or it would write to whatever gets the number of this descriptor
    while left:
        left -= len(os.read(reader, 1 << 16))
    thread.join(PATIENCE_SECONDS)


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


PROMPT = b"shell$ "
ALTERNATE_SCREEN = b"\x1b[?1049h"


@pytest.mark.parametrize("keys", ["", CTRL_Z, CTRL_Q], ids=["as it is", "Ctrl+Z", "Ctrl+Q"])
def test_the_process_ends_with_its_terminal(keys: str, tmp_path: Path) -> None:
    """Detects an application that outlives its terminal and keeps a CPU core busy, or is suspended
    where no shell can continue it.
    """
    with TerminalSession(APP, environment(tmp_path)) as terminal:
        terminal.wait_for("lang")
        terminal.send(keys)
        terminal.hang_up()
        terminal.process.wait(PATIENCE_SECONDS)


def test_without_a_shell_the_application_is_not_suspended(tmp_path: Path) -> None:
    """Detects Ctrl+Z that freezes a terminal in which only the application runs."""
    with TerminalSession(APP, environment(tmp_path)) as terminal:
        terminal.wait_for("lang")
        terminal.send(CTRL_Z)
        terminal.wait_for("no shell")


def test_a_suspended_application_returns_to_the_shell_and_ends_with_the_terminal(
    tmp_path: Path,
) -> None:
    """Detects Ctrl+Z that ends the application, `fg` that does not show it again, and a stopped
    process that no shell can continue.
    """
    with TerminalSession(["sh", "-i"], environment(tmp_path, PS1="shell$ ")) as terminal:

        def wait_for_bytes(data: bytes, count: int) -> None:
            terminal.wait_until(
                lambda: terminal.raw.count(data) >= count, f"{count} times {data!r}"
            )

        wait_for_bytes(PROMPT, 1)
        terminal.send(f"sh -c 'echo pid $$; exec {shlex.join(APP)}'\n")
        terminal.wait_for("lang")
        app = psutil.Process(int(re.findall(rb"pid (\d+)", terminal.raw)[0]))
        for count in (1, 2):
            terminal.send(CTRL_Z)
            wait_for_bytes(PROMPT, count + 1)
            assert app.status() == psutil.STATUS_STOPPED
            terminal.send("fg\n")
            wait_for_bytes(ALTERNATE_SCREEN, count + 1)
        terminal.send(CTRL_Z)
        wait_for_bytes(PROMPT, 4)
        terminal.hang_up()
        app.wait(PATIENCE_SECONDS)
