"""Following a run that a detached trainer trains: the bar or the events, signals, the exit code.

Who watches can leave: on a terminal Ctrl+C and a hang-up end the watching only. Without one, as
under a batch system, they are passed on as a request to stop.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from core import requests, runs, status
from core.errors import RunFailedError
from core.eventlog import EventTail
from core.events import STARTED, TERMINAL, Event
from core.run import Run
from tui.console import say
from tui.ending import put_event, say_crashed, say_ending
from tui.progress import TrainingView

LOOK_SECONDS = 0.1
LEFT = 130


def watch(run: Run, *, as_json: bool, since: float = 0.0) -> int:
    """Follows a run until its trainer is gone; the exit code.

    Args:
        since: Unix seconds; what was said before is taken in without showing it line by line.
    """
    tail, last = EventTail(run.events), dict[str, Event]()
    with TrainingView(run.name) as view, _signals(run) as leaving:
        while not leaving.is_set():
            alive = runs.status_of(run) in status.ALIVE
            batch = tail.read()
            for event in batch:
                last[event.type] = event
                if as_json and event.time >= since:
                    put_event(event)
            with contextlib.suppress(OSError):  # a terminal that is gone ends the showing only
                view.show(batch, silent_before=since)
            if not alive and not batch:
                break
            if not batch:
                leaving.wait(LOOK_SECONDS)
    if leaving.is_set():
        return _left(run)
    ending = max((last[type] for type in TERMINAL if type in last), key=_order, default=None)
    started = last.get(STARTED)
    if ending is None or (started and _order(started) > _order(ending)):
        return say_crashed(run, last)
    return say_ending(run, last, ending, as_json=as_json)


def _order(event: Event) -> tuple[float, int]:
    return event.time, event.type in TERMINAL


def _left(run: Run) -> int:
    if runs.status_of(run) in status.ALIVE:
        say(
            f"\n{run.name} goes on without you.\n"
            f"  minigpt-tui attach {run.name}   to watch again\n"
            f"  minigpt-tui stop {run.name}     to save and stop it"
        )
    return LEFT


def wait_for_start(run: Run, taken: float) -> Event:
    """The `started` event of the trainer that has just been launched.

    Args:
        taken: when the run's lock was taken for it, Unix seconds.

    Raises:
        RunFailedError: it ended before it said anything.
    """
    tail, pause = EventTail(run.events), threading.Event()
    while True:
        alive = runs.status_of(run) in status.ALIVE
        for event in tail.read():
            if event.type == STARTED and event.time >= taken:
                return event
        if not alive:
            code = say_crashed(run, {})
            raise RunFailedError(f"{run.name} did not start ({code}).", f"See {run.log}.")
        pause.wait(LOOK_SECONDS)


@contextlib.contextmanager
def _signals(run: Run) -> Iterator[threading.Event]:
    """An event that is set when the watching is to end."""
    leaving = threading.Event()
    terminal = sys.stdin.isatty() or sys.stderr.isatty()
    asked: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        if terminal or asked:
            leaving.set()
            return
        asked.append(number)
        name = signal.Signals(number).name
        runs.request(run, requests.STOP, reason=name)
        say(f"{name}: {run.name} saves and stops; once more ends the watching only.")

    before = {number: signal.signal(number, handle) for number in WATCHED}
    try:
        yield leaving
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
