"""Training in the command's own process: signals, the bar or the events, and the exit code."""

from __future__ import annotations

import contextlib
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from core import events, runs
from core.events import Event
from core.locks import Lock
from core.paths import Home
from core.run import Run
from tui.console import discard_output, put, put_json, say

USAGE = 2  # something asked for cannot be used
EXIT_CODES = {events.FINISHED: 0, events.FAILED: 1, events.STOPPED: 130}


def train_here(home: Home, run: Run, lock: Lock, *, as_json: bool) -> int:
    """Trains the run until it ends or a signal stops it; the exit code."""
    from tui.progress import TrainingView

    with TrainingView(run.name) as view:
        last: dict[str, Event] = {}

        def listen(event: Event) -> None:
            last[event.type] = event
            if as_json:
                _put(event)
            # A terminal that is gone ends the showing, not the training.
            with contextlib.suppress(OSError):
                view.show([event])

        say(f"{run.name}: loading PyTorch")
        with stopping_on_signals() as on_stop:
            try:
                from core.training import train

                train(home, run, lock, listeners=[listen], on_control=on_stop)
            except KeyboardInterrupt:
                _forget_if_never_begun(home, run, lock)
                raise
    code = _say_how_it_ended(run, last, as_json)
    if code == USAGE and not run.checkpoints.exists():
        runs.delete(home, run)
        say(f"Nothing was kept of {run.name}.")
    return code


def _put(event: Event) -> None:
    """One event on stdout; training goes on when nobody reads it any more."""
    try:
        put_json({"type": event.type, "time": event.time, "step": event.step} | dict(event.fields))
    except BrokenPipeError:
        discard_output()


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
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield register
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _say_how_it_ended(run: Run, last: dict[str, Event], as_json: bool) -> int:
    ending = next(last[type] for type in EXIT_CODES if type in last)
    if ending.type == events.FAILED:
        say(f"{run.name} failed: {ending.text('message')}\n{ending.text('hint')}")
        return ending.whole("code") or EXIT_CODES[events.FAILED]
    if ending.type == events.STOPPED:
        kept = "saved" if events.SAVED in last else "nothing to save yet"
        say(f"{run.name} stopped at step {ending.step}, {kept} ({ending.text('reason')}).")
    elif not as_json:
        _show_sample(run, last)
    return EXIT_CODES[ending.type]


def _show_sample(run: Run, last: dict[str, Event]) -> None:
    prepared, row = last.get(events.PREPARED), last.get(events.EPOCH)
    prompt = str(prepared.table("train").get("sample_prompt") or "") if prepared else ""
    text = (row.text("text") if row else None) or ""
    say(f"{run.name} is trained. It goes on from {prompt!r} with:")
    put(text.strip())
    say(f"More: minigpt-tui generate {run.name} {shlex.quote(prompt)}")
