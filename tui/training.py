"""Training a run whose lock is held: in the background and watched, left alone, or right here."""

from __future__ import annotations

import click

from core import launch
from core.events import Event
from core.locks import Lock
from core.more import More
from core.paths import Home
from core.run import Run
from tui.console import say
from tui.leaving import Leaving, on_a_terminal
from tui.listening import Listening


def carry_out(
    home: Home,
    run: Run,
    lock: Lock,
    *,
    detach: bool,
    foreground: bool,
    as_json: bool,
    more: More | None = None,
) -> int:
    """Trains the run in the way that was asked for; the exit code.

    Args:
        lock: the run's, held; free again, or the trainer's, afterwards.
    """
    from tui.follow import train_here
    from tui.watch import LEFT, wait_for_start, watch

    if foreground:
        return train_here(home, run, lock, as_json=as_json, more=more)
    listening = Listening(run)
    with Leaving(stops=not on_a_terminal()) as leaving:
        launch.start(home, run, lock, more)
        if not detach:
            return watch(run, leaving, listening, as_json=as_json)
        started = wait_for_start(run, leaving, listening)
    if started is None:
        return LEFT
    _tell_started(run, started, as_json)
    return 0


def _tell_started(run: Run, started: Event, as_json: bool) -> None:
    from tui.ending import put_event
    from tui.watch import ways_back

    if as_json:
        put_event(started)
    else:
        pid = started.whole("pid")
        say(f"{run.name} is trained in the background (process {pid}).\n{ways_back(run)}")


def check_ways(detach: bool, foreground: bool) -> None:
    """Refuses two ways at once.

    Raises:
        click.UsageError: both were asked for.
    """
    if detach and foreground:
        raise click.UsageError("Choose one of --detach and --foreground.")
