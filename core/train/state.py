"""Where a run stands: what of the loop goes into every checkpoint.

What a checkpoint's state says, checked: the settings and where the run stands.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, get_type_hints

from core.config.configs import TrainConfig
from core.config.schema import from_json
from core.errors import DamagedError, SettingsError
from core.train.checkpoint import Checkpoint


@dataclass
class TrainState:
    """Where a run stands; small numbers only, they go into every checkpoint.

    Attributes:
        step: updates done.
        elapsed: seconds of training, pauses excluded.
        best: lowest validation loss so far, nats.
        stale: evaluations since.
        epoch_loss, epoch_targets: sum of losses and number of targets in this epoch.
        validation: the loss of an evaluation in this epoch, for its row.
        settled: the last step whose evaluation and epoch row are done; where a run was killed
            between saving and evaluating, the resumed one makes up for it.
    """

    step: int = 0
    elapsed: float = 0.0
    best: float | None = None
    stale: int = 0
    epoch_loss: float = 0.0
    epoch_targets: int = 0
    validation: float | None = None
    settled: int = 0

    def take(self, loss: float, targets: int) -> None:
        """Counts an update's mean loss for the epoch's row."""
        self.epoch_loss += loss * targets
        self.epoch_targets += targets

    def gains(self, loss: float) -> bool:
        """Whether a validation loss is the lowest so far; counts those that are not."""
        if self.best is not None and loss >= self.best:
            self.stale += 1
            return False
        self.best, self.stale = loss, 0
        return True

    def losses(self) -> dict[str, float]:
        """The losses of the epoch's row."""
        losses = {"train_loss": self.epoch_loss / max(1, self.epoch_targets)}
        if self.validation is not None:
            losses["val_loss"] = self.validation
        return losses

    def end_epoch(self) -> None:
        """Begins the sums again."""
        self.epoch_loss, self.epoch_targets, self.validation = 0.0, 0, None


def read_settings(checkpoint: Checkpoint) -> TrainConfig:
    """The settings as they were, changes while running included.

    Raises:
        DamagedError: they are missing or no settings.
    """
    values = checkpoint.state.get("train")
    if not isinstance(values, dict):
        raise _damaged(checkpoint, "it holds no settings")
    try:
        return from_json(TrainConfig, values)
    except SettingsError as error:
        raise _damaged(checkpoint, error.message) from error


def read_train_state(checkpoint: Checkpoint) -> TrainState:
    """Where the run stood.

    Raises:
        DamagedError: it is missing, or not of its kinds.
    """
    values = checkpoint.state.get("progress")
    kinds = get_type_hints(TrainState)
    known = {field.name for field in dataclasses.fields(TrainState)}
    if not isinstance(values, dict) or not values.keys() <= known:
        raise _damaged(checkpoint, "it does not say where the run stood")
    wrong = [name for name, value in values.items() if not _is(value, kinds[name])]
    wrong += [] if values.get("step") == checkpoint.step else ["step"]
    if wrong:
        raise _damaged(checkpoint, f"{', '.join(dict.fromkeys(wrong))}: not as it was written")
    return TrainState(**values)


def _is(value: Any, kind: Any) -> bool:
    """Whether a value of JSON is of a kind: whole numbers are numbers, truth values are none."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind) or (isinstance(value, int) and isinstance(0.0, kind))


def _damaged(checkpoint: Checkpoint, why: str) -> DamagedError:
    return DamagedError(
        f"The state of the checkpoint of step {checkpoint.step} cannot be used: {why}.",
        f"Without the folder checkpoint/{checkpoint.step} the run goes on from the one before.",
    )
