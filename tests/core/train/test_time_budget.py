"""Training for some minutes ends on time by a clock that tests advance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from core.train.evaluation import Evaluation
from core.train.optim import learning_rate
from core.train.trainer import Trainer
from core.train.update import PendingUpdate
from tests.support.tiny_trainer import checkpoints_of, events_of, resumed, tiny_trainer

BUDGET = 60.0
STEP_SECONDS = 0.4


@dataclass
class SlowMachine:
    """A clock that updates and evaluations advance.

    Attributes:
        step_seconds: of an update at this time.
        evaluation_steps: of an evaluation, in units of an update; 0 evaluates nothing.
    """

    step_seconds: Callable[[float], float]
    evaluation_steps: int = 0
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    @property
    def spent(self) -> float:
        return self.now - 1000.0

    def advance(self) -> None:
        self.now += self.step_seconds(self.spent)

    def trainer(self, steps: int, budget: float | None = BUDGET, **settings: Any) -> Trainer:
        """A trainer on this machine whose number of steps was estimated before."""
        trainer = tiny_trainer(
            clock=self, steps=steps, validation=self.evaluation_steps > 0, **settings
        )
        trainer.state.budget = budget
        update = trainer.updater.update

        def slow_update(*arguments: Any) -> PendingUpdate:
            self.advance()
            return update(*arguments)

        trainer.updater.update = slow_update  # type: ignore[method-assign]
        return trainer


def rates_of(trainer: Trainer) -> list[float]:
    return [fields["learning_rate"] for _, fields in events_of(trainer).of_type("step")]


MACHINES: dict[str, Callable[[float], float]] = {
    "quiet": lambda spent: STEP_SECONDS,
    "three times slower from the middle on": lambda spent: STEP_SECONDS * (3 if spent > 30 else 1),
    "three times faster from the middle on": lambda spent: STEP_SECONDS / (3 if spent > 30 else 1),
    "three times slower near the end": lambda spent: STEP_SECONDS * (3 if spent > 50 else 1),
    "uneven": lambda spent: STEP_SECONDS * (6 if int(spent * 7) % 5 == 0 else 0.5),
}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("estimate", [0.4, 2.5])
def test_minutes_end_on_time_with_the_schedule_at_its_end(
    machine: str, estimate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of steps follows the machine; the learning rate still reaches its end."""
    slow = SlowMachine(MACHINES[machine], evaluation_steps=5)
    loss = Evaluation.measure

    def slow_loss(*arguments: Any, **options: Any) -> Any:
        for _ in range(slow.evaluation_steps):
            slow.advance()
        return loss(*arguments, **options)

    monkeypatch.setattr(Evaluation, "measure", slow_loss)
    steps = round(estimate * BUDGET / STEP_SECONDS)
    trainer = slow.trainer(steps, eval_steps=15, final_learning_rate=0.1)
    trainer.run()
    assert slow.spent == pytest.approx(BUDGET, rel=0.1)
    assert trainer.stop_reason is None
    assert trainer.state.step == trainer.steps
    assert rates_of(trainer)[-1] == learning_rate(trainer.steps - 1, trainer.steps, trainer.config)
    changes = [fields for _, fields in events_of(trainer).of_type("changed")]
    assert all(fields["reason"] == "to end within the chosen minutes" for fields in changes)
    assert len(changes) <= 20
    assert events_of(trainer).events[-1][0] == "finished"


def test_steps_are_kept_where_they_were_chosen() -> None:
    slow = SlowMachine(MACHINES["three times slower from the middle on"])
    trainer = slow.trainer(200, budget=None)
    trainer.run()
    assert trainer.state.step == 200
    assert not events_of(trainer).of_type("changed")


def test_steps_chosen_while_training_replace_the_minutes() -> None:
    def change(trainer: Trainer) -> None:
        if trainer.state.step == 20 and trainer.state.budget is not None:
            trainer.change({"steps": 70})

    trainer = SlowMachine(MACHINES["quiet"]).trainer(150, control=change)
    trainer.run()
    assert trainer.state.step == 70


def test_a_resumed_run_has_what_is_left_of_its_minutes() -> None:
    """Neither the time before nor a pause counts twice."""

    def pause(trainer: Trainer) -> None:
        if trainer.state.step == 50:
            trainer.pause_clock()
            slow.now += 500.0
            trainer.resume_clock()
            trainer.save()
            raise KeyboardInterrupt

    slow = SlowMachine(MACHINES["quiet"])
    first = slow.trainer(150, control=pause)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    checkpoint = checkpoints_of(first).copies[50]
    spent = checkpoint[2].spent
    assert spent == pytest.approx(50 * STEP_SECONDS)
    later = SlowMachine(lambda spent: 2 * STEP_SECONDS)
    second = resumed(later.trainer(first.steps), checkpoint)
    second.run()
    assert later.spent == pytest.approx(BUDGET - spent, rel=0.1)
