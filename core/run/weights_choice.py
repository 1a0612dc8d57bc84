"""Moving through what was saved of a run: newest, best, and snapshots in the order of steps. Pure.

`which` is "last", "best" or a step as text, as `core.run.weights_ref` takes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.run.weights_ref import BEST, LAST


def label(which: str, step: int | None) -> str:
    """As a person reads it: "newest, step 500"."""
    at = "" if step is None else f", step {step}"
    if which in ("", LAST):
        return f"newest{at}"
    return f"best{at}" if which == BEST else f"step {which}"


def older(steps: Sequence[int], which: str, step: int | None) -> str | None:
    """The snapshot before; None if there is none.

    Args:
        steps: the snapshots, in order.
        step: of the weights in use, if known.
    """
    now = _step(which, step)
    before = [found for found in steps if now is None or found < now]
    return str(before[-1]) if before else None


def newer(steps: Sequence[int], which: str, step: int | None) -> str | None:
    """The snapshot after, and after the last one the newest; None if these are the newest."""
    if which in ("", LAST):
        return None
    now = _step(which, step)
    after = [found for found in steps if now is not None and found > now]
    return str(after[0]) if after else LAST


def _step(which: str, step: int | None) -> int | None:
    return int(which) if which.isdecimal() else step
