"""Labelling texts: what an encoder with a head of labels reads, and what it is to answer.

A pair is stored as `<sos> <|user|> text <|end|> <|assistant|> label <|end|>`. The encoder reads it
up to the first `<|end|>`, or as much as fits into its context, and answers at <sos>.

Shapes: B samples of a batch, T tokens of the longest text, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.dataset.spans import Int64Array, Spans
from core.errors import InputError
from core.system.files import JsonObject
from core.tokenizer.special_tokens import EOS, PAD
from core.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True)
class Labelling:
    """Cuts pairs of a text and a label into inputs and targets.

    Attributes:
        labels: the ids of each label with its end, in the order of the head.
        context: tokens that the encoder reads at most.
    """

    labels: tuple[tuple[int, ...], ...]
    context: int

    @classmethod
    def encode(cls, tokenizer: Tokenizer, labels: Sequence[str], context: int) -> Labelling:
        """Encode the labels of a run.

        Raises:
            InputError: one is not in the vocabulary, so that it cannot be told from others.
        """
        for label in labels:
            if tokenizer.unk_id is not None and tokenizer.unk_id in tokenizer.encode(label):
                raise InputError(
                    f"The label {label!r} is not in the vocabulary.",
                    "Choose a larger vocabulary (--vocab-size), or --tokenizer bpe.",
                )
        return cls(tuple((*tokenizer.encode(label), EOS) for label in labels), context)

    def to_json(self) -> JsonObject:
        """As `from_json` reads it."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: JsonObject) -> Labelling:
        """Rebuild it on another rank."""
        return cls(tuple(map(tuple, values["labels"])), values["context"])

    def for_evaluation(self) -> Labelling:
        """Itself: nothing is random."""
        return self

    def batch(
        self, ids: NDArray[np.unsignedinteger], spans: Spans, passes: Int64Array
    ) -> tuple[Tensor, Tensor]:
        """Inputs and targets, int64 (B, T): at <sos> the label's number from 1, PAD elsewhere.

        Args:
            ids: all tokens of the corpus.
            spans: the token ranges of whole pairs.
            passes: not used, see `core.train.masking.Masking.batch`.
        """
        pairs = [self._split(ids[body]) for _, body in spans]
        longest = max((len(text) for text, _ in pairs), default=1)
        shape = max(1, len(pairs)), min(longest, self.context)
        inputs, targets = np.full(shape, PAD, np.int64), np.full(shape, PAD, np.int64)
        for row, (text, label) in enumerate(pairs):
            length = min(len(text), self.context)
            inputs[row, :length] = text[:length]
            targets[row, 0] = 1 + label
        return torch.from_numpy(inputs), torch.from_numpy(targets)

    def count_targets(self, ids: NDArray[np.unsignedinteger], spans: Spans) -> int:
        """Number of targets of `batch`: one for each pair."""
        return len(spans)

    def count_labels(self, ids: NDArray[np.unsignedinteger], spans: Spans) -> Int64Array:
        """(L,) how many pairs have each label."""
        counts = np.zeros(len(self.labels), np.int64)
        for _, body in spans:
            counts[self._split(ids[body])[1]] += 1
        return counts

    def _split(self, pair: NDArray[np.unsignedinteger]) -> tuple[NDArray[np.unsignedinteger], int]:
        """The text of a pair up to its `<|end|>`, and the number of its label, from 0."""
        end = int((pair == EOS).argmax()) + 1
        label = pair[end + 1 :]  # after <|assistant|>
        return pair[:end], self._numbers[tuple(label.tolist())]

    @cached_property
    def _numbers(self) -> dict[tuple[int, ...], int]:
        return {label: number for number, label in enumerate(self.labels)}
