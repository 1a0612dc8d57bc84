"""Following a run that a detached trainer trains: the bar or the events, and the exit code.

How a run ended, in words and as an exit code.

Signals to whoever watches a trainer: they end the watching, or are passed on as a stop.

The handler only notes them; what is to be done is done by the loop that watches, which may be in
the middle of writing when a signal comes.

Listening to a trainer through its run's events, until it is gone.
"""

from __future__ import annotations

import contextlib
import shlex
import signal
import sys
import time
from collections.abc import Mapping
from itertools import islice
from types import FrameType, TracebackType
from typing import Self

from core.errors import RunFailedError
from core.paths import Home
from core.run import control_file, events, status, store
from core.run.directory import Run
from core.run.event_log import EventTail, events_backwards
from core.run.events import STARTED, TERMINAL, Event
from core.run.status import why_vanished
from core.system import locks
from core.system.line_files import read_lines_backwards
from tui.cli.console import discard_output, put, put_json, say
from tui.cli.progress import TrainingView

EXIT_CODES = {events.FINISHED: 0, events.FAILED: 1, events.STOPPED: 130}
CRASHED = 1
USAGE = 2
LOG_LINES = 10


def put_event(event: Event) -> None:
    """One event on stdout as the file has it; training goes on when nobody reads it any more."""
    try:
        put_json({"type": event.type, "time": event.time, "step": event.step} | dict(event.fields))
    except BrokenPipeError:
        discard_output()


def forget_if_refused(home: Home, run: Run, code: int) -> None:
    """Removes a new run that could never begin for something asked that cannot be used."""
    if code == USAGE and not run.checkpoints.exists():
        store.delete(home, run)
        say(f"Nothing was kept of {run.name}.")


def say_ending(run: Run, last: Mapping[str, Event], ending: Event, *, as_json: bool) -> int:
    """Says how it ended and what can be done; the exit code.

    Args:
        last: the last event of each type.
        ending: the one that ended it.
    """
    if ending.type == events.FAILED:
        say(f"{run.name} failed: {ending.text('message')}\n{ending.text('hint')}")
        return ending.whole("code") or EXIT_CODES[events.FAILED]
    if ending.type == events.STOPPED:
        kept = "saved" if run.last_checkpoint.is_file() else "nothing to save yet"
        say(
            f"{run.name} stopped at step {ending.step}, {kept} ({ending.text('reason')}).\n"
            f"To go on: minigpt-tui resume {run.name}"
        )
    elif not as_json:
        _show_sample(run, last)
    return EXIT_CODES[ending.type]


def say_crashed(run: Run, last: Mapping[str, Event]) -> int:
    """Says that the trainer is gone without a word; the exit code."""
    lines = [
        line.decode(errors="replace") for line in islice(read_lines_backwards(run.log), LOG_LINES)
    ]
    reason = why_vanished(last)
    told = [f"{run.name} crashed: its trainer is gone{f', {reason}' if reason else ''}."]
    if lines:
        told += [f"The end of its log ({run.log}):", *(f"  {line}" for line in reversed(lines))]
    told.append(f"Nothing before its last checkpoint is lost: minigpt-tui resume {run.name}")
    say("\n".join(told))
    return CRASHED


def _show_sample(run: Run, last: Mapping[str, Event]) -> None:
    prepared, row = last.get(events.PREPARED), last.get(events.EPOCH) or _last_row(run)
    prompt = str(prepared.table("train").get("sample_prompt") or "") if prepared else ""
    text = (row.text("text") if row else None) or ""
    say(f"{run.name} is trained. It goes on from {prompt!r} with:")
    put(text.strip())
    say(f"More: minigpt-tui generate {run.name} {shlex.quote(prompt)}")


def _last_row(run: Run) -> Event | None:
    """A trainer that was killed after its last row, but before its last word, leaves no other."""
    told = events_backwards(run.events)
    return next((event for event in told if event.type == events.EPOCH), None)


WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_a_terminal() -> bool:
    """Whether a person may be watching; a standard stream that was closed is no terminal."""
    return any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


