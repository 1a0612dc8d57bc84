"""The budget of snapshots."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.budget import snapshot_limit, snapshot_steps


@pytest.mark.parametrize(
    ("total", "limit", "steps"),
    [
        (0, 20, [0]),
        (1, 20, [0, 1]),
        (10, 20, [0, 1, 2, 4, 8]),
        (16, 20, [0, 1, 2, 4, 8, 16]),
        (16, 3, [0, 8, 16]),
        (16, 1, [0]),
        (16, 0, []),
        (500, 20, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256]),
    ],
)
def test_steps(total: int, limit: int, steps: list[int]) -> None:
    assert snapshot_steps(total, limit) == steps


@given(total=st.integers(0, 10**10), limit=st.integers(-1, 25))
def test_never_more_than_allowed(total: int, limit: int) -> None:
    """Snapshots of a long run must not fill the disk."""
    steps = snapshot_steps(total, limit)
    assert len(steps) <= max(0, limit)
    assert steps == sorted(set(steps))
    assert all(step <= total for step in steps)


@pytest.mark.parametrize(
    ("each", "free", "limit"),
    [(10, 10_000, 20), (100, 10_000, 5), (501, 10_000, 0), (0, 0, 0), (1, 0, 0)],
)
def test_at_most_a_twentieth_of_the_free_disk(each: int, free: int, limit: int) -> None:
    assert snapshot_limit(each, free) == limit
