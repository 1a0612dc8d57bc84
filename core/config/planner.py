"""Choosing what the user did not: pure functions of facts about the text and the device.

Each choice is returned with its reason, in words, so that the program can say what it did.

How much at a time and how long: batch, steps, threads and what follows from them.

Pure functions of what was chosen, the preset, the text and the device, each with its reason.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.config.budget import BatchFit, check_architecture, count_parameters, fit_batch
from core.config.configs import BFLOAT16, FLOAT32, ModelConfig, TrainConfig
from core.config.plan_inputs import DeviceFacts, TextFacts, TokenFacts
from core.config.presets import AUTO, PRESETS, SizePreset, get_preset
from core.config.schema import find_value_problems
from core.errors import SettingsError

LENGTH_SETTINGS = ("epochs", "steps", "minutes")
BFLOAT16_MIN_PARAMETERS = {"text": 500_000, "lines": 5_000_000}  # parameters
SINGLE_THREAD_MAX_FLOPS = 3e9  # floating-point operations


def amounts(
    config: TrainConfig,
    chosen: SizePreset,
    model: ModelConfig,
    facts: TokenFacts,
    device: DeviceFacts,
) -> tuple[TrainConfig, list[str]]:
    """The settings with nothing left open, but for steps when minutes are given; and why.

    Raises:
        InputError: a model that the device has no memory for.
    """
    fields = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    length_open = all(fields[key] is None for key in LENGTH_SETTINGS)
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
    cut = fit_batch(model, rows, BatchFit(config.accumulation, config.recompute), device)
    fields["accumulation"], fields["recompute"] = cut.pieces, cut.recompute
    what = "lines" if facts.reading == "lines" else f"windows of {model.context} tokens"
    rate = f"{fields['optimizer']}, learning rate {fields['learning_rate']:g}, {fields['schedule']}"
    reasons = [
        f"batch of {batch} {what}: {_why(config.batch_size)}",
        f"{rate}: {_why(config.learning_rate)}",
        f"{length}: {'of this text and size' if length_open else 'as chosen'}",
        *cut.reasons,
    ]
    return complete_schedule(TrainConfig(**fields), per_epoch), reasons


def _precision(model: ModelConfig, facts: TokenFacts, device: DeviceFacts) -> str:
    """bfloat16 where it pays.

    On a processor the products of small models on short lines are not what takes long (measured:
    docs/training_log.md), and the tutorial's decoder is trained as the tutorial does it.
    """
    if device.device == "cpu":
        large = (
            model.architecture != "tutorial"
            and count_parameters(model) >= BFLOAT16_MIN_PARAMETERS[facts.reading]
        )
        return BFLOAT16 if device.bfloat16 and large else FLOAT32
    return BFLOAT16 if device.bfloat16 else FLOAT32


def _why(chosen: object) -> str:
    return "of this text and size" if chosen is None else "as chosen"


def _length(
    fields: dict[str, Any],
    chosen: SizePreset,
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
    return 1 if device.device == "cpu" and work < SINGLE_THREAD_MAX_FLOPS else device.threads


def complete_schedule(config: TrainConfig, per_epoch: float) -> TrainConfig:
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


def _batch(chosen: SizePreset, model: ModelConfig, facts: TokenFacts) -> int:
    if facts.reading == "lines":
        return min(64, max(1, facts.train_samples))
    windows = max(1, round(chosen.batch_tokens / model.context))
    return min(windows, max(1, round(_samples(model, facts))))


def _steps(
    chosen: SizePreset, model: ModelConfig, facts: TokenFacts, batch: int, per_epoch: float
) -> int:
    """Enough passes to learn a small text, at most 20 tokens a parameter.

    The limit: Hoffmann et al., 2022, "Training Compute-Optimal Large Language Models".
    """
    if facts.reading == "lines":
        return min(1500, max(150, round(9 * per_epoch)))
    most = 20 * count_parameters(model) / (batch * model.context)
    return round(min(max(300, chosen.passes * per_epoch), max(300, most)))


MAX_LINE_CONTEXT = 512


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """A model and a training with nothing left open, but for steps when minutes are given.

    Attributes:
        preset: the name of the size.
        reasons: one sentence a choice.
    """

    preset: str
    model: ModelConfig
    train: TrainConfig
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TokenizerChoice:
    """The kind of tokenizer to train.

    Attributes:
        vocab_size: limit of the vocabulary; None if the kind needs none.
        reason: for people, with the kind.
    """

    kind: str
    vocab_size: int | None
    reason: str


def choose_tokenizer(
    config: TrainConfig,
    facts: TextFacts,
    *,
    corpus_kind: str | None = None,
    corpus_vocab_size: int | None = None,
) -> TokenizerChoice:
    """Choose the tokenizer of a corpus: what the user chose, then what the corpus proposes.

    Args:
        corpus_kind, corpus_vocab_size: proposed by a bundled corpus, if anything.
    """
    if config.tokenizer:
        kind, reason = config.tokenizer, "as chosen"
    elif corpus_kind:
        kind, reason = corpus_kind, "suits this corpus"
    else:
        kind, reason = _kind(facts)
    size = config.vocab_size or corpus_vocab_size
    if size is None and kind == "bpe":
        size = min(
            _bpe_size(facts.characters), PRESETS.get(config.preset, PRESETS["xl"]).vocabulary
        )
    return TokenizerChoice(kind=kind, vocab_size=size, reason=f"{kind}: {reason}")


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


def plan_run(
    config: TrainConfig,
    overrides: Mapping[str, Any],
    facts: TokenFacts,
    device: DeviceFacts,
    parent: ModelConfig | None = None,
) -> RunPlan:
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
    assert not (parent and overrides), "a parent's shape stays"
    name, why = config.preset, "as chosen"
    if parent:
        name, why = _like(parent), "the parent's"
    elif config.preset == AUTO:
        name, why = _size(facts, device)
    chosen = get_preset(name)
    model = parent or _model(chosen, overrides, facts)
    train, reasons = amounts(config, chosen, model, facts, device)
    size = f"{count_parameters(model) / 1e6:.2f} M parameters"
    threads = f"{train.threads} thread{'' if train.threads == 1 else 's'}"
    together = f"; {train.devices} of them together" if train.devices > 1 else ""
    return RunPlan(
        preset=name,
        model=model,
        train=train,
        reasons=(
            f"{size}: {why}" if parent else f"size {name}, {size}: {why}",
            f"context of {model.context} tokens: {_context(model, overrides, facts, parent)}",
            f"device {device.device} ({device.name}), {threads}, {train.precision}{together}",
            *reasons,
        ),
    )


def _like(parent: ModelConfig) -> str:
    """The preset whose training suits a model of this shape: the one nearest in width."""
    same = {
        name: known.model["d_model"]
        for name, known in PRESETS.items()
        if known.model["architecture"] == parent.architecture
    }
    return min(same, key=lambda name: abs(math.log(same[name] / parent.d_model)))


def _context(
    model: ModelConfig, overrides: Mapping[str, Any], facts: TokenFacts, parent: object
) -> str:
    if parent:
        return "the parent's"
    if "context" in overrides:
        return "as chosen"
    if facts.reading == "lines":
        return f"the longest line has {facts.longest}"
    return "of this size"


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


def _model(chosen: SizePreset, overrides: Mapping[str, Any], facts: TokenFacts) -> ModelConfig:
    fields = {**chosen.model, "vocab_size": facts.vocab_size}
    if facts.reading == "lines":
        inputs = max(32, -(-(facts.longest - 1) // 8) * 8)
        fields["context"] = min(MAX_LINE_CONTEXT, inputs)
    fields |= overrides
    if "heads" in overrides and "kv_heads" not in overrides:
        fields["kv_heads"] = fields["heads"]
    if {"d_model", "heads"} & set(overrides) and "head_dim" not in overrides:
        fields["head_dim"] = max(2, fields["d_model"] // fields["heads"] // 2 * 2)
    unknown = find_value_problems(ModelConfig, fields)
    if unknown:
        raise SettingsError(unknown)
    model = ModelConfig(**fields)
    check_architecture(model)
    return model


def check_model_shape(name: str, overrides: Mapping[str, Any]) -> None:
    """Refuses, before there are any tokens, a shape that no model can have.

    Raises:
        NotFoundError: there is no preset of this name.
        SettingsError: fields out of their limits or at odds with each other.
    """
    anything = TokenFacts(
        reading="text", vocab_size=256, train_tokens=1, train_samples=0, longest=0
    )
    _model(get_preset("tiny" if name == AUTO else name), overrides, anything)
