"""For end-to-end tests: a program in a real pseudo-terminal, and what stands on its screen.

Everything is waited for with a deadline; nothing sleeps.
"""

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

ROOT = Path(__file__).parents[2]
APP = [sys.executable, "-m", "tui"]
PATIENCE = 90.0
GONE = -1
CTRL_C, CTRL_Q, CTRL_Z, ENTER, ESCAPE, TAB = "\x03", "\x11", "\x1a", "\r", "\x1b", "\t"

# Sequences that pyte would show as text: the Kitty keyboard, questions for modes, pointer shapes.
STRANGE = re.compile(
    r"\x1b\[[<>=?][0-9;]*[ut]|\x1b\[\?[0-9;]*\$p|\x1b\]22;[^\x07]*\x07|\x1bP.*?\x1b\\"
)
BROKEN_OFF = re.compile(r"\x1b(\[[^@-~]*|\][^\x07\x1b]*|P[^\x1b]*\x1b?)?\Z")


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a person's terminal would say, wherever the tests run."""
    wanted = {
        "PATH": os.environ["PATH"],
        "HOME": str(home.parent),
        "MINIGPT_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
    }
    return {**wanted, **more}


class Terminal:
    """A program in a terminal of its own, of which it leads the session.

    Args:
        command: and its arguments.
        environ: all of its environment.
        size: columns and rows.

    Attributes:
        raw: every byte it wrote.
        closed: whether the program has let go of the terminal.
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
            preexec_fn=_take_terminal,
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
        """Gives it another size; the kernel tells the program."""
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)
        self._screen.resize(rows, columns)

    def hang_up(self) -> None:
        """Takes the terminal away, as a connection that breaks does."""
        if self._master != GONE:
            os.close(self._master)
            self._master = GONE

    def send(self, keys: str) -> None:
        """Types."""
        os.write(self._master, keys.encode())

    @property
    def text(self) -> str:
        """What stands on the screen, without the spaces at the ends of lines."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def pump(self, seconds: float) -> bytes:
        """Takes what is written until something came or the time is over."""
        if self.closed or not select.select([self._master], [], [], max(0.0, seconds))[0]:
            return b""
        part = self.read()
        self.take(part)
        return part

    def read(self) -> bytes:
        """Waits for what is written next; nothing where the program has let go."""
        try:
            return os.read(self._master, 1 << 16)
        except OSError:  # Linux says so when nobody has the other end
            return b""

    def take(self, part: bytes) -> None:
        """Shows what was read."""
        self.closed = not part
        self.raw += part
        self._show(self._decoder.decode(part))

    def _show(self, text: str) -> None:
        text = STRANGE.sub("", self._rest + text)
        broken = BROKEN_OFF.search(text)
        cut = broken.start() if broken else len(text)
        self._rest = text[cut:]
        self._stream.feed(text[:cut])

    def until(self, true: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
        """Goes on showing what is written until something holds.

        Raises:
            AssertionError: it did not in time, or the program left before.
        """
        end = time.monotonic() + patience
        while not true():
            assert time.monotonic() < end, f"never: {what}\n{self.text}"
            if self.closed:
                assert true(), f"left before: {what}\n{self.text}"
                return
            self.pump(0.05)

    def wait(self, pattern: str, patience: float = PATIENCE) -> None:
        """Goes on until a regular expression is found on the screen."""
        self.until(lambda: re.search(pattern, self.text, re.MULTILINE), repr(pattern), patience)

    def leave(self, patience: float = PATIENCE) -> int:
        """Waits for the program to end; its exit code."""
        end = time.monotonic() + patience
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it did not end:\n{self.text}"
            self.pump(0.05)
        while self.pump(0.05):
            pass
        return self.process.returncode

    def written(self, seconds: float) -> int:
        """How many bytes it writes in a time."""
        before, end = len(self.raw), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self.closed:
            self.pump(left)
        return len(self.raw) - before


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def is_sane(raw: bytes) -> list[str]:
    """What a program left of the terminal otherwise than it found it; empty if it is as before."""
    modes = {"screen": 1049, "mouse": 1000, "motion": 1003, "SGR mouse": 1006, "paste": 2004}
    left = [
        name
        for name, number in modes.items()
        if raw.rfind(b"\x1b[?%dl" % number) < raw.rfind(b"\x1b[?%dh" % number)
    ]
    if raw.rfind(b"\x1b[?25h") < raw.rfind(b"\x1b[?25l"):
        left.append("cursor")
    return left


def processes(module: str, home: Path) -> list[psutil.Process]:
    """The living processes of a module (`core.server`, `core.train`) for a library."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        ours = module in line and any(str(home) in part for part in line)
        if ours and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def until(true: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Waits until something is so.

    Raises:
        AssertionError: it did not become so in time.
    """
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, f"never: {what}"
        select.select([], [], [], 0.02)


def end_all(home: Path) -> None:
    """Kills what a library's tests have left."""
    for module in ("core.train", "core.server"):
        for process in processes(module, home):
            process.send_signal(signal.SIGKILL)
