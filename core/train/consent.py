"""What the first of several processes was asked, obeyed by all of them at the same step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.config.configs import TrainConfig
from core.train.distributed import Ranks
from core.config.schema import from_json, to_json
from core.train.trainer import Trainer


class Consent:
    """Requests of a trainer that is one of several.

    Args:
        ranks: all ask at the same places of their loops.
        control: obeys what was asked, on the first one; a pause holds all of them up.
    """

    def __init__(self, ranks: Ranks, control: Callable[[Trainer], None] | None = None) -> None:
        self._ranks, self._control = ranks, control
        self._told: TrainConfig | None = None

    def __call__(self, trainer: Trainer) -> None:
        """Obeys what the first one was asked, or has settled by itself, since the last call."""
        said: dict[str, Any] = {}
        if self._control is not None:
            before = self._told or trainer.config
            self._control(trainer)
            self._told = trainer.config
            if trainer.config is not before:
                said["train"] = to_json(trainer.config)
            if trainer.ending:
                said |= {"ending": trainer.ending, "request": trainer.ending_request}
        told = self._ranks.tell(said or None)
        if told and not self._ranks.first:
            _follow(trainer, told)


def _follow(trainer: Trainer, told: dict[str, Any]) -> None:
    if "train" in told:
        trainer.config = from_json(TrainConfig, told["train"])
    if "ending" in told:
        trainer.stop(told["ending"], told["request"])
