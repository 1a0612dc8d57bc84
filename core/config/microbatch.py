"""How much of a batch is in memory at once: pieces that fit, before anything is tried.

Arithmetic alone; what happens where the arithmetic was wrong is `core.train.update`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.config.configs import ModelConfig, TrainConfig
from core.errors import InputError
from core.config.plan_inputs import DeviceFacts
from core.config.budget import training_bytes

MEMORY_SHARE = 0.7
GIB = 2**30


@dataclass(frozen=True)
class Fit:
    """How a batch is worked through.

    Attributes:
        pieces: it is cut into so many, one in memory at a time.
        recompute: whether activations are computed again in the backward pass, not kept.
    """

    pieces: int
    recompute: bool

    @property
    def reasons(self) -> list[str]:
        """What to say of it; nothing where the batch fits as it is."""
        said = []
        if self.pieces > 1:
            said.append(f"each batch in {self.pieces} pieces: one is in memory at a time")
        if self.recompute:
            said.append("activations are computed twice: there is no room to keep them")
        return said


def fit(model: ModelConfig, rows: int, least: Fit, device: DeviceFacts) -> Fit:
    """The fewest pieces that take at most 70 % of the free memory, none smaller than a row.

    Halving comes first, as it costs little; computing activations twice costs a third of a step.

    Args:
        rows: samples of an update on one device.
        least: what was asked for; more pieces are made of it, never fewer.

    Raises:
        InputError: not even one row fits.
    """
    room = device.free_memory * MEMORY_SHARE
    needed = 0
    for recompute in dict.fromkeys((least.recompute, True)):
        pieces = min(least.pieces, rows)
        while (needed := _bytes(model, rows, pieces, recompute)) > room and pieces < rows:
            pieces = min(2 * pieces, rows)
        if needed <= room:
            return Fit(pieces, recompute)
    raise InputError(
        f"This model needs about {needed / GIB:.1f} GiB to train; of the "
        f"{device.free_memory / GIB:.1f} GiB free on {device.device}, "
        f"{MEMORY_SHARE:.0%} are for training.",
        "Choose a smaller preset, a shorter context (--set context=N) or free some memory.",
    )


def rows_at_once(config: TrainConfig) -> int:
    """Samples that are in the memory of one device at a time."""
    assert config.batch_size is not None
    return -(-config.batch_size // (max(1, config.devices) * config.accumulation))


def _bytes(model: ModelConfig, rows: int, pieces: int, recompute: bool) -> int:
    return training_bytes(model, -(-rows // pieces), model.context, recompute=recompute)
