"""Which of a run's saved weights are meant: the newest, the best, or those of a step."""

from __future__ import annotations

from pathlib import Path

from core.errors import DamagedError, InputError
from core.run.directory import Run, numbered

LAST = "last"
BEST = "best"


def weights_of(run: Run, which: str = LAST) -> Path:
    """The weights file.

    Args:
        which: "last" or "" for the newest, "best", or a step that a snapshot was kept of.

    Raises:
        InputError: there are no such weights; says which there are.
    """
    if which in ("", LAST):
        if run.weights.is_file():
            return run.weights
        if numbered(run.checkpoints):
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
