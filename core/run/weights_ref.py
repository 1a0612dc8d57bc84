"""References to a run's weights: the newest, the best, or those of a snapshot's step.

A reference (`weights`) is LAST, BEST or a step as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.errors import DamagedError, InputError, StateError
from core.run.directory import Run, numbered_folders

LAST = "last"
BEST = "best"


def weights_file(run: Run, weights: str = LAST) -> Path:
    """The weights file that a reference names.

    Args:
        weights: LAST (or empty), BEST, or the step of a snapshot.

    Raises:
        InputError: there are no such weights; the hint lists those there are.
        DamagedError: the newest weights are missing although there are checkpoints.
    """
    if weights in ("", LAST):
        if run.weights.is_file():
            return run.weights
        if numbered_folders(run.checkpoints):
            raise DamagedError(
                f"{run.weights} is missing.",
                "Try its best weights or a snapshot: add @best or @STEP to the name. "
                "To restore it from a checkpoint: minigpt-tui resume.",
            )
        raise StateError(
            f"The run {run.name} has no weights: {run.weights.name} does not exist.",
            "They are saved with its first checkpoint; minigpt-tui ls shows its status.",
        )
    if weights == BEST:
        if run.best_weights.is_file():
            return run.best_weights
        raise StateError(
            f"The run {run.name} has no best weights.",
            "They are saved only if the text is large enough for validation data.",
        )
    steps = {str(step): step for step in run.snapshot_steps()}
    if weights not in steps:
        raise InputError(
            f"The run {run.name} has no weights named {weights!r}.",
            _available(run, list(steps)),
        )
    return run.snapshot_weights(steps[weights])


def _available(run: Run, steps: list[str]) -> str:
    """What a reference may name, in words."""
    names = [LAST, BEST] if run.best_weights.is_file() else [LAST]
    if steps:
        names.append(f"snapshots of steps {', '.join(steps)}")
    return f"Available: {', '.join(names)}."


def weights_label(weights: str, step: int | None) -> str:
    """A reference for display, such as "newest, step 500"."""
    suffix = "" if step is None else f", step {step}"
    if weights in ("", LAST):
        return f"newest{suffix}"
    return f"best{suffix}" if weights == BEST else f"step {weights}"


def older_weights(steps: Sequence[int], weights: str, step: int | None) -> str | None:
    """The snapshot before these weights, or None.

    Args:
        steps: of the snapshots, in order.
        step: of the weights in use, if known.
    """
    current = _step_of(weights, step)
    older = [snapshot for snapshot in steps if current is None or snapshot < current]
    return str(older[-1]) if older else None


def newer_weights(steps: Sequence[int], weights: str, step: int | None) -> str | None:
    """The snapshot after these weights, LAST after the last one, or None after LAST."""
    if weights in ("", LAST):
        return None
    current = _step_of(weights, step)
    newer = [snapshot for snapshot in steps if current is not None and snapshot > current]
    return str(newer[0]) if newer else LAST


def _step_of(weights: str, step: int | None) -> int | None:
    return int(weights) if weights.isdecimal() else step
