"""Several ranks, each tested alone with scripted collectives."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from core.dataset.spans import Spans
from core.errors import Cancelled
from core.model import factory
from core.system.rank_env import RankInfo
from core.train.batches import Batches, LineSamples, WindowSamples
from core.train.control import BroadcastControl
from core.train.distributed import ABORT_KEY, ProcessGroup
from core.train.evaluation import Evaluation
from core.train.state import StopReason
from tests.support.tiny_trainer import IDS, SHAPE, tiny_trainer

RANK_0 = RankInfo(rank=0, local_rank=0, world_size=2, local_world_size=2)
RANK_1 = RankInfo(rank=1, local_rank=1, world_size=2, local_world_size=2)


@dataclass(frozen=True)
class ScriptedGroup(ProcessGroup):
    """A rank whose broadcasts go through a list and whose sums are recorded."""

    messages: list[dict[str, Any] | None] = field(default_factory=list)
    sums: list[list[float]] = field(default_factory=list)

    def broadcast(self, message: dict[str, Any] | None = None) -> dict[str, Any] | None:
        if self.is_rank_0:
            self.messages.append(json.loads(json.dumps(message)))
            return message
        return self.messages.pop(0)

    def all_reduce_sum(self, tensor: torch.Tensor) -> torch.Tensor:
        self.sums.append(tensor.tolist())
        return tensor


def test_other_ranks_apply_the_requests_to_rank_0_at_the_same_step() -> None:
    """Detects a learning rate that only one rank changes; a rank that trains on alone."""
    messages: list[dict[str, Any] | None] = []
    trainer_0, trainer_1 = tiny_trainer(), tiny_trainer()

    def handle(trainer: Any) -> None:
        if trainer.state.step == 2:
            trainer.change({"learning_rate": 0.5})
            trainer.config = dataclasses.replace(trainer.config, compile="off")
        if trainer.state.step == 3:
            trainer.stop(StopReason("asked to stop", "id7"))

    control_0 = BroadcastControl(ScriptedGroup(RANK_0, messages), handle)
    control_1 = BroadcastControl(ScriptedGroup(RANK_1, messages))
    for step in range(4):
        trainer_0.state.step = trainer_1.state.step = step
        control_0(trainer_0)
        control_1(trainer_1)
        assert trainer_1.config == trainer_0.config
        if step == 0:  # changed without a request, between two calls
            trainer_0.config = dataclasses.replace(trainer_0.config, compile="on")
    assert trainer_1.config.compile == "off"
    assert trainer_1.config.learning_rate == trainer_0.config.learning_rate == 0.5
    assert trainer_1.stop_reason == trainer_0.stop_reason == StopReason("asked to stop", "id7")
    assert messages == []


@pytest.mark.parametrize("message", [None, {ABORT_KEY: True}])
def test_a_rank_ends_if_rank_0_aborts_or_sends_nothing(message: dict[str, Any] | None) -> None:
    with pytest.raises(Cancelled):
        ScriptedGroup(RANK_1, [message]).broadcast_required()


@pytest.mark.parametrize(("world_size", "micro_batches"), [(2, 1), (3, 2), (7, 1)])
def test_the_slices_of_all_ranks_are_the_batch(world_size: int, micro_batches: int) -> None:
    """No sample twice and none missing; also with more ranks than samples."""
    batches = Batches(IDS, WindowSamples(0, 200, 8), 5, seed=0)
    slots = world_size * micro_batches
    slices = [batches.batch(4, slot, slots)[0] for slot in range(slots)]
    counts = [batches.count_targets(4, slot, slots) for slot in range(slots)]
    joined = torch.cat([s for s, count in zip(slices, counts, strict=True) if count])
    assert torch.equal(joined, batches.batch(4)[0])
    assert sum(counts) == batches.count_targets(4) == 40


@pytest.mark.parametrize("world_size", [2, 3])
def test_the_evaluations_of_all_ranks_add_up(world_size: int) -> None:
    model = factory.build_model(SHAPE, seed=0)
    pieces = LineSamples(Spans(np.arange(200, 264, 8), np.arange(209, 273, 8).clip(max=270)))
    evaluation = Evaluation(IDS, pieces, 1)
    alone = evaluation.measure(model, torch.device("cpu"), whole=True)
    assert alone
    loss = count = 0.0
    stop_checks: list[int] = []
    for rank in range(world_size):
        group = ScriptedGroup(RankInfo(rank, rank, world_size, world_size))
        checks: list[bool] = []

        def sync_stop(checks: list[bool] = checks) -> bool:
            checks.append(True)
            return False

        evaluation.measure(model, torch.device("cpu"), whole=True, sync_stop=sync_stop, group=group)
        (sums,) = group.sums
        loss, count = loss + sums[0], count + sums[1]
        stop_checks.append(len(checks))
    assert (loss / count, count) == pytest.approx((alone.loss, alone.tokens))
    assert len(set(stop_checks)) == 1, "a collective, so equally often on every rank"
