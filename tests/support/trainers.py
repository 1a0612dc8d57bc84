"""For tests of the loop: a tiny model on a made-up stream of tokens, and a scripted keeper."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from core.config.configs import ModelConfig, TrainConfig
from core.model import factory
from core.train.batches import Batches, LineSamples, WindowSamples
from core.train.evaluation import Evaluation
from core.train.state import TrainState
from core.train.trainer import Trainer

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
    copies: dict[int, tuple[Any, Any, TrainState]] = field(default_factory=dict)

    def checkpoint(self, trainer: Trainer, request: str | None = None) -> None:
        self.kept.append(("checkpoint", trainer.progress.step))
        moments = trainer.updater.optimizer.tensors()
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

    def busy(self) -> bool:
        return False

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


def made_trainer(
    *,
    requests: Callable[[Trainer], None] = lambda trainer: None,
    validation: bool = False,
    keeper: FakeKeeper | None = None,
    **settings: Any,
) -> Trainer:
    config = dataclasses.replace(CONFIG, **settings)
    model = factory.build_model(SHAPE, seed=0)
    batches = Batches(IDS, WindowSamples(0, 200, 8), config.batch_size or 1, seed=0)
    pieces = LineSamples(np.arange(200, 264, 8), np.arange(209, 273, 8).clip(max=270))
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


def told_of(trainer: Trainer) -> Told:
    assert isinstance(trainer.emit, Told)
    return trainer.emit


def kept_of(trainer: Trainer) -> FakeKeeper:
    assert isinstance(trainer.keeper, FakeKeeper)
    return trainer.keeper


def weights_of(trainer: Trainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])
