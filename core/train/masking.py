"""Masked language modelling: which tokens an encoder has to restore, and what it sees instead.

A part of the tokens of every sample is chosen, 15 % unless set otherwise. Of those, 80 % are
replaced by `<mask>`, 10 % by a random token, and 10 % are left as they are (Devlin et al. 2018,
"BERT", section 3.1). The loss is on the chosen ones alone.

What happens to a token is a pure function of the seed, its place in the corpus and the pass over
it, so a resumed run masks as the uninterrupted one.

Shapes: B samples of a batch, T tokens of the longest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.config.configs import DEFAULT_MASK_SHARE
from core.dataset.shuffle import mix_bits
from core.dataset.spans import Int64Array, Spans
from core.system.files import JsonObject
from core.tokenizer.special_tokens import PAD

REPLACED_BY_MASK, REPLACED_BY_RANDOM = 0.8, 0.1
# The fixed masking of evaluations: the same for every run, so that runs can be compared.
EVALUATION_SEED = 0
GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)  # the step of SplitMix64
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Masking:
    """Masks tokens of a corpus.

    Attributes:
        mask_id: the id of `<mask>`.
        units: the ids that may be chosen and that replace others: no special tokens, no <unk>.
        share: the part of a sample's eligible tokens that is chosen, at least one if there is any.
        seed: of the choice.
    """

    mask_id: int
    units: range
    share: float = DEFAULT_MASK_SHARE
    seed: int = EVALUATION_SEED

    def to_json(self) -> JsonObject:
        """As `from_json` reads it."""
        return {**asdict(self), "units": [self.units.start, self.units.stop]}

    @classmethod
    def from_json(cls, values: JsonObject) -> Masking:
        """Rebuild it on another rank."""
        return cls(**{**values, "units": range(*values["units"])})

    def for_evaluation(self) -> Masking:
        """The fixed masking of the validation part, the same for every run on the same tokens."""
        return Masking(self.mask_id, self.units)

    def batch(
        self, ids: NDArray[np.unsignedinteger], spans: Spans, passes: Int64Array
    ) -> tuple[Tensor, Tensor]:
        """Inputs and targets, int64 (B, T); targets of tokens that were not chosen are PAD.

        Args:
            ids: all tokens of the corpus.
            spans: the token ranges of the samples.
            passes: (B,) how often each sample was seen before.
        """
        tokens, places = _gather(ids, spans)
        if len(passes) < len(tokens):  # a slice without samples is one row of padding
            passes = np.zeros(len(tokens), np.int64)
        eligible = self._is_eligible(tokens)
        # (B, T) each: which tokens are chosen, whether they are replaced, and by which random id.
        order_draws, kind_draws, id_draws = (self._draw(places, passes, use) for use in range(3))
        draws = np.where(eligible, order_draws, np.inf)
        order = draws.argsort(axis=1, kind="stable").argsort(axis=1)  # of each token in its sample
        chosen = order < self._count(eligible)[:, None]  # (B, T)
        random_ids = self.units.start + (id_draws * len(self.units)).astype(np.int64)
        inputs = np.select(
            [
                chosen & (kind_draws < REPLACED_BY_MASK),
                chosen & (kind_draws < REPLACED_BY_MASK + REPLACED_BY_RANDOM),
            ],
            [np.full_like(tokens, self.mask_id), random_ids],
            tokens,
        )
        return torch.from_numpy(inputs), torch.from_numpy(np.where(chosen, tokens, PAD))

    def choose(self, ids: Sequence[int]) -> list[int]:
        """Indices of the tokens of one text that are chosen on the first pass, in order."""
        text = np.array(ids, np.uint32)
        span = Spans(np.zeros(1, np.int64), np.array([len(text)], np.int64))
        _, targets = self.batch(text, span, np.zeros(1, np.int64))
        chosen: list[int] = targets[0].nonzero()[:, 0].tolist()
        return chosen

    def count_targets(self, ids: NDArray[np.unsignedinteger], spans: Spans) -> int:
        """Number of targets of `batch`."""
        tokens, _ = _gather(ids, spans)
        return int(self._count(self._is_eligible(tokens)).sum())

    def _is_eligible(self, tokens: Int64Array) -> BoolArray:
        eligible: BoolArray = (tokens >= self.units.start) & (tokens < self.units.stop)
        return eligible

    def _count(self, eligible: BoolArray) -> Int64Array:
        """(B,) how many tokens of each sample are chosen."""
        available = eligible.sum(axis=1)
        wanted = np.maximum(np.rint(self.share * available), 1).astype(np.int64)
        counts: Int64Array = np.minimum(wanted, available)
        return counts

    def _draw(self, places: Int64Array, passes: Int64Array, use: int) -> NDArray[np.float64]:
        """(B, T) uniform in [0, 1); each pass and each `use` has independent numbers."""
        stream = np.random.SeedSequence((self.seed, use)).generate_state(1, np.uint64)
        keys = mix_bits(stream + passes.astype(np.uint64) * GOLDEN_GAMMA)  # (B,)
        bits = mix_bits(keys[:, None] + places.astype(np.uint64) * GOLDEN_GAMMA)  # (B, T)
        return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _gather(ids: NDArray[np.unsignedinteger], spans: Spans) -> tuple[Int64Array, Int64Array]:
    """Tokens and their places in the corpus, (B, T) each, padded to the longest; B and T ≥ 1."""
    shape = (max(1, len(spans)), int(spans.lengths.max(initial=1)))
    tokens, places = np.full(shape, PAD, np.int64), np.zeros(shape, np.int64)
    for row, (head, body) in enumerate(spans):
        assert head.start == head.stop, "lines and windows have no head"
        length = body.stop - body.start
        tokens[row, :length] = ids[body]
        places[row, :length] = np.arange(body.start, body.stop)
    return tokens, places
