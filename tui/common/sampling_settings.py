"""The sampling settings as a person turns them: a ladder of values each, on a key, in words.

Labels, help and limits are those of `SamplingConfig`; this file adds only steps and keys. Greedy
is where everyone begins, and one key away from anywhere.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from textual.binding import Binding

from core.config.configs import MAX_SEED, SamplingConfig
from core.config.schema import find_value_problems, setting_specs, to_json

DECLARED = setting_specs(SamplingConfig)
SEED = "seed"
SEEDS = 1 << 16  # drawn below this, so that one can be read out and typed


@dataclass(frozen=True)
class Control:
    """One number that is turned.

    Attributes:
        name: of the field.
        short: its name where there is little room.
        key: raises it; as a capital it lowers it.
        ladder: the values it goes through.
        off: the value at which it does nothing; None if there is none.
    """

    name: str
    short: str
    key: str
    ladder: tuple[float, ...]
    off: float | None

    @property
    def label(self) -> str:
        """Its name in forms."""
        return DECLARED[self.name].label


def _tenths(last: int) -> tuple[float, ...]:
    return tuple(tenth / 10 for tenth in range(last + 1))


CONTROLS = (
    Control("temperature", "temperature", "t", (*_tenths(15), 2.0, 3.0, 5.0), 0.0),
    Control("top_k", "top k", "k", (0, 1, 2, 3, 5, 10, 20, 40, 100, 200, 500, 1000), 0),
    Control("top_p", "top p", "p", (0.1, *(n / 10 for n in range(2, 10)), 0.95, 0.99, 1.0), 1.0),
    Control("min_p", "min p", "m", (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5), 0.0),
    Control(
        "repetition_penalty",
        "repetition penalty",
        "u",
        (0.5, 0.8, 0.9, 1.0, 1.05, 1.1, 1.2, 1.3, 1.5, 2.0, 3.0),
        1.0,
    ),
    Control("max_tokens", "tokens", "n", (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000), None),
)
BY_NAME = {dial.name: dial for dial in CONTROLS}
USELESS_WHEN_GREEDY = frozenset({"top_k", "top_p", "min_p"})


@dataclass(frozen=True)
class SamplingControls:
    """How the next reply is chosen.

    Attributes:
        config: the values; its seed is that of the last reply, or the one that is kept.
        fixed: whether the seed is kept; otherwise each reply draws its own.
        chosen: the setting that the keys for less and more turn.
    """

    config: SamplingConfig = field(default_factory=SamplingConfig)
    fixed: bool = False
    chosen: str = "temperature"

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is always taken."""
        return self.config.temperature == 0.0

    def turned(self, name: str, by: int) -> SamplingControls:
        """With one setting a step higher or lower; at the end of its ladder it stays."""
        ladder, now = BY_NAME[name].ladder, getattr(self.config, name)
        place = bisect_right(ladder, now) if by > 0 else bisect_left(ladder, now) - 1
        if not 0 <= place < len(ladder):
            return replace(self, chosen=name)
        return replace(self, config=_with(self.config, name, ladder[place]), chosen=name)

    def made_greedy(self) -> SamplingControls:
        """With every setting as it was at the beginning, but for the length of a reply."""
        return SamplingControls(
            SamplingConfig(max_tokens=self.config.max_tokens, seed=self.config.seed)
        )

    def next_chosen(self, by: int = 1) -> SamplingControls:
        """With the next setting under the keys for less and more."""
        names = list(BY_NAME)
        return replace(self, chosen=names[(names.index(self.chosen) + by) % len(names)])

    def seeded(self, draw: int) -> SamplingControls:
        """For one reply: with the seed that is kept, or with the one drawn for it."""
        if self.fixed or self.greedy:
            return self
        return replace(self, config=replace(self.config, seed=draw % min(SEEDS, MAX_SEED)))

    def to_json(self) -> dict[str, Any]:
        """The fields as the sampler takes them."""
        return to_json(self.config)


def _with(config: SamplingConfig, name: str, value: float) -> SamplingConfig:
    changed: dict[str, Any] = {name: value}
    return replace(config, **changed)


def value_text(dials: SamplingControls, name: str) -> str:
    """A setting's value as it is written."""
    if name == SEED:
        return f"kept {dials.config.seed}" if dials.fixed else "new"
    dial, value = BY_NAME[name], getattr(dials.config, name)
    if name == "temperature" and value == 0:
        return "greedy"
    return "off" if value == dial.off else f"{value:g}"


def in_words(settings: Mapping[str, Any]) -> str:
    """What made a reply, from the fields of a SamplingConfig; "greedy" if nothing else did.

    Fields that are missing or out of their limits are as by default: old talks are read too.
    """
    known = {name: settings[name] for name in DECLARED if _is_number(settings.get(name))}
    wrong = find_value_problems(SamplingConfig, known)
    config = SamplingConfig(**{name: value for name, value in known.items() if name not in wrong})
    greedy = config.temperature == 0
    words = ["greedy"] if greedy else []
    for dial in CONTROLS:
        value = getattr(config, dial.name)
        idle = value == dial.off or (greedy and dial.name in USELESS_WHEN_GREEDY)
        if dial.name != "max_tokens" and not idle:
            words.append(f"{dial.short} {value:g}")
    return ", ".join(words if greedy else [*words, f"seed {config.seed}"])


def _is_number(value: Any) -> bool:
    # Larger whole numbers do not fit into a float, so no limit can be compared with them.
    return isinstance(value, int | float) and abs(value) < 1 << 63


def now_in_words(dials: SamplingControls) -> str:
    """What will make the next reply, on one line."""
    words = in_words(to_json(dials.config))
    if not dials.greedy:
        words = words.rpartition(", ")[0] + (f", seed {dials.config.seed}" if dials.fixed else "")
    return f"{words}, {dials.config.max_tokens} tokens"


def at_end(dials: SamplingControls, name: str, by: int) -> str:
    """Why turning it further changes nothing; empty if it would change something."""
    dial = BY_NAME[name]
    if dials.turned(name, by).config != dials.config:
        return ""
    value = value_text(dials, name)
    back = dial.key.upper() if by > 0 else dial.key
    return f"{dial.label} is {value} already; {back} turns it the other way."


def bindings() -> list[Binding]:
    """Two keys a setting, with what they do: from the declarations."""
    made = []
    for dial in CONTROLS:
        help = DECLARED[dial.name].help
        for key, by, verb in ((dial.key, 1, "Raise"), (dial.key.upper(), -1, "Lower")):
            tooltip = f"{verb} {dial.short}" + (f": {help}" if by > 0 else "")
            made.append(
                Binding(key, f"turn('{dial.name}', {by})", dial.label, show=False, tooltip=tooltip)
            )
    return made
