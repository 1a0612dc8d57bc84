"""What the program chooses for the settings left open, as values and as words for the form."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from core.config.configs import AUTO, LENGTH_SETTINGS, TrainConfig
from core.config.plan_inputs import DeviceFacts
from core.config.planner import choose_tokenizer
from core.dataset.preview import Preview
from core.errors import MiniGPTError
from core.text.corpus import CHAT_READINGS, LINES, TEXT, Corpus
from tui.common.format import format_count
from tui.common.task_text import format_text
from tui.runs.form_fields import (
    DEVICE,
    ENCODING,
    FIELDS,
    PRESET,
    READING,
    SAMPLE_PROMPT,
    TOKENIZER,
    UNITS,
    VOCABULARY,
    number_text,
)
from tui.runs.setup import RunDraft, RunForecast

READING_WORDS = {LINES: "lines, each a sample", TEXT: "one long text"}
FORMAT_WORDS = "format"  # among the values: how the text is read, in words


def automatic_values(forecast: RunForecast, preset: str, draft: RunDraft) -> dict[str, Any]:
    """The value of every setting in a plan; None where it is chosen only in training.

    Args:
        preset: the size that was chosen.
    """
    train, model = forecast.train, forecast.model
    values: dict[str, Any] = {}
    for name, field in FIELDS.items():
        if field.config is not None:
            values[name] = getattr(train if field.config is TrainConfig else model, name)
    values[PRESET] = preset
    values[TOKENIZER] = tokenizer_kind(draft.corpus, draft.preview, draft.config)
    values[VOCABULARY] = draft.preview.vocab_size
    values[READING] = draft.preview.reading
    values[FORMAT_WORDS] = READING_WORDS.get(draft.preview.reading) or format_text(
        draft.preview.reading, draft.preview.task, draft.preview.labels
    )
    values[ENCODING] = draft.corpus.encoding
    values[SAMPLE_PROMPT] = values[SAMPLE_PROMPT] or draft.corpus.prompt
    if forecast.steps is not None and train.batch_size is not None:
        samples = forecast.tokens.samples(model.context)
        values["epochs"] = forecast.steps * train.batch_size / samples
    return values


def tokenizer_kind(corpus: Corpus, preview: Preview, config: TrainConfig) -> str:
    """The kind of tokenizer that training on this text would choose."""
    return choose_tokenizer(
        config,
        preview.text_facts,
        corpus_kind=corpus.tokenizer,
        corpus_vocab_size=corpus.vocab_size,
    ).kind


def values_instead(draft: RunDraft, own: Mapping[str, str], device: DeviceFacts) -> dict[str, str]:
    """What the program would choose for each setting that the user has chosen, as words.

    Args:
        own: the settings with their texts.
    """
    words = {}
    for name in own:
        field = FIELDS.get(name)
        if field is None:
            continue
        if field.default is not None:
            words[name] = brief_text(name, field.default)
            continue
        if field.config is None or name in ("minutes", "steps"):
            continue
        if name == TOKENIZER:
            words[name] = tokenizer_kind(draft.corpus, draft.preview, TrainConfig())
            continue
        words[name] = _value_without(draft, name, device)
    return {name: text for name, text in words.items() if text}


def _value_without(draft: RunDraft, name: str, device: DeviceFacts) -> str:
    """What a plan without this choice would say; empty if there is none."""
    config, shape = draft.config, dict(draft.shape)
    shape.pop(name, None)
    if FIELDS[name].config is TrainConfig:
        default = getattr(TrainConfig(), name)
        config = dataclasses.replace(config, **{name: default})
    try:
        plan = dataclasses.replace(draft, config=config, shape=shape).plan(device)
    except MiniGPTError:
        return ""
    if name == PRESET:
        return plan.preset
    if name == "epochs":
        lengths = [each for each in LENGTH_SETTINGS if getattr(config, each) is not None]
        if lengths or plan.train.steps is None or plan.train.batch_size is None:
            return ""
        samples = draft.tokens.samples(plan.model.context)
        return brief_text(name, plan.train.steps * plan.train.batch_size / samples)
    if name == VOCABULARY:
        return ""  # only training another tokenizer would tell
    owner = plan.train if FIELDS[name].config is TrainConfig else plan.model
    return brief_text(name, getattr(owner, name))


def brief_text(name: str, value: Any) -> str:
    """A value in a word."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float) and name == "epochs":
        return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
    if isinstance(value, int) and name != "seed":
        return f"{value:,}"
    return number_text(value) if isinstance(value, int | float) else str(value)


def auto_text(name: str, values: Mapping[str, Any], forecast: RunForecast) -> str:
    """What the program chose for a setting, with the words that explain it.

    Args:
        values: of `automatic_values`.
    """
    value = values.get(name)
    special = _SPECIAL_TEXTS.get(name)
    if special is not None:
        return special(values, forecast)
    unit = UNITS.get(name, "")
    return "" if value in (None, AUTO) else f"{brief_text(name, value)} {unit}".strip()


def device_text(device: str, name: str) -> str:
    """A device with its product name, without a name that only repeats the device.

    Args:
        device: "cpu", "cuda:0".
        name: "CPU, AVX512", "NVIDIA H200".
    """
    parts = name.split(", ")
    if parts[0].lower() == device.lower():
        parts = parts[1:]
    return ", ".join([device, *parts])


def _describe_batch(values: Mapping[str, Any], forecast: RunForecast) -> str:
    reading = forecast.tokens.reading
    if reading != TEXT:
        return f"{values['batch_size']:,} {reading}"
    return f"{values['batch_size']:,} × {forecast.model.context:,} tokens"


def _describe_rate(values: Mapping[str, Any], forecast: RunForecast) -> str:
    train = forecast.train
    warmup = f", warm-up {train.warmup_steps:,}" if train.warmup_steps else ""
    return f"{brief_text('learning_rate', values['learning_rate'])}{warmup}, {train.schedule}"


def _describe_prompt(values: Mapping[str, Any], _: RunForecast) -> str:
    prompt = values[SAMPLE_PROMPT]
    if prompt:
        return f"“{prompt}”"
    return (
        "the first message" if values[READING] in CHAT_READINGS else "the first words of the text"
    )


_SPECIAL_TEXTS: dict[str, Callable[[Mapping[str, Any], RunForecast], str]] = {
    PRESET: lambda values, forecast: (
        f"{values[PRESET]}, {format_count(forecast.parameters)} parameters"
    ),
    TOKENIZER: lambda values, _: f"{values[TOKENIZER]}, {values[VOCABULARY]:,} tokens",
    DEVICE: lambda values, forecast: device_text(values[DEVICE], forecast.device.name),
    "batch_size": _describe_batch,
    "learning_rate": _describe_rate,
    READING: lambda values, _: values[FORMAT_WORDS],
    SAMPLE_PROMPT: _describe_prompt,
    "eval_steps": lambda values, _: (
        f"{values['eval_steps']:,} steps" if values["eval_steps"] else "every epoch"
    ),
    "minutes": lambda *_: "",
}
