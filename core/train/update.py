"""One update of the weights, a pure function of (weights, seed, step).

A device beside the host is never waited for here: an update whose loss or gradient is not finite
is suppressed on the device, and seen when `fetch_losses` fetches the numbers. A batch that turns
out too
large for the memory is cut into twice as many pieces, which changes nothing but rounding.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from core.config.configs import ON, TrainConfig
from core.errors import RunFailedError
from core.model.decoder import Decoder
from core.model.memory import is_out_of_memory, release_unused_memory
from core.train.batches import Batches
from core.train.compile import CompiledCall
from core.train.distributed import ProcessGroup
from core.train.optim import Optimizer


@dataclass(frozen=True)
class PendingUpdate:
    """An update, the numbers of which may still be on their way.

    Attributes:
        step: its number, from 0.
        rate: its learning rate.
        targets: tokens that entered the loss, on all ranks.
        pieces: the batch was cut into.
        numbers: (2,) the mean loss in nats and, where it was looked at, the gradient's length.
    """

    step: int
    rate: float
    targets: int
    pieces: int
    numbers: Tensor


def fetch_losses(made: Sequence[PendingUpdate]) -> list[float]:
    """The losses of updates; waits for the device, once.

    Raises:
        RunFailedError: a loss or gradient was not finite; the weights are those before it.
    """
    if not made:
        return []
    rows = torch.stack([one.numbers for one in made]).tolist()  # (updates, 2)
    for one, (loss, norm) in zip(made, rows, strict=True):
        for what, value in (("loss", loss), ("gradient", norm)):
            if value - value != 0.0:
                raise RunFailedError(
                    f"The {what} of step {one.step + 1} is not a finite number ({value}); "
                    "the update was not applied.",
                    "Train with a lower learning rate, a longer warm-up (warmup_steps) or "
                    f"clipping (clip=1); the learning rate was {one.rate:.2g}.",
                )
    return [loss for loss, _ in rows]


@dataclass
class Updater:
    """The model, its optimiser and where they live.

    Attributes:
        ranks: who else works on the same batches.
        at_once: whether what is not finite is looked for before an update is applied; on a device
            of its own that would make the host wait.
    """

    model: Decoder
    device: torch.device
    optimizer: Optimizer
    ranks: ProcessGroup = field(default_factory=ProcessGroup)
    at_once: bool = field(init=False)
    compiled: CompiledCall = field(init=False)

    def __post_init__(self) -> None:
        self.at_once = self.device.type == "cpu"
        self.compiled = CompiledCall(self.model)
        self._loss = self.ranks.loss_of(self.model)
        self._rehearsed = self.at_once or self.ranks.world == 1
        self._bad: Tensor | None = None

    def update(
        self, batches: Batches, step: int, rate: float, config: TrainConfig
    ) -> PendingUpdate:
        """Makes update number `step` (from 0).

        Raises:
            RunFailedError: `at_once`, and loss or gradient is not finite; nothing is changed.
        """
        self.optimizer.rate, self.optimizer.weight_decay = rate, config.weight_decay or 0.0
        self.model.dropout, self.model.recompute = config.dropout or 0.0, config.recompute
        if config.compile == ON and self.compiled.start():
            self._rehearsed = self.ranks.world == 1
        pieces = config.accumulation
        if not self._rehearsed:
            pieces, self._rehearsed = self._rehearse(batches, step, config), True
        loss, pieces = self._gradients_in_memory(batches, step, pieces, config)
        numbers = torch.stack((loss, self._length(config)))  # (2,)
        made = PendingUpdate(step, rate, batches.targets(step), pieces, numbers)
        try:
            self._judge(made)
            self.optimizer.step()
        finally:
            self.optimizer.zero_grad()
        return made

    def _length(self, config: TrainConfig) -> Tensor:
        """Clips the gradient; its length before that, or zero where looking would cost a pass."""
        parameters = list(self.model.parameters())
        if config.clip:
            return nn.utils.clip_grad_norm_(parameters, config.clip)
        if self.at_once:
            return torch.zeros((), device=self.device)
        return nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])

    def _judge(self, made: PendingUpdate) -> None:
        """Keeps what is not finite out of the weights: with an error, or on the device.

        There the optimiser leaves out updates while `found_inf` is one, as it does for PyTorch's
        gradient scaler; from the first on all are left out, so the weights are those before it.
        """
        if self.at_once:
            fetch_losses([made])
            return
        bad = (~made.numbers.isfinite().all()).float()
        self._bad = bad if self._bad is None else torch.maximum(self._bad, bad)
        self.optimizer.found_inf = self._bad

    def _rehearse(self, batches: Batches, step: int, config: TrainConfig) -> int:
        """How many pieces a batch needs on all ranks, found before gradients are sent.

        In the middle of sending, a rank that runs out of memory could not begin again.
        """
        _, pieces = self._gradients_in_memory(
            batches, step, config.accumulation, config, sent=False
        )
        self.optimizer.zero_grad()
        return -self.ranks.least(-pieces)

    def _gradients_in_memory(
        self, batches: Batches, step: int, pieces: int, config: TrainConfig, *, sent: bool = True
    ) -> tuple[Tensor, int]:
        """`_gradients` in so many pieces, or in as many more as it takes; and how many."""
        most = -(-batches.batch_size // self.ranks.world)
        while True:
            try:
                return self._gradients(batches, step, pieces, config, sent=sent), pieces
            except Exception as error:
                if sent and self.ranks.world > 1:
                    raise
                smaller = is_out_of_memory(error) and pieces < most
                if not smaller and not self.compiled.give_up(error):
                    raise
            self.optimizer.zero_grad()
            if smaller:
                release_unused_memory(self.device)
                pieces = min(2 * pieces, most)

    def _gradients(
        self, batches: Batches, step: int, pieces: int, config: TrainConfig, *, sent: bool
    ) -> Tensor:
        """Leaves the gradient of the mean loss over the whole batch in place; that loss, ()."""
        if config.dropout:
            torch.manual_seed(_mixed(config.seed, step, self.ranks.rank))
        slots, first = pieces * self.ranks.world, pieces * self.ranks.rank
        counts = [batches.targets(step, slot, slots) for slot in range(first, first + pieces)]
        # A rank without a target takes part in the sending all the same.
        due = [piece for piece, count in enumerate(counts) if count] or [0]
        whole = batches.targets(step)
        total = torch.zeros((), device=self.device)
        for piece in due:
            tokens, targets = batches.batch(step, first + piece, slots)
            sending = sent and piece == due[-1]
            with contextlib.nullcontext() if sending else self.ranks.apart(self._loss):
                with _precision(config, self.device):
                    loss = self._loss(self._there(tokens), self._there(targets))
                share = loss * (counts[piece] / whole)
                # What is sent is averaged; the mean wanted is one over all targets.
                (share * self.ranks.world if self.ranks.world > 1 else share).backward()
            total += share.detach()
        return self.ranks.sum(total) if sent else total

    def _there(self, tensor: Tensor) -> Tensor:
        """The tensor on the device; the host goes on while it is copied."""
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)


def _precision(config: TrainConfig, device: torch.device) -> contextlib.AbstractContextManager[Any]:
    if config.precision != "bfloat16":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def _mixed(seed: int, step: int, rank: int = 0) -> int:
    """One seed of 63 bits from two numbers: SplitMix64's mixing (Steele et al., 2014).

    Ranks draw apart from each other; the first one as a process alone does.
    """
    mixed = (seed * 0x9E3779B97F4A7C15 + step + 1 + (rank << 40)) % 2**64
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
    return (mixed ^ (mixed >> 31)) >> 1
