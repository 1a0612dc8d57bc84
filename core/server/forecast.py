"""The forecast of a training run: arithmetic first, then timed steps of a model of its shape.

If a whole step would take too long, part of one is timed and extrapolated.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from core.config.budget import count_parameters, micro_batch_rows, run_disk_bytes, training_bytes
from core.config.configs import DEFAULT_MASK_SHARE, ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts, TokenFacts
from core.config.planner import RunPlan, plan_run
from core.config.schema import find_value_problems
from core.errors import SettingsError
from core.model import factory
from core.model.device import available_devices, device_facts
from core.model.language_model import LanguageModel
from core.paths import Home
from core.server.model_cache import CancelWatch
from core.server.protocol import ProbeRequest
from core.server.replies import ProbeReply, TrainingForecast
from core.system.machine import free_disk
from core.tokenizer.special_tokens import SPECIAL
from core.train.batches import Batches, WindowSamples
from core.train.masking import Masking
from core.train.timing import time_step

TIMING_BUDGET_S = 0.6
# Steps of at most so many floating-point operations, some tenths of a second, are timed whole.
MAX_TIMED_FLOPS = {"cpu": 1.5e10, "mps": 2e11, "cuda": 2e12}
MIN_TIMED_TOKENS = 64  # fewer take no longer than an update does without any
SECONDS_PER_MINUTE = 60.0


def probe(
    home: Home, request: ProbeRequest, send: Callable[[ProbeReply], None], watch: CancelWatch
) -> ProbeReply:
    """List the devices; with `train` also forecast the run, sending the arithmetic first.

    Raises:
        MiniGPTError: settings that do not fit together, or an unknown device.
        Cancelled: the request was cancelled.
    """
    devices = [device_facts(name) for name in available_devices()]
    if request.train is None:
        return ProbeReply(devices=devices)
    problems = find_value_problems(ModelConfig, request.model)
    if problems:
        raise SettingsError(problems)
    tokens = request.tokens or _running_text(request.model.get("vocab_size"))
    device = device_facts(request.train.device)
    if request.parent is not None and request.model:
        raise SettingsError(dict.fromkeys(request.model, "is taken from the parent"))
    plan = plan_run(request.train, request.model, tokens, device, request.parent)
    reply = ProbeReply(devices=devices, forecast=_forecast(home, plan, tokens, device))
    if not request.timed:
        return reply
    send(reply)
    seconds = estimate_step_seconds(plan, tokens, torch.device(device.device), watch)
    return ProbeReply(devices=devices, forecast=_forecast(home, plan, tokens, device, seconds))


def _running_text(vocab_size: Any) -> TokenFacts:
    """Facts about the tokens of any running text with this vocabulary."""
    if not isinstance(vocab_size, int):
        raise SettingsError({"vocab_size": "must be given if the request has no tokens"})
    return TokenFacts(
        reading="text", vocab_size=vocab_size, train_tokens=1, train_samples=0, longest=0
    )


def _forecast(
    home: Home, plan: RunPlan, tokens: TokenFacts, device: DeviceFacts, seconds: float | None = None
) -> TrainingForecast:
    """The needs of a run.

    Args:
        seconds: per step, once timed. It turns minutes into steps, on which the number of
            snapshots and so the disk space depends.
    """
    train, shape, parameters = plan.train, plan.model, count_parameters(plan.model)
    steps = train.steps
    if steps is None and seconds is not None:
        assert train.minutes is not None
        steps = max(1, round(SECONDS_PER_MINUTE * train.minutes / seconds))
    rows, free_bytes = micro_batch_rows(train), free_disk(home.root)
    return TrainingForecast(
        preset=plan.preset,
        model=shape,
        train=train,
        reasons=list(plan.reasons),
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


def estimate_step_seconds(
    plan: RunPlan, tokens: TokenFacts, device: torch.device, watch: CancelWatch
) -> float:
    """Time updates of a model of this shape on random tokens; return seconds per update.

    The part that does not depend on the number of tokens, mainly the optimizer, is timed with a
    single token and not extrapolated.

    Raises:
        Cancelled: the request was cancelled.
    """
    shape, config = plan.model, plan.train
    assert config.batch_size is not None
    rows, length = config.batch_size, _mean_row_length(shape, tokens)
    timed_rows, timed_length = _timed_part(shape, rows, length, device)
    is_whole = (timed_rows, timed_length) == (rows, length)
    config = dataclasses.replace(
        config,
        minutes=None,
        steps=1,
        warmup_steps=0,
        accumulation=config.accumulation if is_whole else 1,
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads or 1)
    try:
        model = _zero_model(shape, watch).to(device)
        seconds = _time_step(model, timed_rows, timed_length, config, watch)
        if is_whole:
            return seconds
        fixed = _time_step(model, 1, 1, config, watch)
        factor = (rows * length - 1) / (timed_rows * timed_length - 1)
        return fixed + max(0.0, seconds - fixed) * factor
    finally:
        torch.set_num_threads(threads)


def _mean_row_length(shape: ModelConfig, tokens: TokenFacts) -> int:
    """Targets of an average row."""
    if tokens.reading == "text":
        return shape.context
    targets = tokens.train_tokens - tokens.train_samples
    return max(1, min(shape.context, round(targets / tokens.samples(shape.context))))


def _timed_part(
    shape: ModelConfig, rows: int, length: int, device: torch.device
) -> tuple[int, int]:
    """Rows and tokens per row to time: the whole step, fewer rows, or part of one row."""
    flops = 6.0 * count_parameters(shape) * rows * length  # forward and backward products
    share = min(1.0, MAX_TIMED_FLOPS[device.type] / flops)
    timed_rows = max(1, int(rows * share))
    if rows * share >= 1.0:
        return timed_rows, length
    return timed_rows, max(min(length, MIN_TIMED_TOKENS), int(rows * length * share))


def _zero_model(shape: ModelConfig, watch: CancelWatch) -> LanguageModel:
    """A model of zeros: they take as long to multiply as other values and less to initialise.

    A head of labels, which is smaller, is left out.
    """
    model = factory.build_model(dataclasses.replace(shape, labels=0), seed=None)
    for weight in model.parameters():
        torch.nn.init.zeros_(weight)
    watch.hook_into(model)
    return model


def _time_step(
    model: LanguageModel, rows: int, length: int, config: TrainConfig, watch: CancelWatch
) -> float:
    count = 4 * rows * length + 1
    generator = np.random.default_rng(0)
    ids: Any = generator.integers(len(SPECIAL), model.config.vocab_size, count, dtype=np.uint32)
    masking = None
    if model.config.is_encoder:
        units = range(len(SPECIAL), model.config.vocab_size)
        masking = Masking(units[-1], units, config.mask_share or DEFAULT_MASK_SHARE)
    return time_step(
        model,
        Batches(ids, WindowSamples(0, count, length), rows, seed=0, objective=masking),
        config,
        model.device,
        budget=TIMING_BUDGET_S,
        cancelled=watch.cancelled,
    )
