"""Evaluations in the training loop, early stopping, and losses that are not finite."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from core.errors import RunFailedError
from core.train import evaluation
from core.train.evaluation import Evaluation, EvaluationResult
from core.train.trainer import Trainer
from tests.support.tiny_trainer import (
    checkpoints_of,
    events_of,
    resumed,
    tiny_trainer,
    weights_of,
)


@pytest.mark.parametrize("killed_at", [10, 15])
def test_a_run_killed_in_an_evaluation_repeats_it_when_resumed(
    killed_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint is made before the evaluation, so it does not contain the result."""
    whole = tiny_trainer(validation=True, eval_steps=5)
    whole.run()

    class KilledError(Exception):
        pass

    measure = Evaluation.measure
    first = tiny_trainer(validation=True, eval_steps=5)

    def kill(*arguments: Any, **options: Any) -> Any:
        if first.state.step == killed_at:
            raise KilledError
        return measure(*arguments, **options)

    monkeypatch.setattr(Evaluation, "measure", kill)
    with pytest.raises(KilledError):
        first.run()
    monkeypatch.undo()
    second = resumed(
        tiny_trainer(validation=True, eval_steps=5), checkpoints_of(first).copies[killed_at]
    )
    second.run()
    evaluated = [step for run in (first, second) for step, _ in events_of(run).of_type("eval")]
    assert evaluated == [step for step, _ in events_of(whole).of_type("eval")] == [5, 10, 15, 20]
    rows = [row for run in (first, second) for row in events_of(run).of_type("epoch")]
    expected = events_of(whole).of_type("epoch")
    assert [(s, f["train_loss"], f.get("val_loss")) for s, f in rows] == [
        (s, f["train_loss"], f.get("val_loss")) for s, f in expected
    ]
    assert torch.equal(weights_of(whole), weights_of(second))


def test_a_loss_that_is_not_finite_is_never_applied() -> None:
    def spoil(trainer: Trainer) -> None:
        if trainer.state.step == 4:

            def loss(tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
                return weights_of_graph(trainer).sum() * float("nan")

            trainer.model.loss = loss  # type: ignore[method-assign]

    def weights_of_graph(trainer: Trainer) -> torch.Tensor:
        return torch.stack([p.sum() for p in trainer.model.parameters()])

    trainer = tiny_trainer(control=spoil)
    before: list[torch.Tensor] = []
    update = trainer.updater.update

    def recorded(*arguments: Any) -> tuple[float, int]:
        before.append(weights_of(trainer))
        return update(*arguments)

    trainer.updater.update = recorded  # type: ignore[method-assign]
    with pytest.raises(RunFailedError, match=r"step 5 .* not a finite number") as caught:
        trainer.run()
    assert "learning rate" in caught.value.hint
    assert torch.equal(weights_of(trainer), before[-1])


def test_an_evaluation_saves_a_checkpoint_first_and_the_best_weights_after() -> None:
    trainer = tiny_trainer(validation=True, steps=10)
    trainer.run()
    assert checkpoints_of(trainer).saved == [
        ("checkpoint", 5),
        ("best", 5),
        ("checkpoint", 10),
        ("best", 10),
        ("checkpoint", 10),
    ]
    whole = [fields["whole"] for _, fields in events_of(trainer).of_type("eval")]
    assert whole == [False, True]
    assert "val_loss" in events_of(trainer).of_type("epoch")[-1][1]


def test_training_stops_after_evaluations_without_gain() -> None:
    trainer = tiny_trainer(validation=True, steps=500, eval_steps=1, patience=3, learning_rate=0.5)
    trainer.run()
    assert trainer.state.step < 500
    ending = events_of(trainer).events[-1]
    assert ending[0] == "finished"
    assert ending[2]["reason"] == "no gain in 3 evaluations"


def test_the_loss_on_the_whole_validation_part_is_not_compared_with_quick_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An easy end of the part would make the last weights the best."""
    monkeypatch.setattr(evaluation, "MAX_QUICK_TARGETS", 20)
    losses = {5: 2.0, 10: 3.0}

    def measure(self: Evaluation, *_: Any, whole: bool, **__: Any) -> EvaluationResult:
        if whole:
            return EvaluationResult(0.5, 64)
        return EvaluationResult(losses[trainer.state.step], 20)

    monkeypatch.setattr(Evaluation, "measure", measure)
    trainer = tiny_trainer(validation=True, steps=10, patience=1)
    trainer.run()
    losses_and_flags = [
        (f["val_loss"], f["whole"], f["best"]) for _, f in events_of(trainer).of_type("eval")
    ]
    assert losses_and_flags == [(2.0, False, True), (3.0, False, False), (0.5, True, False)]
    assert [step for kind, step in checkpoints_of(trainer).saved if kind == "best"] == [5]
    assert events_of(trainer).events[-1][2]["reason"] == "all steps done"
    assert events_of(trainer).of_type("epoch")[-1][1]["val_loss"] == 0.5


def test_a_validation_loss_that_is_not_finite_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Evaluation, "measure", lambda *_, **__: EvaluationResult(float("inf"), 64))
    trainer = tiny_trainer(validation=True)
    with pytest.raises(RunFailedError, match="validation loss after step 5"):
        trainer.run()
