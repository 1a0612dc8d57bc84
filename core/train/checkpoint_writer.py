"""Saves in a thread of its own, so that training never waits for a disk.

A job is a function that writes host tensors it was given and returns how many bytes it wrote.
Jobs are done one after another, in order. What became of them is fetched by the training thread,
which says it; nothing is raised or said here. Jobs leave PyTorch's parallel operations to the
training thread: see `core.model.safetensors_io`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Self

MOST_JOBS = 3  # one being written and two waiting; each holds its tensors in memory


@dataclass(frozen=True)
class Saved:
    """What became of a job.

    Attributes:
        kind: checkpoint, snapshot or best.
        step: updates done when the tensors were copied.
        seconds: that writing took.
        bytes: written; 0 if it failed.
        request: id of the request it answers.
        error: what went wrong, or None.
    """

    kind: str
    step: int
    seconds: float
    bytes: int
    request: str | None = None
    error: BaseException | None = None


@dataclass(frozen=True)
class _Job:
    kind: str
    step: int
    request: str | None
    future: Future[tuple[int, float]]

    def result(self) -> Saved:
        error = self.future.exception()
        size, seconds = (0, 0.0) if error else self.future.result()
        return Saved(self.kind, self.step, seconds, size, self.request, error)


class Saver:
    """The writer thread. Close it, or use it in a `with`: what was submitted is still written."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="saver")
        self._jobs: deque[_Job] = deque()

    def busy(self) -> bool:
        """Whether something is still being written: a checkpoint that is due can be put off."""
        return any(not job.future.done() for job in self._jobs)

    def submit(
        self, kind: str, step: int, work: Callable[[], int], request: str | None = None
    ) -> None:
        """Has `work` done after what was submitted before.

        Waits only where three jobs are unfinished already, as each holds its tensors in memory.

        Args:
            work: writes host tensors nobody else changes; the bytes written.
        """
        unfinished = [job.future for job in self._jobs if not job.future.done()]
        if len(unfinished) >= MOST_JOBS:
            wait(unfinished[:1])
        self._jobs.append(_Job(kind, step, request, self._pool.submit(_timed, work)))

    def finished(self) -> list[Saved]:
        """What has been done since the last call, in order; never waits."""
        results = []
        while self._jobs and self._jobs[0].future.done():
            results.append(self._jobs.popleft().result())
        return results

    def wait(self) -> list[Saved]:
        """Waits until all is done; what has been done since the last call."""
        wait([job.future for job in self._jobs])
        return self.finished()

    def close(self) -> None:
        """Waits until all is done and ends the thread; results can still be fetched."""
        self._pool.shutdown(wait=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _timed(work: Callable[[], int]) -> tuple[int, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began
