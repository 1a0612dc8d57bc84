"""Training a run whose lock is held: in the background and watched, left alone, or right here."""

from __future__ import annotations

import click

from core import launch
from core.locks import Lock
from core.more import More
from core.paths import Home
from core.run import Run
from tui.console import say


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
    from tui.ending import put_event
    from tui.follow import train_here
    from tui.watch import wait_for_start, watch

    if foreground:
        return train_here(home, run, lock, as_json=as_json, more=more)
    launch.start(home, run, lock, more)
    if not detach:
        return watch(run, as_json=as_json, since=lock.taken)
    started = wait_for_start(run, lock.taken)
    if as_json:
        put_event(started)
        return 0
    say(
        f"{run.name} is trained in the background (process {started.whole('pid')}).\n"
        f"  minigpt-tui attach {run.name}   to watch it\n"
        f"  minigpt-tui stop {run.name}     to save and stop it"
    )
    return 0


def check_ways(detach: bool, foreground: bool) -> None:
    """Refuses two ways at once.

    Raises:
        click.UsageError: both were asked for.
    """
    if detach and foreground:
        raise click.UsageError("Choose one of --detach and --foreground.")
