"""Watching a detached trainer: a progress bar or JSON events until it ends or a signal comes."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import time
from collections.abc import Iterator

from core.errors import RunFailedError
from core.run import control_file
from core.run.directory import Run
from core.run.events import END_EVENTS, STARTED, Event
from core.run.follow import RunFollower
from core.run.history import History
from core.run.status import LIVE_STATUSES, SILENCE_SECONDS, silence_reason, status_of
from core.run.store import send_request
from core.system.signals import StopSignals
from tui.cli.console import print_event, print_message
from tui.cli.outcome import alert_terminal, report_crash, report_outcome
from tui.cli.progress import TrainingView

EXIT_DETACHED = 130  # a signal ended the watching
READ_SECONDS = 0.1  # of one poll
POLL_SECONDS = 0.1
REMOTE_POLL_SECONDS = 1.0  # checking for a trainer on another machine reads more than its lock


def is_interactive() -> bool:
    """Whether a person may be watching; a closed standard stream is not a terminal."""
    return any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


class SuspensionNotice:
    """Explains once why a request is not answered if the trainer is suspended (SIGSTOP).

    Args:
        run: that the request was sent to.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._due_at = time.monotonic() + SILENCE_SECONDS

    def print_if_due(self) -> None:
        """Print the notice once, a second after the request."""
        if time.monotonic() >= self._due_at:
            self._due_at = math.inf
            if reason := silence_reason(self._run):
                print_message(reason)


class WatchSignals(StopSignals):
    """Decides what a signal means while a run is watched. Enter it before starting the trainer.

    The handler only remembers signals, as it may interrupt a write; the watching loop calls
    `should_detach`.

    Args:
        stops_trainer: pass the first signal on to the trainer as a stop request.
        is_tied: the trainer ends with this process.
    """

    def __init__(self, *, stops_trainer: bool, is_tied: bool = False) -> None:
        super().__init__()
        self._stops_trainer = stops_trainer
        self.is_tied = is_tied
        self._notice: SuspensionNotice | None = None

    def should_detach(self, run: Run) -> bool:
        """Handle pending signals: whether to stop watching, having sent a stop if wanted.

        A hang-up never stops the trainer. A trainer that is suspended is named a second after the
        stop.
        """
        while (number := self.pop()) is not None:
            if not self._stops_trainer or number == signal.SIGHUP:
                return True
            self._stops_trainer = False
            send_request(run, control_file.STOP, reason=number.name)
            effect = "ends it at once" if self.is_tied else "only ends the watching"
            print_message(
                f"{number.name}: saving and stopping {run.name}… Another signal {effect}."
            )
            self._notice = SuspensionNotice(run)
        if self._notice is not None:
            self._notice.print_if_due()
        return False


def follow_events(follower: RunFollower) -> Iterator[list[Event]]:
    """Batches of new events until the trainer is gone; an empty batch after each idle wait.

    Raises:
        MiniGPTError: the run's files are gone or cannot be read.
    """
    while True:
        events = follower.poll(READ_SECONDS).events
        if follower.problem is not None and not follower.is_held:
            raise follower.problem
        if not events and not follower.is_over:
            time.sleep(POLL_SECONDS if follower.is_held else REMOTE_POLL_SECONDS)
        yield events
        if follower.is_over:
            return


def watch(
    run: Run,
    signals: WatchSignals,
    follower: RunFollower,
    *,
    as_json: bool,
    quiet_before: float = 0.0,
) -> int:
    """Show a run until its trainer is gone or a signal ends the watching; the exit code.

    Args:
        signals: entered.
        follower: at the start of the log, or polled up to its end before the trainer was started:
            the end of an earlier training is not the end of this one.
        quiet_before: Unix seconds; earlier events move the bar but print no messages.
    """
    has_ended = is_leaving = has_trained = False
    with TrainingView(run.name) as view:
        for events in follow_events(follower):
            has_trained = has_trained or not follower.is_over
            if not follower.is_over and signals.should_detach(run):
                is_leaving = True
                break
            for event in events:
                has_ended = event.type in END_EVENTS or (has_ended and event.type != STARTED)
                if as_json:
                    print_event(event)
            if events:
                with contextlib.suppress(OSError):  # the terminal is gone; keep watching
                    view.show(events, follower.history, quiet_before=quiet_before)
    if is_leaving:
        if not signals.is_tied:
            _print_next_commands(run)
        return EXIT_DETACHED
    if has_trained:
        alert_terminal(run, follower.history)
    if not has_ended:
        return report_crash(run, follower.history)
    return report_outcome(run, follower.history, as_json=as_json)


def wait_for_start(run: Run, signals: WatchSignals, follower: RunFollower) -> Event | None:
    """The `started` event of a trainer just launched; None if a signal ended the waiting.

    After a signal that stops the trainer it returns once the trainer is gone.

    Args:
        signals: entered.
        follower: polled up to the end of the log before the launch.

    Raises:
        RunFailedError: the trainer ended before it started.
    """
    started: Event | None = None
    for events in follow_events(follower):
        if not follower.is_over and signals.should_detach(run):
            _print_next_commands(run)
            return None
        started = next((event for event in events if event.type == STARTED), started)
        if started and not signals.requested:
            return started
    if started:
        return started
    report_crash(run, History())
    raise RunFailedError(f"{run.name} did not start.", f"See {run.log}.")


def _print_next_commands(run: Run) -> None:
    if status_of(run) in LIVE_STATUSES:
        print_message(f"\n{run.name} continues training.\n{background_commands(run)}")


def background_commands(run: Run) -> str:
    """The commands for a run trained in the background, one per line."""
    return (
        f"  minigpt-tui attach {run.name}   to watch it\n"
        f"  minigpt-tui stop {run.name}     to save and stop it"
    )
