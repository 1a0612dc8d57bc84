"""A run that is being set up: what was chosen, what follows from it, what it will take. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.config.planner import Plan, plan
from core.config.configs import TrainConfig
from core.text.corpus import Corpus
from core.config.microbatch import rows_at_once
from core.dataset.preview import Preview
from core.config.plan_inputs import DeviceFacts, TokenFacts
from core.config.budget import count_parameters, training_bytes
from core.config.snapshots import run_bytes


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What was chosen for a run.

    Attributes:
        corpus, preview: the text, and the look into it.
        config: settings; None is left open.
        shape: fields of ModelConfig.
    """

    corpus: Corpus
    preview: Preview
    config: TrainConfig = field(default_factory=TrainConfig)
    shape: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tokens(self) -> TokenFacts:
        """What a plan needs to know of the text, reckoned from its beginning."""
        return _tokens(self.preview)

    def plan(self, device: DeviceFacts) -> Plan:
        """Everything that follows from it.

        Raises:
            MiniGPTError: settings that do not fit together, or a model without room.
        """
        return plan(self.config, self.shape, self.tokens, device)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a run will take.

    Attributes:
        parameters: numbers in the model.
        memory, disk: bytes.
        steps: updates; None where minutes were given and no step was timed yet.
        seconds: of training; None until steps were timed.
    """

    parameters: int
    memory: int
    disk: int
    steps: int | None
    seconds: float | None


def _tokens(found: Preview) -> TokenFacts:
    """The facts a plan needs, reckoned from the beginning of the text."""
    lines = found.reading == "lines"
    return TokenFacts(
        reading=found.reading,
        vocab_size=found.vocabulary,
        train_tokens=max(2, found.tokens),
        train_samples=found.samples if lines else 0,
        longest=found.longest_tokens if lines else 0,
    )


def forecast(made: Plan, free_disk: int) -> Forecast:
    """What a planned run will take, before any step was timed.

    Args:
        free_disk: bytes, for the snapshots' share of it.
    """
    parameters = count_parameters(made.model)
    train, steps = made.train, made.train.steps
    rows = rows_at_once(train)
    return Forecast(
        parameters=parameters,
        memory=training_bytes(made.model, rows, made.model.context, recompute=train.recompute),
        disk=run_bytes(parameters, steps if train.snapshots else None, free_disk),
        steps=steps,
        seconds=None,
    )
