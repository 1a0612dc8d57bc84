"""Choose every setting the user left open, from facts about the text and the device.

Pure functions. Each choice comes with a reason in words, which the program shows.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.config.budget import BatchFit, check_architecture, count_parameters, fit_batch
from core.config.configs import (
    AUTO,
    BFLOAT16,
    DEFAULT_MASK_SHARE,
    ENCODERS,
    FLOAT32,
    FOREIGN_DECODERS,
    LENGTH_SETTINGS,
    ModelConfig,
    TrainConfig,
)
from core.config.plan_inputs import CHAT_READINGS, DeviceFacts, TextFacts, TokenFacts
from core.config.presets import PRESETS, SizePreset, get_preset
from core.config.schema import find_value_problems
from core.errors import SettingsError

USER_CHOICE = "your choice"
SUITS_TEXT = "suits this text and size"
FROM_PARENT = "as in the parent run"

MAX_CHARACTERS_PER_SPACE = 12  # of a text with words that are separated by blanks
MIN_BPE_CHARACTERS = 200_000
# Vocabulary of a byte-level BPE for texts up to so many characters.
BPE_VOCABULARIES = (
    (2_000_000, 2048),
    (20_000_000, 4096),
    (200_000_000, 8192),
    (2_000_000_000, 16384),
    (math.inf, 32768),
)
# Preset for texts up to so many training tokens.
CPU_PRESETS = (("tiny", 3_000_000), ("small", 50_000_000), ("medium", math.inf))
GPU_PRESETS = (
    ("tiny", 500_000),
    ("small", 5_000_000),
    ("medium", 50_000_000),
    ("large", 1_000_000_000),
    ("xl", math.inf),
)

MIN_LINE_CONTEXT, MAX_LINE_CONTEXT = 32, 512
FITTING_SHARE = 0.95  # of conversations fit into the context; all, if not much longer than these
MAX_EXTRA_LENGTH = 1.5
MAX_LINE_BATCH = 64
# On a CPU; that of text also for conversations and pairs.
BFLOAT16_MIN_PARAMETERS = {"text": 500_000, "lines": 5_000_000}
MIN_CHAT_BATCH = 16
MIN_CHAT_VOCABULARY = 4096
CHAT_MUON_RATE = 0.5  # of the rate for running text
CHAT_EPOCHS, CHAT_TOKENS_PER_PARAMETER = 18, 2  # whichever is reached first
CHAT_DROPOUT, CHAT_DROPOUT_EPOCHS = 0.1, 6  # dropout if there are more epochs than this
SINGLE_THREAD_MAX_FLOPS = 3e9  # per training step
MAX_TOKENS_PER_PARAMETER = 20


@dataclass(frozen=True, kw_only=True)
class TokenizerChoice:
    """The tokenizer to train.

    Attributes:
        vocab_size: limit of the vocabulary; None if the kind needs none.
        reason: the kind and why, for the user.
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
    """Choose the tokenizer: the user's, else the corpus's own, else one that suits the text.

    Args:
        corpus_kind, corpus_vocab_size: given by a bundled corpus, if at all.
    """
    if config.tokenizer:
        kind, reason = config.tokenizer, USER_CHOICE
    elif corpus_kind:
        kind, reason = corpus_kind, "suits this corpus"
    else:
        kind, reason = _choose_tokenizer_kind(facts, config.preset)
    size = config.vocab_size or corpus_vocab_size
    if size is None and kind == "bpe":
        suited = next(size for limit, size in BPE_VOCABULARIES if facts.characters <= limit)
        if facts.reading in CHAT_READINGS:  # every frequent word a token of its own
            suited = max(suited, MIN_CHAT_VOCABULARY)
        size = min(suited, PRESETS.get(config.preset, PRESETS["xl"]).max_vocab_size)
    return TokenizerChoice(kind=kind, vocab_size=size, reason=f"{kind} ({reason})")


def _choose_tokenizer_kind(facts: TextFacts, preset: str) -> tuple[str, str]:
    has_words = facts.spaces * MAX_CHARACTERS_PER_SPACE > facts.characters
    if preset == "tutorial" and has_words:
        return "word", "as in the tutorial"
    if facts.reading != "text" and has_words:
        return "bpe", "whole words, and pieces of those it never saw"
    if facts.characters < MIN_BPE_CHARACTERS:
        return "char", f"too little text for subwords: {facts.characters:,} characters"
    return "bpe", f"subwords, learnt from {facts.characters:,} characters"


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """A model and its training with every setting chosen, except steps if minutes are given.

    Attributes:
        preset: name of the size.
        reasons: one phrase per choice, for the user.
    """

    preset: str
    model: ModelConfig
    train: TrainConfig
    reasons: tuple[str, ...]


