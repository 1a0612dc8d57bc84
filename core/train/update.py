"""One update of the weights, a pure function of (weights, seed, step).

The host never waits for a GPU here: an update with a loss or gradient that is not finite is
suppressed on the device, and noticed when `fetch_losses` reads the numbers. A batch that runs out
of memory is split into twice as many micro-batches, which changes nothing but rounding.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from core.config.configs import BFLOAT16, ON, TrainConfig
from core.errors import RunFailedError
from core.model.language_model import LanguageModel
from core.model.memory import is_out_of_memory, release_unused_memory
from core.train.batches import Batches
from core.train.compile import CompiledCall
from core.train.distributed import ProcessGroup
from core.train.optim import Optimizer


@dataclass(frozen=True)
class PendingUpdate:
    """An update whose loss may still be computed on the device.

    Attributes:
        step: number of the update, from 0.
        rate: its learning rate.
        targets: number of targets, on all ranks.
        micro_batches: per rank.
        numbers: (2,) the mean loss in nats per token, and the norm of the gradient, which is 0
            where it was not computed.
    """

    step: int
    rate: float
    targets: int
    micro_batches: int
    numbers: Tensor


def fetch_losses(updates: Sequence[PendingUpdate]) -> list[float]:
    """The losses of updates; waits for the device once.

    Raises:
        RunFailedError: a loss or gradient was not finite; the weights are those before it.
    """
    if not updates:
        return []
    rows = torch.stack([update.numbers for update in updates]).tolist()  # (updates, 2)
    for update, (loss, norm) in zip(updates, rows, strict=True):
        for what, value in (("loss", loss), ("gradient", norm)):
            if value - value != 0.0:
                raise RunFailedError(
                    f"The {what} of step {update.step + 1} is not a finite number ({value}); "
                    "the update was not applied.",
                    "Train with a lower learning rate, a longer warm-up (warmup_steps) or "
                    f"clipping (clip=1); the learning rate was {update.rate:.2g}.",
                )
    return [loss for loss, _ in rows]


@dataclass
class Updater:
    """Update a model on its device.

    Attributes:
        group: the ranks that work on the same batches.
        checks_each_update: raise before an update that is not finite; on a GPU the host would
            have to wait for it.
    """

    model: LanguageModel
    device: torch.device
    optimizer: Optimizer
    group: ProcessGroup = field(default_factory=ProcessGroup)
    checks_each_update: bool = field(init=False)
    compiled: CompiledCall = field(init=False)

    def __post_init__(self) -> None:
        self.checks_each_update = self.device.type == "cpu"
        self.compiled = CompiledCall(self.model)
        self._loss = self.group.wrap_loss(self.model)
        self._fits_in_memory = self.checks_each_update or self.group.world_size == 1
        self._found_inf: Tensor | None = None

    def update(
        self, batches: Batches, step: int, rate: float, config: TrainConfig
    ) -> PendingUpdate:
        """Apply update number `step` (from 0). Collective.

        Raises:
            RunFailedError: loss or gradient is not finite, with `checks_each_update`; nothing
                changed.
        """
        self.optimizer.rate, self.optimizer.weight_decay = rate, config.weight_decay or 0.0
        self.model.dropout, self.model.recompute = config.dropout or 0.0, config.recompute
        if config.compile == ON and self.compiled.start():
            self._fits_in_memory = self.group.world_size == 1
        micro_batches = config.accumulation
        if not self._fits_in_memory:
            micro_batches = self._find_micro_batches(batches, step, config)
            self._fits_in_memory = True
        loss, micro_batches = self._compute_gradients(batches, step, micro_batches, config)
        numbers = torch.stack((loss, self._clip_gradients(config)))  # (2,)
        update = PendingUpdate(step, rate, batches.count_targets(step), micro_batches, numbers)
        try:
            self._guard_weights(update)
            self.optimizer.step()
        finally:
            self.optimizer.zero_grad()
        return update

    def _clip_gradients(self, config: TrainConfig) -> Tensor:
        """Clip the gradients; return their norm before, or 0 where that would be extra work."""
        parameters = list(self.model.parameters())
        if config.clip:
            return nn.utils.clip_grad_norm_(parameters, config.clip)
        if self.checks_each_update:
            return torch.zeros((), device=self.device)
        return nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])

    def _guard_weights(self, update: PendingUpdate) -> None:
        """Keep numbers that are not finite out of the weights.

        On a GPU the optimiser skips updates while `found_inf` is 1, as for PyTorch's gradient
        scaler. All updates after the first bad one are skipped: the weights are those before it.
        """
        if self.checks_each_update:
            fetch_losses([update])
            return
        bad = (~update.numbers.isfinite().all()).float()
        self._found_inf = bad if self._found_inf is None else torch.maximum(self._found_inf, bad)
        self.optimizer.found_inf = self._found_inf

    def _find_micro_batches(self, batches: Batches, step: int, config: TrainConfig) -> int:
        """The number of micro-batches that fits into the memory of all ranks. Collective.

        Tried without exchanging gradients: a rank that runs out of memory in the middle of an
        exchange cannot start again.
        """
        _, micro_batches = self._compute_gradients(
            batches, step, config.accumulation, config, exchange=False
        )
        self.optimizer.zero_grad()
        return -self.group.all_reduce_min(-micro_batches)

    def _compute_gradients(
        self,
        batches: Batches,
        step: int,
        micro_batches: int,
        config: TrainConfig,
        *,
        exchange: bool = True,
    ) -> tuple[Tensor, int]:
        """Compute the gradients, with more micro-batches where the memory is too small.

        Returns the loss, (), and the number of micro-batches.
        """
        limit = -(-batches.batch_size // self.group.world_size)
        while True:
            try:
                loss = self._backpropagate(batches, step, micro_batches, config, exchange=exchange)
                return loss, micro_batches
            except Exception as error:
                if exchange and self.group.world_size > 1:
                    raise
                can_split = is_out_of_memory(error) and micro_batches < limit
                if not can_split and not self.compiled.disable(error):
                    raise
            self.optimizer.zero_grad()
            if can_split:
                release_unused_memory(self.device)
                micro_batches = min(2 * micro_batches, limit)

    def _backpropagate(
        self,
        batches: Batches,
        step: int,
        micro_batches: int,
        config: TrainConfig,
        *,
        exchange: bool,
    ) -> Tensor:
        """Leave the gradient of the mean loss over the whole batch in place; that loss, ().

        Args:
            exchange: average the gradients over the ranks, which makes it a collective.
        """
        world_size, rank = self.group.world_size, self.group.rank
        if config.dropout:
            torch.manual_seed(_mix_seed(config.seed, step, rank))
        slots, first = micro_batches * world_size, micro_batches * rank
        counts = [
            batches.count_targets(step, slot, slots) for slot in range(first, first + micro_batches)
        ]
        # A rank without targets takes part in the exchange all the same.
        nonempty = [index for index, count in enumerate(counts) if count] or [0]
        # An encoder's batch can have nothing to mask: then the loss and its gradient are 0.
        all_targets = max(1, batches.count_targets(step))
        total = torch.zeros((), device=self.device)
        for index in nonempty:
            tokens, targets = batches.batch(step, first + index, slots)
            exchanges_now = exchange and index == nonempty[-1]
            with contextlib.nullcontext() if exchanges_now else self.group.no_sync(self._loss):
                with _autocast(config, self.device):
                    loss = self._loss(self._to_device(tokens), self._to_device(targets))
                share = loss * (counts[index] / all_targets)
                # Gradients are averaged over the ranks; the mean wanted is over all targets.
                (share * world_size if world_size > 1 else share).backward()
            total += share.detach()
        return self.group.all_reduce_sum(total) if exchange else total

    def _to_device(self, tensor: Tensor) -> Tensor:
        """Copy the tensor to the device, asynchronously on CUDA."""
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)


def _autocast(config: TrainConfig, device: torch.device) -> contextlib.AbstractContextManager[Any]:
    if config.precision != BFLOAT16:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def _mix_seed(seed: int, step: int, rank: int = 0) -> int:
    """A 63-bit seed for each (seed, step, rank), by SplitMix64's mixing (Steele et al., 2014).

    Rank 0 draws the same numbers as a single process.
    """
    mixed = (seed * 0x9E3779B97F4A7C15 + step + 1 + (rank << 40)) % 2**64
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
    return (mixed ^ (mixed >> 31)) >> 1
