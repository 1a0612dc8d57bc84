"""Training a run whose lock is held: in the background and watched, left alone, or right here.

Training in the command's own process: signals, the bar or the events, and the exit code.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType

import click

from core.config.configs import Extension
from core.paths import Home
from core.run import launch, store
from core.run.directory import Run
from core.run.events import Event
from core.run.record import read_asked, read_record
from core.system.locks import Lock
from core.system.rank_env import RankInfo, read_rank_info
from tui.cli.console import say
from tui.cli.watch import EXIT_CODES, Leaving, Listening, on_a_terminal, put_event, say_ending


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
    place: RankInfo | None = None

    @property
    def beside(self) -> RankInfo | None:
        """The place of a process that trains along with another one, which has the run."""
        return self.place if self.place and not self.place.is_rank_0 else None


def ways_of(*, detach: bool, foreground: bool, as_json: bool, devices: int | None) -> Ways:
    """The ways that were asked for, in a process that somebody may have begun with others.

    Raises:
        click.UsageError: two of them at once, or some that such a process has not.
        InputError: what torchrun or Slurm say does not fit together.
    """
    if detach and foreground:
        raise click.UsageError("Choose one of --detach and --foreground.")
    place = read_rank_info(os.environ)
    if place is None or place.world_size == 1:
        return Ways(detach=detach, foreground=foreground, as_json=as_json, devices=devices)
    if detach or devices is not None:
        raise click.UsageError(
            f"This is process {place.rank} of {place.world_size} started together, one per device. "
            "Leave out --detach and --devices."
        )
    return Ways(foreground=True, as_json=as_json, devices=1, place=place)


def carry_out(home: Home, run: Run, lock: Lock, ways: Ways, more: Extension | None = None) -> int:
    """Trains the run in the way that was asked for; the exit code.

    Args:
        lock: the run's, held; free again, or the trainer's, afterwards.
    """
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
    from tui.cli.watch import put_event, ways_back

    if as_json:
        put_event(started)
    else:
        pid = started.whole("pid")
        say(f"{run.name} is trained in the background (process {pid}).\n{ways_back(run)}")


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def train_here(
    home: Home,
    run: Run,
    lock: Lock,
    *,
    as_json: bool,
    more: Extension | None = None,
    place: RankInfo | None = None,
) -> int:
    """Trains the run until it ends or a signal stops it; the exit code.

    Args:
        place: this process's, the first among several that train together.
    """
    from tui.cli.progress import TrainingView

    with TrainingView(run.name) as view:
        last: dict[str, Event] = {}

        def listen(event: Event) -> None:
            last[event.type] = event
            if as_json:
                put_event(event)
            # A terminal that is gone ends the showing, not the training.
            with contextlib.suppress(OSError):
                view.show([event])

        say(f"{run.name}: loading PyTorch")
        with stopping_on_signals() as on_stop:
            try:
                _train(place)(home, run, lock, listeners=[listen], on_control=on_stop, more=more)
            except KeyboardInterrupt:
                _forget_if_never_begun(home, run, lock)
                raise
    ending = next(last[type] for type in EXIT_CODES if type in last)
    return say_ending(run, last, ending, as_json=as_json)


def _train(place: RankInfo | None) -> Callable[..., None]:
    """The function that trains; PyTorch is imported now."""
    if place is None:
        from core.train.job import train

        return train
    from core.train.launchers import train_as_rank_0

    return partial(train_as_rank_0, place=place)


def help_along(home: Home, place: RankInfo) -> int:
    """Trains along in this process with the first one; the exit code.

    Signals reach all processes of a job; the first one alone obeys them, and the others follow.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    from core.train.launchers import train_as_joined_rank

    failure = train_as_joined_rank(home, place)
    if failure is not None:
        say(f"Process {place.rank}: {failure['message']}\n{failure['hint']}")
    return int(failure is not None)


def _forget_if_never_begun(home: Home, run: Run, lock: Lock) -> None:
    """Removes a run that was interrupted before its trainer said anything."""
    if not run.events.exists():
        lock.release()
        store.delete(home, run)


@contextmanager
def stopping_on_signals() -> Iterator[Callable[[Callable[[str], None]], None]]:
    """Turns SIGINT, SIGTERM and SIGHUP into a stop that saves; a second one ends at once.

    Yields a function that is told how to stop, once there is something to be stopped. A signal
    before that is remembered: raised in the middle of an import it could be lost.
    """
    stop: list[Callable[[str], None]] = []
    asked: list[str] = []

    def handle(number: int, _: FrameType | None) -> None:
        for restored, previous in before.items():
            signal.signal(restored, previous)
        asked.append(signal.Signals(number).name)
        for tell in stop:
            tell(asked[0])
        # After a hang-up there is nobody to tell.
        with contextlib.suppress(OSError):
            say("\nStopping after this step; once more ends at once.")

    def register(tell: Callable[[str], None]) -> None:
        stop.append(tell)
        for name in asked:
            tell(name)

    # What is ignored from the start, as `nohup` has it, stays so.
    heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield register
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
