"""The distribution of the next token in figures, before and after the sampling settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.config.configs import SamplingConfig
from core.server.replies import NextTokensReply
from core.server.tokens import SessionToken
from tui.explore.candidates import SPECIAL, perplexity, removed_by

BITS = math.log(2)  # nats per bit
TOP_COUNTS = (1, 4)
LEVELS, ASCII_LEVELS = "▁▂▃▄▅▆▇█", "_.-=^"


@dataclass(frozen=True)
class Distribution:
    """Figures of one prediction.

    Attributes:
        entropy, entropy_as_set: in bits, under the model and after the settings.
        most: the entropy if all tokens of the vocabulary were equally likely, in bits.
        tops: what the likeliest tokens hold together under the model, by their number.
        surprises: of each token so far that another precedes, in bits.
        perplexity: of these tokens, as text.
        effects: what each setting that removed tokens left: its name, the number of tokens, and
            their probability under the model.
    """

    entropy: float
    entropy_as_set: float
    most: float
    tops: tuple[tuple[int, float], ...]
    surprises: tuple[float, ...]
    perplexity: str
    effects: tuple[tuple[str, int, float], ...]


def describe_distribution(
    view: NextTokensReply,
    settings: SamplingConfig,
    surprises: Sequence[float] = (),
    rows: int = 0,
) -> Distribution:
    """Gather the figures of a prediction.

    Args:
        surprises: of the tokens so far, in bits.
        rows: how many of the likeliest tokens one sees; their share is one of the tops.
    """
    counts = dict.fromkeys((*TOP_COUNTS, min(rows, len(view.top))))
    likeliest = [token.probability for token in view.top]
    return Distribution(
        view.entropy / BITS,
        view.entropy_as_set / BITS,
        math.log2(max(2, view.vocab_size)),
        tuple((n, sum(likeliest[:n])) for n in sorted(counts) if 0 < n <= len(likeliest)),
        tuple(surprises),
        perplexity(sum(surprises) * BITS / len(surprises) if surprises else None),
        tuple(
            (removed_by(effect.setting, settings), effect.kept, effect.share)
            for effect in view.effects
            if effect.setting != SPECIAL
        ),
    )


def surprise(probability: float) -> float:
    """The surprise of a token in bits."""
    return -math.log2(max(probability, 1e-300)) + 0.0


def surprises(path: Sequence[SessionToken]) -> list[float]:
    """The surprise of each token whose probability is known, in bits."""
    return [surprise(token.probability) for token in path if token.probability is not None]


def columns(values: Sequence[float], rows: int = 1, *, is_ascii: bool = False) -> list[str]:
    """Draw values as columns from zero to the largest, the top row first.

    Args:
        values: finite, none below zero.
    """
    levels = ASCII_LEVELS if is_ascii else LEVELS
    most = max(values, default=0.0) or 1.0
    # At least the lowest level: a token without surprise is a token too.
    heights = [max(1, round(value / most * rows * len(levels))) for value in values]
    lines = []
    for row in reversed(range(rows)):
        parts = [min(len(levels), height - row * len(levels)) for height in heights]
        lines.append("".join(levels[part - 1] if part > 0 else " " for part in parts))
    return lines
