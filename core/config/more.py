"""How much longer a run is to train: that many more steps, epochs or minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.config.configs import TrainConfig
from core.errors import SettingsError
from core.config.schema import check_values

MINUTE = 60.0


@dataclass(frozen=True, kw_only=True)
class More:
    """One of the three, or none: as long as was planned.

    Raises:
        SettingsError: several, or out of the limits of the setting of that name.
    """

    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        asked = {name: value for name, value in vars(self).items() if value is not None}
        problems = check_values(TrainConfig, asked)
        if len(asked) > 1:
            problems[list(asked)[1]] = f"choose one of {' and '.join(asked)}"
        if problems:
            raise SettingsError(problems)

    def __bool__(self) -> bool:
        return any(value is not None for value in vars(self).values())

    def to_json(self) -> dict[str, Any]:
        """What `More(**values)` makes again."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def added(self, steps_per_epoch: float, seconds_per_step: float | None) -> int:
        """Updates of the weights, at least one.

        Args:
            seconds_per_step: as timed; needed for minutes alone.
        """
        if self.steps is not None:
            return self.steps
        if self.epochs is not None:
            return max(1, round(self.epochs * steps_per_epoch))
        assert self.minutes is not None
        assert seconds_per_step is not None
        return max(1, round(self.minutes * MINUTE / seconds_per_step))
