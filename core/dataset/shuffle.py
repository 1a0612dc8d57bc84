"""The order of an epoch's samples: a permutation that is a function of (seed, epoch, size).

Up to a million samples it is drawn whole. Beyond, it is computed for the asked places alone, so
that a corpus of any size costs the same memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Int64Array = NDArray[np.int64]
MAX_DRAWN_SAMPLES = 1 << 20
FEISTEL_ROUNDS = 6


@dataclass
class EpochShuffle:
    """The orders of all epochs over `size` samples; the last one drawn is kept."""

    size: int
    seed: int
    _drawn: tuple[int, Int64Array] = field(default=(-1, np.empty(0, np.int64)), repr=False)

    def samples(self, epoch: int, places: Int64Array) -> Int64Array:
        """The numbers of the samples at some places of an epoch."""
        if self.size > MAX_DRAWN_SAMPLES:
            keys = epoch_generator(self.seed, epoch, 0).integers(
                1 << 63, size=FEISTEL_ROUNDS, dtype=np.uint64
            )
            return feistel_permutation(places, self.size, keys)
        if self._drawn[0] != epoch:
            self._drawn = (epoch, epoch_generator(self.seed, epoch, 0).permutation(self.size))
        return self._drawn[1][places]


def epoch_generator(seed: int, epoch: int, use: int) -> np.random.Generator:
    """Random numbers of an epoch, for one use of several."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, epoch, use))))


def feistel_permutation(places: Int64Array, size: int, keys: NDArray[np.uint64]) -> Int64Array:
    """A permutation of range(size), at some places of it.

    A Feistel network over the next power of four (Luby and Rackoff, 1988) permutes a range that
    is a little too large; what falls outside is permuted again until it is inside (Black and
    Rogaway, 2002, "Ciphers with Arbitrary Finite Domains").

    Args:
        keys: a random number for each round.
    """
    half = np.uint64(max(1, -(-max(1, size - 1).bit_length() // 2)))  # bits of each side
    found = _network(places.astype(np.uint64), half, keys)
    while (outside := found >= size).any():
        found[outside] = _network(found[outside], half, keys)
    return found.astype(np.int64)


def _network(
    numbers: NDArray[np.uint64], half: np.uint64, keys: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = numbers >> half, numbers & mask
    for key in keys:
        left, right = right, left ^ (_hashed(right ^ key) & mask)
    return (left << half) | right


def _hashed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's mixing (Steele et al., 2014); products wrap around."""
    mixed = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
