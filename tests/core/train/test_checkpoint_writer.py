"""The thread that writes checkpoints."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from core.errors import StorageError
from core.run.directory import Run
from core.train.checkpoint import save_best, save_checkpoint, save_snapshot
from core.train.checkpoint_writer import MAX_UNFINISHED_JOBS, BackgroundWriter


def test_jobs_are_done_in_order_and_their_results_returned_once() -> None:
    """`saved` must be emitted in the order in which files were put in place."""
    order: list[int] = []

    def job(number: int) -> int:
        order.append(number)
        return number * 10

    with BackgroundWriter() as writer:
        for number in range(8):
            writer.submit(
                "checkpoint", number, lambda number=number: job(number), request=f"r{number}"
            )
        results = writer.take_results() + writer.wait()
        assert writer.take_results() == []
    assert order == [result.step for result in results] == list(range(8))
    assert [result.bytes for result in results] == [number * 10 for number in range(8)]
    assert results[3].request == "r3"
    assert all(result.seconds >= 0 and result.error is None for result in results)


def test_the_training_thread_does_not_wait() -> None:
    """Submitting a job and asking for results return while the disk is busy."""
    go = threading.Event()
    with BackgroundWriter() as writer:
        assert not writer.is_busy()
        writer.submit("checkpoint", 1, lambda: int(go.wait()))
        assert writer.is_busy()
        assert writer.take_results() == []
        go.set()
        (result,) = writer.wait()
        assert not writer.is_busy()
    assert (result.kind, result.step, result.bytes) == ("checkpoint", 1, 1)


def test_no_result_is_returned_before_an_earlier_one() -> None:
    go = threading.Event()
    with BackgroundWriter() as writer:
        writer.submit("snapshot", 1, lambda: int(go.wait()))
        writer.submit("checkpoint", 1, lambda: 2)
        assert writer.take_results() == []
        go.set()
        assert [result.kind for result in writer.wait()] == ["snapshot", "checkpoint"]


@pytest.mark.parametrize("error", [StorageError("full"), ValueError("a bug")])
def test_errors_are_results_and_do_not_end_the_thread(error: Exception) -> None:
    """A full disk for a snapshot must not keep the next checkpoint from being saved."""

    def fail() -> int:
        raise error

    with BackgroundWriter() as writer:
        writer.submit("snapshot", 1, fail)
        writer.submit("checkpoint", 2, lambda: 5)
        failed, done = writer.wait()
    assert (failed.error, failed.bytes) == (error, 0)
    assert (done.error, done.bytes) == (None, 5)


def test_close_finishes_the_submitted_jobs() -> None:
    """The last checkpoint must not be lost at the end of the program."""
    writer = BackgroundWriter()
    written: list[int] = []
    for number in range(3):
        writer.submit("final", number, lambda number=number: written.append(number) or 1)
    writer.close()
    assert written == [0, 1, 2]
    assert len(writer.take_results()) == 3


def test_the_number_of_unfinished_jobs_is_limited() -> None:
    """Each holds its tensors in memory; the submitter waits for the oldest."""
    gates = [threading.Event() for _ in range(MAX_UNFINISHED_JOBS + 1)]
    submitted = threading.Event()
    with BackgroundWriter() as writer:
        for gate in gates[:MAX_UNFINISHED_JOBS]:
            writer.submit("checkpoint", 0, lambda gate=gate: int(gate.wait()))

        def one_more() -> None:
            writer.submit("checkpoint", 1, lambda: int(gates[-1].wait()))
            submitted.set()

        thread = threading.Thread(target=one_more)
        thread.start()
        assert not submitted.is_set()
        gates[0].set()
        assert submitted.wait(10)
        thread.join()
        for gate in gates:
            gate.set()
        assert len(writer.wait()) == MAX_UNFINISHED_JOBS + 1


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads as Linux does")
def test_the_writer_thread_starts_no_threads_of_pytorch(tmp_path: Path) -> None:
    """A second thread pool of PyTorch would slow down every update from then on."""
    before = torch.get_num_threads()
    run = Run(tmp_path)
    new_threads: dict[str, int] = {}
    large, moments = {"w": torch.ones(1 << 20)}, {"m": torch.ones(1 << 20)}

    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    def save_all() -> int:
        before_writing = threads()
        save_checkpoint(run, 1, large, moments, {})
        save_snapshot(run, 1, large)
        save_best(run, 1, large)
        new_threads["writing"] = threads() - before_writing
        torch.ones(1 << 20).add_(1)
        return threads() - before_writing

    torch.set_num_threads(2)
    try:
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(save_all).result() > 0, "otherwise the test proves nothing"
    finally:
        torch.set_num_threads(before)
    assert new_threads == {"writing": 0}
