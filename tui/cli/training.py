"""Training a run whose lock is held: in the background and watched, left alone, or right here."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass

import click

from core.run import launch
from core.run.events import Event
from core.system.locks import Lock
from core.config.more import More
from core.paths import Home
from core.system.rank_env import Place, place_in
from core.run.record import read_asked, read_record
from core.run.directory import Run
from tui.cli.console import say
from tui.cli.leaving import Leaving, on_a_terminal
from tui.cli.listening import Listening


@dataclass(frozen=True, kw_only=True)
class Ways:
    """How a run is to be trained and shown.

    Attributes:
        detach: return once the trainer has started.
        foreground: train in this process, or in some that end with it.
        as_json: show events instead of a bar.
        devices: how many train together; None is as the run was asked for.
        place: this process's among those that torchrun or Slurm began; None where none did.
    """

    detach: bool = False
    foreground: bool = False
    as_json: bool = False
    devices: int | None = None
    place: Place | None = None

    @property
    def beside(self) -> Place | None:
        """The place of a process that trains along with another one, which has the run."""
        return self.place if self.place and not self.place.first else None


def ways_of(*, detach: bool, foreground: bool, as_json: bool, devices: int | None) -> Ways:
    """The ways that were asked for, in a process that somebody may have begun with others.

    Raises:
        click.UsageError: two of them at once, or some that such a process has not.
        InputError: what torchrun or Slurm say does not fit together.
    """
    if detach and foreground:
        raise click.UsageError("Choose one of --detach and --foreground.")
    place = place_in(os.environ)
    if place is None or place.world == 1:
        return Ways(detach=detach, foreground=foreground, as_json=as_json, devices=devices)
    if detach or devices is not None:
        raise click.UsageError(
            f"This is process {place.rank} of {place.world} that were begun together: they train "
            "themselves, one on each device. Leave --detach and --devices out."
        )
    return Ways(foreground=True, as_json=as_json, devices=1, place=place)


def carry_out(home: Home, run: Run, lock: Lock, ways: Ways, more: More | None = None) -> int:
    """Trains the run in the way that was asked for; the exit code.

    Args:
        lock: the run's, held; free again, or the trainer's, afterwards.
    """
    from tui.cli.follow import train_here
    from tui.cli.watch import LEFT, wait_for_start, watch

    with ExitStack() as held:
        held.push(lock)  # free again if what the run asked for cannot be read
        tied = ways.foreground and _several(run, ways)
        held.pop_all()
    if ways.foreground and not tied:
        return train_here(home, run, lock, as_json=ways.as_json, more=more, place=ways.place)
    listening = Listening(run)
    with Leaving(stops=tied or not on_a_terminal(), tied=tied) as leaving:
        launch.start(home, run, lock, more, devices=ways.devices, tied=tied)
        if not ways.detach:
            return watch(run, leaving, listening, as_json=ways.as_json)
        started = wait_for_start(run, leaving, listening)
    if started is None:
        return LEFT
    _tell_started(run, started, ways.as_json)
    return 0


def _several(run: Run, ways: Ways) -> bool:
    """Whether it takes more than one process, which cannot all be this one."""
    if ways.devices is None:
        return read_asked(run, read_record(run)).devices != 1
    return ways.devices != 1


def _tell_started(run: Run, started: Event, as_json: bool) -> None:
    from tui.cli.ending import put_event
    from tui.cli.watch import ways_back

    if as_json:
        put_event(started)
    else:
        pid = started.whole("pid")
        say(f"{run.name} is trained in the background (process {pid}).\n{ways_back(run)}")
