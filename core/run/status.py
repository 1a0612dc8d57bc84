"""What a run is doing, in one word, from the end of its events and its lock alone.

Knows no run directory: callers give the paths of the two files.

Why a trainer may have vanished without a word, from what it said before.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from core.run.event_log import events_backwards
from core.run.events import (
    CHANGED,
    FINISHED,
    LEARNING,
    PREPARE,
    PREPARED,
    STARTED,
    STEP,
    TERMINAL,
    Event,
)
from core.system import locks
from core.system.machine import Host, count_oom_kills, this_host

STARTING = "starting"
PREPARING = "preparing"
RUNNING = "running"
PAUSED = "paused"
STOPPED = "stopped"
FAILED = "failed"
CRASHED = "crashed"

ALIVE = frozenset({STARTING, PREPARING, RUNNING, PAUSED})
RESUMABLE = frozenset({STOPPED, FAILED, CRASHED})
WORDS = (STARTING, PREPARING, RUNNING, PAUSED, FINISHED, STOPPED, FAILED, CRASHED)

BEAT_SECONDS = 30.0  # a trainer says something at least this often
SILENCE_SECONDS = 90.0  # after this much silence a trainer that cannot be seen is taken for dead


def status(events: Path, lock: Path, now: float | None = None, here: Host | None = None) -> str:
    """One of WORDS.

    Args:
        events: the file of events.
        lock: the lock that the trainer holds while it lives.
        now: Unix seconds; None asks the clock.
        here: the machine that looks; None is this one.
    """
    # The lock first: a trainer says its last word before it lets go.
    is_held, taken = locks.is_held(lock), locks.acquired_at(lock)
    last = next(events_backwards(events), None)
    if is_held and (last is None or last.time < taken):
        return STARTING
    if last is None:
        return CRASHED
    word = said(events)
    if is_held or word in TERMINAL:
        return word
    quiet = (time.time() if now is None else now) - last.time > SILENCE_SECONDS
    return CRASHED if quiet or not elsewhere(events, here) else word


def said(events: Path) -> str:
    """What the events alone say, read backwards as far as needed; STARTING if they say nothing."""
    reached: int | None = None
    for event in events_backwards(events):
        if event.type in LEARNING:
            # Events of learning at the step of a pause were only late; a later step ended it.
            if reached is not None and event.step < reached:
                return RUNNING
            reached = event.step if reached is None else reached
            continue
        word = following(STARTING, event)
        if word == PAUSED and reached is not None:
            return PAUSED if reached <= event.step else RUNNING
        if word != STARTING:
            return word if reached is None else RUNNING
    return STARTING if reached is None else RUNNING


def following(word: str, event: Event, paused_at: int | None = None) -> str:
    """The status after `event`, when it was `word` before.

    Args:
        paused_at: the step of the pause, if `word` is PAUSED.
    """
    if event.type in TERMINAL:
        return event.type
    if event.type in (STARTED, PREPARE):
        return PREPARING
    if event.type == PREPARED:
        return RUNNING
    if event.type == CHANGED and event.text("action") in ("pause", "continue"):
        return PAUSED if event.text("action") == "pause" else RUNNING
    if event.type in LEARNING and (paused_at is None or event.step > paused_at):
        return RUNNING
    return word


def elsewhere(events: Path, here: Host | None = None) -> str | None:
    """The machine the last trainer started on, if that is another one than `here`.

    Reads backwards to the last start, through the whole file if need be.
    """
    for event in events_backwards(events):
        if event.type == STARTED:
            name, boot = event.text("host"), event.text("boot")
            known = (here or this_host()).is_same_machine(name, boot)
            return None if known else name
    return None


LITTLE = 256 * 2**20


def why_vanished(last: Mapping[str, Event], kills: int | None = None) -> str:
    """A few words, or none where nothing hints at a reason.

    Args:
        last: the last event of each type.
        kills: processes the kernel that it ran on has killed for lack of memory by now; looked
            up if None, where that kernel is ours.
    """
    started, step = last.get(STARTED), last.get(STEP)
    before = started.whole("out_of_memory_kills") if started else None
    if kills is None:
        ours = started is not None and started.text("boot") == this_host().boot
        kills = count_oom_kills() if ours else 0
    left = step.whole("free_memory") if step else None
    killed = before is not None and kills > before
    if killed or (left is not None and left < LITTLE):
        return "probably killed for lack of memory"
    return ""
