"""Which of a run's saved weights are meant: the newest, the best, or those of a step.

Moving through what was saved of a run: newest, best, and snapshots in the order of steps. Pure.

`which` is "last", "best" or a step as text, as `core.run.weights_ref` takes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.errors import DamagedError, InputError
from core.run.directory import Run, numbered_folders

LAST = "last"
BEST = "best"


def weights_file(run: Run, which: str = LAST) -> Path:
    """The weights file.

    Args:
        which: "last" or "" for the newest, "best", or a step that a snapshot was kept of.

    Raises:
        InputError: there are no such weights; says which there are.
    """
    if which in ("", LAST):
        if run.weights.is_file():
            return run.weights
        if numbered_folders(run.checkpoints):
            raise DamagedError(
                f"{run.weights} is missing.",
                "Its best weights and snapshots may be whole: add @best or @STEP to its name. "
                "A checkpoint brings it back: minigpt-tui resume.",
            )
        raise InputError(
            f"The run {run.name} has no weights: {run.weights.name} is not there.",
            "They come with its first checkpoint; minigpt-tui ls shows its status.",
        )
    if which == BEST:
        if run.best_weights.is_file():
            return run.best_weights
        raise InputError(
            f"The run {run.name} has no best weights.",
            "They are kept where a text is large enough for a validation part.",
        )
    steps = {str(step): step for step in run.snapshot_steps()}
    if which not in steps:
        raise InputError(
            f"The run {run.name} has no weights named {which!r}.",
            f"There are last, best, and snapshots of the steps {', '.join(steps) or '(none)'}.",
        )
    return run.snapshot_weights(steps[which])


def weights_label(which: str, step: int | None) -> str:
    """As a person reads it: "newest, step 500"."""
    at = "" if step is None else f", step {step}"
    if which in ("", LAST):
        return f"newest{at}"
    return f"best{at}" if which == BEST else f"step {which}"


def older_weights(steps: Sequence[int], which: str, step: int | None) -> str | None:
    """The snapshot before; None if there is none.

    Args:
        steps: the snapshots, in order.
        step: of the weights in use, if known.
    """
    now = _step(which, step)
    before = [found for found in steps if now is None or found < now]
    return str(before[-1]) if before else None


def newer_weights(steps: Sequence[int], which: str, step: int | None) -> str | None:
    """The snapshot after, and after the last one the newest; None if these are the newest."""
    if which in ("", LAST):
        return None
    now = _step(which, step)
    after = [found for found in steps if now is not None and found > now]
    return str(after[0]) if after else LAST


def _step(which: str, step: int | None) -> int | None:
    return int(which) if which.isdecimal() else step
