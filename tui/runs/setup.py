"""Setting up a run: its draft, the forecast, and starting or resuming its trainer."""

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
from core.run.resume import lock_for_resume
from core.text.corpus import Corpus


@dataclass(frozen=True, kw_only=True)
class RunDraft:
    """The choices made for a new run.

    Attributes:
        corpus, preview: the text.
        config: settings; None values are left open.
        shape: fields of ModelConfig.
    """

    corpus: Corpus
    preview: Preview
    config: TrainConfig = field(default_factory=TrainConfig)
    shape: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tokens(self) -> TokenFacts:
        """The token counts a plan needs, estimated from the beginning of the text."""
        return self.preview.facts

    def plan(self, device: DeviceFacts) -> RunPlan:
        """The complete settings that follow from the choices.

        Raises:
            MiniGPTError: the settings contradict each other, or the model does not fit into memory.
        """
        return plan_run(self.config, self.shape, self.tokens, device)


@dataclass(frozen=True, kw_only=True)
class RunForecast:
    """The resources a run will need.

    Attributes:
        parameters: of the model.
        memory, disk: bytes.
        steps: updates; None if minutes were chosen and no step has been timed yet.
        seconds: of training; None until steps have been timed.
    """

    parameters: int
    memory: int
    disk: int
    steps: int | None
    seconds: float | None


def forecast_run(plan: RunPlan, free_disk: int) -> RunForecast:
    """The resources of a planned run, before any step has been timed.

    Args:
        free_disk: bytes; limits the disk space for snapshots.
    """
    parameters = count_parameters(plan.model)
    train, steps = plan.train, plan.train.steps
    rows = micro_batch_rows(train)
    return RunForecast(
        parameters=parameters,
        memory=training_bytes(plan.model, rows, plan.model.context, recompute=train.recompute),
        disk=run_disk_bytes(parameters, steps if train.snapshots else None, free_disk),
        steps=steps,
        seconds=None,
    )


def start_run(
    home: Home,
    spec: str,
    config: TrainConfig,
    shape: Mapping[str, Any],
    *,
    name: str | None = None,
    encoding: str | None = None,
    reading: str | None = None,
) -> Run:
    """Create a run and start its trainer; arguments as for `core.run.create.create_run`.

    Raises:
        MiniGPTError: unusable input.
    """
    run, lock = create_run(home, spec, config, shape, name=name, encoding=encoding, reading=reading)
    launch.start(home, run, lock)
    return run


def resume_run(home: Home, run: Run, *, epochs: float | None = None) -> None:
    """Start a trainer that resumes the run from its last checkpoint.

    Args:
        epochs: to train from now on; None trains to the planned end.

    Raises:
        MiniGPTError: it is being trained, or is finished.
    """
    extension = Extension(epochs=epochs)
    launch.start(home, run, lock_for_resume(home, run, extension), extension)
