"""How a run ended or how far it is, in a line, for notifications and titles of windows."""

from __future__ import annotations

from core.run.events import FAILED, FINISHED, STOPPED
from core.run.follow import crash_reason
from core.run.history import History
from core.run.status import CRASHED, PAUSED
from tui.common.format import format_duration
from tui.common.notify import PROGRAM

# The stop of a person who watches: of the application and `stop`, and of Ctrl+C.
REQUESTED_REASONS = ("asked to stop", "SIGINT")


def describe_end(name: str, status: str, history: History) -> str | None:
    """How a run ended, in a line; None if a person has just asked it to stop.

    Args:
        status: the last one; not one of `LIVE_STATUSES`.
    """
    if status == FINISHED:
        loss = history.val_loss.last
        facts = [] if loss is None else [f"validation loss {loss:.3f}"]
        facts += [format_duration(history.elapsed)] if history.elapsed else []
        return f"{name} finished{': ' if facts else ''}{', '.join(facts)}"
    if status == FAILED:
        failure = history.failure
        return f"{name} failed{f': {failure.message}' if failure and failure.message else ''}"
    if status == STOPPED:
        if history.reason in REQUESTED_REASONS:
            return None
        return f"{name} stopped at step {history.step:,}: {history.reason or 'unknown reason'}"
    if status == CRASHED:
        reason = crash_reason(history)
        return f"{name} crashed at step {history.step:,}{f', {reason}' if reason else ''}"
    return None


def describe_progress(name: str, status: str, history: History, others: int = 0) -> str:
    """The title of the window while a run trains.

    Args:
        others: number of other runs that train.
    """
    words = [PROGRAM, *(["paused"] if status == PAUSED else []), f"{history.progress or 0:.0%}"]
    words[-1] = words[-1].replace("%", " %")
    return " ".join([*words, name, *([f"+{others}"] if others else [])])
