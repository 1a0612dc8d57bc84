"""The loss on text the model is not trained on, always over the same tokens in the same order.

Losses to compare a curve with: what guessing without a model would reach.

All are means in nats per target over the text that the chart's loss is on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.model.decoder import Decoder
from core.tokenizer.special_tokens import PAD
from core.train.batches import LineSamples, iter_batches_in_order
from core.train.distributed import ProcessGroup

ALONE = ProcessGroup()
MAX_QUICK_TARGETS = 65_536


@dataclass(frozen=True)
class Evaluation:
    """The validation part of a corpus.

    Attributes:
        ids: all tokens of the corpus.
        pieces: the validation part cut without overlap.
        batch_size: samples evaluated at a time.
    """

    ids: NDArray[np.unsignedinteger]
    pieces: LineSamples
    batch_size: int

    @property
    def long(self) -> bool:
        """Whether a quick evaluation leaves some of it out."""
        return int((self.pieces.ends - self.pieces.begins - 1).sum()) > MAX_QUICK_TARGETS

    def loss(
        self,
        model: Decoder,
        device: torch.device,
        *,
        whole: bool,
        interrupted: Callable[[], bool] = lambda: False,
        ranks: ProcessGroup = ALONE,
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
        most = None if whole else MAX_QUICK_TARGETS
        with torch.inference_mode():
            batches = iter_batches_in_order(self.ids, self.pieces, self.batch_size, most)
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


MAX_BASELINE_TARGETS = 5_000_000
Ids = NDArray[np.int64]


def baseline_losses(
    ids: NDArray[np.unsignedinteger], train: LineSamples, judged: LineSamples, vocab_size: int
) -> dict[str, float]:
    """`random` (ln V), `unigram` (token counts) and `bigram` (counts after the previous token).

    Counts come from `train`, at most its first 5 million targets, and the losses are on `judged`.
    Unigrams are smoothed by adding one; bigrams by mixing with the unigrams in Witten and Bell's
    way (1991): the more different tokens followed, the more weight the unigrams get.
    """
    before, after = _pairs(ids, train)
    counts = np.bincount(after, minlength=vocab_size) + 1.0
    unigram = counts / counts.sum()  # (V,)
    tested_before, tested_after = _pairs(ids, judged)
    bigram = _bigram(before, after, tested_before, tested_after, unigram)
    return {
        "random": math.log(vocab_size),
        "unigram": float(-np.log(unigram[tested_after]).mean()),
        "bigram": float(-np.log(bigram).mean()),
    }


def _bigram(
    before: Ids, after: Ids, tested_before: Ids, tested_after: Ids, unigram: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The probability of each tested target after its previous token."""
    vocab_size = len(unigram)
    seen, times = np.unique(before * vocab_size + after, return_counts=True)
    followers = np.bincount(seen // vocab_size, minlength=vocab_size)  # different ones, (V,)
    total = np.bincount(before, minlength=vocab_size)  # (V,)
    keys = tested_before * vocab_size + tested_after
    place = np.minimum(np.searchsorted(seen, keys), len(seen) - 1)
    count = np.where(seen[place] == keys, times[place], 0)
    new = followers[tested_before]
    mixed: NDArray[np.float64] = (count + np.maximum(new, 1) * unigram[tested_after]) / (
        total[tested_before] + np.maximum(new, 1)
    )
    return mixed


def _pairs(ids: NDArray[np.unsignedinteger], pieces: LineSamples) -> tuple[Ids, Ids]:
    """Each target with the token before it, from the first pieces up to the limit."""
    lengths = pieces.ends - pieces.begins
    count = max(1, int(np.searchsorted(np.cumsum(lengths), MAX_BASELINE_TARGETS, side="right")))
    parts = [
        np.asarray(ids[begin:end], dtype=np.int64)
        for begin, end in zip(pieces.begins[:count], pieces.ends[:count], strict=True)
    ]
    before = np.concatenate([part[:-1] for part in parts])
    after = np.concatenate([part[1:] for part in parts])
    assert (after != PAD).all(), "padding is no token of a corpus"
    return before, after
