"""Validation loss, and of an encoder how many masked tokens it restores or texts it labels.

All losses are means in nats per target, over the same tokens in the same order every time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from core.dataset.spans import Spans
from core.model.encoder import Encoder
from core.model.language_model import LanguageModel
from core.tokenizer.special_tokens import PAD
from core.train.batches import LineSamples, gather_batch, iter_spans_in_order
from core.train.distributed import SINGLE_PROCESS, ProcessGroup
from core.train.objective import Objective
from core.train.task_evaluation import TaskEvaluation

MAX_QUICK_TARGETS = 65_536


@dataclass(frozen=True)
class EvaluationResult:
    """The figures of an evaluation.

    Attributes:
        loss: mean in nats per target.
        tokens: of the samples read; of a decoder its targets.
        accuracy: of an encoder the share of the masked tokens that it restores, or of the texts
            that it labels as in the corpus.
        items: of an encoder the masked tokens or the texts; else 0.
    """

    loss: float
    tokens: int
    accuracy: float | None = None
    items: int = 0


@dataclass(frozen=True)
class Evaluation:
    """The validation part of a corpus.

    Attributes:
        ids: all tokens of the corpus.
        samples: the validation part, cut without overlap.
        batch_size: samples per forward pass.
        task: judges the replies of a decoder of pairs and conversations; else None.
        objective: of an encoder, with the same masking at every evaluation; else None.
    """

    ids: NDArray[np.unsignedinteger]
    samples: LineSamples
    batch_size: int
    task: TaskEvaluation | None = None
    objective: Objective | None = None

    @property
    def is_long(self) -> bool:
        """Whether a quick evaluation leaves out a part of it."""
        return self.samples.count_targets() > MAX_QUICK_TARGETS

    def count_final_targets(self) -> int:
        """Targets evaluated after the last step: the whole part and, if long, its beginning."""
        targets = self.samples.count_targets()
        return targets + MAX_QUICK_TARGETS if targets > MAX_QUICK_TARGETS else targets

    def measure(
        self,
        model: LanguageModel,
        device: torch.device,
        *,
        whole: bool,
        sync_stop: Callable[[], bool] = lambda: False,
        group: ProcessGroup = SINGLE_PROCESS,
    ) -> EvaluationResult | None:
        """Evaluate the model; None if stopped. Collective.

        Args:
            whole: the whole part instead of its first 65,536 tokens.
            sync_stop: collective that returns whether to stop, the same on every rank; called
                once per `world_size` batches, on every rank equally often.
            group: the ranks that share the work; all get the same result.
        """
        # Sum of losses, targets, targets that are the most likely token, tokens.
        total = torch.zeros(4, dtype=torch.float64, device=device)
        was_training = model.training
        model.train(False)
        limit = None if whole else MAX_QUICK_TARGETS
        with torch.inference_mode():
            batches = iter_spans_in_order(self.samples, self.batch_size, limit)
            for number, spans in enumerate(batches):
                if number % group.world_size == 0 and sync_stop():
                    model.train(was_training)
                    return None
                if number % group.world_size == group.rank:
                    total += self._measure_batch(model, spans)
        model.train(was_training)
        losses, targets, right, tokens = group.all_reduce_sum(total).tolist()
        loss = losses / max(1, targets)
        if self.objective is None:
            return EvaluationResult(loss, int(tokens))
        return EvaluationResult(loss, int(tokens), right / max(1, targets), int(targets))

    def _measure_batch(self, model: LanguageModel, spans: Spans) -> Tensor:
        """(4,) the sums of `measure` over a batch, in float64."""
        if self.objective is not None:
            assert isinstance(model, Encoder)
            return self._measure_encoder(model, self.objective, spans)
        tokens, targets = gather_batch(self.ids, spans, self.samples.is_target, model.no_target)
        count = int((targets != model.no_target).sum())
        loss = model.loss(tokens.to(model.device), targets.to(model.device)).double() * count
        counts = torch.tensor([count, 0, count], dtype=torch.float64).to(model.device)
        return torch.cat((loss[None], counts))

    def _measure_encoder(self, model: Encoder, objective: Objective, spans: Spans) -> Tensor:
        """As `_measure_batch`; the logits are computed once for the loss and the hits."""
        device = model.device
        tokens, targets = objective.batch(self.ids, spans, np.zeros(len(spans), np.int64))
        read = int(spans.count_targets(None).sum())
        chosen = targets != PAD  # (B, T)
        hidden = model(tokens.to(device))[chosen.to(device)]  # (N, D)
        # Labels are counted from 1, as 0 is padding.
        expected = targets[chosen].to(device) - int(model.config.labels > 0)  # (N,)
        logits = model.head(hidden).float()  # (N, V), or (N, labels)
        loss = F.cross_entropy(logits, expected, reduction="sum").double()
        right = (logits.argmax(-1) == expected).sum().double()
        counts = torch.tensor([len(expected), read], dtype=torch.float64).to(device)
        return torch.stack((loss, counts[0], right, counts[1]))
