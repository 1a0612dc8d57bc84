"""The fair queue: turns, cancellation, readers that lag, and failures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.errors import InputError, RunFailedError
from core.serve import queue
from core.serve.errors import RequestError
from core.serve.queue import Job, Worker
from tests.support.wait import wait_until

Work = Callable[[Callable[[], bool]], Iterator[Any]]


def job_of(start: Work, client: str = "a") -> tuple[Job[Any], threading.Event]:
    """A job, and an event that is set once it has ended."""
    ended = threading.Event()

    def notify() -> None:
        if job.has_ended:
            ended.set()

    job: Job[Any] = Job(client, start, notify)
    return job, ended


def counting(log: list[str], name: str, count: int) -> Work:
    def work(_: Callable[[], bool]) -> Iterator[int]:
        for number in range(count):
            log.append(name)
            yield number

    return work


@pytest.fixture
def worker() -> Iterator[Worker[Any]]:
    worker: Worker[Any] = Worker()
    yield worker
    assert worker.close()


def run_all(worker: Worker[Any], *jobs: tuple[Job[Any], threading.Event]) -> None:
    for job, _ in jobs:
        worker.submit(job)
    worker.start()
    for _, ended in jobs:
        assert ended.wait(20)


def test_active_jobs_take_turns(worker: Worker[Any]) -> None:
    log: list[str] = []
    jobs = [job_of(counting(log, name, 3)) for name in "xyz"]
    run_all(worker, *jobs)
    assert "".join(log) == "xyzxyzxyz"
    assert jobs[0][0].take() == [0, 1, 2]
    assert jobs[0][0].error is None


def test_clients_take_turns_to_become_active(
    worker: Worker[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detects a client whose many requests keep another's from starting."""
    monkeypatch.setattr(queue, "MAX_ACTIVE", 1)
    log: list[str] = []
    many = [job_of(counting(log, f"a{number}", 2), "a") for number in range(3)]
    one = job_of(counting(log, "b0", 2), "b")
    run_all(worker, *many, one)
    assert log == ["a0", "a0", "b0", "b0", "a1", "a1", "a2", "a2"]


def test_a_cancelled_job_ends_before_its_next_item(worker: Worker[Any]) -> None:
    closed = threading.Event()

    def work(_: Callable[[], bool]) -> Iterator[int]:
        try:
            for number in range(10**9):
                if number == 3:
                    job.cancel()
                yield number
        finally:
            closed.set()

    job, ended = job_of(work)
    run_all(worker, (job, ended))
    assert job.take() == [0, 1, 2, 3]
    assert closed.is_set()
    assert job.error is not None
    assert worker.count == 0


def test_a_job_whose_items_are_not_taken_waits(worker: Worker[Any]) -> None:
    """Detects memory that grows with a client that reads nothing."""
    job, ended = job_of(counting([], "x", queue.MAX_UNREAD + 5))
    worker.submit(job)
    worker.start()
    other, other_ended = job_of(counting([], "y", 3))
    worker.submit(other)
    assert other_ended.wait(20), "others go on"
    wait_until(lambda: not job.is_ready, "its room is used up")
    assert not ended.is_set()
    items = job.take()
    assert ended.wait(20)
    assert items + job.take() == list(range(queue.MAX_UNREAD + 5))


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (InputError("Wrong.", "Do right."), 400, "Wrong. Do right."),
        (RequestError("No.", 404), 404, "No."),
        (RunFailedError("Diverged."), 500, "Diverged."),
        (MemoryError("12 GiB"), 503, "There is not enough memory."),
        (ZeroDivisionError("secret"), 500, "Internal error: ZeroDivisionError."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failure_is_told_and_the_others_go_on(
    worker: Worker[Any], error: Exception, status: int, message: str
) -> None:
    def fail(_: Callable[[], bool]) -> Iterator[int]:
        yield 1
        raise error

    log: list[str] = []
    failing = job_of(fail)
    run_all(worker, failing, job_of(counting(log, "x", 3)))
    assert log == ["x", "x", "x"]
    assert failing[0].error is not None
    assert failing[0].error.status == status
    assert failing[0].error.message.startswith(message)


def test_too_many_waiting_jobs_are_refused_but_cancelled_ones_do_not_count() -> None:
    worker: Worker[Any] = Worker()
    jobs = [job_of(counting([], "x", 1)) for _ in range(queue.MAX_WAITING)]
    for job, _ in jobs:
        worker.submit(job)
    late, _ = job_of(counting([], "x", 1))
    with pytest.raises(RequestError) as error:
        worker.submit(late)
    assert (error.value.status, error.value.code) == (503, "queue_full")
    jobs[0][0].cancel()
    worker.submit(late)
    worker.start()
    worker.close()
    assert all(job.has_ended for job, _ in jobs[1:])


def test_a_closed_worker_refuses_jobs(worker: Worker[Any]) -> None:
    worker.start()
    worker.close()
    with pytest.raises(RequestError) as error:
        worker.submit(job_of(counting([], "x", 1))[0])
    assert error.value.code == "stopping"
