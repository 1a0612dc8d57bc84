"""The forecast of a training: arithmetic first, then real steps of a model of its shape.

Where a whole step would take too long a smaller one is timed, and its time multiplied.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from core.config.budget import count_parameters, micro_batch_rows, run_disk_bytes, training_bytes
from core.config.configs import ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts, TokenFacts
from core.config.planner import RunPlan, plan_run
from core.config.schema import find_value_problems
from core.errors import SettingsError
from core.model import factory
from core.model.decoder import Decoder
from core.model.device import available_devices, device_facts
from core.paths import Home
from core.server.model_cache import Watch
from core.server.protocol import ProbeRequest
from core.server.replies import ProbeReply, TrainingForecast
from core.system.machine import free_disk
from core.tokenizer.special_tokens import SPECIAL
from core.train.batches import Batches, WindowSamples
from core.train.timing import time_step

BUDGET_SECONDS = 0.6
# Floating-point operations of a step that is timed as it is: some tenths of a second.
WHOLE_STEP = {"cpu": 1.5e10, "mps": 2e11, "cuda": 2e12}
LEAST_TOKENS = 64  # fewer would not stand out from what an update costs without any


def probe(
    home: Home, ask: ProbeRequest, say: Callable[[ProbeReply], None], watch: Watch
) -> ProbeReply:
    """The devices; with `train` also what a training needs, said before its time is known."""
    devices = [device_facts(name) for name in available_devices()]
    if ask.train is None:
        return ProbeReply(devices=devices)
    config = ask.train
    problems = find_value_problems(ModelConfig, ask.model)
    if problems:
        raise SettingsError(problems)
    tokens = _tokens(ask)
    device = device_facts(config.device)
    found = plan_run(config, ask.model, tokens, device)
    reply = ProbeReply(devices=devices, forecast=_forecast(home, found, tokens, device))
    if not ask.timed:
        return reply
    say(reply)
    seconds = trial_seconds(found, tokens, torch.device(device.device), watch)
    return ProbeReply(devices=devices, forecast=_forecast(home, found, tokens, device, seconds))


def _tokens(ask: ProbeRequest) -> TokenFacts:
    """The facts of the tokens; without them, of any running text with such a vocabulary."""
    if ask.tokens is not None:
        return ask.tokens
    size = ask.model.get("vocab_size")
    if not isinstance(size, int):
        raise SettingsError({"vocab_size": "must be given where nothing is known of the tokens"})
    return TokenFacts(reading="text", vocab_size=size, train_tokens=1, train_samples=0, longest=0)


def _forecast(
    home: Home,
    found: RunPlan,
    tokens: TokenFacts,
    device: DeviceFacts,
    seconds: float | None = None,
) -> TrainingForecast:
    """The needs of a planned run.

    Args:
        seconds: per step, if timed. Minutes become steps then, and steps decide on snapshots.
    """
    train, shape, parameters = found.train, found.model, count_parameters(found.model)
    steps = train.steps
    if steps is None and seconds is not None:
        assert train.minutes is not None
        steps = max(1, round(60.0 * train.minutes / seconds))
    rows, free_bytes = micro_batch_rows(train), free_disk(home.root)
    return TrainingForecast(
        preset=found.preset,
        model=shape,
        train=train,
        reasons=list(found.reasons),
        tokens=tokens,
        parameters=parameters,
        memory_bytes=training_bytes(shape, rows, shape.context, recompute=train.recompute),
        free_memory=device.free_memory,
        disk_bytes=run_disk_bytes(parameters, steps if train.snapshots else None, free_bytes),
        free_disk=free_bytes,
        seconds_per_step=seconds,
        steps=steps,
        seconds=None if seconds is None or steps is None else seconds * steps,
    )


def trial_seconds(found: RunPlan, tokens: TokenFacts, device: torch.device, watch: Watch) -> float:
    """Seconds of one update, from real ones of such a model on random tokens.

    What an update costs beside its tokens, above all the optimiser, is timed with a single token
    and not multiplied.

    Raises:
        Cancelled: the request was.
    """
    shape, config = found.model, found.train
    assert config.batch_size is not None
    rows, length = config.batch_size, _length(shape, tokens)
    fewer, shorter = _timed_part(shape, rows, length, device)
    whole = (fewer, shorter) == (rows, length)
    config = dataclasses.replace(
        config,
        minutes=None,
        steps=1,
        warmup_steps=0,
        accumulation=config.accumulation if whole else 1,
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads or 1)
    try:
        model = _blank(shape, watch).to(device)
        seconds = _seconds(model, fewer, shorter, config, watch)
        if whole:
            return seconds
        alone = _seconds(model, 1, 1, config, watch)
        return alone + max(0.0, seconds - alone) * (rows * length - 1) / (fewer * shorter - 1)
    finally:
        torch.set_num_threads(threads)


def _length(shape: ModelConfig, tokens: TokenFacts) -> int:
    """Targets of an average row."""
    if tokens.reading != "lines":
        return shape.context
    average = tokens.train_tokens / max(1, tokens.train_samples)
    return max(1, min(shape.context, round(average) - 1))


def _timed_part(
    shape: ModelConfig, rows: int, length: int, device: torch.device
) -> tuple[int, int]:
    """Rows and tokens a row of the step to time: all of it, fewer rows, or a part of one."""
    work = 6.0 * count_parameters(shape) * rows * length  # forward and backward products
    share = min(1.0, WHOLE_STEP[device.type] / work)
    fewer = max(1, int(rows * share))
    least = min(length, LEAST_TOKENS)
    return fewer, length if rows * share >= 1.0 else max(least, int(rows * length * share))


def _blank(shape: ModelConfig, watch: Watch) -> Decoder:
    """A model of this shape; zeros take as long to multiply as anything, and less to make."""
    model = factory.build_model(shape, seed=None)
    for weight in model.parameters():
        torch.nn.init.zeros_(weight)
    watch.over(model)
    return model


def _seconds(model: Decoder, rows: int, length: int, config: TrainConfig, watch: Watch) -> float:
    count = 4 * rows * length + 1
    numbers = np.random.default_rng(0)
    ids: Any = numbers.integers(len(SPECIAL), model.config.vocab_size, count, dtype=np.uint32)
    return time_step(
        model,
        Batches(ids, WindowSamples(0, count, length), rows, seed=0),
        config,
        model.device,
        budget=BUDGET_SECONDS,
        cancelled=watch.cancelled,
    )
