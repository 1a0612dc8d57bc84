"""Validation loss, and the baselines to compare it with.

All losses are means in nats per token, over the same tokens in the same order every time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.dataset.spans import Int64Array
from core.model.decoder import Decoder
from core.tokenizer.special_tokens import PAD
from core.train.batches import LineSamples, iter_batches_in_order
from core.train.distributed import SINGLE_PROCESS, ProcessGroup
from core.train.task_evaluation import TaskEvaluation

MAX_QUICK_TARGETS = 65_536
MAX_BASELINE_TARGETS = 5_000_000


@dataclass(frozen=True)
class Evaluation:
    """The validation part of a corpus.

    Attributes:
        ids: all tokens of the corpus.
        pieces: the validation part, cut without overlap.
        batch_size: samples per forward pass.
        task: of pairs and conversations how often the reply is right; else None.
    """

    ids: NDArray[np.unsignedinteger]
    pieces: LineSamples
    batch_size: int
    task: TaskEvaluation | None = None

    @property
    def is_long(self) -> bool:
        """Whether a quick evaluation leaves out a part of it."""
        return self.pieces.count_targets() > MAX_QUICK_TARGETS

    def count_final_targets(self) -> int:
        """Targets evaluated after the last step: the whole part and, if long, its beginning."""
        targets = self.pieces.count_targets()
        return targets + MAX_QUICK_TARGETS if targets > MAX_QUICK_TARGETS else targets

    def loss(
        self,
        model: Decoder,
        device: torch.device,
        *,
        whole: bool,
        sync_stop: Callable[[], bool] = lambda: False,
        group: ProcessGroup = SINGLE_PROCESS,
    ) -> tuple[float, int] | None:
        """Mean loss in nats per token and the number of targets; None if stopped. Collective.

        Args:
            whole: the whole part instead of its first 65,536 targets.
            sync_stop: collective that returns whether to stop, the same on every rank; called
                once per `world_size` batches, on every rank equally often.
            group: the ranks that share the work; all get the same result.
        """
        total = torch.zeros(2, dtype=torch.float64, device=device)  # sum of losses, targets
        was_training = model.training
        model.train(False)
        limit = None if whole else MAX_QUICK_TARGETS
        with torch.inference_mode():
            batches = iter_batches_in_order(self.ids, self.pieces, self.batch_size, limit)
            for number, (tokens, targets) in enumerate(batches):
                if number % group.world_size == 0 and sync_stop():
                    model.train(was_training)
                    return None
                if number % group.world_size == group.rank:
                    count = int((targets != PAD).sum())
                    total[0] += model.loss(tokens.to(device), targets.to(device)).double() * count
                    total[1] += count
        model.train(was_training)
        loss, targets_seen = group.all_reduce_sum(total).tolist()
        return loss / targets_seen, int(targets_seen)


def baseline_losses(
    ids: NDArray[np.unsignedinteger], train: LineSamples, judged: LineSamples, vocab_size: int
) -> dict[str, float]:
    """Losses of models without parameters: uniform, token counts, counts after one token.

    Returns `random` (ln V), `unigram` and `bigram`. Counts come from at most the first 5 million
    targets of `train`, the losses are on `judged`. Unigram counts are smoothed by adding one, and
    bigrams are interpolated with unigrams after Witten and Bell (1991): the more distinct tokens
    followed, the more weight the unigrams get.
    """
    previous, target = _token_pairs(ids, train)
    counts = np.bincount(target, minlength=vocab_size) + 1.0
    unigram = counts / counts.sum()  # (V,)
    judged_previous, judged_target = _token_pairs(ids, judged)
    bigram = _bigram_probabilities(previous, target, judged_previous, judged_target, unigram)
    return {
        "random": math.log(vocab_size),
        "unigram": float(-np.log(unigram[judged_target]).mean()),
        "bigram": float(-np.log(bigram).mean()),
    }


def _bigram_probabilities(
    previous: Int64Array,
    target: Int64Array,
    judged_previous: Int64Array,
    judged_target: Int64Array,
    unigram: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The probability of each evaluated target given its previous token."""
    vocab_size = len(unigram)
    pairs, pair_counts = np.unique(previous * vocab_size + target, return_counts=True)
    distinct = np.bincount(pairs // vocab_size, minlength=vocab_size)  # followers of a token, (V,)
    total = np.bincount(previous, minlength=vocab_size)  # (V,)
    judged_pairs = judged_previous * vocab_size + judged_target
    index = np.minimum(np.searchsorted(pairs, judged_pairs), len(pairs) - 1)
    count = np.where(pairs[index] == judged_pairs, pair_counts[index], 0)
    unigram_weight = np.maximum(distinct[judged_previous], 1)
    probabilities: NDArray[np.float64] = (count + unigram_weight * unigram[judged_target]) / (
        total[judged_previous] + unigram_weight
    )
    return probabilities


def _token_pairs(
    ids: NDArray[np.unsignedinteger], pieces: LineSamples
) -> tuple[Int64Array, Int64Array]:
    """Each target with the token before it, of the first pieces up to the limit."""
    counts = np.cumsum(pieces.pieces.lengths)
    count = max(1, int(np.searchsorted(counts, MAX_BASELINE_TARGETS, side="right")))
    previous, target = [], []
    for _, body in pieces.pieces[:count]:
        part = np.asarray(ids[body], dtype=np.int64)
        wanted = slice(None)
        if pieces.is_target is not None:
            wanted = pieces.is_target[body][1:] == 1
        previous.append(part[:-1][wanted])
        target.append(part[1:][wanted])
    targets = np.concatenate(target)
    assert (targets != PAD).all(), "padding is never a token of a corpus"
    return np.concatenate(previous), targets
