"""Whether a run can be trained on, and the lock to do it with."""

from __future__ import annotations

from core.run import status
from core.run import store as runs
from core.system import locks
from core.errors import InputError
from core.run.events import FINISHED, TERMINAL
from core.config.more import More
from core.run.directory import Run


def hold_to_resume(run: Run, more: More, *, force: bool = False) -> locks.Lock:
    """The lock of a run that can be trained on.

    Raises:
        InputError: it is being trained, perhaps on another machine, or there is nothing to do.
    """
    runs.read_record(run)
    word = runs.status_of(run)
    if not force or locks.held(run.lock):
        _check_not_trained(run, word)
    if word == FINISHED and not more:
        raise InputError(
            f"The run {run.name} is finished: there is nothing to do.",
            "Train it for longer with --epochs N, --steps N or --minutes M.",
        )
    return runs.hold(run)


def _check_not_trained(run: Run, word: str) -> None:
    """Raises InputError where a trainer lives, or may live on a machine we cannot see into."""
    where = status.elsewhere(run.events) if word not in TERMINAL else None
    if word in status.ALIVE:
        hint = f"Watch it: minigpt-tui attach {run.name}"
        if where and not locks.held(run.lock):
            hint = f"It is on {where}. If that machine is gone: resume {run.name} --force"
        raise InputError(f"The run {run.name} is being trained.", hint)
    if where:
        raise InputError(
            f"The run {run.name} was trained on {where}, which has fallen silent.",
            f"If no trainer lives there any more: resume {run.name} --force",
        )
