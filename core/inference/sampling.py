"""Sampling: from logits to a token by named stages in a fixed order, then one draw.

Every stage is a pure function from logits (…, V) to logits (…, V), where removed ids are -inf. No
stage but `remove_special` removes the most likely id.

Shapes: V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.config.configs import SamplingConfig
from core.errors import RunFailedError
from core.tokenizer.special_tokens import NEVER_GENERATED

REMOVED_LOGIT = float("-inf")
SPECIAL = "special"
TEMPERATURE = "temperature"


@dataclass(frozen=True)
class SamplingStage:
    """A step from the model's logits to the final ones.

    Attributes:
        name: the setting it belongs to, or "special".
        apply: from logits (…, V) and the mask (V,) of the ids so far to logits (…, V).
    """

    name: str
    apply: Callable[[Tensor, Tensor], Tensor]


def remove_special(logits: Tensor, ids: Sequence[int] = NEVER_GENERATED) -> Tensor:
    """Remove the special tokens that are never generated."""
    logits = logits.clone()
    for id in ids:
        logits.select(-1, id).fill_(REMOVED_LOGIT)
    return logits


def repetition_penalty(logits: Tensor, penalty: float, previous: Tensor) -> Tensor:
    """Make earlier ids less likely (Keskar et al. 2019, CTRL).

    A positive logit is divided by the penalty, a negative one multiplied by it.

    Args:
        previous: (…, V) boolean, see `occurrence_mask`.
    """
    penalised = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(previous, penalised, logits)


def temperature(logits: Tensor, value: float) -> Tensor:
    """Divide by the temperature; 0 keeps only the most likely id, of equal ones the lowest.

    The highest logit becomes 0, so that the smallest temperature does not overflow.
    """
    if value == 0.0:
        return _keep_highest(logits, logits.topk(1).values)
    shifted = logits - logits.amax(-1, keepdim=True)
    return shifted / max(value, torch.finfo(logits.dtype).tiny)


def top_k(logits: Tensor, k: int) -> Tensor:
    """Keep the k highest logits (Fan et al. 2018), of equal ones those with the lower ids."""
    return logits if k >= logits.shape[-1] else _keep_highest(logits, logits.topk(k).values)


def top_p(logits: Tensor, p: float) -> Tensor:
    """Keep the fewest most likely ids whose probabilities reach p (Holtzman et al. 2020, nucleus).

    The most likely always stays; of equal ones those with the lower ids.
    """
    probabilities = logits.double().softmax(-1)
    # Ids below this threshold reach less than 1 - p together and need not be sorted.
    threshold = (1.0 - p) / logits.shape[-1] / 2
    candidates = int((probabilities > threshold).sum(-1).max())
    values, ids = logits.topk(candidates)  # (…, N), falling
    highest = probabilities.gather(-1, ids)
    counts = (highest.cumsum(-1) - highest < p).sum(-1, keepdim=True).clamp(min=1)  # (…, 1)
    return _keep_highest(logits, values, counts)


def min_p(logits: Tensor, p: float) -> Tensor:
    """Remove ids less likely than p times the most likely one (Nguyen et al. 2024)."""
    highest = logits.amax(-1, keepdim=True)
    return logits.masked_fill((logits - highest).exp() < p, REMOVED_LOGIT)


def _keep_highest(logits: Tensor, highest: Tensor, counts: Tensor | None = None) -> Tensor:
    """Keep only the highest logits, of equal ones those with the lower ids.

    Args:
        highest: (…, N) the highest logits, falling.
        counts: (…, 1) how many of the N to keep; all by default.
    """
    count = highest.shape[-1] if counts is None else counts
    lowest = highest[..., -1:] if counts is None else highest.gather(-1, counts - 1)  # (…, 1)
    mask = logits >= lowest
    if bool((mask.sum(-1, keepdim=True) > count).any()):
        above, equal = logits > lowest, logits == lowest
        mask = above | (equal & (equal.cumsum(-1) <= count - above.sum(-1, keepdim=True)))
    return logits.masked_fill(~mask, REMOVED_LOGIT)


def check_finite(predictions: Tensor) -> None:
    """Refuse logits or log-probabilities (…,) of which the highest is infinite or any is NaN.

    Raises:
        RunFailedError: they overflowed; weights that are not finite are refused when loaded.
    """
    if not math.isfinite(predictions.amax()):
        raise RunFailedError(
            "The model's predictions are not finite: its training diverged.",
            "Use an earlier snapshot, or train again with a lower learning rate.",
        )


def active_stages(
    config: SamplingConfig, never_generated: Sequence[int] = NEVER_GENERATED
) -> list[SamplingStage]:
    """The stages that have an effect, in order; at temperature 0 that one is the last.

    Args:
        never_generated: ids that are removed first, see `Tokenizer.never_generated`.
    """
    stages = [SamplingStage(SPECIAL, lambda x, _: remove_special(x, never_generated))]
    if config.repetition_penalty != 1.0:
        penalty = config.repetition_penalty
        stages.append(
            SamplingStage("repetition_penalty", lambda x, p: repetition_penalty(x, penalty, p))
        )
    if config.temperature != 1.0:
        stages.append(SamplingStage(TEMPERATURE, lambda x, _: temperature(x, config.temperature)))
    if config.temperature == 0.0:
        return stages
    if config.top_k:
        stages.append(SamplingStage("top_k", lambda x, _: top_k(x, config.top_k)))
    if config.top_p < 1.0:
        stages.append(SamplingStage("top_p", lambda x, _: top_p(x, config.top_p)))
    if config.min_p > 0.0:
        stages.append(SamplingStage("min_p", lambda x, _: min_p(x, config.min_p)))
    return stages


def occurrence_mask(ids: Iterable[int], vocab_size: int) -> Tensor:
    """(V,) boolean, true for each of the ids."""
    mask = torch.zeros(vocab_size, dtype=torch.bool)
    mask[list(set(ids))] = True
    return mask


def apply_stages(
    logits: Tensor,
    config: SamplingConfig,
    previous: Iterable[int],
    never_generated: Sequence[int] = NEVER_GENERATED,
) -> list[tuple[str, Tensor]]:
    """The logits (…, V) after each stage, by its name.

    Args:
        previous: ids so far, for the repetition penalty.
        never_generated: as for `active_stages`.

    Raises:
        RunFailedError: the logits are not finite.
    """
    check_finite(logits)
    mask, results = occurrence_mask(previous, logits.shape[-1]), []
    for stage in active_stages(config, never_generated):
        logits = stage.apply(logits, mask)
        results.append((stage.name, logits))
    return results


def final_probabilities(
    logits: Tensor,
    config: SamplingConfig,
    previous: Iterable[int],
    never_generated: Sequence[int] = NEVER_GENERATED,
) -> Tensor:
    """The distribution (…, V) that `TokenSampler` draws from; arguments as of `apply_stages`."""
    return apply_stages(logits, config, previous, never_generated)[-1][1].softmax(-1)


def removing_stages(results: Sequence[tuple[str, Tensor]], ids: Sequence[int]) -> list[str | None]:
    """The name of the stage that removed each id; None if none did.

    A tiny temperature may turn a logit into -inf; this counts as removed.

    Args:
        results: of `apply_stages` for logits (V,).
    """
    removed = [(name, (logits[list(ids)] == REMOVED_LOGIT).tolist()) for name, logits in results]
    return [
        next((name for name, is_removed in removed if is_removed[place]), None)
        for place in range(len(ids))
    ]


def draw(logits: Tensor, generator: torch.Generator) -> int:
    """Draw an id from final logits (V,) with one uniform number, on the host.

    Inverse transform sampling: the first id whose cumulative probability exceeds the number.
    """
    cumulative = logits.double().softmax(-1).cumsum(-1)  # (V,)
    point = torch.rand((), dtype=torch.float64, generator=generator) * cumulative[-1]
    id = int(torch.searchsorted(cumulative, point, right=True))
    # Rounding may put the point at the very end: then it is the last id with any probability.
    return min(id, int(torch.searchsorted(cumulative, cumulative[-1])))


class TokenSampler:
    """Choose one id after another; a seed gives the same choices on every device.

    Args:
        config: the settings; temperature 0 takes the most likely id, of equal ones the lowest.
        previous: ids before the first choice.
        vocab_size: V.
        drawn: number of choices made before with this seed.
        seed: replaces that of the settings.
        never_generated: as for `active_stages`.
    """

    def __init__(
        self,
        config: SamplingConfig,
        previous: Iterable[int],
        vocab_size: int,
        *,
        drawn: int = 0,
        seed: int | None = None,
        never_generated: Sequence[int] = NEVER_GENERATED,
    ) -> None:
        self._greedy = config.temperature == 0.0
        # At temperature 0 the argmax is all that stage would leave.
        self._stages = [
            stage
            for stage in active_stages(config, never_generated)
            if not self._greedy or stage.name != TEMPERATURE
        ]
        self._previous = occurrence_mask(previous, vocab_size)
        self._generator = torch.Generator().manual_seed(config.seed if seed is None else seed)
        for _ in range(drawn):
            torch.rand((), dtype=torch.float64, generator=self._generator)

    def choose(self, logits: Tensor) -> int:
        """Choose and record an id for logits (V,).

        Raises:
            RunFailedError: the logits are not finite.
        """
        check_finite(logits)
        for stage in self._stages:
            logits = stage.apply(logits, self._previous)
        id = int(logits.argmax()) if self._greedy else draw(logits, self._generator)
        self.record(id)
        return id

    def record(self, id: int) -> None:
        """Count an id that was not chosen here as a previous one."""
        self._previous[id] = True
