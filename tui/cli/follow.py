"""Training in the command's own process: signals, the bar or the events, and the exit code."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

from core.run import store as runs
from core.run.events import Event
from core.system.locks import Lock
from core.config.more import More
from core.paths import Home
from core.system.rank_env import Place
from core.run.directory import Run
from tui.cli.console import say
from tui.cli.ending import EXIT_CODES, put_event, say_ending

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def train_here(
    home: Home,
    run: Run,
    lock: Lock,
    *,
    as_json: bool,
    more: More | None = None,
    place: Place | None = None,
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


def _train(place: Place | None) -> Callable[..., None]:
    """The function that trains; PyTorch is imported now."""
    if place is None:
        from core.train.job import train

        return train
    from core.train.nodes import train_first

    return partial(train_first, place=place)


def help_along(home: Home, place: Place) -> int:
    """Trains along in this process with the first one; the exit code.

    Signals reach all processes of a job; the first one alone obeys them, and the others follow.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    from core.train.nodes import train_beside

    failure = train_beside(home, place)
    if failure is not None:
        say(f"Process {place.rank}: {failure['message']}\n{failure['hint']}")
    return int(failure is not None)


def _forget_if_never_begun(home: Home, run: Run, lock: Lock) -> None:
    """Removes a run that was interrupted before its trainer said anything."""
    if not run.events.exists():
        lock.release()
        runs.delete(home, run)


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
