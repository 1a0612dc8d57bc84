"""The status of a run, from its event log and its lock.

`next_state` folds events into the state they imply. The lock then decides whether the trainer is
still alive (`combine_status`). `status_of` reads both from disk, and of the log only the end.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from core.run.directory import Run
from core.run.event_log import events_backwards
from core.run.events import (
    CHANGED,
    END_EVENTS,
    FINISHED,
    IMPORTED,
    PREPARE,
    PREPARED,
    STARTED,
    TRAINING_EVENTS,
    Event,
    decode,
)
from core.run.run_lock import read_lengths
from core.system import locks
from core.system.line_files import read_lines_backwards
from core.system.machine import Host, this_host
from core.system.process import is_suspended

STARTING = "starting"
PREPARING = "preparing"
RUNNING = "running"
PAUSED = "paused"
STOPPED = "stopped"
FAILED = "failed"
CRASHED = "crashed"

LIVE_STATUSES = frozenset({STARTING, PREPARING, RUNNING, PAUSED})
RESUMABLE_STATUSES = frozenset({STOPPED, FAILED, CRASHED})
MAX_STARTED_BYTES = 1 << 28  # of the end of a log, within which `started` is expected

STATUSES = (
    STARTING, PREPARING, RUNNING, PAUSED, FINISHED, STOPPED, FAILED, CRASHED, IMPORTED,
)  # fmt: skip

# A trainer on another machine counts as crashed after this much silence. It must be several times
# `event_log.HEARTBEAT_SECONDS`.
MAX_SILENCE_SECONDS = 90.0
MAX_CLOCK_SKEW_SECONDS = 600.0

SILENCE_SECONDS = 1.0  # without an answer to a request, after which `silence_reason` is shown


class EventState(NamedTuple):
    """The state that the events imply, whether or not the trainer is still alive.

    Attributes:
        status: one of STATUSES except CRASHED.
        paused_at: step of the pause while the status is PAUSED, else None.
    """

    status: str = STARTING
    paused_at: int | None = None


def next_state(state: EventState, event: Event) -> EventState:
    """The state after `event`."""
    status = _implied_status(event)
    if status is not None:
        return EventState(status, event.step if status == PAUSED else None)
    # Events of the step at which the run paused may be written after the pause itself.
    is_late = state.paused_at is not None and event.step <= state.paused_at
    return EventState(RUNNING) if event.type in TRAINING_EVENTS and not is_late else state


def _implied_status(event: Event) -> str | None:
    """The status an event implies on its own; None if that depends on the events before it."""
    if event.type in END_EVENTS:
        return event.type
    if event.type in (STARTED, PREPARE):
        return PREPARING
    if event.type == PREPARED:
        return RUNNING
    if event.type == CHANGED:
        return {"pause": PAUSED, "continue": RUNNING}.get(event.text("action") or "")
    return None


class LockState(NamedTuple):
    """The state of a run's lock.

    Attributes:
        is_held: whether a process on this machine holds it.
        events: bytes of the event log when it was last taken; None if unknown.
    """

    is_held: bool
    events: int | None = None


def read_lock(run: Run) -> LockState:
    """Read the lock; do so before the events, as a trainer writes its last event before release.

    Raises:
        DamagedError: the lock is not a plain file.
    """
    lengths = read_lengths(run)
    return LockState(locks.is_held(run.lock), lengths.events if lengths else None)


def combine_status(
    state: EventState,
    last_event_time: float | None,
    log_bytes: int,
    lock: LockState,
    is_remote: Callable[[], bool],
    now: float,
) -> str:
    """The status of a run; one of STATUSES.

    Args:
        last_event_time: Unix seconds; None if there are no events.
        log_bytes: length of the event log.
        is_remote: whether the last trainer was started on another machine, whose lock may be
            invisible here; called only where it matters.
        now: Unix seconds.
    """
    if lock.is_held:
        is_new = last_event_time is None or (lock.events is not None and log_bytes <= lock.events)
        return STARTING if is_new else state.status
    if last_event_time is None:
        return CRASHED
    if state.status in END_EVENTS:
        return state.status
    silence = now - last_event_time
    # Clocks of two machines differ, but a time far ahead is one from before a clock was set back.
    is_silent = not -MAX_CLOCK_SKEW_SECONDS < silence <= MAX_SILENCE_SECONDS
    return CRASHED if is_silent or not is_remote() else state.status


def status_of(run: Run, now: float | None = None, here: Host | None = None) -> str:
    """The status of a run; one of STATUSES.

    Args:
        now: Unix seconds; None reads the clock.
        here: this machine; only tests pass another one.

    Raises:
        DamagedError: the events or the lock cannot be read.
    """
    lock = read_lock(run)
    last = next(events_backwards(run.events), None)
    return combine_status(
        read_state(run.events),
        last.time if last else None,
        run.events.stat().st_size if last else 0,
        lock,
        lambda: remote_host(run.events, here) is not None,
        time.time() if now is None else now,
    )


def read_state(events: Path) -> EventState:
    """The state after the last event, from as many events at the end of the log as decide it."""
    deciding: list[Event] = []
    newest_step: int | None = None
    for event in events_backwards(events):
        if _implied_status(event) is not None:
            deciding.append(event)
            break
        if event.type in TRAINING_EVENTS:
            deciding.append(event)
            if newest_step is not None and event.step < newest_step:
                break  # a step has been completed since: any pause before it is over
            newest_step = event.step if newest_step is None else newest_step
    return functools.reduce(next_state, reversed(deciding), EventState())


def remote_host(events: Path, here: Host | None = None) -> str | None:
    """The machine on which the last trainer started, if that is not this one.

    Reads backwards to the last `started`, if need be far back.
    """
    started = _last_started(events)
    if started is None:
        return None
    host, boot = started.text("host"), started.text("boot")
    return None if is_this_machine(host, boot, here) else host


def silence_reason(run: Run) -> str | None:
    """Why a run's trainer does not answer, and what to do; None if nothing indicates a reason.

    Raises:
        DamagedError: the events cannot be read.
    """
    started = _last_started(run.events)
    if started is None or not is_this_machine(started.text("host"), started.text("boot")):
        return None
    pid = started.whole("pid")
    if pid is None or not is_suspended(pid):
        return None
    return (
        f"{run.name} does not answer: its process {pid} is suspended (SIGSTOP).\n"
        f"To continue it: kill -CONT {pid}"
    )


def _last_started(events: Path) -> Event | None:
    lines = read_lines_backwards(events, MAX_STARTED_BYTES)
    parsed = (decode(line) for line in lines if b'"started"' in line)
    return next((event for event in parsed if event and event.type == STARTED), None)


def is_this_machine(host: str | None, boot: str | None, here: Host | None = None) -> bool:
    """Whether a trainer that recorded this host name and boot id was started on this machine."""
    return host is None or (here or this_host()).is_same_machine(host, boot)
