"""Training on the ranks other than 0, from what rank 0 has prepared.

Rank 0 broadcasts the settings; the other ranks read tokens and checkpoint from the same files, and
get the weights from rank 0. They write no files and no events.
"""

from __future__ import annotations

from pathlib import Path

import torch

from core.config.configs import TrainConfig
from core.config.schema import from_json, to_json
from core.dataset.token_store import open_tokens
from core.errors import StorageError
from core.model import factory
from core.run.directory import Run
from core.run.model_files import read_model_config
from core.train import checkpoint as checkpoints
from core.train.control import BroadcastControl
from core.train.distributed import ProcessGroup, find_rank_device
from core.train.objective import parse_objective
from core.train.prepare import TrainingJob
from core.train.run_data import build_batches, build_evaluation
from core.train.state import read_train_state
from core.train.task_evaluation import TaskTokens
from core.train.trainer import Trainer

SHARED_HOME_HINT = (
    "All machines that train together need the same home folder, for instance on a network drive."
)


def broadcast_job(
    group: ProcessGroup, job: TrainingJob, checkpoint_step: int | None, *, is_extended: bool
) -> None:
    """Tell the other ranks, in `receive_trainer`, what to train. Collective; called by rank 0.

    Args:
        checkpoint_step: step of the checkpoint to resume from.
        is_extended: whether training is longer than it was planned.
    """
    group.broadcast(
        {
            "train": to_json(job.config),
            "tokens": str(job.tokens.folder),
            "task": job.task.to_json(),
            "objective": job.objective and job.objective.to_json(),
            "no_target": job.model.no_target,
            "step": checkpoint_step,
            "is_extended": is_extended,
        }
    )


def receive_trainer(run: Run, group: ProcessGroup) -> Trainer:
    """The trainer of a rank other than 0, ready to run. Collective.

    Raises:
        Cancelled: rank 0 has nothing to train.
        MiniGPTError: the files that rank 0 names cannot be found or read here.
    """
    device = torch.device(find_rank_device(group, None).device)
    message = group.broadcast_required()
    config = from_json(TrainConfig, message["train"])
    torch.set_num_threads(config.threads or 1)
    tokens = open_tokens(Path(message["tokens"]))
    if tokens is None:
        raise StorageError(f"The tokens in {message['tokens']} are missing here.", SHARED_HOME_HINT)
    step = message["step"]
    checkpoint = checkpoints.load_checkpoint(run) if step is not None else None
    if checkpoint and checkpoint.step != step:
        raise StorageError(
            f"The checkpoint of step {step} of {run.name} is missing here.", SHARED_HOME_HINT
        )
    model = factory.build_model(read_model_config(run.config), seed=0).to(device)
    model.no_target = message["no_target"]
    objective = parse_objective(message["objective"])
    trainer = Trainer(
        model=model,
        device=device,
        config=config,
        batches=build_batches(tokens, model.config, config, objective, model.no_target),
        evaluation=build_evaluation(
            tokens, model.config, config, TaskTokens.from_json(message["task"]), objective
        ),
        control=BroadcastControl(group),
        outputs=None,
        group=group,
    )
    if checkpoint:
        trainer.state = read_train_state(checkpoint)
        trainer.updater.optimizer.load(checkpoint.optimizer, checkpoint.step)
    if message["is_extended"]:
        trainer.start_extension()
    return trainer
