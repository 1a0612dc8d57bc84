"""The loop, with a tiny model on a made-up stream of tokens, no files and a scripted keeper."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from core import models, optimizer
from core.config import ModelConfig, TrainConfig
from core.dataset import Batches, Lines, Windows
from core.errors import RunFailedError, SettingsError
from core.evaluation import Evaluation
from core.meter import Meter
from core.trainer import Progress, Trainer

SHAPE = ModelConfig(
    vocab_size=12, context=8, layers=1, heads=2, kv_heads=2, d_model=16, head_dim=8, d_ff=24
)
CONFIG = TrainConfig(
    steps=20,
    batch_size=4,
    optimizer="adamw",
    learning_rate=0.01,
    schedule="linear",
    warmup_steps=2,
    beta2=0.99,
    weight_decay=0.1,
    clip=1.0,
    dropout=0.0,
    eval_steps=5,
    checkpoint_seconds=1000.0,
    threads=1,
    precision="float32",
    sample_prompt="",
)
IDS = np.tile(np.arange(3, 12, dtype=np.uint16), 30)  # (270,)


@dataclass
class FakeKeeper:
    """Notes what it was asked to keep, and copies checkpoints."""

    due: frozenset[int] = frozenset()
    kept: list[tuple[str, int]] = field(default_factory=list)
    copies: dict[int, tuple[Any, Any, Progress]] = field(default_factory=dict)

    def checkpoint(self, trainer: Trainer, request: str | None = None) -> None:
        self.kept.append(("checkpoint", trainer.progress.step))
        moments = optimizer.state_tensors(trainer.updater.optimizer, trainer.model)
        self.copies[trainer.progress.step] = (
            copy.deepcopy(trainer.model.state_dict()),
            {name: tensor.clone() for name, tensor in moments.items()},
            dataclasses.replace(trainer.progress),
        )

    def snapshot(self, trainer: Trainer) -> None:
        self.kept.append(("snapshot", trainer.progress.step))

    def best(self, trainer: Trainer) -> None:
        self.kept.append(("best", trainer.progress.step))

    def settle(self, *, wait: bool = False) -> None:
        pass

    def snapshot_due(self, step: int) -> bool:
        return step in self.due


@dataclass
class Told:
    """The events that were said."""

    events: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, type: str, step: int, **fields: Any) -> None:
        self.events.append((type, step, fields))

    def of(self, type: str) -> list[tuple[int, dict[str, Any]]]:
        return [(step, fields) for kind, step, fields in self.events if kind == type]


def _trainer(
    *,
    requests: Callable[[Trainer], None] = lambda trainer: None,
    validation: bool = False,
    keeper: FakeKeeper | None = None,
    **settings: Any,
) -> Trainer:
    config = dataclasses.replace(CONFIG, **settings)
    model = models.build(SHAPE, seed=0)
    batches = Batches(IDS, Windows(0, 200, 8), config.batch_size or 1, seed=0)
    pieces = Lines(np.arange(200, 264, 8), np.arange(209, 273, 8).clip(max=270))
    return Trainer(
        model=model,
        device=torch.device("cpu"),
        config=config,
        batches=batches,
        evaluation=Evaluation(IDS, pieces, 4) if validation else None,
        emit=Told(),
        keeper=keeper or FakeKeeper(),
        sample=lambda: "said",
        requests=requests,
    )


def _told(trainer: Trainer) -> Told:
    assert isinstance(trainer.emit, Told)
    return trainer.emit


def _kept(trainer: Trainer) -> FakeKeeper:
    assert isinstance(trainer.keeper, FakeKeeper)
    return trainer.keeper


def _weights(trainer: Trainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


def test_it_learns_and_says_so() -> None:
    trainer = _trainer(steps=60)
    trainer.run()
    steps = _told(trainer).of("step")
    assert steps[0][0] == 1
    assert steps[-1][0] == 60
    assert steps[-1][1]["train_loss"] < 0.5 < 2.0 < steps[0][1]["train_loss"]
    assert _told(trainer).events[-1][0] == "finished"
    assert _kept(trainer).kept[-1] == ("checkpoint", 60)


def test_no_report_is_made_of_no_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes between the last update and the end, in which nothing is learnt."""
    monkeypatch.setattr(Meter, "due", True)
    trainer = _trainer(validation=True, steps=6)
    trainer.run()
    reports = _told(trainer).of("step")
    assert [step for step, _ in reports] == [1, 2, 3, 4, 5, 6]
    assert all(fields["train_loss"] > 0 for _, fields in reports)


def test_epoch_rows_come_at_the_end_of_real_passes() -> None:
    trainer = _trainer(steps=20)
    trainer.run()
    per_epoch = trainer.batches.steps_per_epoch
    assert per_epoch == pytest.approx(26 / 4)
    assert [step for step, _ in _told(trainer).of("epoch")] == [7, 13, 20]


