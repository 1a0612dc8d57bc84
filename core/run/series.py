"""A quantity over the steps of a run, in order."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field


@dataclass
class Series:
    """Points in order of their steps.

    Attributes:
        steps: strictly rising.
        values: one a step.
    """

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.values[-1] if self.values else None

    def add(self, step: int, value: float | None) -> None:
        """Takes a point in; None is no point, and a second value of a step replaces the first."""
        if value is None:
            return
        if self.steps and step <= self.steps[-1]:
            self.drop_after(step - 1)
        self.steps.append(step)
        self.values.append(value)

    def drop_after(self, step: int) -> None:
        """Forgets the points of later steps."""
        keep = bisect_right(self.steps, step)
        del self.steps[keep:], self.values[keep:]
