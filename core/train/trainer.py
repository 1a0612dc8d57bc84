"""The training loop, independent of files, terminal and parent process.

Control requests come in through `control`; events and weights leave through `Outputs`. Every update
is a pure function of (weights, seed, step), so a run resumed from a checkpoint ends with the same
bits as the uninterrupted one.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch

from core.config.configs import TrainConfig
from core.config.schema import find_value_problems
from core.errors import RunFailedError, SettingsError
from core.model.decoder import Decoder
from core.model.language_model import LanguageModel
from core.run.event_log import Emit
from core.system.files import JsonObject
from core.train import optim
from core.train.batches import Batches
from core.train.checkpoint_writer import CheckpointWriter
from core.train.compile import CompileScheduler
from core.train.distributed import ProcessGroup
from core.train.evaluation import Evaluation
from core.train.metrics import StepMetrics
from core.train.state import StopReason, TrainState
from core.train.time_budget import TimeBudget
from core.train.update import PendingUpdate, Updater, fetch_losses

MAX_SAMPLING_SHARE = 0.05  # of the time of training, spent on the samples of epoch rows
MAX_PENDING_UPDATES = 1_000  # updates whose losses are still on the device
EPOCH_ROUNDING = 1e-9

Result = TypeVar("Result")


@dataclass(frozen=True)
class Outputs:
    """What leaves the training loop.

    Attributes:
        sample: the model's continuation of the sample prompt.
        copied: the share of a few replies that occurs in the corpus; None if it is not known.
    """

    emit: Emit
    checkpoints: CheckpointWriter
    sample: Callable[[], str]
    copied: Callable[[], float | None] = lambda: None


@dataclass
class Trainer:
    """The training of one model, on one of the ranks that train it together.

    Attributes:
        model: on `device`.
        config: the settings, none of them open; replaced as a whole when one changes.
        evaluation: the validation part; None if there is none.
        control: handles the control requests since the last call, through the trainer's methods.
            A collective where there are several ranks.
        outputs: None on all ranks but 0.
        stop_reason: why to stop before the last step.
        clock: of the budget of wall time, in seconds.
    """

    model: LanguageModel
    device: torch.device
    config: TrainConfig
    batches: Batches
    evaluation: Evaluation | None
    control: Callable[[Trainer], None]
    outputs: Outputs | None
    group: ProcessGroup = field(default_factory=ProcessGroup)
    state: TrainState = field(default_factory=TrainState)
    stop_reason: StopReason | None = None
    clock: Callable[[], float] = time.perf_counter
    updater: Updater = field(init=False)

    def __post_init__(self) -> None:
        optimizer = optim.build_optimizer(self.model, self.config)
        self.updater = Updater(self.model, self.device, optimizer, self.group)
        self._compile_scheduler = CompileScheduler(self.updater.compiled, self.device)
        self._pending: list[PendingUpdate] = []
        self._metrics = StepMetrics()
        self._saved_at = time.perf_counter()
        self._sampled_seconds = 0.0
        self._last_losses: dict[str, float] = {}
        self._time = TimeBudget(clock=self.clock)

    @property
    def steps(self) -> int:
        """Updates of the whole training."""
        assert self.config.steps is not None
        return self.config.steps

    @property
    def epoch(self) -> float:
        """Passes over the training part so far."""
        return self.state.step / self.batches.steps_per_epoch

    def run(self) -> None:
        """Train to the end or until a stop; the last event is `finished` or `stopped`.

        Raises:
            RunFailedError: a loss is not finite; the update was not applied.
            MiniGPTError: a checkpoint could not be written.
        """
        self.model.train()
        self._time.spent_before = self.state.spent
        self._time.start()
        if self.state.step == 0:
            self._save_snapshot_if_due()
        if self.state.settled < self.state.step:
            self._finish_step()
        while self.stop_reason is None and not self._is_done():
            if not self.sync_control() and not self._is_done():  # a change may shorten it
                self._update()
                self._after_update()
        if self.stop_reason is None:
            self._finish_training()
        self._save_and_report_end()

    def sync_control(self) -> bool:
        """Handle control requests, the same on every rank; return whether to stop.

        Collective: call it on every rank equally often.
        """
        self.control(self)
        return self.stop_reason is not None

    def stop(self, reason: StopReason) -> None:
        """End training after the current update; it can be resumed."""
        self.stop_reason = reason

    def start_extension(self) -> None:
        """Save the new number of steps; evaluations without gain count from here."""
        self.state.stale = 0
        self.save()

    def change(self, changes: JsonObject) -> None:
        """Apply new values of settings that may change during training.

        Raises:
            SettingsError: a value is of another type or out of its limits; nothing was changed.
        """
        problems = find_value_problems(TrainConfig, changes)
        if {"epochs", "steps"} <= changes.keys():
            problems.setdefault("steps", "choose one of epochs and steps")
        if problems:
            raise SettingsError(problems)
        changes = dict(changes)
        epochs = changes.pop("epochs", None)
        if epochs is not None:
            steps = round(epochs * self.batches.steps_per_epoch)
            changes["steps"] = max(1, self.state.step, steps)
        if "steps" in changes:
            self.state.budget = None  # the user's number of steps is kept
        self.config = dataclasses.replace(self.config, **changes)

    def pause_clock(self) -> None:
        """Report the metrics so far, so that a pause counts neither as time nor in the speed."""
        self._report(force=True)
        self._time.pause()

    def resume_clock(self) -> None:
        """Continue measuring time after a pause."""
        self._time.start()
        self._metrics.restart_clock()

    def save(self, request: str | None = None, *, wait: bool = False) -> None:
        """Start saving a checkpoint, on rank 0; `saved` is emitted once it is in place.

        Args:
            request: id of the control request that asked for it.
            wait: return only once everything is saved.
        """
        if self.outputs is None:
            return
        self._fetch_losses()
        self.state.spent = self._time.spent
        checkpoints = self.outputs.checkpoints
        checkpoints.save_checkpoint(
            self.model, self.updater.optimizer, self.config, self.state, request
        )
        self._saved_at = time.perf_counter()
        self._metrics.restart_clock()
        if wait:
            checkpoints.report_saved(wait=True)

    def _emit(self, type: str, **fields: Any) -> None:
        """Emit an event, on rank 0."""
        if self.outputs is not None:
            self.outputs.emit(type, self.state.step, **fields)

    def _is_done(self) -> bool:
        patience = self.config.patience
        return self.state.step >= self.steps or 0 < patience <= self.state.stale

    def _update(self) -> None:
        began = self.clock()
        step = self.state.step
        rate = optim.learning_rate(step, self.steps, self.config)
        self._metrics.learning_rate = rate
        update = self.updater.update(self.batches, step, rate, self.config)
        self._pending.append(update)
        self.state.step += 1
        self.state.elapsed += self._metrics.add_update(update.targets)
        if update.micro_batches != self.config.accumulation:
            self._change_setting("accumulation", update.micro_batches, "out of memory")
        if self.updater.checks_each_update or len(self._pending) >= MAX_PENDING_UPDATES:
            self._fetch_losses()
        self._report(force=self.state.step in (1, self.steps))
        if self.state.budget is not None:
            self._time.add_update(self.clock() - began, self.state.budget)

    def _fetch_losses(self) -> None:
        """Add up the losses of the pending updates, on rank 0; the host waits for the device.

        Raises:
            RunFailedError: an update was suppressed because it was not finite.
        """
        updates, self._pending = self._pending, []
        if self.outputs is None:
            return  # other ranks would wait for their devices for nothing
        for update, loss in zip(updates, fetch_losses(updates), strict=True):
            self._metrics.add_loss(loss, update.targets)
            self.state.add_loss(loss, update.targets)
        self.state.elapsed += self._metrics.tick()

    def _change_setting(self, name: str, value: Any, reason: str) -> None:
        """Change a setting without a request and report it."""
        changes = {name: [getattr(self.config, name), value]}
        self.config = dataclasses.replace(self.config, **{name: value})
        self._emit("changed", changes=changes, reason=reason)

    def _after_update(self) -> None:
        if self.outputs is not None:  # other ranks receive the setting from rank 0
            change = self._compile_scheduler.next_setting(
                self.config.compile, self.state, self.steps
            )
            if change is not None:
                self._change_setting("compile", *change)
        self._finish_step()
        if self.outputs is not None:
            is_due = time.perf_counter() - self._saved_at >= self.config.checkpoint_seconds
            # A disk too slow for the interval gets fewer checkpoints instead of blocking training.
            if is_due and not self.outputs.checkpoints.is_busy():
                began = self.clock()
                self.save()
                self._time.add_overhead(self.clock() - began)
            self.outputs.checkpoints.report_saved()
            self._fit_steps_to_budget()

    def _fit_steps_to_budget(self) -> None:
        """Change the number of steps if the budget of wall time would be missed, on rank 0.

        The schedule of the learning rate ends with the steps. Other ranks receive the setting
        before the next update, so a training that is done stays done.
        """
        budget = self.state.budget
        if budget is None or self._is_done():
            return
        assert self.outputs is not None
        steps = self._time.steps_to_fit(
            self.state.step,
            self.steps,
            budget,
            final_targets=self.evaluation.count_final_targets() if self.evaluation else 0,
            saving=self.outputs.checkpoints.write_seconds,
        )
        if steps is not None:
            self._change_setting("steps", steps, "to end within the chosen minutes")

    def _report(self, *, force: bool = False) -> None:
        """Emit a `step` event if one is due, or forced."""
        if self.outputs is not None and self._metrics.updates and (self._metrics.is_due or force):
            self._fetch_losses()
            self._emit(
                "step",
                epoch=round(self.epoch, 4),
                elapsed=round(self.state.elapsed, 3),
                **self._metrics.take(self.device),
            )

    def _finish_step(self) -> None:
        """Evaluate, end the epoch and save a snapshot if due after this step.

        A resumed run calls it if it was killed before. For the last step see `_finish_training`.
        """
        step, per_epoch = self.state.step, self.batches.steps_per_epoch
        epoch_ends = int(step / per_epoch + EPOCH_ROUNDING) > int(
            (step - 1) / per_epoch + EPOCH_ROUNDING
        )
        eval_steps = self.config.eval_steps
        is_eval_due = epoch_ends if eval_steps is None else step % eval_steps == 0
        if not self._is_done():
            began = self.clock()
            if self.evaluation and is_eval_due:
                self._evaluate(whole=False)
            if epoch_ends and self.stop_reason is None:
                self._end_epoch()
            self._time.add_overhead(self.clock() - began)
        if self.stop_reason is None:
            self.state.settled = step
        self._save_snapshot_if_due()

    def _evaluate(self, *, whole: bool) -> None:
        """Save, then measure the validation loss and, of a task, how often the model is right.

        Both are compared with the best evaluation so far. Collective.

        Raises:
            RunFailedError: the loss is not finite.
        """
        assert self.evaluation is not None
        self.save()
        began = self.clock()
        result = self.evaluation.measure(
            self.model, self.device, whole=whole, sync_stop=self.sync_control, group=self.group
        )
        self._metrics.restart_clock()
        if result is None:
            return
        loss = result.loss
        self._time.time_evaluation(self.clock() - began, result.tokens)
        if loss - loss != 0.0:
            raise RunFailedError(
                f"The validation loss after step {self.state.step} is not a finite number.",
                "Resume from the last checkpoint with a lower learning rate or clip=1.",
            )
        task, accuracy, items = self.evaluation.task, result.accuracy, result.items
        if task is not None:
            assert isinstance(self.model, Decoder)
            items = len(task.items)
            accuracy = task.accuracy(
                self.model, self.device, sync_stop=self.sync_control, group=self.group
            )
            self._metrics.restart_clock()
            if accuracy is None:
                return
        self.state.validation, self.state.task_accuracy = loss, accuracy
        # The loss on the whole of a long part cannot be compared with those on its beginning.
        is_comparable = not (whole and self.evaluation.is_long)
        is_best = is_comparable and self.state.record_validation(loss, accuracy)
        if is_best and self.outputs is not None:
            self.outputs.checkpoints.save_best(self.model, self.state.step)
        judged = {} if accuracy is None else {"task_accuracy": accuracy, "task_items": items}
        self._emit("eval", val_loss=loss, tokens=result.tokens, whole=whole, best=is_best, **judged)

    def _end_epoch(self, *, last: bool = False) -> None:
        """Emit the row of an epoch and start the next one."""
        if self.outputs is None:
            return
        self._fetch_losses()
        state = self.state
        self._last_losses = state.epoch_losses()
        row: JsonObject = {
            "epoch": round(self.epoch, 4) if last else int(self.epoch + EPOCH_ROUNDING),
            **self._last_losses,
        }
        if last or self._sampled_seconds < MAX_SAMPLING_SHARE * state.elapsed:
            row["text"] = self._run_untimed(self.outputs.sample)
        self._emit("epoch", elapsed=round(state.elapsed, 3), **row)
        # Only now: a checkpoint saved before must contain the whole sums.
        state.start_epoch()

    def _save_snapshot_if_due(self) -> None:
        """Save the weights of this step, and show what the model generates."""
        step, outputs = self.state.step, self.outputs
        if outputs is None or step not in outputs.checkpoints.snapshot_steps:
            return
        self._fetch_losses()
        outputs.checkpoints.save_snapshot(self.model, step)
        text = self._run_untimed(outputs.sample)
        copied = self._run_untimed(outputs.copied)
        self._emit("sample", prompt=self.config.sample_prompt or "", text=text, copied=copied)

    def _run_untimed(self, work: Callable[[], Result]) -> Result:
        """Run the model outside training; the time does not count as training."""
        began = time.perf_counter()
        self.model.eval()
        result = work()
        self.model.train()
        self._sampled_seconds += time.perf_counter() - began
        self._metrics.restart_clock()
        return result

    def _finish_training(self) -> None:
        """Run the last evaluation, on the whole validation part, and emit the last epoch row."""
        if self.evaluation:
            if self.evaluation.is_long:
                self._evaluate(whole=False)
            if self.stop_reason is None:
                self._evaluate(whole=True)
        if self.stop_reason is None and self.state.epoch_targets:
            self._end_epoch(last=True)

    def _save_and_report_end(self) -> None:
        """Save, and emit `finished` or `stopped`."""
        self._report(force=True)
        self.save(wait=True)
        elapsed = round(self.state.elapsed, 3)
        if self.stop_reason is not None:
            self._emit(
                "stopped",
                id=self.stop_reason.request,
                elapsed=elapsed,
                reason=self.stop_reason.reason,
            )
            return
        reason = "all steps done"
        if self.state.step < self.steps:
            reason = f"no gain in {self.config.patience} evaluations"
        self._emit("finished", elapsed=elapsed, reason=reason, **self._last_losses)
