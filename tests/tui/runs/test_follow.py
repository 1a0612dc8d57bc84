"""The timer that polls a run: how often, and when it reports a change."""

from __future__ import annotations

from collections.abc import Callable

from core.run.follow import RunUpdate
from tui.runs.follow import BACKLOG_POLL_SECONDS, POLL_SECONDS, REMOTE_POLL_SECONDS, FollowTimer


class FakeTimer:
    def __init__(self) -> None:
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True


class FakeNode:
    """Remembers timers; the test fires them."""

    def __init__(self) -> None:
        self.set: list[tuple[float, Callable[[], None], FakeTimer]] = []

    def set_timer(self, delay: float, callback: Callable[[], None], name: str = "") -> FakeTimer:
        self.set.append((delay, callback, FakeTimer()))
        return self.set[-1][2]

    def fire(self) -> None:
        self.set[-1][1]()


class FakeFollower:
    def __init__(self) -> None:
        self.share_read, self.is_changed, self.polls = 1.0, True, 0

    def poll(self, max_seconds: float) -> RunUpdate:
        self.polls += 1
        return RunUpdate([], self.is_changed)


def make_timer(
    period: float = POLL_SECONDS,
) -> tuple[FakeNode, FakeFollower, list[int], FollowTimer]:
    node, follower, reports = FakeNode(), FakeFollower(), list[int]()
    timer = FollowTimer(node, follower, lambda: reports.append(follower.polls), period=period)  # type: ignore[arg-type]
    return node, follower, reports, timer


def test_it_reports_only_changes() -> None:
    node, follower, reports, timer = make_timer()
    timer.resume()
    follower.is_changed = False
    node.fire()
    node.fire()
    assert reports == [1]
    assert node.set[-1][0] == POLL_SECONDS


def test_it_polls_as_often_as_it_is_told() -> None:
    node, _, _, timer = make_timer(REMOTE_POLL_SECONDS)
    timer.resume()
    assert node.set[-1][0] == REMOTE_POLL_SECONDS


def test_a_backlog_is_read_quickly_and_reported_rarely() -> None:
    node, follower, reports, timer = make_timer()
    follower.share_read = 0.1
    timer.resume()
    for _ in range(20):
        node.fire()
    assert node.set[-1][0] == BACKLOG_POLL_SECONDS
    assert follower.polls == 21
    assert len(reports) == 1
    follower.share_read, follower.is_changed = 1.0, False
    node.fire()
    assert len(reports) == 2, "withheld changes are reported at the end"


def test_a_paused_timer_does_not_poll() -> None:
    node, _, _, timer = make_timer()
    timer.resume()
    timer.pause()
    assert not timer.is_active
    assert all(fake.stopped for _, _, fake in node.set)
    timer.resume()
    timer.resume()
    assert sum(not fake.stopped for _, _, fake in node.set) == 1
