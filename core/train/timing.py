"""Time real updates, for forecasts and for budgets in minutes."""

from __future__ import annotations

import copy
import time

import torch

from core.config.configs import TrainConfig
from core.errors import Cancelled
from core.model.language_model import LanguageModel
from core.progress import CancelCheck, never_cancelled
from core.train.batches import Batches
from core.train.optim import build_optimizer
from core.train.update import Updater, fetch_losses

TIMING_BUDGET_S = 2.0
WARMUP_STEPS = 3
TRIAL_LEARNING_RATE = 1e-6


def time_step(
    model: LanguageModel,
    batches: Batches,
    config: TrainConfig,
    device: torch.device,
    *,
    budget: float = TIMING_BUDGET_S,
    cancelled: CancelCheck = never_cancelled,
) -> float:
    """Median seconds per update, measured on a copy of the model.

    Args:
        budget: seconds to spend, at least on two updates.

    Raises:
        Cancelled: `cancelled` returned true between two updates.
    """
    trial = copy.deepcopy(model)
    updater = Updater(trial, device, build_optimizer(trial, config))
    times: list[float] = []
    while len(times) < 2 or sum(times) < (budget if len(times) > WARMUP_STEPS else 2 * budget):
        if cancelled():
            raise Cancelled
        began = time.perf_counter()
        update = updater.update(batches, len(times), TRIAL_LEARNING_RATE, config)
        fetch_losses([update])  # waits for the device
        times.append(time.perf_counter() - began)
    steady = sorted(times[min(WARMUP_STEPS, len(times) - 1) :])
    return steady[len(steady) // 2]