@pytest.mark.parametrize("stop_at", [1, 7, 15])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_resumed_run_ends_bit_identical(stop_at: int, dropout: float) -> None:
    whole = _trainer(dropout=dropout, validation=True)
    whole.run()

    def stop(trainer: Trainer) -> None:
        if trainer.progress.step == stop_at:
            trainer.stop("test")

    first = _trainer(dropout=dropout, validation=True, requests=stop)
    first.run()
    assert _told(first).events[-1][0] == "stopped"
    weights, moments, progress = _kept(first).copies[stop_at]
    second = _trainer(dropout=dropout, validation=True)
    second.model.load_state_dict(weights)
    optimizer.load_state(second.updater.optimizer, second.model, moments, stop_at)
    second.progress = progress
    second.run()
    assert torch.equal(_weights(whole), _weights(second))
    assert second.progress.best == whole.progress.best
    rows = [_told(run).of("epoch")[-1][1]["train_loss"] for run in (whole, second)]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("killed_at", [10, 15])
def test_a_run_killed_in_an_evaluation_makes_up_for_it(
    killed_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is saved before it is evaluated, so the saved state knows nothing of the result."""
    whole = _trainer(validation=True, eval_steps=5)
    whole.run()

    class KilledError(Exception):
        pass

    measure = Evaluation.loss
    first = _trainer(validation=True, eval_steps=5)

    def kill(*arguments: Any, **options: Any) -> Any:
        if first.progress.step == killed_at:
            raise KilledError
        return measure(*arguments, **options)

    monkeypatch.setattr(Evaluation, "loss", kill)
    with pytest.raises(KilledError):
        first.run()
    monkeypatch.undo()
    weights, moments, progress = _kept(first).copies[killed_at]
    second = _trainer(validation=True, eval_steps=5)
    second.model.load_state_dict(weights)
    optimizer.load_state(second.updater.optimizer, second.model, moments, killed_at)
    second.progress = progress
    second.run()
    evaluated = [step for run in (first, second) for step, _ in _told(run).of("eval")]
    assert evaluated == [step for step, _ in _told(whole).of("eval")] == [5, 10, 15, 20]
    rows = [row for run in (first, second) for row in _told(run).of("epoch")]
    expected = _told(whole).of("epoch")
    assert [(s, f["train_loss"], f.get("val_loss")) for s, f in rows] == [
        (s, f["train_loss"], f.get("val_loss")) for s, f in expected
    ]
    assert torch.equal(_weights(whole), _weights(second))


def test_accumulation_changes_only_rounding() -> None:
    whole, pieces = _trainer(steps=3), _trainer(steps=3, accumulation=2)
    whole.run()
    pieces.run()
    assert torch.allclose(_weights(whole), _weights(pieces), atol=1e-5)


def test_a_loss_that_is_not_finite_is_never_applied() -> None:
    def spoil(trainer: Trainer) -> None:
        if trainer.progress.step == 4:
            monkey(trainer)

    def monkey(trainer: Trainer) -> None:
        trainer.model.loss = lambda tokens, targets: _weights_sum(trainer) * float("nan")  # type: ignore[method-assign]

    def _weights_sum(trainer: Trainer) -> torch.Tensor:
        return torch.stack([p.sum() for p in trainer.model.parameters()]).sum()

    trainer = _trainer(requests=spoil)
    before: list[torch.Tensor] = []
    update = trainer.updater.update

    def watched(*arguments: Any) -> tuple[float, int]:
        before.append(_weights(trainer))
        return update(*arguments)

    trainer.updater.update = watched  # type: ignore[method-assign]
    with pytest.raises(RunFailedError, match=r"step 5 .* not a finite number") as caught:
        trainer.run()
    assert "learning rate" in caught.value.hint
    assert torch.equal(_weights(trainer), before[-1])


def test_an_evaluation_saves_first_and_keeps_the_best() -> None:
    trainer = _trainer(validation=True, steps=10)
    trainer.run()
    assert _kept(trainer).kept == [
        ("checkpoint", 5),
        ("best", 5),
        ("checkpoint", 10),
        ("best", 10),
        ("checkpoint", 10),
    ]
    whole = [fields["whole"] for _, fields in _told(trainer).of("eval")]
    assert whole == [False, True]
    assert "val_loss" in _told(trainer).of("epoch")[-1][1]


def test_it_stops_early_when_evaluations_no_longer_gain() -> None:
    trainer = _trainer(validation=True, steps=500, eval_steps=1, patience=3, learning_rate=0.5)
    trainer.run()
    assert trainer.progress.step < 500
    ending = _told(trainer).events[-1]
    assert ending[0] == "finished"
    assert ending[2]["reason"] == "no gain in 3 evaluations"


def test_snapshots_come_with_what_the_model_says() -> None:
    trainer = _trainer(keeper=FakeKeeper(frozenset({0, 1, 2, 4})), steps=5)
    trainer.run()
    assert [step for kind, step in _kept(trainer).kept if kind == "snapshot"] == [0, 1, 2, 4]
    assert [step for step, _ in _told(trainer).of("sample")] == [0, 1, 2, 4]


def test_more_epochs_can_be_asked_for_while_it_runs() -> None:
    def more(trainer: Trainer) -> None:
        if trainer.progress.step == 3 and trainer.steps == 20:
            trainer.change({"epochs": 2.0, "learning_rate": 0.001})

    trainer = _trainer(requests=more)
    trainer.run()
    assert trainer.progress.step == 13
    assert trainer.config.learning_rate == 0.001


def test_an_impossible_change_changes_nothing() -> None:
    trainer = _trainer()
    with pytest.raises(SettingsError, match="learning_rate"):
        trainer.change({"learning_rate": -1.0, "dropout": 0.5})
    assert trainer.config.dropout == 0.0
