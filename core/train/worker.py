"""A process beside the first: the same loop on another slice, that writes and says nothing.

What the first one has prepared is told in a few words; the tokens and the checkpoint are read
from where it has put them, and the weights come from itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from core.config.configs import TrainConfig
from core.config.schema import from_json, to_json
from core.dataset.token_store import TokenFile, open_tokens
from core.errors import StorageError
from core.model import factory
from core.run.directory import Run
from core.run.model_files import read_model_config
from core.train import checkpoint as checkpoints
from core.train.checkpoint import Checkpoint
from core.train.control import BroadcastControl
from core.train.distributed import ProcessGroup, find_rank_device
from core.train.prepare import build_batches, build_evaluation
from core.train.state import read_train_state
from core.train.trainer import Emit, Trainer

SAME_HOME = "All machines of a training need the same home, for instance on a network drive."


class NothingKept:
    """The keeper of a rank whose weights are the first one's too."""

    def checkpoint(self, trainer: Trainer, request: str | None = None) -> None:
        """Keeps nothing."""

    def snapshot(self, trainer: Trainer) -> None:
        """Keeps nothing."""

    def best(self, trainer: Trainer) -> None:
        """Keeps nothing."""

    def settle(self, *, wait: bool = False) -> None:
        """There is nothing to say."""

    def busy(self) -> bool:
        """Nothing is being written."""
        return False

    def snapshot_due(self, step: int) -> bool:
        """None is."""
        return False


def invite(
    ranks: ProcessGroup, config: TrainConfig, tokens: Path, step: int | None, *, longer: bool
) -> None:
    """Tells the others what is to be trained.

    Args:
        tokens: the folder they are in.
        step: of the checkpoint to go on from.
        longer: whether for longer than was planned.
    """
    ranks.tell({"train": to_json(config), "tokens": str(tokens), "step": step, "longer": longer})


def join_in(run: Run, ranks: ProcessGroup, emit: Emit) -> Trainer:
    """The trainer of a rank beside the first, ready to run.

    Args:
        emit: hears what it has to say.

    Raises:
        Cancelled: nothing is to be trained.
        MiniGPTError: what the first one has prepared cannot be found here.
    """
    device = find_rank_device(ranks, None)
    told = ranks.hear()
    config = from_json(TrainConfig, told["train"])
    torch.set_num_threads(config.threads or 1)
    stored = open_tokens(Path(told["tokens"]))
    if stored is None:
        raise StorageError(f"There are no tokens in {told['tokens']} here.", SAME_HOME)
    found = _checkpoint(run, told["step"])
    trainer = _trainer(run, ranks, emit, config, stored, torch.device(device.device))
    if found:
        trainer.progress = read_train_state(found)
        trainer.updater.optimizer.load(found.optimizer, found.step)
    if told["longer"]:
        trainer.go_on()
    return trainer


def _checkpoint(run: Run, step: int | None) -> Checkpoint | None:
    found = checkpoints.load(run) if step is not None else None
    if found and found.step != step:
        raise StorageError(f"The checkpoint of step {step} of {run.name} is not here.", SAME_HOME)
    return found


def _trainer(
    run: Run,
    ranks: ProcessGroup,
    emit: Emit,
    config: TrainConfig,
    stored: TokenFile,
    device: torch.device,
) -> Trainer:
    model = factory.build_model(read_model_config(run.config), seed=0).to(device)
    return Trainer(
        model=model,
        device=device,
        config=config,
        batches=build_batches(stored, model.config, config),
        evaluation=build_evaluation(stored, model.config),
        emit=emit,
        keeper=NothingKept(),
        sample=lambda: "",
        requests=BroadcastControl(ranks),
        ranks=ranks,
    )


class Whisper:
    """What a rank beside the first says: nothing, but why it failed, for who started it.

    Attributes:
        failure: the fields of its last `failed`, if it said one.
    """

    def __init__(self) -> None:
        self.step = 0
        self.failure: dict[str, Any] | None = None

    def __call__(self, type: str, step: int, **fields: Any) -> None:
        """Notes the step, and a failure."""
        self.step = step
        if type == "failed":
            self.failure = fields