def plan_run(
    config: TrainConfig,
    overrides: Mapping[str, Any],
    facts: TokenFacts,
    device: DeviceFacts,
    parent: ModelConfig | None = None,
) -> RunPlan:
    """Choose every open setting of a run.

    Args:
        config: the user's settings; None is open.
        overrides: fields of ModelConfig the user chose.
        facts: of the tokens to train on.
        device: to train on.
        parent: model whose weights the run starts from; its shape is kept.

    Raises:
        SettingsError: settings that contradict each other, all of them.
        InputError: the model does not fit into the device's memory.
    """
    assert not (parent and overrides), "the shape of a parent is kept"
    size, why = config.preset, USER_CHOICE
    if parent:
        size, why = _nearest_preset(parent), FROM_PARENT
    elif config.preset == AUTO:
        on_cpu = device.device == "cpu"
        limits = CPU_PRESETS if on_cpu else GPU_PRESETS
        size = next(name for name, limit in limits if facts.train_tokens <= limit)
        where = "CPU" if on_cpu else device.name
        why = f"{facts.train_tokens:,} tokens to learn from, {where}"
    preset = get_preset(size)
    model = parent or _choose_model(preset, overrides, facts)
    train, train_reasons = _choose_training(config, preset, model, facts, device)
    parameters = f"{count_parameters(model) / 1e6:.2f} M parameters"
    context_reason = _context_reason(overrides, facts, parent, model)
    return RunPlan(
        preset=size,
        model=model,
        train=train,
        reasons=(
            f"{parameters} ({why})" if parent else f"{size} model, {parameters} ({why})",
            f"context of {model.context} tokens ({context_reason})",
            describe_device(train, device),
            *train_reasons,
        ),
    )


def describe_device(train: TrainConfig, device: DeviceFacts) -> str:
    """Device, threads, precision and number of devices, in one phrase for the user."""
    threads = f"{train.threads} thread{'' if train.threads == 1 else 's'}"
    devices = f", {train.devices} devices in parallel" if train.devices > 1 else ""
    return f"device {device.device} ({device.name}), {threads}, {train.precision}{devices}"


def _nearest_preset(parent: ModelConfig) -> str:
    """The preset of the parent's architecture nearest in width: its training suits the parent."""
    is_foreign = parent.architecture in FOREIGN_DECODERS
    architecture = "qwen3" if is_foreign else parent.architecture
    widths = {
        name: preset.model["d_model"]
        for name, preset in PRESETS.items()
        if preset.model["architecture"] == architecture
    }
    return min(widths, key=lambda name: abs(math.log(widths[name] / parent.d_model)))


def _context_reason(
    overrides: Mapping[str, Any], facts: TokenFacts, parent: ModelConfig | None, model: ModelConfig
) -> str:
    if parent:
        return FROM_PARENT
    if "context" in overrides:
        return USER_CHOICE
    if facts.reading == "lines":
        return f"longest line: {facts.longest} tokens"
    if facts.reading == "text":
        return "default of this size"
    noun = "conversation" if facts.reading == "conversations" else "pair"
    if facts.longest <= model.context + 1:
        return f"longest {noun}: {facts.longest} tokens"
    fitting = facts.length_quantile(FITTING_SHARE)
    return f"{FITTING_SHARE:.0%} of the {noun}s fit: {fitting} tokens; longest {facts.longest}"


