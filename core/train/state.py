"""Where a run stands: what of the loop goes into every checkpoint."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Progress:
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
