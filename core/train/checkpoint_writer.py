"""Write weights and checkpoints to disk in a thread, so that training never waits for the disk.

The training thread copies tensors to the host and submits jobs; the writer thread does them one
after another. The training thread fetches the results, emits the events and raises the errors.
Jobs use none of PyTorch's parallel operations, see `core.model.safetensors_io`.
"""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from torch import Tensor

from core.config.configs import TrainConfig
from core.config.schema import to_json
from core.errors import RunFailedError, StorageError
from core.model import state_dict
from core.model.language_model import LanguageModel
from core.run.directory import Run
from core.run.event_log import Emit
from core.system.files import JsonObject
from core.train import checkpoint
from core.train.optim import Optimizer
from core.train.state import TrainState

MAX_UNFINISHED_JOBS = 3  # one being written and two waiting; each holds its tensors in memory


@dataclass(frozen=True)
class CheckpointJobResult:
    """The result of a job.

    Attributes:
        kind: checkpoint, snapshot or best.
        step: updates done when the tensors were copied.
        seconds: duration of writing.
        bytes: written; 0 if it failed.
        request: id of the control request it answers.
        error: why it failed.
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
    """The writer thread. Closing it, or leaving its context, finishes the submitted jobs."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint-writer")
        self._jobs: deque[_Job] = deque()

    def is_busy(self) -> bool:
        """Whether a job is unfinished."""
        return any(not job.future.done() for job in self._jobs)

    def submit(
        self, kind: str, step: int, work: Callable[[], int], request: str | None = None
    ) -> None:
        """Queue a job; waits for the oldest one where MAX_UNFINISHED_JOBS are unfinished.

        Args:
            work: writes host tensors that nothing else changes; returns the bytes written.
        """
        unfinished = [job.future for job in self._jobs if not job.future.done()]
        if len(unfinished) >= MAX_UNFINISHED_JOBS:
            wait(unfinished[:1])
        self._jobs.append(_Job(kind, step, request, self._pool.submit(_timed, work)))

    def take_results(self) -> list[CheckpointJobResult]:
        """The results since the last call, in the order of submission; never waits."""
        results = []
        while self._jobs and self._jobs[0].future.done():
            results.append(self._jobs.popleft().result())
        return results

    def wait(self) -> list[CheckpointJobResult]:
        """Finish all jobs; the results since the last call."""
        wait([job.future for job in self._jobs])
        return self.take_results()

    def close(self) -> None:
        """Finish all jobs and end the thread; results can still be taken."""
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


class CheckpointWriter:
    """Write a run's checkpoints, snapshots and best weights; emit `saved` for each.

    Args:
        emit: called once a file is in place and reads back.
        snapshot_steps: the steps whose weights are kept.
        saved_step: the step of the run's newest checkpoint.
        check_run: raises a StorageError if the run is no longer this trainer's: nothing is rebuilt.

    Attributes:
        write_seconds: how long the newest checkpoint took to write.
    """

    write_seconds = 0.0

    def __init__(
        self,
        run: Run,
        writer: BackgroundWriter,
        emit: Emit,
        snapshot_steps: frozenset[int],
        saved_step: int | None = None,
        check_run: Callable[[], None] = lambda: None,
    ) -> None:
        self._run, self._writer, self._emit = run, writer, emit
        self._check_run = check_run
        self._submitted: tuple[int, JsonObject] | None = None
        self.snapshot_steps = snapshot_steps
        self.saved_step = saved_step

    def is_busy(self) -> bool:
        """Whether something is still being written."""
        return self._writer.is_busy()

    def save_checkpoint(
        self,
        model: LanguageModel,
        optimizer: Optimizer,
        config: TrainConfig,
        state: TrainState,
        request: str | None = None,
    ) -> None:
        """Start saving all that a resume needs.

        Without `request`, nothing is done if the last checkpoint has the same content.
        """
        content = {"train": to_json(config), "progress": dataclasses.asdict(state)}
        step = state.step
        if self._submitted == (step, content) and request is None:
            return
        self._submitted = (step, content)
        weights = _finite_weights(model, step)
        moments = {
            name: tensor.detach().to("cpu", copy=True)
            for name, tensor in optimizer.tensors().items()
        }
        self._submit(
            "checkpoint",
            step,
            lambda: checkpoint.save_checkpoint(self._run, step, weights, moments, content),
            request,
        )

    def save_snapshot(self, model: LanguageModel, step: int) -> None:
        """Start saving the weights of this step, to be kept."""
        weights = _finite_weights(model, step)
        self._submit("snapshot", step, lambda: checkpoint.save_snapshot(self._run, step, weights))

    def save_best(self, model: LanguageModel, step: int) -> None:
        """Start replacing the best weights."""
        weights = _finite_weights(model, step)
        self._submit("best", step, lambda: checkpoint.save_best(self._run, step, weights))

    def _submit(
        self, kind: str, step: int, work: Callable[[], int], request: str | None = None
    ) -> None:
        """Queue a job that saves only to a run that is still this trainer's."""

        def save() -> int:
            self._check_run()
            size = work()
            try:
                self._check_run()
            except StorageError:  # it was deleted meanwhile
                checkpoint.remove_leftovers(self._run)
                raise
            return size

        self._writer.submit(kind, step, save, request)

    def report_saved(self, *, wait: bool = False) -> None:
        """Emit `saved` for what was written since the last call; optionally wait for the rest.

        Raises:
            StorageError: a file could not be written; the checkpoint before is whole.
        """
        for result in self._writer.wait() if wait else self._writer.take_results():
            if result.error is not None:
                assert isinstance(result.error, StorageError), result.error
                raise result.error
            self._report(result)

    def finish(self) -> int | None:
        """Wait for all writing and emit `saved`, ignoring errors; the newest checkpoint's step."""
        for result in self._writer.wait():
            if result.error is None:
                self._report(result)
        return self.saved_step

    def _report(self, result: CheckpointJobResult) -> None:
        if result.kind == "checkpoint":
            self.saved_step, self.write_seconds = result.step, result.seconds
        fields: JsonObject = {"kind": result.kind, "bytes": result.bytes}
        fields["seconds"] = round(result.seconds, 3)
        if result.request is not None:
            fields["request"] = result.request
        self._emit("saved", result.step, **fields)


def _finite_weights(model: LanguageModel, step: int) -> dict[str, Tensor]:
    """The weights on the host, in the layout of files. Good files are never replaced by bad ones.

    Raises:
        RunFailedError: a weight is not finite.
    """
    tensors = state_dict.to_stored(model)
    if name := state_dict.find_nonfinite(tensors):
        raise RunFailedError(
            f"After step {step} the weight {name} is not a finite number.",
            "Resume from the checkpoint before with a lower learning rate or clip=1.",
        )
    return tensors
