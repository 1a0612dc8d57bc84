"""The fields of the event `prepared`: what is trained on what, and the baselines."""

from __future__ import annotations

from core.config.budget import count_parameters
from core.config.configs import ModelConfig, TrainConfig
from core.config.plan_inputs import TokenFacts
from core.config.schema import to_json
from core.dataset.token_store import TokenFile
from core.system.files import JsonObject
from core.text.corpus import TEXT
from core.train.baselines import (
    MAX_BASELINE_TARGETS,
    baseline_losses,
    label_baselines,
)
from core.train.batches import Batches
from core.train.evaluation import Evaluation
from core.train.labelling import Labelling
from core.train.masked_baselines import masked_baselines
from core.train.objective import Objective
from core.train.run_data import evaluation_samples


def describe_training(
    shape: ModelConfig,
    facts: TokenFacts,
    config: TrainConfig,
    batches: Batches,
    tokens: TokenFile,
    tokenizer_kind: str,
) -> JsonObject:
    """Fields about the training part, the model and the settings."""
    long_lines = tokens.starts[1:] - tokens.starts[:-1] > shape.context + 1
    return {
        "vocab_size": tokens.vocab_size,
        "train_tokens": facts.train_tokens,
        "train_samples": len(tokens.train_samples),
        "val_samples": len(tokens.val_samples),
        "longest": tokens.longest,
        "long_lines": int(long_lines.sum()) if tokens.reading != TEXT else 0,
        "parameters": count_parameters(shape),
        "steps": config.steps,
        "steps_per_epoch": batches.steps_per_epoch,
        "tokenizer": tokenizer_kind,
        "reading": tokens.reading,
        "model": to_json(shape),
        "train": to_json(config),
    }


def describe_validation(
    tokens: TokenFile,
    shape: ModelConfig,
    config: TrainConfig,
    evaluation: Evaluation | None,
    objective: Objective | None,
) -> JsonObject:
    """Fields about the validation part, with the baselines measured on it."""
    train = evaluation_samples(tokens, "train", shape, config, objective, MAX_BASELINE_TARGETS)
    judged = evaluation.samples if evaluation else train
    if objective is None:
        losses = baseline_losses(tokens.ids, train, judged, tokens.vocab_size)
    elif isinstance(objective, Labelling):
        losses = label_baselines(tokens.ids, train, judged, objective)
    else:
        losses = masked_baselines(
            tokens.ids, train, judged, objective.for_evaluation(), tokens.vocab_size
        )
    return {
        "val_tokens": judged.count_targets() if evaluation else 0,
        "reference": {
            "on": "validation" if evaluation else "train",
            **losses,
        },
    }
