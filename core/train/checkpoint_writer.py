"""Saves in a thread of its own, so that training never waits for a disk.

A job is a function that writes host tensors it was given and returns how many bytes it wrote.
Jobs are done one after another, in order. What became of them is fetched by the training thread,
which says it; nothing is raised or said here. Jobs leave PyTorch's parallel operations to the
training thread: see `core.model.safetensors_io`.

Weights on their way from the training thread into the run directory.
"""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from torch import Tensor

from core.config.schema import to_json
from core.errors import RunFailedError, StorageError
from core.model import state_dict
from core.run.directory import Run
from core.train import checkpoint
from core.train.trainer import Emit, Trainer

MAX_UNFINISHED_JOBS = 3  # one being written and two waiting; each holds its tensors in memory


@dataclass(frozen=True)
class CheckpointJobResult:
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

    def result(self) -> CheckpointJobResult:
        error = self.future.exception()
        size, seconds = (0, 0.0) if error else self.future.result()
        return CheckpointJobResult(self.kind, self.step, seconds, size, self.request, error)


class BackgroundWriter:
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
        if len(unfinished) >= MAX_UNFINISHED_JOBS:
            wait(unfinished[:1])
        self._jobs.append(_Job(kind, step, request, self._pool.submit(_timed, work)))

    def finished(self) -> list[CheckpointJobResult]:
        """What has been done since the last call, in order; never waits."""
        results = []
        while self._jobs and self._jobs[0].future.done():
            results.append(self._jobs.popleft().result())
        return results

    def wait(self) -> list[CheckpointJobResult]:
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


Tensors = dict[str, Tensor]


class CheckpointWriter:
    """Saves a run's weights through a writer thread; the training thread only copies.

    Args:
        run: where to.
        saver: the writer.
        emit: says `saved` once a file is in place and reads back.
        snapshots: the steps whose weights are kept for looking back.
    """

    def __init__(
        self, run: Run, saver: BackgroundWriter, emit: Emit, snapshots: frozenset[int]
    ) -> None:
        self._run, self._saver, self._emit = run, saver, emit
        self._snapshots = snapshots
        self._submitted: tuple[int, dict[str, Any]] | None = None
        self.saved_step: int | None = None

    def snapshot_due(self, step: int) -> bool:
        """Whether the weights after `step` updates are kept for looking back."""
        return step in self._snapshots

    def busy(self) -> bool:
        """Whether something is still being written."""
        return self._saver.busy()

    def checkpoint(self, trainer: Trainer, request: str | None = None) -> None:
        """Starts to save all a resume needs, unless just that is saved or being saved already."""
        step, state = trainer.progress.step, _state(trainer)
        if self._submitted == (step, state) and request is None:
            return
        self._submitted = (step, state)
        model = _finite(state_dict.to_stored(trainer.model), step)
        moments = _host(trainer.updater.optimizer.tensors())
        self._saver.submit(
            "checkpoint",
            step,
            lambda: checkpoint.save(self._run, step, model, moments, state),
            request,
        )

    def snapshot(self, trainer: Trainer) -> None:
        """Starts to keep the weights for looking back."""
        step = trainer.progress.step
        model = _finite(state_dict.to_stored(trainer.model), step)
        self._saver.submit(
            "snapshot", step, lambda: checkpoint.save_snapshot(self._run, step, model)
        )

    def best(self, trainer: Trainer) -> None:
        """Starts to keep the weights as the best so far."""
        step = trainer.progress.step
        model = _finite(state_dict.to_stored(trainer.model), step)
        self._saver.submit("best", step, lambda: checkpoint.save_best(self._run, step, model))

    def settle(self, *, wait: bool = False) -> None:
        """Says what has been saved since the last call; waits for the rest if asked.

        Raises:
            StorageError: something could not be saved; the checkpoint before is whole.
        """
        for result in self._saver.wait() if wait else self._saver.finished():
            self._say(result)

    def last_words(self) -> int | None:
        """Waits for what is still being written, says what was saved; the step to go on from."""
        for result in self._saver.wait():
            if result.error is None:
                self._say(result)
        return self.saved_step

    def _say(self, result: CheckpointJobResult) -> None:
        if result.error is not None:
            assert isinstance(result.error, StorageError), result.error
            raise result.error
        if result.kind == "checkpoint":
            self.saved_step = result.step
        fields: dict[str, Any] = {"kind": result.kind, "bytes": result.bytes}
        fields["seconds"] = round(result.seconds, 3)
        if result.request is not None:
            fields["request"] = result.request
        self._emit("saved", result.step, **fields)


def _state(trainer: Trainer) -> dict[str, Any]:
    """The small state of the loop, with the settings as they are now."""
    return {
        "train": to_json(trainer.config),
        "progress": dataclasses.asdict(trainer.progress),
    }


def _host(tensors: Tensors) -> Tensors:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}


def _finite(tensors: Tensors, step: int) -> Tensors:
    """The tensors; what has gone wrong is never saved over what is good.

    Raises:
        RunFailedError: a weight is not a finite number.
    """
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise RunFailedError(
                f"After step {step} the weight {name} is not a finite number.",
                "Resume from the checkpoint before with a lower learning rate or clip=1.",
            )
    return tensors
