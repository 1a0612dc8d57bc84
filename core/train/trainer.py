"""The training loop. It knows no files, no terminal and no parent process.

What happens is said through `emit`, wishes come in through `requests`, weights leave through a
`Keeper`; all three are given. Every update is a pure function of (weights, seed, step), so a run
resumed from a checkpoint ends where the uninterrupted one ends.

What the training loop is given, and knows no more of than this.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch

from core.config.configs import TrainConfig
from core.errors import RunFailedError
from core.model.decoder import Decoder
from core.train import optim
from core.train.batches import Batches
from core.train.compile import StepCompiler
from core.train.distributed import ProcessGroup
from core.train.evaluation import Evaluation
from core.train.metrics import StepMetrics
from core.train.state import TrainState
from core.train.update import PendingUpdate, Updater, fetch_losses


class Emit(Protocol):
    """Says one event; `step` is the number of updates done."""

    def __call__(self, type: str, step: int, **fields: Any) -> None: ...


class Keeper(Protocol):
    """Takes weights out of the training thread and into files."""

    def checkpoint(self, trainer: Trainer, request: str | None = None) -> None:
        """Starts to save everything a resume needs."""

    def snapshot(self, trainer: Trainer) -> None:
        """Starts to save the weights alone, for looking back."""

    def best(self, trainer: Trainer) -> None:
        """Starts to save the weights as the best so far."""

    def settle(self, *, wait: bool = False) -> None:
        """Says what has been saved since; raises what went wrong; waits for the rest if asked."""

    def busy(self) -> bool:
        """Whether something is still being written."""
        ...

    def snapshot_due(self, step: int) -> bool:
        """Whether the weights after `step` updates are to be kept for looking back."""
        ...


MAX_SAMPLING_SHARE = 0.05
MAX_PENDING_UPDATES = 1_000  # updates whose losses are still on the device

Said = TypeVar("Said")


@dataclass
class Trainer:
    """One run in progress.

    Attributes:
        model: a decoder with `loss` and `dropout`, on `device`.
        config: the settings, none of them None; replaced as a whole when one changes.
        evaluation: the validation part; None where there is none.
        sample: the model's own continuation of the sample prompt.
        copied: the share of a few replies that stands in the corpus; None where nobody knows.
        requests: obeys what was asked since the last call, through the trainer's methods.
        ranks: who else trains the same model; only the first one's events and weights are kept.
    """

    model: Decoder
    device: torch.device
    config: TrainConfig
    batches: Batches
    evaluation: Evaluation | None
    emit: Emit
    keeper: Keeper
    sample: Callable[[], str]
    requests: Callable[[Trainer], None]
    copied: Callable[[], float | None] = lambda: None
    ranks: ProcessGroup = field(default_factory=ProcessGroup)
    progress: TrainState = field(default_factory=TrainState)
    ending: str = ""
    ending_request: str | None = None
    updater: Updater = field(init=False)

    def __post_init__(self) -> None:
        optimizer = optim.build_optimizer(self.model, self.config)
        self.updater = Updater(self.model, self.device, optimizer, self.ranks)
        self._compiling = StepCompiler(self.updater.compiled, self.device)
        self._made: list[PendingUpdate] = []
        self.meter = StepMetrics()
        self._saved_at = time.perf_counter()
        self._sampled_seconds = 0.0
        self._losses: dict[str, float] = {}

    def run(self) -> None:
        """Trains to the end, or until asked to stop; says `finished` or `stopped` last.

        Raises:
            RunFailedError: a loss that is not finite; the update was not applied.
            MiniGPTError: what went wrong in saving.
        """
        self.model.train()
        if self.progress.step == 0 and self.keeper.snapshot_due(0):
            self._look_back()
        if self.progress.settled < self.progress.step:
            self._finish_step()
        while not self.ending and not self._done():
            self.requests(self)
            if not self.ending:
                self._update()
                self._after_update()
        if not self.ending:
            self._finish()
        self._end()

    @property
    def steps(self) -> int:
        """Updates in all."""
        assert self.config.steps is not None
        return self.config.steps

    def _done(self) -> bool:
        return self.progress.step >= self.steps or self._gave_up()

    def _gave_up(self) -> bool:
        return bool(self.config.patience) and self.progress.stale >= self.config.patience

    @property
    def epoch(self) -> float:
        """Passes over the training part so far."""
        return self.progress.step / self.batches.steps_per_epoch

    def go_on(self) -> None:
        """Trains longer than was planned: what was no gain counts anew, the plan is saved."""
        self.progress.stale = 0
        self.save()

    def stop(self, reason: str, request: str | None = None) -> None:
        """Ends the run after the update under way; it can be resumed."""
        self.ending, self.ending_request = reason, request

    def pause_clock(self) -> None:
        """Says the numbers so far, so that a pause counts neither as time nor as speed."""
        self._report(force=True)

    def resume_clock(self) -> None:
        """Starts the clock again."""
        self.meter.restart()

    def change(self, changes: dict[str, Any]) -> None:
        """Applies new values of settings that may change while training.

        Raises:
            SettingsError: a value out of its limits; nothing is changed then.
        """
        changes = dict(changes)
        epochs = changes.pop("epochs", None)
        if epochs is not None:
            changes["steps"] = max(1, round(epochs * self.batches.steps_per_epoch))
        self.config = dataclasses.replace(self.config, **changes)

    def _update(self) -> None:
        step = self.progress.step
        rate = optim.learning_rate(step, self.steps, self.config)
        self.meter.learning_rate = rate
        made = self.updater.update(self.batches, step, rate, self.config)
        self._made.append(made)
        self.progress.step += 1
        self.progress.elapsed += self.meter.add(made.targets)
        if made.pieces != self.config.accumulation:
            self._set("out of memory", accumulation=made.pieces)
        if self.updater.at_once or len(self._made) >= MAX_PENDING_UPDATES:
            self._settle()

    def _settle(self) -> None:
        """Takes in the losses of the updates since; only here the host waits for the device.

        Raises:
            RunFailedError: an update was suppressed, as it was not finite.
        """
        made, self._made = self._made, []
        if not self.ranks.first:
            return  # the first one's word is enough, and it comes when the others do not look
        for one, loss in zip(made, fetch_losses(made), strict=True):
            self.meter.add_loss(loss, one.targets)
            self.progress.take(loss, one.targets)
        self.progress.elapsed += self.meter.tick()

    def _set(self, reason: str, **changes: Any) -> None:
        """Changes settings that nobody asked to change, and says so."""
        pairs = {name: [getattr(self.config, name), value] for name, value in changes.items()}
        self.config = dataclasses.replace(self.config, **changes)
        self.emit("changed", self.progress.step, changes=pairs, reason=reason)

    def _after_update(self) -> None:
        done = self.progress.step
        self._report(force=done in (1, self.steps))
        wish, why = self._compiling.wish(self.config.compile, self.progress, self.steps)
        if why and self.ranks.first:
            self._set(why, compile=wish)
        self._finish_step()
        due = time.perf_counter() - self._saved_at >= self.config.checkpoint_seconds
        if due and not self.keeper.busy():  # a slow disk saves less often, and holds nothing up
            self.save()
        self.keeper.settle()

    def _finish_step(self) -> None:
        """What is due after an update, or was when the run was killed."""
        self._settle_step()
        if self.keeper.snapshot_due(self.progress.step):
            self._look_back()

    def _settle_step(self) -> None:
        """The evaluation and the epoch row that are due after this step; the last come later."""
        done, per_epoch = self.progress.step, self.batches.steps_per_epoch
        epoch_ends = int(done / per_epoch + 1e-9) > int((done - 1) / per_epoch + 1e-9)
        if not self._done():
            if self.evaluation and self._evaluation_due(epoch_ends):
                self._evaluate(whole=False)
            if epoch_ends and not self.ending:
                self._end_epoch()
        if not self.ending:
            self.progress.settled = done

    def _evaluation_due(self, epoch_ends: bool) -> bool:
        if self.config.eval_steps is None:
            return epoch_ends
        return self.progress.step % self.config.eval_steps == 0

    def _report(self, *, force: bool = False) -> None:
        if self.meter.updates and (self.meter.due or force):
            self._settle()
            self.emit(
                "step",
                self.progress.step,
                epoch=round(self.epoch, 4),
                elapsed=round(self.progress.elapsed, 3),
                **self.meter.take(self.device),
            )

    def _evaluate(self, *, whole: bool) -> None:
        """Saves, then measures the validation loss and compares it with those before.

        Raises:
            RunFailedError: it is not finite.
        """
        assert self.evaluation is not None
        self.save()
        result = self.evaluation.loss(
            self.model,
            self.device,
            whole=whole,
            interrupted=self._interrupted,
            ranks=self.ranks,
        )
        self.meter.restart()
        if result is None:
            return
        loss, tokens = result
        if loss - loss != 0.0:
            raise RunFailedError(
                f"The validation loss after step {self.progress.step} is not a finite number.",
                "Resume from the last checkpoint with a lower learning rate or clip=1.",
            )
        self.progress.validation = loss
        # A loss on all of a long part says nothing beside those on its beginning.
        better = not (whole and self.evaluation.long) and self.progress.gains(loss)
        if better:
            self.keeper.best(self)
        said = {"val_loss": loss, "tokens": tokens, "whole": whole, "best": better}
        self.emit("eval", self.progress.step, **said)

    def _interrupted(self) -> bool:
        self.requests(self)
        return bool(self.ending)

    def _end_epoch(self, *, last: bool = False) -> None:
        self._settle()
        progress = self.progress
        row: dict[str, Any] = {"epoch": round(self.epoch, 4) if last else int(self.epoch + 1e-9)}
        # The sums begin again once the row is said: a checkpoint meanwhile has them whole.
        self._losses = progress.losses()
        row |= self._losses
        if last or self._sampled_seconds < MAX_SAMPLING_SHARE * progress.elapsed:
            row["text"] = self._aside(self.sample)
        self.emit("epoch", progress.step, elapsed=round(progress.elapsed, 3), **row)
        progress.end_epoch()

    def _look_back(self) -> None:
        """Keeps the weights of this step and what they say."""
        self._settle()
        self.keeper.snapshot(self)
        prompt = self.config.sample_prompt or ""
        said = {"prompt": prompt, "text": self._aside(self.sample)}
        copied = self._aside(self.copied)
        self.emit("sample", self.progress.step, **said, copied=copied)

    def _aside(self, work: Callable[[], Said]) -> Said:
        """What the model says, which is no part of the time of training."""
        began = time.perf_counter()
        self.model.eval()
        found = work()
        self.model.train()
        self._sampled_seconds += time.perf_counter() - began
        self.meter.restart()
        return found

    def save(self, request: str | None = None) -> None:
        """Starts to save a checkpoint; `saved` is said once it is in place."""
        self._settle()
        self.keeper.checkpoint(self, request)
        self._saved_at = time.perf_counter()
        self.meter.restart()

    def _finish(self) -> None:
        """The last row, with the loss on all of the validation part."""
        if self.evaluation:
            if self.evaluation.long:
                self._evaluate(whole=False)
            if not self.ending:
                self._evaluate(whole=True)
        if not self.ending and self.progress.epoch_targets:
            self._end_epoch(last=True)

    def _end(self) -> None:
        self._report(force=True)
        self.save()
        self.keeper.settle(wait=True)
        said = {"elapsed": round(self.progress.elapsed, 3), "reason": self.ending}
        if self.ending:
            self.emit("stopped", self.progress.step, id=self.ending_request, **said)
            return
        said["reason"] = "all steps done"
        if self.progress.step < self.steps:
            said["reason"] = f"no gain in {self.config.patience} evaluations"
        self.emit("finished", self.progress.step, **said, **self._losses)
