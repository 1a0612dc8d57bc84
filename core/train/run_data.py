"""The training and the validation part of a run, cut into samples for its objective."""

from __future__ import annotations

from core.config.configs import REPLIES, ModelConfig, TrainConfig
from core.dataset.spans import Spans
from core.dataset.token_store import TokenFile
from core.text.corpus import CHAT_READINGS
from core.tokenizer.special_tokens import PAD
from core.train.batches import Batches, LineSamples, cut_evaluation_samples, cut_samples
from core.train.evaluation import Evaluation
from core.train.labelling import Labelling
from core.train.objective import Objective
from core.train.task_evaluation import TaskTokens, build_task_evaluation

SORTED_BATCHES = 8  # of conversations, whose lengths differ by more than those of lines
EVALUATION_TOKENS = 8192  # per forward pass


def build_batches(
    tokens: TokenFile,
    shape: ModelConfig,
    config: TrainConfig,
    objective: Objective | None,
    no_target: int = PAD,
) -> Batches:
    """The batches of the training part.

    Args:
        no_target: see `Tokenizer.no_target`.
    """
    samples = (
        _whole_samples(tokens, "train")
        if isinstance(objective, Labelling)
        else cut_samples(
            tokens, "train", shape.targets_per_sample, only_replies=config.loss_on == REPLIES
        )
    )
    assert config.batch_size is not None
    sorted_batches = SORTED_BATCHES if tokens.reading in CHAT_READINGS else 1
    return Batches(
        tokens.ids,
        samples,
        config.batch_size,
        config.seed,
        sorted_batches,
        objective,
        no_target,
    )


def build_evaluation(
    tokens: TokenFile,
    shape: ModelConfig,
    config: TrainConfig,
    task: TaskTokens,
    objective: Objective | None,
) -> Evaluation | None:
    """The validation part; None if there is none."""
    if not tokens.has_validation:
        return None
    return Evaluation(
        tokens.ids,
        evaluation_samples(tokens, "validation", shape, config, objective),
        max(1, EVALUATION_TOKENS // shape.context),
        None if shape.is_encoder else build_task_evaluation(tokens, shape.context, task),
        objective and objective.for_evaluation(),
    )


def evaluation_samples(
    tokens: TokenFile,
    part: str,
    shape: ModelConfig,
    config: TrainConfig,
    objective: Objective | None,
    max_tokens: int | None = None,
) -> LineSamples:
    """The samples of a part as they are evaluated; see `cut_evaluation_samples`."""
    if isinstance(objective, Labelling):
        return _whole_samples(tokens, part)
    return cut_evaluation_samples(
        tokens,
        part,
        shape.targets_per_sample,
        max_tokens,
        only_replies=config.loss_on == REPLIES,
    )


def _whole_samples(tokens: TokenFile, part: str) -> LineSamples:
    """The pairs of a part, longer ones too: `Labelling` cuts their texts."""
    numbers = tokens.train_samples if part == "train" else tokens.val_samples
    return LineSamples(Spans(tokens.starts[numbers], tokens.starts[numbers + 1]))
