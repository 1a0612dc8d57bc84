"""Following a run that a detached trainer trains: the bar or the events, and the exit code."""

from __future__ import annotations

import contextlib

from core.run import status
from core.run import store as runs
from core.errors import RunFailedError
from core.run.events import STARTED, TERMINAL, Event
from core.run.directory import Run
from tui.cli.console import say
from tui.cli.ending import put_event, say_crashed, say_ending
from tui.cli.leaving import Leaving
from tui.cli.listening import Listening
from tui.cli.progress import TrainingView

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
    if runs.status_of(run) in status.ALIVE:
        say(f"\n{run.name} goes on without you.\n{ways_back(run)}")
    return LEFT


def ways_back(run: Run) -> str:
    """The commands for a run that is trained in the background, a line each."""
    return (
        f"  minigpt-tui attach {run.name}   to watch it\n"
        f"  minigpt-tui stop {run.name}     to save and stop it"
    )
