"""Speed and forecast."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.run.events import Event
from core.run.pace import Pace


def step(step: int, time: float, elapsed: float | None = None, rate: float = 100.0) -> Event:
    fields = {"elapsed": time if elapsed is None else elapsed, "tokens_per_second": rate}
    return Event("step", 1e9 + time, step, fields)


def test_the_forecast_uses_the_last_minute() -> None:
    """A slow start must not distort the forecast for hours."""
    pace = Pace()
    assert pace.seconds_for(10) is None
    for number in range(100):
        pace.add(step(number, 10.0 * number))
    assert pace.seconds_for(10) == pytest.approx(100)
    for number in range(1000):
        pace.add(step(100 + number, 1000.0 + 0.1 * number))
    assert pace.seconds_for(10) == pytest.approx(1.0, rel=0.01)


def test_evaluations_count_but_pauses_do_not() -> None:
    """Evaluations continue to the end; a pause does not."""
    pace = Pace()
    pace.add(step(1, 0.0, 0.0))
    pace.add(step(2, 4.0, 1.0))
    pace.interrupt()
    pace.add(step(2, 30_000.0, 1.0))
    pace.add(step(3, 30_004.0, 2.0))
    assert pace.seconds_for(10) == pytest.approx(40)


def test_a_clock_set_back_does_not_make_training_look_fast() -> None:
    pace = Pace()
    pace.add(step(1, 5000.0, 1.0))
    pace.add(step(2, 0.0, 3.0))
    assert pace.seconds_for(10) == pytest.approx(20)


def test_the_speed_adapts_within_seconds() -> None:
    pace = Pace()
    assert pace.tokens_per_second is None
    pace.add(step(1, 0.0, rate=100.0))
    assert pace.tokens_per_second == 100
    pace.add(step(2, 0.1, rate=300.0))
    assert pace.tokens_per_second is not None
    assert 100 < pace.tokens_per_second < 110
    pace.add(step(3, 60.0, rate=300.0))
    assert pace.tokens_per_second == pytest.approx(300, rel=0.01)


@pytest.mark.parametrize("slower", [3.0, 7.0, 1 / 5])
def test_the_time_left_never_jumps_by_more_than_a_third(slower: float) -> None:
    """Neither when the machine slows down nor when the number of steps follows a budget."""
    pace, steps, now, shown = Pace(), 2000, 0.0, []
    for number in range(1, 1500):
        now += 0.1 * (slower if number > 500 else 1.0)
        if number == 700:
            steps = 1600
        pace.add(step(number, now), steps - number)
        shown.append((now, pace.time_left))
    looks = [next(look for look in shown if look[0] >= second) for second in range(1, int(now))]
    for (before, was), (after, left) in pairwise(looks):
        if was is not None and left is not None:
            seconds = max(1.0, after - before)
            lowest, highest = (2 / 3) ** seconds, (4 / 3) ** seconds
            assert was * lowest - seconds <= left <= max(was, 1.0) * highest + 1e-9
    if slower > 1:  # long enough to have settled
        assert pace.time_left == pytest.approx((1600 - 1499) * 0.1 * slower, rel=0.1)


def test_the_time_left_of_a_short_run_is_right_before_its_end() -> None:
    """Eight seconds left are wrong a third of a second before the end."""
    pace, now, steps = Pace(), 0.0, 150
    pace.add(step(1, now), steps - 1)
    for number in range(2, steps + 1):
        now += 1.0 if number in (2, 3, 5, 9, 17) else 0.03  # samples and snapshots
        pace.add(step(number, now), steps - number)
        assert pace.time_left is not None
        if number == 142:
            assert pace.time_left < 1.0
    assert pace.time_left == 0


@given(
    durations=st.lists(st.floats(0.001, 100.0), min_size=2, max_size=60),
    changed=st.integers(-30, 300),
)
def test_the_time_left_never_jumps_and_ends_at_zero(durations: list[float], changed: int) -> None:
    """Beyond the time that passed, and the share of the steps that were done."""
    pace, now, steps = Pace(), 0.0, len(durations)
    pace.add(step(0, now), steps + changed)
    was = None
    for number, duration in enumerate(durations, 1):
        now += duration
        if number == len(durations) // 2:
            changed = 0  # the number of steps follows a budget
        pace.add(step(number, now), steps - number + changed)
        steps_left, left = max(0, steps - number + changed), pace.time_left
        assert left is not None
        if was is not None:
            fallen = min(max(0.0, was - duration), was * steps_left / (steps_left + 1))
            assert fallen * 2 / 3 - 1e-9 <= left <= max(was, 1.0) * 4 / 3 + 1e-9
        was = left
    assert pace.time_left == 0


def test_the_time_left_follows_a_request_at_once() -> None:
    pace = Pace()
    for number in range(1, 20):
        pace.add(step(number, number), 100 - number)
    pace.restart_time_left(1000)
    assert pace.time_left == pytest.approx(1000)
