"""A trainer of a tiny model on a made-up stream of tokens, which records instead of writing."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from core.config.configs import ModelConfig, TrainConfig
from core.dataset.spans import Spans
from core.model import factory
from core.model.decoder import Decoder
from core.train.batches import Batches, LineSamples, WindowSamples
from core.train.checkpoint_writer import CheckpointWriter
from core.train.distributed import ProcessGroup
from core.train.evaluation import Evaluation
from core.train.optim import Optimizer
from core.train.state import TrainState
from core.train.task_evaluation import TaskEvaluation
from core.train.trainer import Outputs, Trainer

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


class RecordingCheckpointWriter(CheckpointWriter):
    """Record what would be saved, and keep copies of checkpoints in memory.

    Attributes:
        saved: kind and step of each file.
        copies: by step, the weights, the optimiser's tensors and the state of the loop.
    """

    def __init__(self, snapshot_steps: frozenset[int] = frozenset()) -> None:
        self.snapshot_steps = snapshot_steps
        self.saved: list[tuple[str, int]] = []
        self.copies: dict[int, tuple[Any, Any, TrainState]] = {}

    def is_busy(self) -> bool:
        return False

    def save_checkpoint(
        self,
        model: Decoder,
        optimizer: Optimizer,
        config: TrainConfig,
        state: TrainState,
        request: str | None = None,
    ) -> None:
        self.saved.append(("checkpoint", state.step))
        self.copies[state.step] = (
            copy.deepcopy(model.state_dict()),
            {name: tensor.clone() for name, tensor in optimizer.tensors().items()},
            dataclasses.replace(state),
        )

    def save_snapshot(self, model: Decoder, step: int) -> None:
        self.saved.append(("snapshot", step))

    def save_best(self, model: Decoder, step: int) -> None:
        self.saved.append(("best", step))

    def report_saved(self, *, wait: bool = False) -> None:
        pass


@dataclass
class RecordedEvents:
    """The events that were emitted: type, step and fields of each."""

    events: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, type: str, step: int, **fields: Any) -> None:
        self.events.append((type, step, fields))

    def of_type(self, type: str) -> list[tuple[int, dict[str, Any]]]:
        return [(step, fields) for kind, step, fields in self.events if kind == type]


def tiny_trainer(
    *,
    control: Callable[[Trainer], None] = lambda trainer: None,
    validation: bool = False,
    task: TaskEvaluation | None = None,
    snapshot_steps: frozenset[int] = frozenset(),
    group: ProcessGroup | None = None,
    clock: Callable[[], float] = time.perf_counter,
    **settings: Any,
) -> Trainer:
    """A trainer of `SHAPE` with the settings of `CONFIG` and some others."""
    config = dataclasses.replace(CONFIG, **settings)
    pieces = LineSamples(Spans(np.arange(200, 264, 8), np.arange(209, 273, 8).clip(max=270)))
    group = group or ProcessGroup()
    outputs = Outputs(
        emit=RecordedEvents(),
        checkpoints=RecordingCheckpointWriter(snapshot_steps),
        sample=lambda: "a sample",
    )
    return Trainer(
        model=factory.build_model(SHAPE, seed=0),
        device=torch.device("cpu"),
        config=config,
        batches=Batches(IDS, WindowSamples(0, 200, 8), config.batch_size or 1, seed=0),
        evaluation=Evaluation(IDS, pieces, 4, task) if validation else None,
        control=control,
        outputs=outputs if group.is_rank_0 else None,
        group=group,
        clock=clock,
    )


def resumed(trainer: Trainer, checkpoint: tuple[Any, Any, TrainState]) -> Trainer:
    """The trainer with the weights and the state of a recorded checkpoint."""
    weights, moments, state = checkpoint
    trainer.model.load_state_dict(weights)
    trainer.updater.optimizer.load(moments, state.step)
    trainer.state = state
    return trainer


def events_of(trainer: Trainer) -> RecordedEvents:
    assert trainer.outputs
    assert isinstance(trainer.outputs.emit, RecordedEvents)
    return trainer.outputs.emit


def checkpoints_of(trainer: Trainer) -> RecordingCheckpointWriter:
    assert trainer.outputs
    assert isinstance(trainer.outputs.checkpoints, RecordingCheckpointWriter)
    return trainer.outputs.checkpoints


def weights_of(trainer: Trainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])
