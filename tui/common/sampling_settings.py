"""Sampling settings as the panel changes them: a ladder of values for each, and their description.

Labels, help and limits come from `SamplingConfig`; this module adds only steps and short names.
Greedy decoding is the default, and one key away.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_type_hints

from core.config.configs import SamplingConfig
from core.config.schema import (
    MAX_SEED,
    find_value_problems,
    parse_value,
    setting_specs,
    to_json,
)
from core.errors import SettingsError

SETTING_SPECS = setting_specs(SamplingConfig)
WHOLE_SETTINGS = frozenset(
    name for name, kind in get_type_hints(SamplingConfig).items() if kind is int
)
SEED = "seed"
DRAWN_SEED_LIMIT = 1 << 16  # drawn below this, so that a seed can be read out and typed


@dataclass(frozen=True)
class SettingControl:
    """How one numeric setting is changed by keys.

    Attributes:
        name: of the field.
        short: its name where there is little room.
        key: raises it; the capital letter lowers it.
        ladder: the values it steps through, rising.
        off: the value at which it has no effect; None if there is none.
        row_label: its name in a row of the panel.
        brief: its name where all settings share a line.
    """

    name: str
    short: str
    key: str
    ladder: tuple[float, ...]
    off: float | None
    row_label: str
    brief: str

    @property
    def label(self) -> str:
        return SETTING_SPECS[self.name].label


def _tenths(last: int) -> tuple[float, ...]:
    return tuple(tenth / 10 for tenth in range(last + 1))


CONTROLS = (
    SettingControl(
        "temperature", "temperature", "t", (*_tenths(15), 2.0, 3.0, 5.0), 0.0, "temperature", "temp"
    ),
    SettingControl(
        "top_k", "top k", "k", (0, 1, 2, 3, 5, 10, 20, 40, 100, 200, 500, 1000), 0, "top k", "top k"
    ),
    SettingControl(
        "top_p",
        "top p",
        "p",
        (0.1, *(n / 10 for n in range(2, 10)), 0.95, 0.99, 1.0),
        1.0,
        "top p",
        "top p",
    ),
    SettingControl(
        "min_p", "min p", "m", (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5), 0.0, "min p", "min p"
    ),
    SettingControl(
        "repetition_penalty",
        "repetition penalty",
        "u",
        (0.5, 0.8, 0.9, 1.0, 1.05, 1.1, 1.2, 1.3, 1.5, 2.0, 3.0),
        1.0,
        "repetition",
        "rep",
    ),
    SettingControl(
        "max_tokens",
        "tokens",
        "n",
        (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000),
        None,
        "max tokens",
        "max",
    ),
)
CONTROLS_BY_NAME = {control.name: control for control in CONTROLS}
WARMER = {"temperature": 0.8, "top_p": 0.95}  # what is tried where a greedy reply loops
USELESS_WHEN_GREEDY = frozenset({"top_k", "top_p", "min_p"})


@dataclass(frozen=True)
class SamplingControls:
    """The sampling settings of the next reply.

    Attributes:
        config: the values; its seed is the one of the last reply, or the fixed one.
        fixed: whether every reply uses the same seed; otherwise each draws its own.
        selected: the setting that F6 and F7 change.
    """

    config: SamplingConfig = field(default_factory=SamplingConfig)
    fixed: bool = False
    selected: str = "temperature"

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is always taken."""
        return self.config.temperature == 0.0

    def stepped(self, name: str, by: int) -> SamplingControls:
        """Return the controls with one setting a step higher or lower, within its ladder."""
        ladder, value = CONTROLS_BY_NAME[name].ladder, getattr(self.config, name)
        index = bisect_right(ladder, value) if by > 0 else bisect_left(ladder, value) - 1
        if not 0 <= index < len(ladder):
            return replace(self, selected=name)
        values: dict[str, Any] = {name: ladder[index]}
        return replace(self, config=replace(self.config, **values), selected=name)

    def with_value(self, name: str, value: float) -> SamplingControls:
        """Return the controls with one setting at a value; a seed is then kept.

        Raises:
            SettingsError: the value is outside its limits.
        """
        values: dict[str, Any] = {name: value}
        config = replace(self.config, **values)
        return replace(self, config=config, fixed=self.fixed or name == SEED)

    def without(self, name: str) -> SamplingControls:
        """Return the controls with one setting off; a seed is then drawn anew each time."""
        if name == SEED:
            return replace(self, fixed=False)
        return self.with_value(name, getattr(SamplingConfig(), name))

    def with_settings(self, settings: Mapping[str, Any]) -> SamplingControls:
        """Return the controls with the settings of a reply but its seed.

        Args:
            settings: fields of a SamplingConfig, see `read_settings`; the length of a reply stays
                where it is missing.
        """
        settings = {"max_tokens": self.config.max_tokens, **settings}
        return replace(self, config=replace(read_settings(settings), seed=self.config.seed))

    def share(self, name: str) -> float:
        """Where a setting is on its ladder: 0 at the lowest value, 1 at the highest."""
        ladder = CONTROLS_BY_NAME[name].ladder
        value: float = getattr(self.config, name)
        index = min(bisect_left(ladder, value), len(ladder) - 1)
        if index and value < ladder[index]:
            below = ladder[index - 1]
            return (index - 1 + (value - below) / (ladder[index] - below)) / (len(ladder) - 1)
        return index / (len(ladder) - 1)

    def at_share(self, name: str, share: float) -> SamplingControls:
        """Return the controls with one setting at the value nearest to a place of its ladder."""
        ladder = CONTROLS_BY_NAME[name].ladder
        index = round(min(1.0, max(0.0, share)) * (len(ladder) - 1))
        return self.with_value(name, ladder[index])

    def reset_to_greedy(self) -> SamplingControls:
        """Return the default controls; the token limit and the seed stay."""
        return SamplingControls(
            SamplingConfig(max_tokens=self.config.max_tokens, seed=self.config.seed)
        )

    def with_seed(self, drawn: int) -> SamplingControls:
        """Return the controls for one reply: with the fixed seed, or else the drawn one."""
        if self.fixed or self.greedy:
            return self
        return replace(
            self, config=replace(self.config, seed=drawn % min(DRAWN_SEED_LIMIT, MAX_SEED))
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fields as the model server takes them."""
        return to_json(self.config)


def value_text(controls: SamplingControls, name: str) -> str:
    """Format a setting's value."""
    if name == SEED:
        return f"fixed {controls.config.seed}" if controls.fixed else "new"
    control, value = CONTROLS_BY_NAME[name], getattr(controls.config, name)
    if name == "temperature" and value == 0:
        return "greedy"
    return "off" if value == control.off else f"{value:g}"


def parse_typed(name: str, text: str) -> tuple[float | None, str]:
    """The value that a typed text means, and what is wrong with it; one of both is missing."""
    try:
        value = parse_value(SamplingConfig, name, text)
    except SettingsError as error:
        return None, error.problems[name]
    problem = find_value_problems(SamplingConfig, {name: value}).get(name, "")
    return (None, problem) if problem else (value, "")


def has_effect(controls: SamplingControls, name: str) -> bool:
    """Whether a setting changes the reply; greedy decoding takes the likeliest token anyway."""
    return not (controls.greedy and name in (*USELESS_WHEN_GREEDY, SEED))


def read_settings(settings: Mapping[str, Any]) -> SamplingConfig:
    """The settings of a reply from the fields of a SamplingConfig, but for stop texts.

    Fields that are missing or outside their limits take their defaults: this also reads chats
    that other versions wrote.
    """
    known = {name: settings[name] for name in SETTING_SPECS if _is_number(settings.get(name))}
    wrong = find_value_problems(SamplingConfig, known)
    return SamplingConfig(**{name: value for name, value in known.items() if name not in wrong})


def describe(settings: Mapping[str, Any]) -> str:
    """Describe the settings of a reply, often "greedy"; see `read_settings`."""
    config = read_settings(settings)
    greedy = config.temperature == 0
    words = ["greedy"] if greedy else []
    for control in CONTROLS:
        value = getattr(config, control.name)
        unused = value == control.off or (greedy and control.name in USELESS_WHEN_GREEDY)
        if control.name != "max_tokens" and not unused:
            words.append(f"{control.short} {value:g}")
    return ", ".join(words if greedy else [*words, f"seed {config.seed}"])


def _is_number(value: Any) -> bool:
    # Larger integers do not fit into a float, so no limit can be compared with them.
    return isinstance(value, int | float) and abs(value) < 1 << 63


def limit_note(controls: SamplingControls, name: str, by: int) -> str:
    """Explain why a step would change nothing; empty if it changes something."""
    control = CONTROLS_BY_NAME[name]
    if controls.stepped(name, by).config != controls.config:
        return ""
    end = "maximum" if by > 0 else "minimum"
    return f"{control.label} is at its {end}, {value_text(controls, name)}."
