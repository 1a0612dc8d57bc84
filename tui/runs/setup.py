"""Setting up a run: its draft, the forecast, and starting or resuming its trainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.config.budget import (
    FLOAT32_BYTES,
    FLOATS_PER_PARAMETER,
    count_parameters,
    micro_batch_rows,
    run_disk_bytes,
    training_bytes,
)
from core.config.configs import Extension, ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts, TokenFacts
from core.config.planner import RunPlan, plan_run
from core.dataset.preview import Preview
from core.errors import InputError
from core.paths import Home
from core.run import launch
from core.run.create import create_run
from core.run.directory import Run
from core.run.record import read_record
from core.run.resume import lock_for_resume
from core.run.weights_ref import LAST
from core.server.replies import TrainingForecast
from core.system.machine import usable_threads
from core.text.catalog import find_by_hash
from core.text.corpus import Corpus, bundled_corpora
from tui.common.messages import OpenSetup


@dataclass(frozen=True, kw_only=True)
class RunDraft:
    """The choices made for a new run.

    Attributes:
        corpus, preview: the text.
        config: settings; None values are left open.
        shape: fields of ModelConfig.
        parent: shape of the model whose weights training starts from.
    """

    corpus: Corpus
    preview: Preview
    config: TrainConfig = field(default_factory=TrainConfig)
    shape: Mapping[str, Any] = field(default_factory=dict)
    parent: ModelConfig | None = None

    @property
    def tokens(self) -> TokenFacts:
        """The token counts a plan needs, estimated from the beginning of the text."""
        return self.preview.facts

    def plan(self, device: DeviceFacts) -> RunPlan:
        """The complete settings that follow from the choices.

        Raises:
            MiniGPTError: the settings contradict each other, or the model does not fit into memory.
        """
        return plan_run(self.config, self.shape, self.tokens, device, self.parent)


@dataclass(frozen=True, kw_only=True)
class RunForecast:
    """The resources a run will need.

    Attributes:
        model, train: every setting of the plan.
        tokens: the token counts it is based on.
        reasons: why the settings left open are as they are.
        memory, disk: bytes.
        free_memory, free_disk: bytes.
        steps: updates; None if minutes were chosen and no step has been timed yet.
        step_seconds: of an update; None until steps have been timed.
        device: where training will run.
    """

    model: ModelConfig
    train: TrainConfig
    tokens: TokenFacts
    reasons: tuple[str, ...]
    memory: int
    disk: int
    free_memory: int
    free_disk: int
    steps: int | None
    step_seconds: float | None
    device: DeviceFacts

    @property
    def parameters(self) -> int:
        """Trained parameters of the model."""
        return count_parameters(self.model)

    @property
    def seconds(self) -> float | None:
        """Of the whole training; None until steps have been timed."""
        if self.steps is None or self.step_seconds is None:
            return None
        return self.steps * self.step_seconds

    @property
    def state_memory(self) -> int:
        """Bytes of weights, gradients and the optimizer's running means."""
        return FLOAT32_BYTES * FLOATS_PER_PARAMETER * self.parameters

    @property
    def step_tokens(self) -> int:
        """Tokens that an update learns from, on average."""
        assert self.train.batch_size is not None
        context = self.model.context
        per_sample = self.tokens.train_tokens / max(1, self.tokens.samples(context))
        return round(self.train.batch_size * min(context, per_sample))


def forecast_run(plan: RunPlan, tokens: TokenFacts, device: DeviceFacts, disk: int) -> RunForecast:
    """The resources of a planned run, before any step has been timed.

    Args:
        disk: free bytes; limits the space for snapshots.
    """
    train, steps = plan.train, plan.train.steps
    rows = micro_batch_rows(train)
    return RunForecast(
        model=plan.model,
        train=train,
        tokens=tokens,
        reasons=plan.reasons,
        memory=training_bytes(plan.model, rows, plan.model.context, recompute=train.recompute),
        disk=run_disk_bytes(count_parameters(plan.model), steps if train.snapshots else None, disk),
        free_memory=device.free_memory,
        free_disk=disk,
        steps=steps,
        step_seconds=None,
        device=device,
    )


def forecast_from_reply(forecast: TrainingForecast, devices: Sequence[DeviceFacts]) -> RunForecast:
    """The model server's forecast."""
    name = forecast.train.device
    unnamed = DeviceFacts(
        device=name, name=name, free_memory=forecast.free_memory, threads=usable_threads()
    )
    return RunForecast(
        model=forecast.model,
        train=forecast.train,
        tokens=forecast.tokens,
        reasons=tuple(forecast.reasons),
        memory=forecast.memory_bytes,
        disk=forecast.disk_bytes,
        free_memory=forecast.free_memory,
        free_disk=forecast.free_disk,
        steps=forecast.steps,
        step_seconds=forecast.seconds_per_step,
        device=next((each for each in devices if each.device == name), unnamed),
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
    parent: str | None = None,
) -> Run:
    """Create a run and start its trainer; arguments as for `core.run.create.create_run`.

    Raises:
        MiniGPTError: unusable input.
    """
    run, lock = create_run(
        home,
        spec,
        config,
        shape,
        name=name,
        encoding=encoding,
        reading=reading,
        parent=parent,
    )
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


def read_setup(home: Home, run: Run) -> OpenSetup:
    """The text and the chosen settings of a run, as New run starts with them.

    Raises:
        DamagedError: its record cannot be read.
        InputError: its text is gone or changed, or consists of several files.
        StateError: a newer version of the program wrote it.
    """
    record = read_record(run)
    text, parent = record["corpus"], record.get("parent")
    corpus = find_by_hash(text["sha256"], home, text["name"], text["encoding"], text["errors"])
    is_bundled = corpus.name in {bundled.name for bundled in bundled_corpora()}
    if len(corpus.files) > 1 and not is_bundled:
        raise InputError(
            f"The text of {run.name} consists of {len(corpus.files)} files.",
            "Press n and choose its folder or pattern.",
        )
    settings = {**record["train"], **record["model"]}
    if parent:
        at = "" if parent["weights"] == LAST else f"@{parent['weights']}"
        settings["parent"] = f"{parent['run']}{at}"
    if is_bundled:
        return OpenSetup(corpus.name, None, text["reading"], settings)
    encoding = text["encoding"] if text["errors"] == "strict" else f"{text['encoding']}:replace"
    return OpenSetup(str(corpus.files[0]), encoding, text["reading"], settings)
