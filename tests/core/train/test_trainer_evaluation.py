"""The loop's evaluations, its early stop, and losses that are not finite."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from core.errors import RunFailedError
from core.train import evaluation
from core.train.evaluation import Evaluation
from core.train.trainer import Trainer
from tests.support.trainers import (
    kept_of,
    made_trainer,
    told_of,
    weights_of,
)


@pytest.mark.parametrize("killed_at", [10, 15])
def test_a_run_killed_in_an_evaluation_makes_up_for_it(
    killed_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is saved before it is evaluated, so the saved state knows nothing of the result."""
    whole = made_trainer(validation=True, eval_steps=5)
    whole.run()

    class KilledError(Exception):
        pass

    measure = Evaluation.loss
    first = made_trainer(validation=True, eval_steps=5)

    def kill(*arguments: Any, **options: Any) -> Any:
        if first.progress.step == killed_at:
            raise KilledError
        return measure(*arguments, **options)

    monkeypatch.setattr(Evaluation, "loss", kill)
    with pytest.raises(KilledError):
        first.run()
    monkeypatch.undo()
    weights, moments, progress = kept_of(first).copies[killed_at]
    second = made_trainer(validation=True, eval_steps=5)
    second.model.load_state_dict(weights)
    second.updater.optimizer.load(moments, killed_at)
    second.progress = progress
    second.run()
    evaluated = [step for run in (first, second) for step, _ in told_of(run).of("eval")]
    assert evaluated == [step for step, _ in told_of(whole).of("eval")] == [5, 10, 15, 20]
    rows = [row for run in (first, second) for row in told_of(run).of("epoch")]
    expected = told_of(whole).of("epoch")
    assert [(s, f["train_loss"], f.get("val_loss")) for s, f in rows] == [
        (s, f["train_loss"], f.get("val_loss")) for s, f in expected
    ]
    assert torch.equal(weights_of(whole), weights_of(second))


def test_a_loss_that_is_not_finite_is_never_applied() -> None:
    def spoil(trainer: Trainer) -> None:
        if trainer.progress.step == 4:
            monkey(trainer)

    def monkey(trainer: Trainer) -> None:
        trainer.model.loss = lambda tokens, targets: _weights_sum(trainer) * float("nan")  # type: ignore[method-assign]

    def _weights_sum(trainer: Trainer) -> torch.Tensor:
        return torch.stack([p.sum() for p in trainer.model.parameters()]).sum()

    trainer = made_trainer(requests=spoil)
    before: list[torch.Tensor] = []
    update = trainer.updater.update

    def watched(*arguments: Any) -> tuple[float, int]:
        before.append(weights_of(trainer))
        return update(*arguments)

    trainer.updater.update = watched  # type: ignore[method-assign]
    with pytest.raises(RunFailedError, match=r"step 5 .* not a finite number") as caught:
        trainer.run()
    assert "learning rate" in caught.value.hint
    assert torch.equal(weights_of(trainer), before[-1])


def test_an_evaluation_saves_first_and_keeps_the_best() -> None:
    trainer = made_trainer(validation=True, steps=10)
    trainer.run()
    assert kept_of(trainer).kept == [
        ("checkpoint", 5),
        ("best", 5),
        ("checkpoint", 10),
        ("best", 10),
        ("checkpoint", 10),
    ]
    whole = [fields["whole"] for _, fields in told_of(trainer).of("eval")]
    assert whole == [False, True]
    assert "val_loss" in told_of(trainer).of("epoch")[-1][1]


def test_it_stops_early_when_evaluations_no_longer_gain() -> None:
    trainer = made_trainer(validation=True, steps=500, eval_steps=1, patience=3, learning_rate=0.5)
    trainer.run()
    assert trainer.progress.step < 500
    ending = told_of(trainer).events[-1]
    assert ending[0] == "finished"
    assert ending[2]["reason"] == "no gain in 3 evaluations"


def test_a_loss_on_all_of_a_long_part_is_not_compared_with_those_on_its_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or an easy end of the part would make the last weights the best."""
    monkeypatch.setattr(evaluation, "MAX_QUICK_TARGETS", 20)
    losses = {5: 2.0, 10: 3.0}

    def loss(self: Evaluation, *_: Any, whole: bool, **__: Any) -> tuple[float, int]:
        return (0.5, 64) if whole else (losses[trainer.progress.step], 20)

    monkeypatch.setattr(Evaluation, "loss", loss)
    trainer = made_trainer(validation=True, steps=10, patience=1)
    trainer.run()
    said = [(f["val_loss"], f["whole"], f["best"]) for _, f in told_of(trainer).of("eval")]
    assert said == [(2.0, False, True), (3.0, False, False), (0.5, True, False)]
    assert [step for kind, step in kept_of(trainer).kept if kind == "best"] == [5]
    assert told_of(trainer).events[-1][2]["reason"] == "all steps done"
    assert told_of(trainer).of("epoch")[-1][1]["val_loss"] == 0.5


def test_a_validation_loss_that_is_not_finite_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Evaluation, "loss", lambda *_, **__: (float("inf"), 64))
    trainer = made_trainer(validation=True)
    with pytest.raises(RunFailedError, match="validation loss after step 5"):
        trainer.run()
