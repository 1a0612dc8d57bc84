"""Clocks that are set forward or back decide nothing."""

from __future__ import annotations

import json
import os
import time

import pytest

from core.paths import Home, find_home
from core.run import status
from core.run.control_file import RequestReader, append_request
from core.run.directory import Run
from core.run.follow import RunFollower
from core.run.run_lock import LogLengths, read_lengths
from core.run.status import status_of
from core.run.store import lock_run, send_request
from tests.support.runs import make_run, write_event

JUMPS = (-86_400.0, -3.0, 300.0, 86_400.0)


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return find_home(tmp_path_factory.mktemp("home"))


def follower_status(run: Run) -> str:
    follower = RunFollower(run)
    follower.poll()
    return follower.status


@pytest.mark.parametrize("jump", JUMPS)
def test_only_requests_since_the_lock_was_taken_count(home: Home, jump: float) -> None:
    run = make_run(home)
    old = {"id": "old", "type": "stop", "time": time.time() + jump}
    run.requests.write_text(json.dumps(old) + "\n")
    with lock_run(run), pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: jump)
        lengths = read_lengths(run)
        assert lengths == LogLengths(requests=run.requests.stat().st_size)
        assert lengths
        reader = RequestReader(run.requests, lengths.requests)
        id = send_request(run, "stop")
        assert [request.id for request in reader.read()] == [id]


def test_a_request_after_one_that_was_torn_before_the_lock_counts(home: Home) -> None:
    run = make_run(home)
    run.requests.write_bytes(b'{"id":"torn"')
    with lock_run(run):
        lengths = read_lengths(run)
        assert lengths
        id = append_request(run.requests, "stop")
        reader = RequestReader(run.requests, lengths.requests)
        assert [request.id for request in reader.read()] == [id]


@pytest.mark.parametrize("jump", JUMPS)
def test_a_resumed_run_is_starting_until_its_first_event(home: Home, jump: float) -> None:
    run = make_run(home)
    write_event(run, "finished", 9, time=time.time())
    with lock_run(run):
        when = time.time() + jump
        os.utime(run.lock, (when, when))
        assert status_of(run) == follower_status(run) == status.STARTING
        write_event(run, "started", 9, time=when - 7)
        assert status_of(run) == follower_status(run) == status.PREPARING
    assert status_of(run) == status.CRASHED


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_a_silent_trainer_elsewhere_is_gone_though_the_clock_was_set(
    home: Home, jump: float
) -> None:
    run = make_run(home)
    write_event(run, "started", 0, time=time.time() + jump, host="node7", boot="another")
    assert status_of(run) == follower_status(run) == status.CRASHED
