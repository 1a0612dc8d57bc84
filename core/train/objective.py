"""What an encoder is trained to do: restore masked tokens, or label texts."""

from __future__ import annotations

from collections.abc import Sequence

from core.config.configs import ModelConfig, TrainConfig
from core.errors import DamagedError
from core.system.files import JsonObject
from core.tokenizer.tokenizer import Tokenizer
from core.train.labelling import Labelling
from core.train.masking import Masking

Objective = Masking | Labelling


def build_objective(
    tokenizer: Tokenizer, shape: ModelConfig, config: TrainConfig, labels: Sequence[str]
) -> Objective | None:
    """The objective of an encoder; None for a decoder, which predicts the next token.

    Args:
        labels: of the run's text, if its task is to label texts.

    Raises:
        DamagedError: the tokenizer of an encoder that restores tokens has no `<mask>`, or its head
            has not as many labels as the text.
        InputError: a label is not in the vocabulary.
    """
    if not shape.is_encoder:
        return None
    if shape.labels:
        if shape.labels != len(labels):
            raise DamagedError(
                f"The head of this run has {shape.labels} labels, its text {len(labels)}.",
                "Train it again.",
            )
        return Labelling.encode(tokenizer, labels, shape.context)
    if tokenizer.mask_id is None:
        raise DamagedError(
            "The tokenizer of this run has no <mask>, which an encoder needs.", "Train it again."
        )
    assert config.mask_share is not None, "the planner chooses it"
    return Masking(tokenizer.mask_id, tokenizer.unit_ids, config.mask_share, config.seed)


def parse_objective(values: JsonObject | None) -> Objective | None:
    """Rebuild an objective from its `to_json` on another rank."""
    if values is None:
        return None
    return Labelling.from_json(values) if "labels" in values else Masking.from_json(values)
