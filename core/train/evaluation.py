"""The loss on text the model is not trained on, always over the same tokens in the same order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.train.batches import Lines, in_order
from core.model.decoder import Decoder
from core.train.distributed import Ranks
from core.tokenizer.tokenizer import PAD

ALONE = Ranks()
QUICK_TARGETS = 65_536


@dataclass(frozen=True)
class Evaluation:
    """The validation part of a corpus.

    Attributes:
        ids: all tokens of the corpus.
        pieces: the validation part cut without overlap.
        batch_size: samples evaluated at a time.
    """

    ids: NDArray[np.unsignedinteger]
    pieces: Lines
    batch_size: int

    @property
    def long(self) -> bool:
        """Whether a quick evaluation leaves some of it out."""
        return int((self.pieces.ends - self.pieces.begins - 1).sum()) > QUICK_TARGETS

    def loss(
        self,
        model: Decoder,
        device: torch.device,
        *,
        whole: bool,
        interrupted: Callable[[], bool] = lambda: False,
        ranks: Ranks = ALONE,
    ) -> tuple[float, int] | None:
        """Mean loss in nats per target, and how many targets; None when interrupted.

        Args:
            whole: all of the part instead of its first 65,536 targets.
            interrupted: asked between batches, on all ranks equally often.
            ranks: who shares the work; every one gets the same result.
        """
        total = torch.zeros(2, dtype=torch.float64, device=device)  # loss, targets
        was_training = model.training
        model.train(False)
        most = None if whole else QUICK_TARGETS
        with torch.inference_mode():
            batches = in_order(self.ids, self.pieces, self.batch_size, most)
            for number, (tokens, targets) in enumerate(batches):
                if number % ranks.world == 0 and interrupted():
                    model.train(was_training)
                    return None
                if number % ranks.world == ranks.rank:
                    here = int((targets != PAD).sum())
                    total[0] += model.loss(tokens.to(device), targets.to(device)).double() * here
                    total[1] += here
        model.train(was_training)
        loss, count = ranks.sum(total).tolist()
        return loss / count, int(count)
