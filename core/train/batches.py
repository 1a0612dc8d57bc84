"""Batches of padded lines, of pieces of conversations, or of windows of running text.

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
from core.dataset.conversations import cut_conversations
from core.dataset.shuffle import EpochShuffle, epoch_generator
from core.dataset.spans import Int64Array, Spans
from core.dataset.token_store import TokenFile
from core.text.corpus import CHAT_READINGS, TEXT
from core.tokenizer.special_tokens import PAD
from core.train.objective import Objective


@dataclass(frozen=True)
class LineSamples:
    """Lines or conversations of a corpus; one longer than the context becomes several samples.

    Attributes:
        pieces: (size,) token ranges; the last id of a range is only a target.
        is_target: (N,) for each token of the corpus 1 if it is to be predicted; None for all.
    """

    pieces: Spans
    is_target: NDArray[np.uint8] | None = None

    @property
    def size(self) -> int:
        """Samples per epoch."""
        return len(self.pieces)

    def spans(self, numbers: Int64Array, shift: int) -> Spans:
        """The token ranges of these samples; they are not shifted."""
        return self.pieces.take(numbers)

    def count_targets(self) -> int:
        """Targets of all samples."""
        return int(self.pieces.count_targets(self.is_target).sum())


@dataclass(frozen=True)
class WindowSamples:
    """Windows of `context` tokens over the token range [begin, end); every token is a target.

    Each epoch shifts the grid of windows, so that a token is not always seen at the same position.
    """

    begin: int
    end: int
    context: int
    is_target: None = None

    @property
    def size(self) -> int:
        """Samples per epoch."""
        return count_windows(self.end - self.begin - 1, self.context)

    def spans(self, numbers: Int64Array, shift: int) -> Spans:
        """The token ranges of these windows when the grid starts `shift` tokens early."""
        last = max(self.begin, self.end - 1 - self.context)
        begins = np.clip(self.begin + numbers * self.context - shift, self.begin, last)
        return Spans(begins, np.minimum(begins + self.context + 1, self.end))


def cut_samples(
    tokens: TokenFile, part: str, context: int, *, only_replies: bool = True
) -> LineSamples | WindowSamples:
    """The samples of the "train" or the "validation" part.

    Args:
        context: targets of a sample at most. It has one id more, which a decoder does not read.
        only_replies: of conversations only what the assistant says is to be predicted.
    """
    if tokens.reading == TEXT:
        begin, end = tokens.train_span if part == "train" else tokens.val_span
        return WindowSamples(begin=begin, end=end, context=context)
    numbers = tokens.train_samples if part == "train" else tokens.val_samples
    if tokens.reading in CHAT_READINGS:
        is_target = tokens.is_reply if only_replies else None
        return LineSamples(cut_conversations(tokens, numbers, context).pieces, is_target)
    return LineSamples(_cut_ranges(tokens.starts[numbers], tokens.starts[numbers + 1], context))


def cut_evaluation_samples(
    tokens: TokenFile,
    part: str,
    context: int,
    max_tokens: int | None = None,
    *,
    only_replies: bool = True,
) -> LineSamples:
    """The samples of a part in its own order and without overlap.

    Args:
        max_tokens: tokens of running text after which the rest may be left out.
        only_replies: as for `cut_samples`.
    """
    samples = cut_samples(tokens, part, context, only_replies=only_replies)
    if isinstance(samples, LineSamples):
        return samples
    end = samples.end
    if max_tokens is not None:
        end = min(end, samples.begin + max_tokens + context + 1)
    return LineSamples(_cut_ranges(np.array([samples.begin]), np.array([end]), context))


def _cut_ranges(begins: Int64Array, ends: Int64Array, context: int) -> Spans:
    """Cut ranges into pieces of at most context + 1 ids; neighbours share the id at the cut.

    As many pieces as `core.config.plan_inputs.count_pieces` says, here for all ranges at once.
    """
    pieces = np.maximum(1, -(-(ends - begins - 1) // context))
    line = np.repeat(np.arange(len(begins)), pieces)
    within = np.arange(len(line)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    starts = begins[line] + within * context
    return Spans(starts, np.minimum(starts + context + 1, ends[line]))


@dataclass
class Batches:
    """The training batches of a run.

    Attributes:
        ids: all tokens of the corpus, memory-mapped.
        samples: the training part.
        batch_size: samples per update.
        seed: of the order of samples.
        sorted_batches: how many batches in a row share out their samples by length, for less
            padding; the batches come in a random order. 1 for no sorting.
        objective: of an encoder; None for a decoder, whose targets are the next tokens.
        no_target: stands for targets of a decoder that are not to be predicted.
    """

    ids: NDArray[np.unsignedinteger]
    samples: LineSamples | WindowSamples
    batch_size: int
    seed: int
    sorted_batches: int = 1
    objective: Objective | None = None
    no_target: int = PAD
    _order: EpochShuffle = field(init=False, repr=False)
    _group: tuple[int, Int64Array] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._order = EpochShuffle(self.samples.size, self.seed)
        self._group = -1, np.empty(0, np.int64)

    @property
    def steps_per_epoch(self) -> float:
        """Updates per pass over the training part."""
        return self.samples.size / self.batch_size

    def batch(self, step: int, slot: int = 0, slots: int = 1) -> tuple[Tensor, Tensor]:
        """Inputs and targets, int64 (B, T), of update `step`.

        Targets after the end of a sample are `no_target`, and so are those that are not to be
        predicted.

        Args:
            slot: which of `slots` nearly equal slices of the batch.
        """
        numbers = self._slice(step, slot, slots)
        spans = self._spans(numbers)
        if self.objective is not None:
            return self.objective.batch(self.ids, spans, numbers // self.samples.size)
        return gather_batch(self.ids, spans, self.samples.is_target, self.no_target)

    def count_targets(self, step: int, slot: int = 0, slots: int = 1) -> int:
        """Number of targets of `batch`."""
        spans = self._spans(self._slice(step, slot, slots))
        if self.objective is not None:
            return self.objective.count_targets(self.ids, spans)
        return int(spans.count_targets(self.samples.is_target).sum())

    def _slice(self, step: int, slot: int, slots: int) -> Int64Array:
        first = step * self.batch_size
        numbers = np.arange(first, first + self.batch_size)
        if self.sorted_batches > 1:
            group, place = divmod(step, self.sorted_batches)
            numbers = self._sort_group(group)[place]
        return np.array_split(numbers, slots)[slot]

    def _sort_group(self, group: int) -> Int64Array:
        """The sample numbers (sorted_batches, B) of a group of batches, each of similar lengths."""
        if self._group[0] != group:
            count = self.sorted_batches * self.batch_size
            numbers = np.arange(group * count, (group + 1) * count)
            by_length = np.argsort(self._spans(numbers).lengths, kind="stable")
            batches = np.sort(numbers[by_length].reshape(self.sorted_batches, -1), axis=1)
            self._group = group, epoch_generator(self.seed, group, 2).permutation(batches)
        return self._group[1]

    def _spans(self, numbers: Int64Array) -> Spans:
        epochs, positions = np.divmod(numbers, self.samples.size)
        parts = []
        for epoch in np.unique(epochs):  # numbers rise, and so do their epochs
            shuffled = self._order.samples(int(epoch), positions[epochs == epoch])
            parts.append(self.samples.spans(shuffled, self._shift(int(epoch))))
        return Spans.join(parts)

    def _shift(self, epoch: int) -> int:
        if isinstance(self.samples, LineSamples):
            return 0
        return int(epoch_generator(self.seed, epoch, 1).integers(self.samples.context))


def iter_spans_in_order(
    samples: LineSamples,
    batch_size: int,
    max_targets: int | None = None,
) -> Iterator[Spans]:
    """The token ranges of each batch, from the beginning.

    Args:
        max_targets: stop before the sample that exceeds it, but not before the first.
    """
    pieces = samples.pieces
    if max_targets is not None:
        # Every sample has a target or more.
        pieces = pieces[: max_targets + 1]
        targets = np.cumsum(pieces.count_targets(samples.is_target))
        pieces = pieces[: max(1, int(np.searchsorted(targets, max_targets, side="right")))]
    for first in range(0, len(pieces), batch_size):
        yield pieces[first : first + batch_size]


def gather_batch(
    ids: NDArray[np.unsignedinteger],
    spans: Spans,
    is_target: NDArray[np.uint8] | None = None,
    no_target: int = PAD,
) -> tuple[Tensor, Tensor]:
    """Inputs and targets, int64 (B, T), of token ranges, padded to the longest.

    Without ranges they are one row of padding: B and T are at least 1.

    Args:
        is_target: (N,) for each token 1 if it is to be predicted.
        no_target: the other targets, and those after the end of a sample.
    """
    lengths = spans.lengths
    shape = (max(1, len(spans)), int(lengths.max(initial=2)))
    tokens = np.full(shape, PAD, np.int64)  # (B, T + 1)
    is_shared = is_target is None and no_target == PAD
    targets = tokens if is_shared else np.full(shape, no_target, np.int64)
    for row, (head, body) in enumerate(spans):
        at = head.stop - head.start
        end = at + body.stop - body.start
        tokens[row, :at], tokens[row, at:end] = ids[head], ids[body]
        if is_target is not None:
            targets[row, at:end] = np.where(is_target[body], ids[body], no_target)
        elif not is_shared:
            targets[row, :end] = tokens[row, :end]
    rows = torch.from_numpy(tokens)
    return rows[:, :-1].contiguous(), torch.from_numpy(targets)[:, 1:].contiguous()
