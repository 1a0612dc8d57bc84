"""A run that is being set up: what was chosen, what follows from it, what it will take. Pure.

Starting trainers: what the screens ask for, as calls of core. No Textual and no torch here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.config.budget import count_parameters, micro_batch_rows, run_disk_bytes, training_bytes
from core.config.configs import Extension, TrainConfig
from core.config.plan_inputs import DeviceFacts, TokenFacts
from core.config.planner import RunPlan, plan_run
from core.dataset.preview import Preview
from core.paths import Home
from core.run import launch
from core.run.create import create_run
from core.run.directory import Run
from core.run.store import lock_for_resume
from core.text.corpus import Corpus


@dataclass(frozen=True, kw_only=True)
class RunDraft:
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

    def plan(self, device: DeviceFacts) -> RunPlan:
        """Everything that follows from it.

        Raises:
            MiniGPTError: settings that do not fit together, or a model without room.
        """
        return plan_run(self.config, self.shape, self.tokens, device)


@dataclass(frozen=True, kw_only=True)
class RunForecast:
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
        vocab_size=found.vocab_size,
        train_tokens=max(2, found.tokens),
        train_samples=found.samples if lines else 0,
        longest=found.longest_tokens if lines else 0,
    )


def forecast(made: RunPlan, free_disk: int) -> RunForecast:
    """What a planned run will take, before any step was timed.

    Args:
        free_disk: bytes, for the snapshots' share of it.
    """
    parameters = count_parameters(made.model)
    train, steps = made.train, made.train.steps
    rows = micro_batch_rows(train)
    return RunForecast(
        parameters=parameters,
        memory=training_bytes(made.model, rows, made.model.context, recompute=train.recompute),
        disk=run_disk_bytes(parameters, steps if train.snapshots else None, free_disk),
        steps=steps,
        seconds=None,
    )


def begin(
    home: Home,
    spec: str,
    config: TrainConfig,
    shape: Mapping[str, Any],
    *,
    name: str | None = None,
    encoding: str | None = None,
    reading: str | None = None,
) -> Run:
    """Makes a run and starts its trainer; arguments as of `core.run.create.create_run`.

    Raises:
        MiniGPTError: what cannot be used.
    """
    run, lock = create_run(home, spec, config, shape, name=name, encoding=encoding, reading=reading)
    launch.start(home, run, lock)
    return run


def resume(home: Home, run: Run, *, epochs: float | None = None) -> None:
    """Starts a trainer that goes on where the run ended.

    Args:
        epochs: passes to train beyond what is done; None is only the rest.

    Raises:
        MiniGPTError: somebody trains it, or there is nothing to go on from.
    """
    more = Extension(epochs=epochs)
    launch.start(home, run, lock_for_resume(run, more), more)
