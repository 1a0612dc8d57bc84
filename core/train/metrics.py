"""Mean loss, speed and memory between two `step` events."""

from __future__ import annotations

import time

import psutil
import torch

from core.system.files import JsonObject
from core.system.machine import free_memory

MAX_EVENTS_PER_S = 10


class StepMetrics:
    """Sums over the updates since the last `step` event.

    `restart_clock` excludes time that is not training: evaluating, sampling, pausing.
    """

    def __init__(self) -> None:
        self.learning_rate = 0.0
        self.updates = 0
        self._loss = 0.0
        self._targets = 0
        self._seconds = 0.0
        self._reported_at = 0.0
        self._last = time.perf_counter()
        self._process = psutil.Process()

    @property
    def is_due(self) -> bool:
        """Whether the next event may be emitted: at most ten per second."""
        return self._last - self._reported_at >= 1.0 / MAX_EVENTS_PER_S

    def add_update(self, targets: int) -> float:
        """Count an update done, or queued on the device; return the seconds it took."""
        self.updates += 1
        self._targets += targets
        return self.tick()

    def add_loss(self, loss: float, targets: int) -> None:
        """Add the loss of an update, once it is known."""
        self._loss += loss * targets

    def tick(self) -> float:
        """Count the time since the last call as training; return it in seconds."""
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        self._seconds += seconds
        return seconds

    def restart_clock(self) -> None:
        """Exclude the time since the last `tick`."""
        self._last = time.perf_counter()

    def take(self, device: torch.device) -> JsonObject:
        """The fields of a `step` event; resets the sums."""
        fields = {
            "train_loss": self._loss / max(1, self._targets),
            "learning_rate": self.learning_rate,
            "tokens_per_second": round(self._targets / max(1e-9, self._seconds), 1),
            "memory": self._memory(device),
            "free_memory": free_memory(),
        }
        self._loss, self._targets, self._seconds, self.updates = 0.0, 0, 0.0, 0
        self._reported_at = self._last
        return fields

    def _memory(self, device: torch.device) -> int:
        """Bytes in use, of the GPU or of this process."""
        if device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(device))
        return int(self._process.memory_info().rss)
