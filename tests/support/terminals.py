"""Run a program in a pseudo-terminal and read its screen. Every wait has a timeout."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pyte

from tests.support.wait import wait_until

ROOT = Path(__file__).parents[2]
APP = [sys.executable, "-m", "tui"]
WAIT_TIMEOUT_S = 90.0
POLL_S = 0.05
CLOSED_DESCRIPTOR = -1
CTRL_C, CTRL_D, CTRL_Q, CTRL_Z = "\x03", "\x04", "\x11", "\x1a"
ENTER, ESCAPE, DOWN = "\r", "\x1b", "\x1b[B"

# Sequences that pyte would show as text: Kitty keyboard, mode queries, pointer shapes.
UNSUPPORTED_SEQUENCES = re.compile(
    r"\x1b\[[<>=?][0-9;]*[ut]|\x1b\[\?[0-9;]*\$p|\x1b\]22;[^\x07]*\x07|\x1bP.*?\x1b\\"
)
INCOMPLETE_SEQUENCE = re.compile(r"\x1b(\[[^@-~]*|\][^\x07\x1b]*|P[^\x1b]*\x1b?)?\Z")


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a user's terminal, independent of where the tests run."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(home.parent),
        "MINIGPT_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
    }
    return {**variables, **more}


class TerminalSession:
    """A program in a pseudo-terminal of its own, as the leader of a session.

    Args:
        command: and its arguments.
        environ: the whole environment.
        size: columns and rows.

    Attributes:
        raw: all bytes the program wrote.
        closed: whether the program closed the terminal.
    """

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], size: tuple[int, int] = (80, 24)
    ) -> None:
        self._screen = pyte.Screen(*size)
        self._stream = pyte.Stream(self._screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self.raw = bytearray()
        self.closed = False
        self._master, slave = pty.openpty()
        self.resize(*size)
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environ,
            start_new_session=True,
            preexec_fn=_set_controlling_terminal,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        self.hang_up()

    def resize(self, columns: int, rows: int) -> None:
        """Resize the terminal; the kernel signals the program."""
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)
        self._screen.resize(rows, columns)

    def hang_up(self) -> None:
        """Close the terminal, like a dropped connection."""
        if self._master != CLOSED_DESCRIPTOR:
            os.close(self._master)
            self._master = CLOSED_DESCRIPTOR

    def send(self, keys: str) -> None:
        """Type keys."""
        os.write(self._master, keys.encode())

    @property
    def text(self) -> str:
        """The screen, without trailing spaces."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def invisible_cells(self) -> list[tuple[int, int, str]]:
        """The row, column and character of cells that have the colour of their background."""
        return [
            (y, x, cell.data)
            for y, row in self._screen.buffer.items()
            for x, cell in row.items()
            if cell.data.strip() and cell.fg == cell.bg != "default"
        ]

    def pump(self, seconds: float) -> bytes:
        """Wait up to `seconds` for output and show it."""
        if self.closed or not select.select([self._master], [], [], max(0.0, seconds))[0]:
            return b""
        output = self.read()
        self.feed(output)
        return output

    def read(self) -> bytes:
        """Read the next output, blocking; empty once the program closed the terminal."""
        try:
            return os.read(self._master, 1 << 16)
        except OSError:  # Linux raises when the other end is closed
            return b""

    def feed(self, output: bytes) -> None:
        """Show what was read."""
        self.closed = not output
        self.raw += output
        text = UNSUPPORTED_SEQUENCES.sub("", self._rest + self._decoder.decode(output))
        incomplete = INCOMPLETE_SEQUENCE.search(text)
        end = incomplete.start() if incomplete else len(text)
        self._rest = text[end:]
        self._stream.feed(text[:end])

    def wait_until(
        self, condition: Callable[[], object], what: str, timeout: float = WAIT_TIMEOUT_S
    ) -> None:
        """Show output until a condition holds.

        Raises:
            AssertionError: timeout, or the program exited before.
        """

        def pause(seconds: float) -> None:
            assert not self.closed or condition(), f"exited before: {what}\n{self.text}"
            self.pump(POLL_S)

        wait_until(condition, lambda: f"{what}\n{self.text}", timeout, pause)

    def wait_for(self, pattern: str, timeout: float = WAIT_TIMEOUT_S) -> None:
        """Show output until the screen matches a regular expression."""
        self.wait_until(lambda: re.search(pattern, self.text, re.MULTILINE), repr(pattern), timeout)

    def wait_exit(self, timeout: float = WAIT_TIMEOUT_S) -> int:
        """Wait for the program to exit and return its exit code."""
        deadline = time.monotonic() + timeout
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it did not exit:\n{self.text}"
            self.pump(POLL_S)
        while self.pump(POLL_S):
            pass
        return self.process.returncode

    def count_bytes(self, seconds: float) -> int:
        """How many bytes the program writes within `seconds`."""
        before, deadline = len(self.raw), time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not self.closed:
            self.pump(left)
        return len(self.raw) - before


def _set_controlling_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def unrestored_modes(raw: bytes) -> list[str]:
    """The terminal modes that a program's output switched on (or the cursor: off) last."""
    numbers = {"screen": 1049, "mouse": 1000, "motion": 1003, "SGR mouse": 1006, "paste": 2004}
    modes = [
        name
        for name, number in numbers.items()
        if raw.rfind(b"\x1b[?%dl" % number) < raw.rfind(b"\x1b[?%dh" % number)
    ]
    if raw.rfind(b"\x1b[?25h") < raw.rfind(b"\x1b[?25l"):
        modes.append("cursor")
    return modes


def find_processes(module: str, home: Path) -> list[psutil.Process]:
    """The running processes of a module (`core.server`, `core.train`) for a home directory."""
    processes = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        matches = module in line and any(str(home) in part for part in line)
        if matches and process.info["status"] != psutil.STATUS_ZOMBIE:
            processes.append(process)
    return processes


def kill_all(home: Path) -> None:
    """Kill all trainers and model servers of a home directory."""
    for module in ("core.train", "core.server"):
        for process in find_processes(module, home):
            process.send_signal(signal.SIGKILL)
