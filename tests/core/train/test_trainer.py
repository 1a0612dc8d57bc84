"""The loop, with no files."""

from __future__ import annotations

import pytest
import torch

from core.errors import SettingsError
from core.train.metrics import StepMetrics
from core.train.trainer import Trainer
from tests.support.trainers import (
    FakeKeeper,
    kept_of,
    made_trainer,
    told_of,
    weights_of,
)


def test_it_learns_and_says_so() -> None:
    trainer = made_trainer(steps=60)
    trainer.run()
    steps = told_of(trainer).of("step")
    assert steps[0][0] == 1
    assert steps[-1][0] == 60
    assert steps[-1][1]["train_loss"] < 0.5 < 2.0 < steps[0][1]["train_loss"]
    assert told_of(trainer).events[-1][0] == "finished"
    assert kept_of(trainer).kept[-1] == ("checkpoint", 60)


def test_no_report_is_made_of_no_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes between the last update and the end, in which nothing is learnt."""
    monkeypatch.setattr(StepMetrics, "due", True)
    trainer = made_trainer(validation=True, steps=6)
    trainer.run()
    reports = told_of(trainer).of("step")
    assert [step for step, _ in reports] == [1, 2, 3, 4, 5, 6]
    assert all(fields["train_loss"] > 0 for _, fields in reports)


def test_epoch_rows_come_at_the_end_of_real_passes() -> None:
    trainer = made_trainer(steps=20)
    trainer.run()
    per_epoch = trainer.batches.steps_per_epoch
    assert per_epoch == pytest.approx(26 / 4)
    assert [step for step, _ in told_of(trainer).of("epoch")] == [7, 13, 20]


@pytest.mark.parametrize("stop_at", [1, 7, 15])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_resumed_run_ends_bit_identical(stop_at: int, dropout: float) -> None:
    whole = made_trainer(dropout=dropout, validation=True)
    whole.run()

    def stop(trainer: Trainer) -> None:
        if trainer.progress.step == stop_at:
            trainer.stop("test")

    first = made_trainer(dropout=dropout, validation=True, requests=stop)
    first.run()
    assert told_of(first).events[-1][0] == "stopped"
    weights, moments, progress = kept_of(first).copies[stop_at]
    second = made_trainer(dropout=dropout, validation=True)
    second.model.load_state_dict(weights)
    second.updater.optimizer.load(moments, stop_at)
    second.progress = progress
    second.run()
    assert torch.equal(weights_of(whole), weights_of(second))
    assert second.progress.best == whole.progress.best
    rows = [told_of(run).of("epoch")[-1][1]["train_loss"] for run in (whole, second)]
    assert rows[0] == rows[1]


def test_accumulation_changes_only_rounding() -> None:
    whole, pieces = made_trainer(steps=3), made_trainer(steps=3, accumulation=2)
    whole.run()
    pieces.run()
    assert torch.allclose(weights_of(whole), weights_of(pieces), atol=1e-5)


def test_snapshots_come_with_what_the_model_says() -> None:
    trainer = made_trainer(keeper=FakeKeeper(frozenset({0, 1, 2, 4})), steps=5)
    trainer.run()
    assert [step for kind, step in kept_of(trainer).kept if kind == "snapshot"] == [0, 1, 2, 4]
    assert [step for step, _ in told_of(trainer).of("sample")] == [0, 1, 2, 4]


def test_more_epochs_can_be_asked_for_while_it_runs() -> None:
    def more(trainer: Trainer) -> None:
        if trainer.progress.step == 3 and trainer.steps == 20:
            trainer.change({"epochs": 2.0, "learning_rate": 0.001})

    trainer = made_trainer(requests=more)
    trainer.run()
    assert trainer.progress.step == 13
    assert trainer.config.learning_rate == 0.001


def test_an_impossible_change_changes_nothing() -> None:
    trainer = made_trainer()
    with pytest.raises(SettingsError, match="learning_rate"):
        trainer.change({"learning_rate": -1.0, "dropout": 0.5})
    assert trainer.config.dropout == 0.0
