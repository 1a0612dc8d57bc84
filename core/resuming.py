"""Whether a run can be trained on, and the lock to do it with."""

from __future__ import annotations

from core import locks, runs, status
from core.errors import InputError
from core.events import FINISHED
from core.more import More
from core.run import Run


def hold_to_resume(run: Run, more: More, *, force: bool = False) -> locks.Lock:
    """The lock of a run that can be trained on.

    Raises:
        InputError: it is being trained, perhaps on another machine, or there is nothing to do.
    """
    runs.read_record(run)
    word = runs.status_of(run)
    if word in status.ALIVE and not (force and not locks.held(run.lock)):
        where = status.elsewhere(run.events)
        hint = f"Watch it: minigpt-tui attach {run.name}"
        if where:
            hint = f"It is on {where}. If that machine is gone: resume {run.name} --force"
        raise InputError(f"The run {run.name} is being trained.", hint)
    if word == FINISHED and not more:
        raise InputError(
            f"The run {run.name} is finished: there is nothing to do.",
            "Train it for longer with --epochs N, --steps N or --minutes M.",
        )
    return runs.hold(run)
