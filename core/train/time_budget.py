"""A budget of wall time: how many steps fit into it, re-estimated while training.

The budget includes evaluations and saving, not pauses. The time of an update is a mean over recent
ones, so that a machine that slows down is noticed; evaluations, epoch rows and checkpoints are
expected to cost as many updates as they have so far.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from core.config.configs import MAX_STEPS

WINDOW_SHARE = 0.05  # of the budget: updates older than that hardly count
MIN_TIMED_SHARE, MIN_TIMED_UPDATES = 0.02, 2  # before the first estimate
TOLERANCE = 0.03  # of the budget, by which the end may miss it
INTERVAL_SHARE = 0.05  # of the budget, between two changes of the number of steps


@dataclass
class TimeBudget:
    """Measures wall time and fits the number of steps to a budget.

    Attributes:
        spent_before: seconds of training before the clock was last started.
        clock: seconds that only increase.
    """

    spent_before: float = 0.0
    clock: Callable[[], float] = time.perf_counter

    def __post_init__(self) -> None:
        self._started_at: float | None = None
        # Sums over updates, older ones decayed.
        self._recent_updates = 0.0
        self._recent_seconds = 0.0
        self._updates = 0
        self._update_seconds = 0.0
        self._overhead = 0.0
        self._evaluations = 0
        self._evaluation_updates = 0.0  # updates that take as long as a target, mean
        self._changed_at = -math.inf

    @property
    def spent(self) -> float:
        """Seconds of wall time since training began, without pauses."""
        running = 0.0 if self._started_at is None else self.clock() - self._started_at
        return self.spent_before + running

    def start(self) -> None:
        """Start the clock, or continue it after a pause."""
        if self._started_at is None:
            self._started_at = self.clock()

    def pause(self) -> None:
        """Stop the clock."""
        self.spent_before, self._started_at = self.spent, None

    def add_update(self, seconds: float, budget: float) -> None:
        """Count an update that took so long."""
        decay = math.exp(-seconds / max(1e-9, WINDOW_SHARE * budget))
        self._recent_updates = self._recent_updates * decay + 1.0
        self._recent_seconds = self._recent_seconds * decay + seconds
        self._updates += 1
        self._update_seconds += seconds

    def add_overhead(self, seconds: float) -> None:
        """Count the time of an evaluation, an epoch row or a checkpoint."""
        self._overhead += seconds

    def time_evaluation(self, seconds: float, targets: int) -> None:
        """Count the time of an evaluation, for the one after the last step."""
        if self._recent_seconds > 0.0:
            updates = seconds / targets / self._update_mean
            self._evaluations += 1
            self._evaluation_updates += (updates - self._evaluation_updates) / self._evaluations

    @property
    def _update_mean(self) -> float:
        """Seconds per update of late."""
        return self._recent_seconds / self._recent_updates

    def steps_to_fit(
        self, step: int, steps: int, budget: float, *, final_targets: int, saving: float
    ) -> int | None:
        """The number of steps that fits the budget; None if `steps` does.

        Args:
            step: updates done, fewer than `steps`.
            budget: seconds of the whole training.
            final_targets: targets to evaluate after the last step.
            saving: seconds that the last checkpoint will take.
        """
        spent = self.spent
        if (
            self._updates < MIN_TIMED_UPDATES
            or self._recent_seconds < MIN_TIMED_SHARE * budget
            or spent - self._changed_at < INTERVAL_SHARE * budget
        ):
            return None
        ending = saving + final_targets * self._evaluation_updates * self._update_mean
        per_step = self._update_mean * (1.0 + self._overhead / max(1e-9, self._update_seconds))
        projected = spent + (steps - step) * per_step + ending
        if abs(projected - budget) <= TOLERANCE * budget:
            return None
        left = (budget - spent - ending) / max(1e-9, per_step)
        fitting = step + round(min(float(MAX_STEPS - step), max(1.0, left)))
        if fitting == steps:
            return None
        self._changed_at = spent
        return fitting
