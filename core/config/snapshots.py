"""Which steps' weights are kept for looking back: 0 1 2 4 8 …, within a budget. Arithmetic only."""

from __future__ import annotations

MOST = 20
DISK_SHARE = 0.05
FLOAT = 4  # bytes of a stored number


def snapshot_limit(bytes_each: int, free: int) -> int:
    """How many snapshots of this size are kept: at most 20, in at most 5 % of the free disk."""
    return min(MOST, int(free * DISK_SHARE) // max(1, bytes_each))


def snapshot_steps(total_steps: int, limit: int = MOST) -> list[int]:
    """At most `limit` of the steps 0 1 2 4 8 … below or at `total_steps`, in order.

    Where they are too many, the earliest go, as most is learnt later; step 0 stays.
    """
    if limit <= 0:
        return []
    powers = [1 << exponent for exponent in range(total_steps.bit_length())]
    return [0, *powers[max(0, len(powers) - limit + 1) :]]


def run_bytes(parameters: int, steps: int | None, free: int) -> int:
    """What a run takes on the disk: two checkpoints of weights and two moments, best, snapshots.

    Args:
        steps: of the training; None where no snapshots are kept, or their number is not known.
        free: bytes of the disk.
    """
    weights = FLOAT * parameters
    kept = len(snapshot_steps(steps, snapshot_limit(weights, free))) if steps else 0
    return (2 * 3 + 1 + kept) * weights
