"""The small state of the training loop, which every checkpoint contains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_type_hints

from core.config.configs import TrainConfig
from core.config.schema import from_json
from core.errors import DamagedError, SettingsError
from core.train.checkpoint import Checkpoint


@dataclass(frozen=True)
class StopReason:
    """Why training stops before its last step.

    Attributes:
        reason: for people; the name of a signal, or what the control request says.
        request: id of the control request.
    """

    reason: str
    request: str | None = None


@dataclass
class TrainState:
    """Counters and sums of the training loop; small JSON numbers only.

    Attributes:
        step: updates done.
        elapsed: seconds of training, without pauses.
        best: validation loss of the best evaluation so far, nats per token.
        best_accuracy: its share of right replies; None unless the corpus has a task.
        stale: evaluations since the best one.
        epoch_loss, epoch_targets: sum of losses and number of targets in this epoch.
        validation: the last validation loss in this epoch.
        task_accuracy: the last share of right replies in this epoch.
        spent: seconds of wall time, evaluation and saving included, without pauses.
        budget: the value of `spent` at which training is to end; None if the steps are given.
        settled: the last step whose evaluation and epoch row are done. A run killed between saving
            and evaluating catches up when it is resumed.
    """

    step: int = 0
    elapsed: float = 0.0
    best: float | None = None
    best_accuracy: float | None = None
    stale: int = 0
    epoch_loss: float = 0.0
    epoch_targets: int = 0
    validation: float | None = None
    task_accuracy: float | None = None
    settled: int = 0
    spent: float = 0.0
    budget: float | None = None

    def add_loss(self, loss: float, targets: int) -> None:
        """Add the mean loss of an update to the sums of the epoch."""
        self.epoch_loss += loss * targets
        self.epoch_targets += targets

    def record_validation(self, loss: float, accuracy: float | None = None) -> bool:
        """Compare an evaluation with the best so far; return whether it is better.

        The higher share of right replies is better, where there is one; of equal ones, and without
        a task, the lower loss.
        """
        if self.best is not None:
            rank = (accuracy or 0.0, -loss)
            if rank <= (self.best_accuracy or 0.0, -self.best):
                self.stale += 1
                return False
        self.best, self.best_accuracy, self.stale = loss, accuracy, 0
        return True

    def epoch_losses(self) -> dict[str, float]:
        """The `train_loss` of this epoch and, if evaluated, `val_loss` and `task_accuracy`."""
        losses = {"train_loss": self.epoch_loss / max(1, self.epoch_targets)}
        if self.validation is not None:
            losses["val_loss"] = self.validation
        if self.task_accuracy is not None:
            losses["task_accuracy"] = self.task_accuracy
        return losses

    def start_epoch(self) -> None:
        """Reset the sums of the epoch."""
        self.epoch_loss, self.epoch_targets = 0.0, 0
        self.validation = self.task_accuracy = None


def read_settings(checkpoint: Checkpoint) -> TrainConfig:
    """The settings at the checkpoint, including changes made during training.

    Raises:
        DamagedError: they are missing or invalid.
    """
    values = checkpoint.state.get("train")
    if not isinstance(values, dict):
        raise _damaged(checkpoint, "it has no settings")
    try:
        return from_json(TrainConfig, values)
    except SettingsError as error:
        raise _damaged(checkpoint, error.message) from error


def read_train_state(checkpoint: Checkpoint) -> TrainState:
    """The state of the loop at the checkpoint.

    Raises:
        DamagedError: it is missing, or its fields have wrong types.
    """
    values = checkpoint.state.get("progress")
    types = get_type_hints(TrainState)
    if not isinstance(values, dict) or not values.keys() <= types.keys():
        raise _damaged(checkpoint, "it has no state of the training loop")
    wrong = [name for name, value in values.items() if not _has_type(value, types[name])]
    if values.get("step") != checkpoint.step and "step" not in wrong:
        wrong.append("step")
    if wrong:
        raise _damaged(checkpoint, f"invalid values of {', '.join(wrong)}")
    return TrainState(**values)


def _has_type(value: Any, kind: Any) -> bool:
    """Whether a JSON value has a type; an integer is a valid float, a boolean no number."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind) or (isinstance(value, int) and isinstance(0.0, kind))


def _damaged(checkpoint: Checkpoint, why: str) -> DamagedError:
    return DamagedError(
        f"The state of the checkpoint of step {checkpoint.step} cannot be used: {why}.",
        f"Delete the folder checkpoint/{checkpoint.step} to resume from the one before it.",
    )
