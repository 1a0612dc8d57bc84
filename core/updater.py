"""One update of the weights, a pure function of (weights, seed, step)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from core import optimizer as optimizers
from core.config import TrainConfig
from core.dataset import Batches
from core.decoder import Decoder
from core.errors import RunFailedError
from core.tokenizer import PAD


@dataclass
class Updater:
    """The model, its optimiser and where they live."""

    model: Decoder
    device: torch.device
    optimizer: torch.optim.Optimizer

    def update(
        self, batches: Batches, step: int, rate: float, config: TrainConfig
    ) -> tuple[float, int]:
        """Makes update number `step` (from 0); mean loss in nats and number of targets.

        Raises:
            RunFailedError: loss or gradient is not finite; the weights are as before.
        """
        optimizers.apply(self.optimizer, rate, config.weight_decay or 0.0)
        self.model.dropout = config.dropout or 0.0
        if config.dropout:
            torch.manual_seed(_mixed(config.seed, step))
        loss, targets = self._gradients(batches, step, config)
        self._refuse_if_not_finite(loss, "loss", step, rate)
        if config.clip:
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
            self._refuse_if_not_finite(float(norm), "gradient", step, rate)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss, targets

    def _gradients(self, batches: Batches, step: int, config: TrainConfig) -> tuple[float, int]:
        """Leaves the gradient of the mean loss in place; the loss and its number of targets."""
        slots = config.accumulation
        pieces = [batches.batch(step, slot, slots) for slot in range(slots)]
        counts = [int((targets != PAD).sum()) for _, targets in pieces]
        total = torch.zeros((), device=self.device)
        for (tokens, targets), count in zip(pieces, counts, strict=True):
            if count == 0:
                continue
            with _precision(config, self.device):
                loss = self.model.loss(tokens.to(self.device), targets.to(self.device))
            share = loss * (count / sum(counts))
            share.backward()  # type: ignore[no-untyped-call]
            total += share.detach()
        return float(total), sum(counts)

    def _refuse_if_not_finite(self, value: float, what: str, step: int, rate: float) -> None:
        if value - value == 0.0:
            return
        self.optimizer.zero_grad()
        raise RunFailedError(
            f"The {what} of step {step + 1} is not a finite number ({value}); "
            "the update was not applied.",
            "Train with a lower learning rate, a longer warm-up (warmup_steps) or clipping "
            f"(clip=1); the learning rate was {rate:.2g}.",
        )


def _precision(config: TrainConfig, device: torch.device) -> contextlib.AbstractContextManager[Any]:
    if config.precision != "bfloat16":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def _mixed(seed: int, step: int) -> int:
    """One seed of 63 bits from two numbers: SplitMix64's mixing (Steele et al., 2014)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + step + 1) % 2**64
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
    return (mixed ^ (mixed >> 31)) >> 1
