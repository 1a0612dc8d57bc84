"""Follows a run's file of events: in small pieces, on one timer, and only while somebody looks.

`RunReader` folds what is new into a `History` and knows no Textual; `RunFollower` is the timer.

The end of a trainer's log as lines that are safe to show, however long it is. No Textual.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from textual.message_pump import MessagePump
from textual.timer import Timer

from core.errors import DamagedError, MiniGPTError, StorageError
from core.run import status
from core.run.directory import Run
from core.run.event_log import EventTail
from core.run.events import BEAT, TERMINAL
from core.run.history import History
from core.system import locks
from core.system.machine import Host, this_host
from tui.common.sanitize import clean

BATCH_BYTES = 1 << 15
BUDGET_SECONDS = 0.03  # of reading at a time: keys are answered in between
REST_SECONDS = 0.01
PERIOD_SECONDS = 0.25
CALM_SECONDS = 1.0


class RunReader:
    """What a run has said so far, read piece by piece.

    Args:
        run: need not exist (any more): that is a `problem`.
        clock: Unix seconds now.
        timer: seconds of any origin, to stop in time.
        here: the machine that looks; None is this one.

    Attributes:
        history: everything read so far.
        word: the status, one of `status.WORDS`.
        share: how much of the file is read, 0 to 1; 1 once it was read to its end.
        problem: why nothing (more) can be read; None if all is well.
    """

    def __init__(
        self,
        run: Run,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
        here: Host | None = None,
    ) -> None:
        self._run, self._clock, self._timer, self._here = run, clock, timer, here
        self._tail = EventTail(run.events)
        self.history = History()
        self.word = status.STARTING
        self.share = 0.0
        self.problem: MiniGPTError | None = None

    def look(self, seconds: float = BUDGET_SECONDS) -> bool:
        """Reads what is new for at most about `seconds`; whether anything to show has changed."""
        before = (self.word, self.share, str(self.problem))
        # The lock first: a trainer says its last word before it lets go.
        held, taken = locks.is_held(self._run.lock), locks.acquired_at(self._run.lock)
        try:
            said = self._read(self._timer() + seconds)
            self.problem = None if self.share < 1.0 else self._missing()
        except DamagedError as error:
            said, self.problem = False, error
        except OSError as error:
            said = False
            self.problem = StorageError(f"{self._run.events} cannot be read: {error.strerror}.")
        if self.share == 1.0 and self.problem is None:
            self.word = self._status(held, taken)
        return said or before != (self.word, self.share, str(self.problem))

    def _read(self, until: float) -> bool:
        """Whether there was more than beats; stops when the time is over."""
        said = False
        while True:
            batch = self._tail.read(BATCH_BYTES)
            if self._tail.restarts:
                self._begin_again()
                return True
            if not batch:
                break
            self.history.apply_all(batch)
            said = said or any(event.type != BEAT for event in batch)
            if self._timer() >= until:
                self.share = min(0.99, self._part(self._run.events)) if self.share < 1.0 else 1.0
                return said
        self.share = 1.0
        return said

    def _begin_again(self) -> None:
        """The file is another one now: what was folded is void."""
        self.history, self._tail, self.share = History(), EventTail(self._run.events), 0.0

    def _part(self, path: Path) -> float:
        return self._tail.offset / max(1, path.stat().st_size)

    def _missing(self) -> MiniGPTError | None:
        """What is wrong with the run's files, as far as looking at them tells."""
        run = self._run
        if not run.folder.is_dir():
            return StorageError(
                f"The folder of {run.name} is gone: {run.folder}",
                "It was removed, renamed or is on a disk that is not there. Esc goes back.",
            )
        if run.events.is_dir() or (self._tail.offset and not self.history.time):
            return DamagedError(
                f"Nothing in {run.events} can be read.",
                "Put the file back from a copy; talking to the model (t) still works.",
            )
        if self.history.time and not run.events.exists():
            return DamagedError(
                f"{run.events} is gone.", "What it said so far is still shown; copy what you need."
            )
        return None

    def _status(self, held: bool, taken: float) -> str:
        """As `status.status` says it, without reading the file again."""
        history = self.history
        if held:
            return status.STARTING if history.time < taken else history.word
        if history.time and history.word in TERMINAL:
            return history.word
        here = self._here or this_host()
        host, boot = history.started.get("host"), history.started.get("boot")
        near = here.is_same_machine(host, boot) or not history.started
        quiet = self._clock() - history.time > status.SILENCE_SECONDS
        return status.CRASHED if near or quiet else history.word


class RunFollower:
    """Looks at a run again and again, on one timer.

    While there is a backlog it reads on after short rests, and tells no more often than else.

    Args:
        node: whose timer it is; nothing is looked at once it is gone.
        reader: what is looked with.
        tell: called when there is something else to show.
        calm: whether to look only once a second, for slow lines.
    """

    def __init__(
        self, node: MessagePump, reader: RunReader, tell: Callable[[], None], *, calm: bool = False
    ) -> None:
        self._node, self._reader, self._tell = node, reader, tell
        self._period = CALM_SECONDS if calm else PERIOD_SECONDS
        self._timer: Timer | None = None
        self._untold, self._told = False, float("-inf")

    def resume(self) -> None:
        """Looks now, and from now on."""
        self.pause()
        self._look()

    def pause(self) -> None:
        """Looks no more."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _look(self) -> None:
        self._untold = self._reader.look() or self._untold
        behind = self._reader.share < 1.0
        now = time.monotonic()
        if self._untold and (not behind or now - self._told >= self._period):
            self._untold, self._told = False, now
            self._tell()
        rest = REST_SECONDS if behind else self._period
        self._timer = self._node.set_timer(rest, self._look, name="tailing")


MOST_BYTES = 1 << 20
LONGEST = 2000  # characters of a line
CUT = "… (the beginning is left out)"


def last_lines(path: Path, count: int | None = None, most: int = MOST_BYTES) -> list[str]:
    """The last lines, at most `count`, of at most the last `most` bytes.

    Control codes are made visible and long lines cut. Where the beginning is left out, the first
    line says so, unless only `count` were asked for.

    Raises:
        OSError: it cannot be read; a log that is not there has no lines.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            text = file.read(most).decode(errors="replace")
    except FileNotFoundError:
        return []
    lines = [_line(line) for line in text.split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    if size > most:
        lines[:1] = [CUT] if count is None else []
    return lines if count is None else lines[max(0, len(lines) - count) :]


def _line(raw: str) -> str:
    """One line; of one that was written over again and again the last state."""
    last = raw.removesuffix("\r").rpartition("\r")[2]
    shown = clean(last[: LONGEST + 1]).expandtabs(4)
    return shown if len(last) <= LONGEST else shown[:LONGEST] + "…"
