"""What is measured between two `step` events: mean loss, speed and memory."""

from __future__ import annotations

import time
from typing import Any

import psutil
import torch

from core.system.machine import free_memory

MAX_EVENTS_PER_S = 10


class StepMetrics:
    """Sums over the updates since the last event.

    Time that is not training (evaluating, sampling, pausing) is left out by `restart`.
    """

    def __init__(self) -> None:
        self.learning_rate = 0.0
        self.updates = 0
        self._loss = 0.0
        self._targets = 0
        self._seconds = 0.0
        self._said_at = 0.0
        self._last = time.perf_counter()
        self._process = psutil.Process()

    @property
    def due(self) -> bool:
        """Whether the next event may be said: at most ten a second."""
        return self._last - self._said_at >= 1.0 / MAX_EVENTS_PER_S

    def add(self, targets: int) -> float:
        """Counts an update just made, or handed to the device; the seconds it took."""
        self.updates += 1
        self._targets += targets
        return self.tick()

    def add_loss(self, loss: float, targets: int) -> None:
        """Counts the loss of an update, once it is known."""
        self._loss += loss * targets

    def tick(self) -> float:
        """The seconds since the last look, as time of training."""
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        self._seconds += seconds
        return seconds

    def restart(self) -> None:
        """Leaves the time since the last update out of the speed."""
        self._last = time.perf_counter()

    def take(self, device: torch.device) -> dict[str, Any]:
        """The fields of a `step` event; the sums begin again."""
        fields = {
            "train_loss": self._loss / max(1, self._targets),
            "learning_rate": self.learning_rate,
            "tokens_per_second": round(self._targets / max(1e-9, self._seconds), 1),
            "memory": self._memory(device),
            "free_memory": free_memory(),
        }
        self._loss, self._targets, self._seconds, self.updates = 0.0, 0, 0.0, 0
        self._said_at = self._last
        return fields

    def _memory(self, device: torch.device) -> int:
        """Bytes in use: the device's for a GPU, the process's otherwise."""
        if device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(device))
        return int(self._process.memory_info().rss)
