"""Batches of padded lines or of windows of running text.

Shapes: B samples of a batch, T tokens of the longest. A batch is a pure function of the seed and
its samples' numbers, which run on over the epochs: batch k of a resumed run is batch k of the
uninterrupted one, and each rank takes its slice by number. Every epoch is a pass over all samples
in a new order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.config.plan_inputs import count_windows
from core.dataset.shuffle import EpochShuffle, epoch_generator
from core.dataset.token_store import Int64Array, TokenFile
from core.tokenizer.special_tokens import PAD


@dataclass(frozen=True)
class LineSamples:
    """Lines of a corpus; a line longer than the context becomes several samples.

    Attributes:
        begins, ends: (size,) token ranges; the last id of a range is only a target.
    """

    begins: Int64Array
    ends: Int64Array

    @property
    def size(self) -> int:
        """Samples per epoch."""
        return len(self.begins)

    def spans(self, numbers: Int64Array, shift: int) -> tuple[Int64Array, Int64Array]:
        """The token ranges of these samples; lines are not shifted."""
        return self.begins[numbers], self.ends[numbers]

    def count_targets(self) -> int:
        """Targets of all samples."""
        return int((self.ends - self.begins - 1).sum())


@dataclass(frozen=True)
class WindowSamples:
    """Windows of `context` tokens over the token range [begin, end); every token is a target.

    Each epoch shifts the grid of windows, so that a token is not always seen at the same position.
    """

    begin: int
    end: int
    context: int

    @property
    def size(self) -> int:
        """Samples per epoch."""
        return count_windows(self.end - self.begin - 1, self.context)

    def spans(self, numbers: Int64Array, shift: int) -> tuple[Int64Array, Int64Array]:
        """The token ranges of these windows when the grid starts `shift` tokens early."""
        last = max(self.begin, self.end - 1 - self.context)
        begins = np.clip(self.begin + numbers * self.context - shift, self.begin, last)
        return begins, np.minimum(begins + self.context + 1, self.end)


def cut_samples(tokens: TokenFile, part: str, context: int) -> LineSamples | WindowSamples:
    """The samples of the "train" or the "validation" part."""
    if tokens.reading == "text":
        begin, end = tokens.train_span if part == "train" else tokens.val_span
        return WindowSamples(begin=begin, end=end, context=context)
    numbers = tokens.train_samples if part == "train" else tokens.val_samples
    return _cut_ranges(tokens.starts[numbers], tokens.starts[numbers + 1], context)


def cut_evaluation_samples(
    tokens: TokenFile, part: str, context: int, max_tokens: int | None = None
) -> LineSamples:
    """The samples of a part in its own order and without overlap.

    Args:
        max_tokens: tokens of running text after which the rest may be left out.
    """
    samples = cut_samples(tokens, part, context)
    if isinstance(samples, LineSamples):
        return samples
    end = samples.end
    if max_tokens is not None:
        end = min(end, samples.begin + max_tokens + context + 1)
    return _cut_ranges(np.array([samples.begin]), np.array([end]), context)


def _cut_ranges(begins: Int64Array, ends: Int64Array, context: int) -> LineSamples:
    """Cut ranges into pieces of at most context + 1 ids; neighbours share the id at the cut.

    As many pieces as `core.config.plan_inputs.count_pieces` says, here for all ranges at once.
    """
    pieces = np.maximum(1, -(-(ends - begins - 1) // context))
    line = np.repeat(np.arange(len(begins)), pieces)
    within = np.arange(len(line)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    starts = begins[line] + within * context
    return LineSamples(begins=starts, ends=np.minimum(starts + context + 1, ends[line]))


@dataclass
class Batches:
    """The training batches of a run.

    Attributes:
        ids: all tokens of the corpus, memory-mapped.
        samples: the training part.
        batch_size: samples per update.
        seed: of the order of samples.
    """

    ids: NDArray[np.unsignedinteger]
    samples: LineSamples | WindowSamples
    batch_size: int
    seed: int
    _order: EpochShuffle = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._order = EpochShuffle(self.samples.size, self.seed)

    @property
    def steps_per_epoch(self) -> float:
        """Updates per pass over the training part."""
        return self.samples.size / self.batch_size

    def batch(self, step: int, slot: int = 0, slots: int = 1) -> tuple[Tensor, Tensor]:
        """Inputs and targets, int64 (B, T), of update `step`.

        Args:
            slot: which of `slots` nearly equal slices of the batch.

        Targets after the end of a line are PAD.
        """
        return gather_batch(self.ids, *self._spans(self._slice(step, slot, slots)))

    def count_targets(self, step: int, slot: int = 0, slots: int = 1) -> int:
        """Number of targets of `batch`, without reading it."""
        begins, ends = self._spans(self._slice(step, slot, slots))
        return int((ends - begins - 1).sum())

    def _slice(self, step: int, slot: int, slots: int) -> Int64Array:
        first = step * self.batch_size
        return np.array_split(np.arange(first, first + self.batch_size), slots)[slot]

    def _spans(self, numbers: Int64Array) -> tuple[Int64Array, Int64Array]:
        epochs, positions = np.divmod(numbers, self.samples.size)
        begins, ends = np.empty_like(numbers), np.empty_like(numbers)
        for epoch in np.unique(epochs):
            mask = epochs == epoch
            shuffled = self._order.samples(int(epoch), positions[mask])
            begins[mask], ends[mask] = self.samples.spans(shuffled, self._shift(int(epoch)))
        return begins, ends

    def _shift(self, epoch: int) -> int:
        if isinstance(self.samples, LineSamples):
            return 0
        return int(epoch_generator(self.seed, epoch, 1).integers(self.samples.context))


def iter_batches_in_order(
    ids: NDArray[np.unsignedinteger],
    samples: LineSamples,
    batch_size: int,
    max_targets: int | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and targets (B, T) from the beginning.

    Args:
        max_targets: stop before the sample that exceeds it, but not before the first.
    """
    begins, ends = samples.begins, samples.ends
    if max_targets is not None:
        # Every sample has a target or more.
        begins, ends = begins[: max_targets + 1], ends[: max_targets + 1]
        targets = np.cumsum(ends - begins - 1)
        count = max(1, int(np.searchsorted(targets, max_targets, side="right")))
        begins, ends = begins[:count], ends[:count]
    for first in range(0, len(begins), batch_size):
        yield gather_batch(
            ids, begins[first : first + batch_size], ends[first : first + batch_size]
        )


def gather_batch(
    ids: NDArray[np.unsignedinteger], begins: Int64Array, ends: Int64Array
) -> tuple[Tensor, Tensor]:
    """Inputs and targets, int64 (B, T), of the ranges [begin, end), padded to the longest.

    Without ranges they are one row of padding: B and T are at least 1.
    """
    lengths = ends - begins
    shape = (max(1, len(begins)), int(lengths.max(initial=2)))
    table = np.full(shape, PAD, np.int64)  # (B, T + 1)
    for row, begin, length in zip(table, begins, lengths, strict=False):
        row[:length] = ids[begin : begin + length]
    padded = torch.from_numpy(table)
    return padded[:, :-1].contiguous(), padded[:, 1:].contiguous()
