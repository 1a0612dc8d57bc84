"""Replies that repeat themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.chat.loops import LOOP_TIMES, LOOP_TOKENS, LoopDetector, begins_to_loop


@pytest.mark.parametrize(
    ("ids", "loops"),
    [
        ([], False),
        ([*range(100)], False),
        ([*range(8)] * 2, False),
        ([*range(8)] * 3, True),
        ([9, 9, *range(8)] * 3, True),
        ([1, 2] * 11, False),
        ([1, 2] * 12, True),
        ([5] * 23, False),
        ([5] * 24, True),
        ([*range(7)] * 3, False),
        ([*range(8), 50, *range(8), 60, *range(7)], False),
        ([*range(8), 50, *range(8), 60, *range(8)], True),
    ],
)
def test_the_same_eight_tokens_three_times_are_a_loop(ids: list[int], loops: bool) -> None:
    """Detects a loop that is not noticed, or a refrain of two that is."""
    assert begins_to_loop(ids) is loops


@given(st.lists(st.integers(0, 3), max_size=120))
def test_it_agrees_with_counting(ids: list[int]) -> None:
    """Detects tokens that are counted in two places at once."""
    windows = {tuple(ids[at : at + LOOP_TOKENS]) for at in range(len(ids) - LOOP_TOKENS + 1)}

    def times(window: tuple[int, ...]) -> int:
        count, at = 0, 0
        while at <= len(ids) - LOOP_TOKENS:
            is_there = tuple(ids[at : at + LOOP_TOKENS]) == window
            count, at = count + is_there, at + (LOOP_TOKENS if is_there else 1)
        return count

    assert begins_to_loop(ids) == any(times(window) >= LOOP_TIMES for window in windows)


@given(st.lists(st.integers(0, 2), max_size=80), st.integers(1, 9))
def test_a_loop_is_reported_once_however_the_tokens_arrive(ids: list[int], size: int) -> None:
    """Detects a note that appears again with every token."""
    detector = LoopDetector()
    reports = [detector.add(ids[at : at + size]) for at in range(0, len(ids), size)]
    assert sum(reports) == begins_to_loop(ids) == detector.is_looping
