"""Choosing what the user did not: pure functions of facts about the text and the device.

Each choice is returned with its reason, in words, so that the program can say what it did.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.config import ModelConfig, TrainConfig
from core.errors import InputError, SettingsError
from core.presets import AUTO, PRESETS, Preset, preset
from core.settings import check_values
from core.sizes import check_architecture, count_parameters, training_bytes

LONGEST_LINE_CONTEXT = 512
MEMORY_SHARE = 0.7
SMALL_STEP = 3e9  # floating-point operations


@dataclass(frozen=True, kw_only=True)
class TextFacts:
    """What the choice of a tokenizer looks at; counts as `core.corpus` makes them."""

    reading: str
    characters: int
    distinct_words: int
    spaces: int


@dataclass(frozen=True, kw_only=True)
class TokenFacts:
    """What the choice of a model looks at.

    Attributes:
        reading: "lines" or "text".
        vocab_size: tokens of the tokenizer.
        train_tokens: ids in the training part.
        train_samples: lines in the training part (0 for running text).
        longest: ids of the longest line, <sos> and <eos> included (0 for running text).
    """

    reading: str
    vocab_size: int
    train_tokens: int
    train_samples: int
    longest: int


@dataclass(frozen=True, kw_only=True)
class DeviceFacts:
    """What the choice of a size looks at.

    Attributes:
        device: "cpu", "cuda:0", "mps".
        name: the device's own name, for people.
        free_memory: bytes.
        threads: processor threads for the products.
        bfloat16: whether it computes in bfloat16 faster than in float32.
    """

    device: str
    name: str
    free_memory: int
    threads: int
    bfloat16: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A model and a training with nothing left open, but for steps when minutes are given.

    Attributes:
        preset: the name of the size.
        reasons: one sentence a choice.
    """

    preset: str
    model: ModelConfig
    train: TrainConfig
    reasons: tuple[str, ...]


def choose_tokenizer(config: TrainConfig, facts: TextFacts) -> tuple[str, int | None, str]:
    """Kind, limit of the vocabulary and reason; what the user chose stays."""
    kind, reason = config.tokenizer, "as chosen"
    if kind is None:
        kind, reason = _kind(facts)
    size = config.vocab_size
    if size is None and kind == "bpe":
        size = min(
            _bpe_size(facts.characters), PRESETS.get(config.preset, PRESETS["xl"]).vocabulary
        )
    return kind, size, f"tokenizer {kind}: {reason}"


def _kind(facts: TextFacts) -> tuple[str, str]:
    spaced = facts.spaces * 12 > facts.characters
    if facts.reading == "lines" and spaced and facts.distinct_words <= 5000:
        return "word", f"lines with {facts.distinct_words} different words"
    if facts.characters < 200_000:
        return "char", f"{facts.characters:,} characters are too few to learn longer pieces from"
    return "bpe", f"{facts.characters:,} characters teach pieces of words"


def _bpe_size(characters: int) -> int:
    steps = ((2_000_000, 2048), (20_000_000, 4096), (200_000_000, 8192), (2_000_000_000, 16384))
    return next((size for limit, size in steps if characters <= limit), 32768)


def plan(
    config: TrainConfig,
    overrides: Mapping[str, Any],
    facts: TokenFacts,
    device: DeviceFacts,
    parent: ModelConfig | None = None,
) -> Plan:
    """Every setting of the run.

    Args:
        config: what the user chose; None is open.
        overrides: fields of ModelConfig the user chose.
        facts: of the tokens to train on.
        device: where to train.
        parent: the model to start from, whose shape stays.

    Raises:
        SettingsError: settings that do not fit together, all of them.
        InputError: a model that the device has no memory for.
    """
    name, why = (config.preset, "as chosen")
    if config.preset == AUTO:
        name, why = _size(facts, device)
    chosen = preset(name)
    model = parent or _model(chosen, overrides, facts)
    assert not (parent and overrides), "a parent's shape stays"
    train, reasons = _train(config, chosen, model, facts, device)
    size = count_parameters(model)
    size_text = f"size {name}, {size / 1e6:.2f} M parameters: {why}"
    if parent:
        size_text = f"{size / 1e6:.2f} M parameters: the parent's"
    where = f"device {device.device} ({device.name}), {train.threads} threads, {train.precision}"
    return Plan(preset=name, model=model, train=train, reasons=(size_text, where, *reasons))


def _size(facts: TokenFacts, device: DeviceFacts) -> tuple[str, str]:
    on_cpu = device.device == "cpu"
    limits = (
        (("tiny", 3_000_000), ("small", 50_000_000), ("medium", math.inf))
        if on_cpu
        else (
            ("tiny", 500_000),
            ("small", 5_000_000),
            ("medium", 50_000_000),
            ("large", 1_000_000_000),
            ("xl", math.inf),
        )
    )
    name = next(name for name, limit in limits if facts.train_tokens <= limit)
    return name, f"{facts.train_tokens:,} tokens on {'a processor' if on_cpu else device.name}"


