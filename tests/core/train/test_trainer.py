"""The training loop, with recorded events and checkpoints instead of files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch

from core.errors import SettingsError
from core.system.rank_env import RankInfo
from core.train.distributed import ProcessGroup
from core.train.metrics import StepMetrics
from core.train.state import StopReason
from core.train.trainer import Trainer
from tests.support.tiny_trainer import (
    checkpoints_of,
    events_of,
    resumed,
    tiny_trainer,
    weights_of,
)


def test_training_lowers_the_loss_and_reports_it() -> None:
    trainer = tiny_trainer(steps=60)
    trainer.run()
    steps = events_of(trainer).of_type("step")
    assert steps[0][0] == 1
    assert steps[-1][0] == 60
    assert steps[-1][1]["train_loss"] < 0.5 < 2.0 < steps[0][1]["train_loss"]
    assert events_of(trainer).events[-1][0] == "finished"
    assert checkpoints_of(trainer).saved[-1] == ("checkpoint", 60)


def test_no_step_event_is_emitted_without_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the last update and the end time passes, but nothing is trained."""
    monkeypatch.setattr(StepMetrics, "is_due", True)
    trainer = tiny_trainer(validation=True, steps=6)
    trainer.run()
    reports = events_of(trainer).of_type("step")
    assert [step for step, _ in reports] == [1, 2, 3, 4, 5, 6]
    assert all(fields["train_loss"] > 0 for _, fields in reports)


def test_epoch_rows_come_at_the_end_of_each_pass() -> None:
    trainer = tiny_trainer(steps=20)
    trainer.run()
    per_epoch = trainer.batches.steps_per_epoch
    assert per_epoch == pytest.approx(26 / 4)
    assert [step for step, _ in events_of(trainer).of_type("epoch")] == [7, 13, 20]


@pytest.mark.parametrize("stop_at", [1, 7, 15])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_resumed_run_ends_with_the_same_bits(stop_at: int, dropout: float) -> None:
    whole = tiny_trainer(dropout=dropout, validation=True)
    whole.run()

    def stop(trainer: Trainer) -> None:
        if trainer.state.step == stop_at:
            trainer.stop(StopReason("test"))

    first = tiny_trainer(dropout=dropout, validation=True, control=stop)
    first.run()
    assert events_of(first).events[-1][0] == "stopped"
    second = resumed(
        tiny_trainer(dropout=dropout, validation=True), checkpoints_of(first).copies[stop_at]
    )
    second.run()
    assert torch.equal(weights_of(whole), weights_of(second))
    assert second.state.best == whole.state.best
    rows = [events_of(run).of_type("epoch")[-1][1]["train_loss"] for run in (whole, second)]
    assert rows[0] == rows[1]


def test_accumulation_changes_only_rounding() -> None:
    whole, pieces = tiny_trainer(steps=3), tiny_trainer(steps=3, accumulation=2)
    whole.run()
    pieces.run()
    assert torch.allclose(weights_of(whole), weights_of(pieces), atol=1e-5)


def test_every_snapshot_comes_with_a_sample() -> None:
    trainer = tiny_trainer(snapshot_steps=frozenset({0, 1, 2, 4}), steps=5)
    trainer.run()
    snapshots = [step for kind, step in checkpoints_of(trainer).saved if kind == "snapshot"]
    assert snapshots == [0, 1, 2, 4]
    assert [step for step, _ in events_of(trainer).of_type("sample")] == [0, 1, 2, 4]


def test_the_number_of_epochs_can_be_changed_while_training() -> None:
    def change(trainer: Trainer) -> None:
        if trainer.state.step == 3 and trainer.steps == 20:
            trainer.change({"epochs": 2.0, "learning_rate": 0.001})

    trainer = tiny_trainer(control=change)
    trainer.run()
    assert trainer.state.step == 13
    assert trainer.config.learning_rate == 0.001


def test_fewer_epochs_than_are_done_end_the_training_at_this_step() -> None:
    def change(trainer: Trainer) -> None:
        if trainer.state.step == 10:
            trainer.change({"epochs": 0.5})

    trainer = tiny_trainer(control=change)
    trainer.run()
    assert trainer.state.step == trainer.steps == 10


def test_an_invalid_change_changes_nothing() -> None:
    trainer = tiny_trainer()
    with pytest.raises(SettingsError, match="learning_rate"):
        trainer.change({"learning_rate": -1.0, "dropout": 0.5})
    assert trainer.config.dropout == 0.0


@dataclass(frozen=True)
class _UnconnectedGroup(ProcessGroup):
    """A rank whose collectives return its own values."""

    def wrap_loss(self, model: Any) -> Any:
        return ProcessGroup().wrap_loss(model)

    def all_reduce_sum(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor


def test_other_ranks_train_and_evaluate_without_outputs() -> None:
    group = _UnconnectedGroup(RankInfo(1, 1, 2, 2))
    trainer = tiny_trainer(group=group, validation=True, checkpoint_seconds=0.0)
    trainer.run()
    assert trainer.outputs is None
    assert trainer.state.step == 20
    assert trainer.state.best is not None