def _choose_model(
    preset: SizePreset, overrides: Mapping[str, Any], facts: TokenFacts
) -> ModelConfig:
    fields = {**preset.model, "vocab_size": facts.vocab_size}
    architecture = overrides.get("architecture", fields["architecture"])
    if facts.reading != "text":
        longest, fitting = facts.longest, facts.length_quantile(FITTING_SHARE)
        if facts.reading != "lines" and longest > MAX_EXTRA_LENGTH * fitting:
            longest = fitting
        # A decoder does not read the last token. A multiple of 8.
        inputs = -(-(longest - (architecture not in ENCODERS)) // 8) * 8
        fields["context"] = min(MAX_LINE_CONTEXT, max(MIN_LINE_CONTEXT, inputs))
    fields |= overrides
    if "heads" in overrides and "kv_heads" not in overrides:
        fields["kv_heads"] = fields["heads"]
    if {"d_model", "heads"} & set(overrides) and "head_dim" not in overrides:
        fields["head_dim"] = max(2, fields["d_model"] // fields["heads"] // 2 * 2)
    if problems := find_value_problems(ModelConfig, fields):
        raise SettingsError(problems)
    model = ModelConfig(**fields, labels=facts.labels if architecture in ENCODERS else 0)
    check_architecture(model)
    return model


def is_encoder(preset: str, overrides: Mapping[str, Any]) -> bool:
    """Whether a preset and the chosen fields of ModelConfig describe an encoder.

    Args:
        preset: its name, or "auto".

    Raises:
        NotFoundError: there is no preset of this name.
    """
    model = get_preset("tiny" if preset == AUTO else preset).model
    return {**model, **overrides}["architecture"] in ENCODERS


def check_model_shape(name: str, overrides: Mapping[str, Any]) -> None:
    """Reject an impossible shape before there are any tokens.

    Args:
        name: of a preset, or "auto".

    Raises:
        NotFoundError: there is no preset of this name.
        SettingsError: invalid fields, or fields that contradict each other.
    """
    placeholder = TokenFacts(
        reading="text", vocab_size=256, train_tokens=1, train_samples=0, longest=0
    )
    _choose_model(get_preset("tiny" if name == AUTO else name), overrides, placeholder)


def _choose_training(
    config: TrainConfig,
    preset: SizePreset,
    model: ModelConfig,
    facts: TokenFacts,
    device: DeviceFacts,
) -> tuple[TrainConfig, list[str]]:
    """Every setting of the training except steps if minutes are given, and the reasons."""
    on_samples, in_chat = facts.reading != "text", facts.reading in CHAT_READINGS
    fields = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    is_length_open = all(fields[name] is None for name in LENGTH_SETTINGS)
    for name, value in {
        **preset.train,
        **(preset.train_on_lines if facts.reading == "lines" else {}),
    }.items():
        if fields.get(name) is None and (name != "steps" or is_length_open):
            fields[name] = value
    rate = fields["learning_rate"] or preset.learning_rates[fields["optimizer"]]
    if in_chat and fields["optimizer"] == "muon" and config.learning_rate is None:
        rate *= CHAT_MUON_RATE
    if model.labels:
        fields["mask_share"] = None  # nothing is masked
    elif model.is_encoder and fields["mask_share"] is None:
        fields["mask_share"] = DEFAULT_MASK_SHARE
    batch = fields["batch_size"] or _choose_batch_size(preset, model, facts)
    fit = fit_batch(
        model,
        -(-batch // max(1, config.devices)),
        BatchFit(config.accumulation, config.recompute),
        device,
    )
    fields |= {
        "learning_rate": rate,
        "batch_size": batch,
        "device": device.device,
        "threads": fields["threads"] or _choose_threads(model, facts, batch, device),
        "precision": fields["precision"] or _choose_precision(model, facts, device),
        "accumulation": fit.micro_batches,
        "recompute": fit.recompute,
    }
    steps_per_epoch = facts.samples(model.context) / batch
    if fields["epochs"] is not None:
        fields["steps"], fields["epochs"] = max(1, round(fields["epochs"] * steps_per_epoch)), None
    elif is_length_open and fields["steps"] is None:
        fields["steps"] = _choose_steps(preset, model, facts, batch, steps_per_epoch)
    is_reread = fields["steps"] and fields["steps"] > CHAT_DROPOUT_EPOCHS * steps_per_epoch
    if in_chat and config.dropout is None and is_reread and not model.is_tutorial:
        fields["dropout"] = CHAT_DROPOUT
    train = complete_schedule(TrainConfig(**fields), steps_per_epoch)
    samples = f"windows of {model.context} tokens"
    if on_samples:
        is_cut = facts.samples(model.context) > max(1, facts.train_samples)
        samples = facts.reading + f", cut to {model.context} tokens" * is_cut
    update = f"{train.optimizer}, learning rate {rate:g}, {train.schedule} schedule"
    return train, [
        f"batch of {batch} {samples} ({_reason(is_open=config.batch_size is None)})",
        f"{update} ({_reason(is_open=config.learning_rate is None)})",
        f"{_describe_length(train, facts, steps_per_epoch)} ({_reason(is_open=is_length_open)})",
        *fit.reasons,
    ]


def _reason(*, is_open: bool) -> str:
    return SUITS_TEXT if is_open else USER_CHOICE


def _describe_length(train: TrainConfig, facts: TokenFacts, steps_per_epoch: float) -> str:
    if train.minutes is not None:
        unit = "minute" if train.minutes == 1 else "minutes"
        return f"as many steps as fit into {train.minutes:g} {unit}"
    assert train.steps is not None
    count = train.steps / steps_per_epoch
    epochs = f"{count:,.0f}" if count >= 100 else f"{count:.3g}"
    unit = "epoch" if epochs == "1" else "epochs"
    return f"{train.steps:,} steps, {epochs} {unit} of {facts.train_tokens:,} tokens"


def _choose_batch_size(preset: SizePreset, model: ModelConfig, facts: TokenFacts) -> int:
    suited = MAX_LINE_BATCH
    if facts.reading == "text":
        suited = max(1, round(preset.batch_tokens / model.context))
    elif facts.reading in CHAT_READINGS:
        length = facts.train_tokens / max(1, facts.samples(model.context))
        suited = 1 << max(0, round(math.log2(preset.batch_tokens / length)))
        suited = min(MAX_LINE_BATCH, max(MIN_CHAT_BATCH, suited))
    return min(suited, facts.samples(model.context))


def _choose_threads(model: ModelConfig, facts: TokenFacts, batch: int, device: DeviceFacts) -> int:
    """One thread for steps so small that distributing the work costs more than doing it."""
    tokens = batch * model.context
    if facts.reading != "text":
        tokens = batch * facts.train_tokens // facts.samples(model.context)
    flops = 6 * count_parameters(model) * tokens  # forward and backward matrix products
    return 1 if device.device == "cpu" and flops < SINGLE_THREAD_MAX_FLOPS else device.threads


def _choose_precision(model: ModelConfig, facts: TokenFacts, device: DeviceFacts) -> str:
    """bfloat16 where it is faster.

    On a CPU, matrix products are not what small models on short lines spend their time on
    (docs/training_log.md), and the tutorial's decoder is trained as in the tutorial.
    """
    if not device.bfloat16:
        return FLOAT32
    if device.device != "cpu":
        return BFLOAT16
    kind = "lines" if facts.reading == "lines" else "text"
    is_large = count_parameters(model) >= BFLOAT16_MIN_PARAMETERS[kind]
    return BFLOAT16 if is_large and not model.is_tutorial else FLOAT32


def _choose_steps(
    preset: SizePreset, model: ModelConfig, facts: TokenFacts, batch: int, steps_per_epoch: float
) -> int:
    """Enough epochs to learn a small text, at most 20 tokens per parameter.

    Conversations and pairs have measured limits of their own (docs/benchmarks.md). The limit:
    Hoffmann et al., 2022, "Training Compute-Optimal Large Language Models".
    """
    if facts.reading in CHAT_READINGS:
        tokens_per_step = batch * facts.train_tokens / facts.samples(model.context)
        limit = CHAT_TOKENS_PER_PARAMETER * count_parameters(model) / tokens_per_step
        return max(300, round(min(CHAT_EPOCHS * steps_per_epoch, limit)))
    if facts.reading == "lines":
        return min(1500, max(preset.min_line_steps, round(9 * steps_per_epoch)))
    limit = MAX_TOKENS_PER_PARAMETER * count_parameters(model) / (batch * model.context)
    return round(min(max(300, preset.epochs * steps_per_epoch), max(300, limit)))


def complete_schedule(config: TrainConfig, steps_per_epoch: float) -> TrainConfig:
    """Set warm-up and evaluation interval, once the number of steps is known."""
    steps = config.steps
    if steps is None:
        return config
    warmup, interval = config.warmup_steps, config.eval_steps
    if warmup is None:
        warmup = min(100, steps // 10)
    # Otherwise the evaluation at the end of every epoch is often enough.
    if interval is None and not 3 <= steps / steps_per_epoch <= 40:
        interval = max(1, steps // 10)
    return dataclasses.replace(config, warmup_steps=warmup, eval_steps=interval)
