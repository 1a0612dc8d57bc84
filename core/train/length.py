"""How many steps a run takes, where minutes or "that many more" were asked for."""

from __future__ import annotations

import dataclasses

from core.model import device as probe
from core.config.amounts import settle_length
from core.config.configs import TrainConfig
from core.train.batches import Batches
from core.model.decoder import Decoder
from core.config.more import More


def with_steps(
    config: TrainConfig, model: Decoder, batches: Batches, done: int, more: More | None
) -> TrainConfig:
    """The settings with a number of steps; minutes become one by timing real ones.

    Args:
        done: steps behind us, from which `more` counts.
        more: how much longer to train than until there; None keeps to what was planned.
    """
    if not more:
        if config.steps is not None:
            return config
        more = More(minutes=config.minutes)
    timed = None if more.minutes is None else _seconds_per_step(config, model, batches)
    steps = done + more.added(batches.steps_per_epoch, timed)
    planned = dataclasses.replace(config, minutes=None, epochs=None, steps=steps)
    return settle_length(planned, batches.steps_per_epoch)


def _seconds_per_step(config: TrainConfig, model: Decoder, batches: Batches) -> float:
    trial = dataclasses.replace(config, minutes=None, epochs=None, steps=1, warmup_steps=0)
    # Several devices share an update; what they send each other comes on top.
    rows = -(-batches.batch_size // max(1, config.devices))
    batches = dataclasses.replace(batches, batch_size=rows)
    return probe.seconds_per_step(model, batches, trial, model.device)
