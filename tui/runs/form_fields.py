"""The rows of the form of a new run: which settings, in which order, and how arrows step them."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from core.config.configs import AUTO, OFF, ON, ModelConfig, TrainConfig
from core.config.presets import PRESETS
from core.config.schema import MAX_SEED, SettingSpec, setting_specs
from core.text.corpus import READINGS

MODEL, TRAINING, DATA = GROUPS = ("Model", "Training", "Data")
CHOICE, TOGGLE, NUMBER, TEXT, RUN = "choice", "toggle", "number", "text", "run"
PRESET, DEVICE, SEED = "preset", "device", "seed"
READING, ENCODING, PARENT, SAMPLE_PROMPT = "reading", "encoding", "parent", "sample_prompt"
TOKENIZER, VOCABULARY = "tokenizer", "vocab_size"
# The parent determines these.
FIXED_BY_PARENT = frozenset((PRESET, TOKENIZER, VOCABULARY, *setting_specs(ModelConfig)))
# Which rows are shown: always, from 110 columns, or after asking for all.
ALWAYS, WIDE, ALL = 0, 1, 2

LAYOUT = {
    MODEL: (
        ("preset layers d_model context tokenizer", ALWAYS),
        ("heads vocab_size tie_embeddings", WIDE),
        ("kv_heads head_dim d_ff architecture activation rope_theta norm_eps", ALL),
        ("attention_bias mlp_bias rotary_share parallel_residual", ALL),
    ),
    TRAINING: (
        ("epochs minutes batch_size learning_rate device seed", ALWAYS),
        ("dropout precision compile", WIDE),
        ("steps optimizer schedule warmup_steps final_learning_rate", ALL),
        ("mask_share loss_on beta1 beta2 momentum adam_share weight_decay clip patience", ALL),
        ("accumulation recompute devices threads eval_steps checkpoint_seconds snapshots", ALL),
    ),
    DATA: (("parent", ALWAYS), ("reading sample_prompt", WIDE), ("encoding", ALL)),
}
LABELS = {
    PRESET: "size",
    "tie_embeddings": "tied embeddings",
    "adam_share": "Adam's share",
    "attention_bias": "attention bias",
    "mlp_bias": "inner bias",
    "parallel_residual": "parallel",
}
# Settings of a new run that no config declares.
OWN_SPECS = {
    PARENT: SettingSpec(
        label="Start from",
        help="the run whose weights and tokenizer training starts from; or NAME@best, NAME@STEP",
    ),
    READING: SettingSpec(
        label="Read as",
        help="lines: each line is a sample; text: one long text, cut into windows; "
        "pairs: prompts with completions; conversations: messages in turn",
        choices=READINGS,
    ),
    ENCODING: SettingSpec(label="Encoding", help="encoding of the text, such as utf-8 or cp1252"),
}
UNITS = {
    "context": "tokens",
    VOCABULARY: "tokens",
    "minutes": "minutes",
    "batch_size": "samples",
    "warmup_steps": "steps",
    "eval_steps": "steps",
    "checkpoint_seconds": "seconds",
}
LADDERS: dict[str, tuple[float, ...]] = {
    "layers": (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32),
    "heads": (1, 2, 3, 4, 6, 8, 12, 16, 24, 32),
    "kv_heads": (1, 2, 3, 4, 6, 8, 12, 16, 24, 32),
    "d_model": (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048),
    "head_dim": (8, 16, 24, 32, 48, 64, 96, 128, 256),
    "d_ff": (64, 128, 192, 256, 344, 512, 768, 1024, 1408, 2048, 2560, 4096),
    "context": (16, 32, 64, 128, 256, 512, 1024, 2048, 4096),
    VOCABULARY: (256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536),
    "batch_size": (1, 2, 4, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 512),
    "accumulation": (1, 2, 4, 8, 16, 32),
    "epochs": (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 50, 100, 200, 500),
    "minutes": (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1440),
    "dropout": (0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5),
    "beta1": (0.8, 0.85, 0.9, 0.95, 0.98),
    "beta2": (0.9, 0.95, 0.98, 0.99, 0.995, 0.999),
    "momentum": (0.8, 0.85, 0.9, 0.95, 0.98),
    "final_learning_rate": (0, 0.01, 0.05, 0.1, 0.2, 0.5, 1),
    "weight_decay": (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    "clip": (0, 0.5, 1, 2, 5),
    "patience": (0, 1, 2, 3, 5, 10, 20),
    "devices": (0, 1, 2, 3, 4, 5, 6, 7, 8),
    "threads": (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64),
    "checkpoint_seconds": (10, 30, 60, 120, 300, 600, 1800, 3600),
}
MANTISSAS = (1, 2, 5)
FIRST_STEPS = {"steps": 500, "minutes": 4, "eval_steps": 50}  # above it → begins without a value
UNLIMITED_FROM = 1e6  # a larger maximum is not mentioned in the help


@dataclass(frozen=True, kw_only=True)
class FormField:
    """One row of the form.

    Attributes:
        name: of the setting.
        group: the heading it is under.
        level: ALWAYS, WIDE or ALL.
        kind: CHOICE, TOGGLE, NUMBER, TEXT or RUN.
        label: as the row shows it.
        spec: the declaration of the setting.
        config: the class that declares it; None for the settings of `OWN_SPECS`.
        choices: what arrows choose between, without automatic.
        is_whole: whether a number is a whole one.
        default: without a choice; None if it depends on the text and the machine.
    """

    name: str
    group: str
    level: int
    kind: str
    label: str
    spec: SettingSpec
    config: type[Any] | None
    choices: tuple[str, ...] = ()
    is_whole: bool = False
    default: Any = None

    @property
    def limits(self) -> str:
        """The allowed values, for the line below the form."""
        low, high = self.spec.minimum, self.spec.maximum
        if self.kind == TOGGLE:
            return "on or off"
        if self.choices:
            return ", ".join(self.choices)
        if low is None or high is None:
            return ""
        return f"{low:g} to {high:,g}" if high < UNLIMITED_FROM else f"from {low:g}"


def _create_field(name: str, group: str, level: int) -> FormField:
    trains = name in setting_specs(TrainConfig)
    config = TrainConfig if trains else ModelConfig if name not in OWN_SPECS else None
    spec = OWN_SPECS[name] if config is None else setting_specs(config)[name]
    label = LABELS.get(name) or spec.label[0].lower() + spec.label[1:]
    hint = str if config is None else get_type_hints(config)[name]
    types = get_args(hint) or (hint,)
    default = getattr(TrainConfig(), name) if trains else None
    default = None if default == AUTO else default
    choices = tuple(choice for choice in spec.choices if choice != AUTO)
    if name == PRESET:
        choices = tuple(PRESETS)
    kind = NUMBER if {int, float} & set(types) else TEXT
    if bool in types:
        kind = TOGGLE
    elif name == PARENT:
        kind = RUN
    elif choices or name == DEVICE:
        kind = CHOICE
    return FormField(
        name=name,
        group=group,
        level=level,
        kind=kind,
        label=label,
        spec=spec,
        config=config,
        choices=choices,
        is_whole=int in types,
        default=default,
    )


FIELDS = {
    name: _create_field(name, group, level)
    for group, rows in LAYOUT.items()
    for names, level in rows
    for name in names.split()
}


def step_number(field: FormField, value: float | None, by: int) -> float:
    """The next value of a setting's ladder.

    Args:
        value: the present one; None if there is none.
        by: 1 for the next higher one, -1 for the next lower one.

    Returns:
        A value within the limits of the setting; the present one at the end of the ladder.
    """
    low, high = field.spec.minimum, field.spec.maximum
    assert low is not None
    assert high is not None
    if field.name == SEED:
        return min(MAX_SEED, max(0, int(value or 0) + by))
    if value is None:
        value = FIRST_STEPS.get(field.name, low)
    ladder = [
        step for step in LADDERS.get(field.name) or _decades(low, high) if low <= step <= high
    ]
    if by > 0:
        index = bisect_right(ladder, value * (1 + 1e-9))
        return ladder[index] if index < len(ladder) else value
    index = bisect_left(ladder, value * (1 - 1e-9)) - 1
    return ladder[index] if index >= 0 else value


def _decades(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, 20 … within limits; 0 too if it is the lower one."""
    first = math.floor(math.log10(low)) if low > 0 else -4 if high <= 10 else 0
    steps = [
        float(f"{mantissa}e{exponent}")
        for exponent in range(first, math.ceil(math.log10(high)) + 1)
        for mantissa in MANTISSAS
    ]
    return [0.0, *steps] if low == 0 else steps


def number_text(value: float) -> str:
    """A number as one would type it: whole ones exact, others rounded to six digits.

    Values that must not change are written by `tui.runs.form.number_text_exact`.
    """
    return str(int(value)) if value == int(value) else f"{value:g}"


def toggle_text(value: bool) -> str:
    """A switch as the form keeps it."""
    return ON if value else OFF