class Leaving:
    """Heeds signals while it is entered; enter it before the trainer is started.

    A signal that is ignored from the start, as `nohup` has it, stays ignored.

    Args:
        stops: whether a first signal is passed on to the trainer as a stop.
        tied: whether the trainer ends with this process.
    """

    def __init__(self, *, stops: bool, tied: bool = False) -> None:
        self._stops = stops
        self.tied = tied
        self._noted: list[signal.Signals] = []

    def __enter__(self) -> Self:
        heeded = [number for number in WATCHED if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._note) for number in heeded}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _note(self, number: int, _: FrameType | None) -> None:
        self._noted.append(signal.Signals(number))

    def now(self, run: Run) -> bool:
        """Whether to end the watching; passes a first signal on instead, if that is wanted.

        A hang-up is nobody's wish to stop.
        """
        while self._noted:
            number = self._noted.pop(0)
            if not self._stops or number == signal.SIGHUP:
                return True
            self._stops = False
            store.request(run, control_file.STOP, reason=number.name)
            again = "ends it at once" if self.tied else "ends the watching only"
            say(f"{number.name}: {run.name} saves and stops; once more {again}.")
        return False


LOOK_SECONDS = 0.1
FAR_LOOK_SECONDS = 1.0  # whether a distant trainer lives takes more than a look at its lock


class Listening:
    """What a run's trainer says, as it comes.

    Args:
        tail: where to begin; at the end of what was said so far if None.

    Attributes:
        over: the trainer is gone and all it said is read.
    """

    def __init__(self, run: Run, tail: EventTail | None = None) -> None:
        self._run = run
        self._tail = tail or EventTail.at_end(run.events)
        self.over = False

    def read(self) -> list[Event]:
        """What is new; waits a moment where nothing is."""
        if batch := self._tail.read():
            return batch
        here = locks.is_held(self._run.lock)
        if here or store.status_of(self._run) in status.ALIVE:
            time.sleep(LOOK_SECONDS if here else FAR_LOOK_SECONDS)
            return []
        # It may have said its last word and gone between the two looks.
        batch = self._tail.read()
        self.over = not batch
        return batch


LEFT = 130


def watch(
    run: Run,
    leaving: Leaving,
    listening: Listening,
    *,
    as_json: bool,
    silent_before: float = 0.0,
) -> int:
    """Follows a run until its trainer is gone; the exit code.

    Args:
        leaving: entered.
        listening: from the beginning, or from before a trainer was started: what ended an earlier
            one is not its end.
        silent_before: Unix seconds; what was said before is taken in, but not shown in words.
    """
    last: dict[str, Event] = {}
    with TrainingView(run.name) as view:
        while not listening.over and not leaving.now(run):
            batch = listening.read()
            for event in batch:
                if event.type == STARTED:
                    last.clear()
                last[event.type] = event
                if as_json:
                    put_event(event)
            if batch:
                with contextlib.suppress(OSError):  # a terminal that is gone ends the showing only
                    view.show(batch, silent_before=silent_before)
    if not listening.over:
        return LEFT if leaving.tied else _left(run)
    ending = next((last[type] for type in TERMINAL if type in last), None)
    if ending is None:
        return say_crashed(run, last)
    return say_ending(run, last, ending, as_json=as_json)


def wait_for_start(run: Run, leaving: Leaving, listening: Listening) -> Event | None:
    """The `started` event of a trainer just launched; None if a signal ended the waiting.

    Args:
        leaving: entered.
        listening: from before it was launched.

    Raises:
        RunFailedError: it ended before it said anything.
    """
    while not listening.over:
        if leaving.now(run):
            _left(run)
            return None
        for event in listening.read():
            if event.type == STARTED:
                return event
    say_crashed(run, {})
    raise RunFailedError(f"{run.name} did not start.", f"See {run.log}.")


def _left(run: Run) -> int:
    if store.status_of(run) in status.ALIVE:
        say(f"\n{run.name} goes on without you.\n{ways_back(run)}")
    return LEFT


def ways_back(run: Run) -> str:
    """The commands for a run that is trained in the background, a line each."""
    return (
        f"  minigpt-tui attach {run.name}   to watch it\n"
        f"  minigpt-tui stop {run.name}     to save and stop it"
    )
