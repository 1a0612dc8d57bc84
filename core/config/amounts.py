"""How much at a time and how long: batch, steps, threads and what follows from them.

Pure functions of what was chosen, the preset, the text and the device, each with its reason.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from core.config.configs import BFLOAT16, FLOAT32, ModelConfig, TrainConfig
from core.config.microbatch import Fit, fit
from core.config.presets import Preset
from core.config.plan_inputs import DeviceFacts, TokenFacts
from core.config.budget import count_parameters

LENGTHS = ("epochs", "steps", "minutes")
LARGE = {"text": 500_000, "lines": 5_000_000}  # parameters
SMALL_STEP = 3e9  # floating-point operations


def amounts(
    config: TrainConfig, chosen: Preset, model: ModelConfig, facts: TokenFacts, device: DeviceFacts
) -> tuple[TrainConfig, list[str]]:
    """The settings with nothing left open, but for steps when minutes are given; and why.

    Raises:
        InputError: a model that the device has no memory for.
    """
    fields = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    length_open = all(fields[key] is None for key in LENGTHS)
    suited = {**chosen.train, **(chosen.lines if facts.reading == "lines" else {})}
    for key, value in suited.items():
        if fields.get(key) is None and (key != "steps" or length_open):
            fields[key] = value
    fields["learning_rate"] = fields["learning_rate"] or chosen.rates[fields["optimizer"]]
    batch = fields["batch_size"] = fields["batch_size"] or _batch(chosen, model, facts)
    fields["device"] = device.device
    fields["threads"] = fields["threads"] or _threads(model, facts, batch, device)
    fields["precision"] = fields["precision"] or _precision(model, facts, device)
    per_epoch = _samples(model, facts) / batch
    length = _length(fields, chosen, model, facts, per_epoch)
    rows = -(-batch // max(1, config.devices))
    cut = fit(model, rows, Fit(config.accumulation, config.recompute), device)
    fields["accumulation"], fields["recompute"] = cut.pieces, cut.recompute
    what = "lines" if facts.reading == "lines" else f"windows of {model.context} tokens"
    rate = f"{fields['optimizer']}, learning rate {fields['learning_rate']:g}, {fields['schedule']}"
    reasons = [
        f"batch of {batch} {what}: {_why(config.batch_size)}",
        f"{rate}: {_why(config.learning_rate)}",
        f"{length}: {'of this text and size' if length_open else 'as chosen'}",
        *cut.reasons,
    ]
    return settle_length(TrainConfig(**fields), per_epoch), reasons


def _precision(model: ModelConfig, facts: TokenFacts, device: DeviceFacts) -> str:
    """bfloat16 where it pays.

    On a processor the products of small models on short lines are not what takes long (measured:
    docs/training_log.md), and the tutorial's decoder is trained as the tutorial does it.
    """
    if device.device == "cpu":
        large = model.architecture != "tutorial" and count_parameters(model) >= LARGE[facts.reading]
        return BFLOAT16 if device.bfloat16 and large else FLOAT32
    return BFLOAT16 if device.bfloat16 else FLOAT32


def _why(chosen: object) -> str:
    return "of this text and size" if chosen is None else "as chosen"


def _length(
    fields: dict[str, Any],
    chosen: Preset,
    model: ModelConfig,
    facts: TokenFacts,
    per_epoch: float,
) -> str:
    """Sets the number of steps, but where minutes will tell; both in words."""
    if fields["minutes"] is not None:
        return f"as many steps as fit into {fields['minutes']:g} minutes"
    if fields["epochs"] is not None:
        fields["steps"], fields["epochs"] = max(1, round(fields["epochs"] * per_epoch)), None
    elif fields["steps"] is None:
        fields["steps"] = _steps(chosen, model, facts, fields["batch_size"], per_epoch)
    passes = fields["steps"] / per_epoch
    return f"{fields['steps']} steps, {passes:.3g} passes over {facts.train_tokens:,} tokens"


def _threads(model: ModelConfig, facts: TokenFacts, batch: int, device: DeviceFacts) -> int:
    """One thread where a step is so small that handing out the work costs more than doing it."""
    tokens = batch * model.context
    if facts.reading == "lines":
        tokens = batch * facts.train_tokens // max(1, facts.train_samples)
    work = 6 * count_parameters(model) * tokens  # forward and backward products
    return 1 if device.device == "cpu" and work < SMALL_STEP else device.threads


def settle_length(config: TrainConfig, per_epoch: float) -> TrainConfig:
    """Fills what follows from the number of steps, once that is known."""
    steps = config.steps
    if steps is None:
        return config
    warmup = config.warmup_steps
    evaluate = config.eval_steps
    if warmup is None:
        warmup = min(100, steps // 10)
    if evaluate is None and not 3 <= steps / per_epoch <= 40:
        evaluate = max(1, steps // 10)
    return dataclasses.replace(config, warmup_steps=warmup, eval_steps=evaluate)


def _samples(model: ModelConfig, facts: TokenFacts) -> float:
    if facts.reading == "lines":
        return max(1, facts.train_samples)
    return max(1.0, (facts.train_tokens - 1) / model.context)


def _batch(chosen: Preset, model: ModelConfig, facts: TokenFacts) -> int:
    if facts.reading == "lines":
        return min(64, max(1, facts.train_samples))
    windows = max(1, round(chosen.batch_tokens / model.context))
    return min(windows, max(1, round(_samples(model, facts))))


def _steps(
    chosen: Preset, model: ModelConfig, facts: TokenFacts, batch: int, per_epoch: float
) -> int:
    """Enough passes to learn a small text, at most 20 tokens a parameter.

    The limit: Hoffmann et al., 2022, "Training Compute-Optimal Large Language Models".
    """
    if facts.reading == "lines":
        return min(1500, max(150, round(9 * per_epoch)))
    most = 20 * count_parameters(model) / (batch * model.context)
    return round(min(max(300, chosen.passes * per_epoch), max(300, most)))
