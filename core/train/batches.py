"""Batches as a pure function of (seed, sample number): padded lines or windows of a stream.

Shapes: B samples of a batch, T the longest of them. Sample numbers count on over the epochs;
each epoch is a real pass in an order of its own, so batch k of a resumed run is batch k of the
uninterrupted one, and a rank of many takes its slice by number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.dataset.shuffle import EpochShuffle, epoch_generator
from core.dataset.token_store import TokenFile
from core.tokenizer.special_tokens import PAD

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class LineSamples:
    """Lines of a corpus; one longer than the context continues as a further sample.

    Attributes:
        begins, ends: (size,) token ranges; the last id of a range is only a target.
    """

    begins: IntArray
    ends: IntArray

    @property
    def size(self) -> int:
        """Samples of one epoch."""
        return len(self.begins)

    def spans(self, numbers: IntArray, shift: int) -> tuple[IntArray, IntArray]:
        """The ranges of these samples; lines have no shift."""
        return self.begins[numbers], self.ends[numbers]


@dataclass(frozen=True)
class WindowSamples:
    """Windows of `context` tokens over the token range [begin, end); every token is a target.

    Each epoch starts its windows at another place, so that a token is not always seen with the
    same distance to the start.
    """

    begin: int
    end: int
    context: int

    @property
    def size(self) -> int:
        """Samples of one epoch: enough that a shifted grid still reaches both ends."""
        targets = self.end - self.begin - 1
        return 1 if targets <= self.context else -(-targets // self.context) + 1

    def spans(self, numbers: IntArray, shift: int) -> tuple[IntArray, IntArray]:
        """The ranges of these windows when the grid starts `shift` tokens early."""
        last = max(self.begin, self.end - 1 - self.context)
        begins = np.clip(self.begin + numbers * self.context - shift, self.begin, last)
        return begins, np.minimum(begins + self.context + 1, self.end)


def cut_samples(tokens: TokenFile, part: str, context: int) -> LineSamples | WindowSamples:
    """The samples of the "train" or the "validation" part."""
    if tokens.reading == "text":
        begin, end = tokens.train_span if part == "train" else tokens.val_span
        return WindowSamples(begin=begin, end=end, context=context)
    numbers = tokens.train_samples if part == "train" else tokens.val_samples
    return _cut(tokens.starts[numbers], tokens.starts[numbers + 1], context)


def _cut(begins: IntArray, ends: IntArray, context: int) -> LineSamples:
    """Ranges of at most context + 1 ids; the pieces of one line share one id at each cut."""
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
        samples: how they are cut.
        batch_size: samples of one update.
        seed: of the order.
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
        """Updates in one pass over the part."""
        return self.samples.size / self.batch_size

    def batch(self, step: int, slot: int = 0, slots: int = 1) -> tuple[Tensor, Tensor]:
        """Inputs and targets (B, T) of update `step`; one of `slots` equal shares if asked.

        A target is PAD where a line has ended.
        """
        return gather_batch(self.ids, *self._spans(self._share(step, slot, slots)))

    def targets(self, step: int, slot: int = 0, slots: int = 1) -> int:
        """How many targets `batch` would give, without reading it."""
        begins, ends = self._spans(self._share(step, slot, slots))
        return int((ends - begins - 1).sum())

    def _share(self, step: int, slot: int, slots: int) -> IntArray:
        first = step * self.batch_size
        return np.array_split(np.arange(first, first + self.batch_size), slots)[slot]

    def _spans(self, numbers: IntArray) -> tuple[IntArray, IntArray]:
        epochs, places = np.divmod(numbers, self.samples.size)
        begins, ends = np.empty_like(numbers), np.empty_like(numbers)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            chosen = self._order.samples(int(epoch), places[here])
            begins[here], ends[here] = self.samples.spans(chosen, self._shift(int(epoch)))
        return begins, ends

    def _shift(self, epoch: int) -> int:
        if isinstance(self.samples, LineSamples):
            return 0
        return int(epoch_generator(self.seed, epoch, 1).integers(self.samples.context))


def gather_batch(
    ids: NDArray[np.unsignedinteger], begins: IntArray, ends: IntArray
) -> tuple[Tensor, Tensor]:
    """The samples [begin, end) padded to the longest: inputs and targets, int64 (B, T).

    Of no samples a row of padding: B is at least 1, and T too.
    """
    lengths = ends - begins
    shape = (max(1, len(begins)), int(lengths.max(initial=2)))
    table = np.full(shape, PAD, np.int64)  # (B, T + 1)
    for row, begin, length in zip(table, begins, lengths, strict=False):
        row[:length] = ids[begin : begin + length]
    whole = torch.from_numpy(table)
    return whole[:, :-1].contiguous(), whole[:, 1:].contiguous()


def cut_evaluation_samples(
    tokens: TokenFile, part: str, context: int, most: int | None = None
) -> LineSamples:
    """The part cut without overlap, in its own order, for an evaluation.

    Args:
        most: tokens of a text after which the rest may be left out.
    """
    samples = cut_samples(tokens, part, context)
    if isinstance(samples, LineSamples):
        return samples
    end = samples.end if most is None else min(samples.end, samples.begin + most + context + 1)
    return _cut(np.array([samples.begin]), np.array([end]), context)


def iter_batches_in_order(
    ids: NDArray[np.unsignedinteger], pieces: LineSamples, batch_size: int, most: int | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and targets (B, T) from the beginning; whole pieces of together <= `most` targets."""
    begins, ends = pieces.begins, pieces.ends
    if most is not None:
        begins, ends = begins[: most + 1], ends[: most + 1]  # a piece has a target or more
        count = max(1, int(np.searchsorted(np.cumsum(ends - begins - 1), most, side="right")))
        begins, ends = begins[:count], ends[:count]
    for first in range(0, len(begins), batch_size):
        yield gather_batch(
            ids, begins[first : first + batch_size], ends[first : first + batch_size]
        )
