"""The order of samples in an epoch: a permutation that is a function of (seed, epoch, size).

Up to a million samples it is drawn whole. Beyond, it is computed only at the requested positions,
in memory that does not grow with the corpus.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.dataset.spans import Int64Array

MAX_DRAWN_SAMPLES = 1 << 20
FEISTEL_ROUNDS = 6


@dataclass
class EpochShuffle:
    """The sample order of every epoch over `size` samples; caches the last drawn one."""

    size: int
    seed: int
    _drawn: tuple[int, Int64Array] = field(default=(-1, np.empty(0, np.int64)), repr=False)

    def samples(self, epoch: int, positions: Int64Array) -> Int64Array:
        """Return the sample numbers at some positions of an epoch."""
        if self.size > MAX_DRAWN_SAMPLES:
            random = epoch_generator(self.seed, epoch, 0)
            keys = random.integers(1 << 63, size=FEISTEL_ROUNDS, dtype=np.uint64)
            return feistel_permutation(positions, self.size, keys)
        if self._drawn[0] != epoch:
            self._drawn = (epoch, epoch_generator(self.seed, epoch, 0).permutation(self.size))
        return self._drawn[1][positions]


def epoch_generator(seed: int, epoch: int, use: int) -> np.random.Generator:
    """Return the random generator of an epoch; each `use` has independent numbers."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, epoch, use))))


def feistel_permutation(positions: Int64Array, size: int, keys: NDArray[np.uint64]) -> Int64Array:
    """Return the values of a permutation of range(size) at some positions.

    A Feistel network (Luby and Rackoff, 1988) permutes the next power of four; values outside the
    range are permuted again until they fall inside (cycle walking: Black and Rogaway, 2002,
    "Ciphers with Arbitrary Finite Domains").

    Args:
        keys: a random number per round.
    """
    half_bits = np.uint64(max(1, -(-max(1, size - 1).bit_length() // 2)))
    values = _feistel_network(positions.astype(np.uint64), half_bits, keys)
    while (is_outside := values >= size).any():
        values[is_outside] = _feistel_network(values[is_outside], half_bits, keys)
    return values.astype(np.int64)


def _feistel_network(
    numbers: NDArray[np.uint64], half_bits: np.uint64, keys: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    mask = (np.uint64(1) << half_bits) - np.uint64(1)
    left, right = numbers >> half_bits, numbers & mask
    for key in keys:
        left, right = right, left ^ (mix_bits(right ^ key) & mask)
    return (left << half_bits) | right


def mix_bits(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix bits as in SplitMix64 (Steele et al., 2014); products wrap around."""
    mixed = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
