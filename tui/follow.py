"""Training in the command's own process: signals, the bar or the events, and the exit code."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from core import runs
from core.events import Event
from core.locks import Lock
from core.more import More
from core.paths import Home
from core.run import Run
from tui.console import say
from tui.ending import EXIT_CODES, put_event, say_ending


def train_here(home: Home, run: Run, lock: Lock, *, as_json: bool, more: More | None = None) -> int:
    """Trains the run until it ends or a signal stops it; the exit code."""
    from tui.progress import TrainingView

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
                from core.training import train

                train(home, run, lock, listeners=[listen], on_control=on_stop, more=more)
            except KeyboardInterrupt:
                _forget_if_never_begun(home, run, lock)
                raise
    ending = next(last[type] for type in EXIT_CODES if type in last)
    return say_ending(run, last, ending, as_json=as_json)


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

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    # What is ignored from the start, as `nohup` has it, stays so.
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield register
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
