"""Curves over the steps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.run.history import Series


@given(st.lists(st.tuples(st.integers(0, 20), st.none() | st.floats(0, 1)), max_size=40))
def test_steps_always_increase(points: list[tuple[int, float | None]]) -> None:
    """A plot needs ordered steps, even if a step is repeated or out of order."""
    series = Series()
    for step, value in points:
        series.add(step, value)
    assert series.steps == sorted(set(series.steps))
    assert len(series) == len(series.values)
    known = [(step, value) for step, value in points if value is not None]
    assert (series.last, series.steps[-1:]) == (
        (known[-1][1], [known[-1][0]]) if known else (None, [])
    )


def test_drop_after_keeps_the_step_itself() -> None:
    series = Series([1, 5, 9], [0.1, 0.5, 0.9])
    series.drop_after(5)
    assert (series.steps, series.values) == ([1, 5], [0.1, 0.5])