def _model(chosen: Preset, overrides: Mapping[str, Any], facts: TokenFacts) -> ModelConfig:
    fields = {**chosen.model, "vocab_size": facts.vocab_size}
    if facts.reading == "lines":
        inputs = max(32, -(-(facts.longest - 1) // 8) * 8)
        fields["context"] = min(LONGEST_LINE_CONTEXT, inputs)
    fields |= overrides
    if "heads" in overrides and "kv_heads" not in overrides:
        fields["kv_heads"] = fields["heads"]
    if {"d_model", "heads"} & set(overrides) and "head_dim" not in overrides:
        fields["head_dim"] = max(2, fields["d_model"] // fields["heads"] // 2 * 2)
    unknown = check_values(ModelConfig, fields)
    if unknown:
        raise SettingsError(unknown)
    model = ModelConfig(**fields)
    check_architecture(model)
    return model


def check_shape(name: str, overrides: Mapping[str, Any]) -> None:
    """Refuses, before there are any tokens, a shape that no model can have.

    Raises:
        NotFoundError: there is no preset of this name.
        SettingsError: fields out of their limits or at odds with each other.
    """
    anything = TokenFacts(
        reading="text", vocab_size=256, train_tokens=1, train_samples=0, longest=0
    )
    _model(preset("tiny" if name == AUTO else name), overrides, anything)


def _train(
    config: TrainConfig, chosen: Preset, model: ModelConfig, facts: TokenFacts, device: DeviceFacts
) -> tuple[TrainConfig, list[str]]:
    fields = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    lengths = ("epochs", "steps", "minutes")
    length_open = all(fields[key] is None for key in lengths)
    for key, value in chosen.train.items():
        if fields.get(key) is None and (key != "steps" or length_open):
            fields[key] = value
    batch, batch_reason = _batch(chosen, model, facts)
    fields["batch_size"] = fields["batch_size"] or batch
    fields["device"] = device.device
    fields["threads"] = fields["threads"] or _threads(model, facts, fields["batch_size"], device)
    fields["precision"] = fields["precision"] or ("bfloat16" if device.bfloat16 else "float32")
    per_epoch = _samples(model, facts) / fields["batch_size"]
    reasons = [batch_reason]
    if all(fields[key] is None for key in lengths):
        fields["steps"], reason = _steps(model, facts, fields["batch_size"], per_epoch)
        reasons.append(reason)
    elif fields["epochs"] is not None:
        fields["steps"] = max(1, round(fields["epochs"] * per_epoch))
        fields["epochs"] = None
    fields["accumulation"] = _accumulation(model, fields, device)
    return settle_length(TrainConfig(**fields), per_epoch), reasons


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
        evaluate = max(1, steps // 20)
    return dataclasses.replace(config, warmup_steps=warmup, eval_steps=evaluate)


def _samples(model: ModelConfig, facts: TokenFacts) -> float:
    if facts.reading == "lines":
        return max(1, facts.train_samples)
    return max(1.0, (facts.train_tokens - 1) / model.context)


def _batch(chosen: Preset, model: ModelConfig, facts: TokenFacts) -> tuple[int, str]:
    if facts.reading == "lines":
        size = min(64, max(1, facts.train_samples))
        return size, f"batch of {size} lines"
    windows = max(1, min(chosen.windows, round(_samples(model, facts))))
    return windows, f"batch of {windows} windows of {model.context} tokens"


def _steps(model: ModelConfig, facts: TokenFacts, batch: int, per_epoch: float) -> tuple[int, str]:
    """Enough passes to learn a small text, at most 20 tokens a parameter.

    The limit: Hoffmann et al., 2022, "Training Compute-Optimal Large Language Models".
    """
    if facts.reading == "lines":
        steps = min(1500, max(150, round(12 * per_epoch)))
    else:
        most = 20 * count_parameters(model) / (batch * model.context)
        steps = round(min(max(300, 8 * per_epoch), max(300, most)))
    return (
        steps,
        f"{steps} steps: {steps / per_epoch:.3g} passes over {facts.train_tokens:,} tokens",
    )


def _accumulation(model: ModelConfig, fields: Mapping[str, Any], device: DeviceFacts) -> int:
    """Pieces to cut a batch into so that it fits into 70 % of the free memory."""
    free = device.free_memory * MEMORY_SHARE
    pieces, batch = int(fields["accumulation"]), int(fields["batch_size"])
    while training_bytes(model, -(-batch // pieces), model.context) > free and pieces < batch:
        pieces *= 2
    needed = training_bytes(model, -(-batch // pieces), model.context)
    if needed > device.free_memory:
        raise InputError(
            f"This model needs about {needed / 2**30:.1f} GiB to train; "
            f"{device.device} has {device.free_memory / 2**30:.1f} GiB free.",
            "Choose a smaller preset, a shorter context (--set context=N) or a smaller batch "
            "(--set batch_size=N).",
        )
    return min(pieces, batch)
