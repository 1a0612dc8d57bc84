"""Weights on their way from the training thread into the run directory."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor

from core.model import state_dict as layout
from core.train import checkpoint
from core.errors import RunFailedError, StorageError
from core.train.roles import Emit
from core.run.directory import Run
from core.train.checkpoint_writer import Saved, Saver
from core.config.schema import to_json
from core.train.trainer import Trainer

Tensors = dict[str, Tensor]


class RunKeeper:
    """Saves a run's weights through a writer thread; the training thread only copies.

    Args:
        run: where to.
        saver: the writer.
        emit: says `saved` once a file is in place and reads back.
        snapshots: the steps whose weights are kept for looking back.
    """

    def __init__(self, run: Run, saver: Saver, emit: Emit, snapshots: frozenset[int]) -> None:
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
        model = _finite(layout.stored(trainer.model), step)
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
        model = _finite(layout.stored(trainer.model), step)
        self._saver.submit(
            "snapshot", step, lambda: checkpoint.save_snapshot(self._run, step, model)
        )

    def best(self, trainer: Trainer) -> None:
        """Starts to keep the weights as the best so far."""
        step = trainer.progress.step
        model = _finite(layout.stored(trainer.model), step)
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

    def _say(self, result: Saved) -> None:
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
